"""A stand-in for a secured image: a root of its own, read-only, another user, no network."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from support import machine

USER = 1000


def command(
    interpreter: Path,
    words: Sequence[str],
    *,
    mounts: Mapping[str, Path],
    env: Mapping[str, str],
    tmp: Path | None = None,
    programs: Sequence[str] = ("/bin/sh", "/usr/bin/env"),
) -> list[str]:
    """Return the command line that runs `words` in the sandbox.

    Inside there are: the system's libraries and `programs` read-only, the interpreter's installation
    without site-packages, `mounts` (place inside: path here) read-only, and `/tmp`: a fresh
    tmpfs, or the folder `tmp`, which keeps what is written. No compiler, no pip, no packager.
    """
    home = interpreter.resolve().parent.parent
    site_packages = next((home / "lib").glob("python3*/site-packages"))
    line = [machine.tool("bwrap", "bubblewrap"), "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    line += ["--uid", str(USER), "--gid", str(USER), "--cap-drop", "ALL"]
    for folder in ("/usr/lib", "/lib", "/lib64", "/usr/lib64"):
        if Path(folder).exists():
            line += ["--ro-bind", folder, folder]
    for program in programs:
        line += ["--ro-bind", str(Path(program).resolve()), program]
    line += ["--ro-bind", str(home), str(home), "--tmpfs", str(site_packages)]
    line += ["--proc", "/proc", "--dev", "/dev"]
    line += ["--bind", str(tmp), "/tmp"] if tmp is not None else ["--tmpfs", "/tmp"]
    for place, path in mounts.items():
        line += ["--ro-bind", str(path), place]
    for name, value in {
        "PATH": f"{home}/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "AIRPACK_LOG": "off",
        **env,
    }.items():
        line += ["--setenv", name, value]
    return [*line, "--remount-ro", "/", "--chdir", "/", "--", *words]


def run(
    interpreter: Path,
    words: Sequence[str],
    *,
    mounts: Mapping[str, Path],
    env: Mapping[str, str] | None = None,
    tmp: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `words` in the sandbox and return how it ended; what it writes is captured."""
    return machine.run(command(interpreter, words, mounts=mounts, env=env or {}, tmp=tmp))
