"""CPython as Debian doesn't have it, compiled here from its source packages: for musl, and free-threaded."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from support import debian, machine

MUSL, FREE_THREADED = "3.11", "3.13"
FOR_MUSL = (MUSL, "3.13")  # what is older takes its compiler for glibc's; the mirrors have no source of 3.14
# The first with a musl that knows packed relocations (DT_RELR, since musl 1.2.4), as libraries of newer Alpines in
# musllinux wheels have them: an older one jumps into nowhere.
_RELEASE_OF_MUSL = "trixie"
# musl-gcc answers what system it compiles for as gcc does, which has glibc; Debian's musl has this name.
_COMPILER = f"""#!/bin/sh
case $1 in
*-print-multiarch) echo {platform.machine()}-linux-musl ;;
*) exec musl-gcc "$@" ;;
esac
"""
_OPTIONS = ("--without-ensurepip", "--disable-test-modules", "--without-doc-strings")


def musl(version: str = MUSL) -> Path:
    """Return an interpreter for musl, compiled once for this machine: a minute and a half of a processor's time."""
    machine.tool("musl-gcc", "musl-tools")

    def build(folder: Path, made: Path) -> None:
        compiler = folder / "musl-cc"
        compiler.write_text(_COMPILER)
        compiler.chmod(0o755)
        env = {**os.environ, "CC": str(compiler)}
        needed = folder / "needed"  # zlib, without which it imports from no zip file
        source = _source(folder, "zlib", debian.PYTHONS[MUSL])
        _run(["./configure", "--static", f"--prefix={needed}"], source, {**env, "CFLAGS": "-fPIC"})
        _run(["make", "libz.a", "install"], source, env)
        env.update(CPPFLAGS=f"-I{needed}/include", LDFLAGS=f"-L{needed}/lib")
        env["PKG_CONFIG_LIBDIR"] = f"{needed}/lib/pkgconfig"  # or it finds this system's libraries, which are for glibc
        _compile(_source(folder, f"python{version}", debian.PYTHONS[version]), made, [], env)
        (folder / "musl").mkdir()
        processor = platform.machine()
        debian.unpack(folder / "musl", ["musl"], release=_RELEASE_OF_MUSL, processor=processor, into=made / "musl")

    place = debian.make_once(f"python{version}-musl", build)
    found = place / "bin" / f"python{version}"
    debian.start_by(found, next((place / "musl").glob("usr/lib/*-musl/libc.so")))
    return found


def free_threaded(version: str = FREE_THREADED) -> Path:
    """Return a free-threaded interpreter (PEP 703), compiled once for this machine."""

    def build(folder: Path, made: Path) -> None:
        _compile(
            _source(folder, f"python{version}", debian.PYTHONS[version]), made, ["--disable-gil"], dict(os.environ)
        )

    return debian.make_once(f"python{version}t", build) / "bin" / f"python{version}t"


def _compile(source: Path, made: Path, options: list[str], env: dict[str, str]) -> None:
    """Compile and install it without optimisation. It finds its library where it is moved."""
    for tool in ("gcc", "make"):
        machine.tool(tool)
    env["CFLAGS"] = "-O0 -fPIC"
    _run(["./configure", f"--prefix={made}", *_OPTIONS, *options], source, env)
    _run(["make", f"-j{len(os.sched_getaffinity(0))}"], source, env)
    _run(["make", "install"], source, env)
    _run([f"{made}/bin/python3", "-c", "import zlib"], source, env)


def _source(folder: Path, package: str, release: str) -> Path:
    (folder / "sources" / package).mkdir(parents=True)
    return debian.source(folder / "sources" / package, package, release=release)


def _run(words: list[str], folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
