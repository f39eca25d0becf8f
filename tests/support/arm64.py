"""Debian's Pythons for AArch64, each in a root filesystem that this machine's qemu runs programs of."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support import debian, machine

# What extension modules and those of wheels are linked to; what the name of the others is depends on the release.
_LIBRARIES = ("libc6", "libgcc-s1", "libstdc++6", "libbz2-1.0", "libcrypt1", "libexpat1", "liblzma5")
_OTHERS = ("libsqlite3-0", "libuuid1", "zlib1g", "libzstd1")
_OF_RELEASE = {"bullseye": ("libffi7", "libssl1.1"), "bookworm": ("libffi8", "libssl3")}
_OF_LATER = ("libffi8", "libssl3t64")
VERSION = "3.11"


def root(version: str = VERSION) -> Path:
    """Return the root with a Python, made once for this machine."""
    machine.tool("qemu-aarch64-static", "qemu-user-static")
    return debian_root(version, "aarch64")


def interpreter(version: str) -> Path:
    """Return a Python for AArch64, in its root."""
    return python(root(version), version)


def debian_root(version: str, processor: str) -> Path:
    """Return a root of the release that has the Python, for a processor, made once for this machine."""
    release = debian.PYTHONS[version]
    packages = [f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib"]
    packages += [*_LIBRARIES, *_OTHERS, *_OF_RELEASE.get(release, _OF_LATER)]

    def make(folder: Path, made: Path) -> None:
        debian.unpack(folder, packages, release=release, processor=processor, into=made)

    return debian.make_once(f"{release}-{processor}-python", make)


def python(place: Path, version: str = VERSION) -> Path:
    """Return the interpreter in a root."""
    return place / "usr" / "bin" / f"python{version}"


def run(place: Path, words: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run Python in a root with `words` and return how it ended."""
    line = [machine.tool("qemu-aarch64-static"), "-L", str(place), str(python(place)), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
