"""A machine that is just installed: Debian's base with its own python3, python3-venv and git, and nothing else.

A root filesystem by debootstrap, made once a day; programs run in it by bubblewrap, with this machine's network.
Run as a program, it makes the root and prints where it is.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from support import kept, machine

SUITE = "bookworm"  # Debian 12
_PACKAGES = ("python3", "python3-venv", "ca-certificates", "git")
# Of Ubuntu's releases, images of inference have these; the one of 18.04 is that of the default target.
UBUNTU = {"bionic": "3.7", "focal": "3.8", "jammy": "3.10"}
_UBUNTU = "http://archive.ubuntu.com/ubuntu"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# By which programs reach the network; what of pip's has a path in it would not be found in the root.
_NETWORK = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_PIP = ("index-url", "proxy", "trusted-host", "timeout", "default-timeout")


def make(folder: Path | None = None) -> Path:
    """Return the root of today. Needs root's rights, and takes some minutes the first time.

    Of earlier days, the last one's is left and the others are removed.
    """
    if os.getuid() != 0:
        machine.lacking("root's rights", "run the tests as root: debootstrap needs it")
    if folder is None:
        folder = kept.folder()

    def bootstrap(aside: Path) -> None:
        _debootstrap(aside, SUITE, _PACKAGES)
        # Another run, begun yesterday, may still be in the newest.
        for old in sorted(folder.glob(f"{SUITE}-????-??-??"))[:-1]:
            shutil.rmtree(old)

    return kept.once(folder / f"{SUITE}-{dt.datetime.now(dt.timezone.utc).date()}", bootstrap)


def ubuntu(release: str) -> Path:
    """Return a root of a release of Ubuntu with the Python of `UBUNTU`, made once for this machine."""
    if not _answers(f"{_UBUNTU}/dists/{release}/Release"):
        machine.lacking(f"Ubuntu {release}", f"its packages are fetched from {_UBUNTU}, which must be reachable")
    # Debian has not the keys of Ubuntu; the root runs with no network and sees nothing of this machine.
    more = ("--no-check-gpg", "--components=main,universe")
    words = (f"python{UBUNTU[release]}",)
    return kept.once(kept.folder() / release, lambda aside: _debootstrap(aside, release, words, *more, mirror=_UBUNTU))


def _debootstrap(folder: Path, suite: str, packages: Sequence[str], *more: str, mirror: str | None = None) -> None:
    line = [machine.tool("debootstrap"), "--variant=minbase", f"--include={','.join(packages)}", *more, suite]
    line += [str(folder), *([mirror] if mirror else [])]
    done = subprocess.run(line, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=20):
            return True
    except OSError:
        return False


def command(
    root: Path, words: Sequence[str], *, mounts: Mapping[str, Path], env: Mapping[str, str], online: bool = True
) -> list[str]:
    """Return the command line that runs `words` in `root`, which is read-only, as root.

    Inside, `mounts` (place, one that the root has: path here) can be written, and `/tmp` is empty. The network is
    this machine's, with its proxy, package index and certificates, or there is none; nothing else of this machine's
    environment is there.
    """
    line = [machine.tool("bwrap", "bubblewrap"), "--unshare-all", "--die-with-parent", "--clearenv"]
    line += ["--share-net"] if online else []
    line += ["--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]
    for file in ("/etc/resolv.conf", "/etc/hosts", CERTIFICATES):
        if Path(file).exists() and (root / file.lstrip("/")).exists():
            line += ["--ro-bind", str(Path(file).resolve()), file]
    for place, path in mounts.items():
        line += ["--bind", str(path), place]
    settings = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        **(network() if online else {}),
    }
    for name, value in {**settings, **env}.items():
        line += ["--setenv", name, value]
    return [*line, "--", *words]


def network() -> dict[str, str]:
    """Return the variables by which programs in the root reach what they reach here."""
    variables = {name: value for name, value in os.environ.items() if name.lower() in _NETWORK}
    variables |= {f"PIP_{name.upper().replace('-', '_')}": value for name, value in index().items()}
    # Python and uv bring lists of their own, which a proxy's certificate isn't on.
    return {**variables, "SSL_CERT_FILE": CERTIFICATES, "PIP_CERT": CERTIFICATES}


def index() -> dict[str, str]:
    """Return pip's settings of this machine that say how it reaches its index, by name."""
    settings = dict[str, str]()
    for line in machine.run(["python3", "-m", "pip", "config", "list"]).stdout.splitlines():
        key, _, value = line.partition("=")
        if (name := key.rpartition(".")[2]) in _PIP:
            settings[name] = value.strip("'\"")
    return settings


if __name__ == "__main__":
    print(make())
