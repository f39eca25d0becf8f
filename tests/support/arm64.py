"""Debian's Python for AArch64, in a root filesystem that this machine's qemu runs programs of."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from support import machine

# Debian 12's: the interpreter, and what its extension modules and those of wheels are linked to.
_PACKAGES = (
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libgcc-s1", "libstdc++6"),
    *("libbz2-1.0", "libcrypt1", "libexpat1", "libffi8", "liblzma5", "libsqlite3-0", "libssl3", "libuuid1", "zlib1g"),
)
VERSION = "3.11"


def root(cache: Path | None = None) -> Path:
    """Return the root, made once for this machine: apt fetches the packages, with a state of its own."""
    machine.tool("qemu-aarch64-static", "qemu-user-static")
    for tool in ("apt-get", "dpkg-deb"):
        machine.tool(tool)
    if cache is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME", "/var/cache"))
    made = cache / "airpack-tests" / "bookworm-arm64-python"
    if made.is_dir():
        return made
    aside = made.with_name(f"{made.name}.{os.getpid()}")
    (aside / "debs" / "partial").mkdir(parents=True)
    try:
        _fetch(aside)
        for package in sorted((aside / "debs").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, aside / "root"], check=True)
        (aside / "root").rename(made)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return made


def _fetch(folder: Path) -> None:
    """Download the packages into the folder `debs` of `folder`; nothing of the system's own apt changes."""
    options = ["APT::Architecture=arm64", "APT::Architectures::=arm64", "Dir::State::status=/dev/null"]
    options += [f"Dir::State={folder}/state", f"Dir::Cache={folder}/cache", "APT::Sandbox::User=root"]
    line = ["apt-get", "-q", *(word for option in options for word in ("-o", option))]
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    for words in (["update"], ["download", *_PACKAGES]):
        done = subprocess.run(
            [*line, *words], cwd=folder / "debs", capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode:
            machine.lacking("Debian's packages for arm64", f"apt-get {words[0]} failed: {done.stderr[-300:]}")


def python(place: Path) -> Path:
    """Return the interpreter in a root."""
    return place / "usr" / "bin" / f"python{VERSION}"


def run(place: Path, words: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run Python in a root with `words` and return how it ended."""
    line = [machine.tool("qemu-aarch64-static"), "-L", str(place), str(python(place)), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
