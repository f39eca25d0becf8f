"""CPython for musl, as Alpine has it: compiled here from Debian's source packages, with Debian's musl."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from support import debian, machine

VERSION = "3.11"
# The first with a musl that knows packed relocations (DT_RELR, since musl 1.2.4), as libraries of newer Alpines in
# musllinux wheels have them: an older one jumps into nowhere.
_RELEASE_OF_MUSL = "trixie"
# Debian's releases, and the Python of each.
_RELEASES = {"3.11": "bookworm", "3.13": "trixie"}
# musl-gcc answers what system it compiles for as gcc does, which has glibc; Debian's musl has this name.
_COMPILER = f"""#!/bin/sh
case $1 in
*-print-multiarch) echo {platform.machine()}-linux-musl ;;
*) exec musl-gcc "$@" ;;
esac
"""
_OPTIONS = ("--without-ensurepip", "--disable-test-modules", "--without-doc-strings")


def python(version: str = VERSION) -> Path:
    """Return an interpreter, compiled once for this machine: a minute and a half of a processor's time."""
    for tool, package in {"musl-gcc": "musl-tools", "gcc": "gcc", "make": "make"}.items():
        machine.tool(tool, package)

    def build(folder: Path, made: Path) -> None:
        _build(folder, made, version)

    place = debian.kept(f"python{version}-musl", build)
    found = place / "bin" / f"python{version}"
    debian.start_by(found, next((place / "musl").glob("usr/lib/*-musl/libc.so")))
    return found


def _build(folder: Path, made: Path, version: str) -> None:
    """Compile it without optimisation, and zlib, without which it imports from no zip file."""
    compiler = folder / "musl-cc"
    compiler.write_text(_COMPILER)
    compiler.chmod(0o755)
    env = {**os.environ, "CC": str(compiler), "CFLAGS": "-O0 -fPIC"}
    needed = folder / "needed"
    source = _source(folder, "zlib", VERSION)
    _run(["./configure", "--static", f"--prefix={needed}"], source, env)
    _run(["make", "libz.a", "install"], source, env)
    source = _source(folder, f"python{version}", version)
    env.update(CPPFLAGS=f"-I{needed}/include", LDFLAGS=f"-L{needed}/lib")
    _run(["./configure", f"--prefix={made}", *_OPTIONS], source, env)
    _run(["make", f"-j{len(os.sched_getaffinity(0))}"], source, env)
    _run(["make", "install"], source, env)
    (folder / "musl").mkdir()
    processor = platform.machine()
    debian.unpack(folder / "musl", ["musl"], release=_RELEASE_OF_MUSL, processor=processor, into=made / "musl")
    done = subprocess.run([made / "bin" / f"python{version}", "-c", "import zlib"], check=False)
    assert done.returncode == 0


def _source(folder: Path, package: str, version: str) -> Path:
    (folder / "sources" / package).mkdir(parents=True)
    return debian.source(folder / "sources" / package, package, release=_RELEASES[version])


def _run(words: list[str], folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
