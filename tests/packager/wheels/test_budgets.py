"""A small wheel takes little memory and time, whatever its texts, libraries and modules become.

Each wheel here is below 10 MB. Some are refused, some packed with a finding or a note: what counts is what that took.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from airpack.bundle.opened import OpenBundle
from airpack_runtime import layout
from support import measured
from support.airpack import Airpack
from support.forged import INFO, Forged
from support.measured import Run

MEMORY, SECONDS = 1_500_000_000, 60
HEAD = b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n"

Fill = Callable[[Forged], None]


def _metadata(rest: Callable[[], bytes]) -> Fill:
    return lambda wheel: wheel.replace(f"{INFO}/METADATA", HEAD + rest())


def _file(name: str, content: Callable[[], bytes]) -> Fill:
    return lambda wheel: wheel.add(name, content())


def _entry_points(content: Callable[[], bytes]) -> Fill:
    return _file(f"{INFO}/entry_points.txt", lambda: b"[console_scripts]\n" + content())


def elf(needed: int, strings: bytes) -> bytes:
    """Return a library of 64 bits whose dynamic segment lists `needed` times the first of `strings`."""
    place = 64 + 2 * 56
    names = place + 16 * (needed + 3)
    tags = [(1, 0)] * needed + [(5, names), (10, len(strings)), (0, 0)]
    size = names + len(strings)
    header = struct.pack("<4s12xHHIQQQIHHHHHH", b"\x7fELF", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    segments = [(1, 5, 0, 0, 0, size, size, 4096), (2, 6, *[place] * 3, *[names - place] * 2, 8)]
    content = b"".join(struct.pack("<IIQQQQQQ", *each) for each in segments)
    whole = bytearray(header + content + b"".join(struct.pack("<qQ", *tag) for tag in tags) + strings)
    whole[4:6] = b"\2\1"
    return bytes(whole)


def _libraries(wheel: Forged) -> None:
    """Add many libraries that each list a name of 4,000 bytes thousands of times."""
    for number in range(100):
        wheel.add(f"x{number}.so", elf(9_000, b"A" * 4000 + b"\0" + b"%d" % number))


def _modules(wheel: Forged) -> None:
    """Add many modules that each take the compiler too much."""
    for number in range(30):
        wheel.add(f"x{number}.py", b"x = " + b"-" * 1_000_000 + b"%d\n" % number)


def _growing(wheel: Forged) -> None:
    """Add many modules of constants that the compiler multiplies: 20 MB of bytecode each."""
    lines = b"".join(b"x = b'%d' * 800\n" % number for number in range(10_000, 15_000))
    for number in range(200):
        wheel.add(f"x{number}.py", b"# %d\n" % number + lines)


def _slow(wheel: Forged) -> None:
    """Add many modules with a number whose digits take the compiler the square of their count."""
    for number in range(200):
        wheel.add(f"x{number}.py", b"x = " + b"9" * 200_000 + b"%d\n" % number)


def _record(wheel: Forged) -> None:
    wheel.record["more"] = "".join(f"{number:x},,\n" for number in range(4_000_000))


def _sbom(components: int, url: bytes = b"https://h") -> bytes:
    more = b'"externalReferences": [{"type": "website", "url": "%s"}]' % url
    one = b'{"type": "library", "name": "n%d", "version": "1", ' + more + b"}"
    listed = b",".join(one % number for number in range(components))
    return b'{"bomFormat": "CycloneDX", "specVersion": "1.4", "version": 1, "components": [' + listed + b"]}"


def _sboms(wheel: Forged) -> None:
    """Add many SBOMs that each could be read alone."""
    for number in range(100):
        wheel.add(f"{INFO}/sboms/{number}.cdx.json", _sbom(1_500))


WHEELS: Mapping[str, Fill] = {
    "a name of 20 MB that is listed often": _file("x.so", lambda: elf(2000, b"A" * (20 << 20) + b"\0")),
    "libraries with long names": _libraries,
    "a library with many modules": _file(
        "x.so", lambda: elf(1, b"a\0" + b"".join(b"PyInit_%x\0" % number for number in range(3_000_000)))
    ),
    "a library of 32 bits with many modules": _file(
        "x.so",
        lambda: b"\x7fELF\1\1" + bytes(12) + b"\3\0" + b"".join(b"PyInit_%x\0" % number for number in range(3_000_000)),
    ),
    "a long field": _metadata(lambda: b"Summary: a\n" + b" b\n" * 10_000_000),
    "many fields": _metadata(lambda: b"K: b\n" * 6_000_000),
    "many requirements": _metadata(lambda: b"Requires-Dist: x\n" * 1_000_000),
    "a long marker": _metadata(lambda: b"Requires-Dist: y; " + b'python_version < "2" or ' * 1_000_000 + b"a\n"),
    "a deep marker": _metadata(lambda: b"Requires-Dist: y; " + b"(" * 9_000 + b"a\n"),
    "a long specifier": _metadata(lambda: b"Requires-Dist: y" + b">=1," * 1_000_000 + b">1\n"),
    "extras that ask for each other": _metadata(
        lambda: (
            b"Requires-Dist: one[e0]\n"
            + b"".join(
                b'Provides-Extra: e%d\nRequires-Dist: one[e%d]; extra == "e%d"\n' % (number, number + 1, number)
                for number in range(705)
            )
        )
    ),
    "requirements on one project": _metadata(
        lambda: b"".join(b"Requires-Dist: one>0.%d\n" % number for number in range(499))
    ),
    "a version of many digits": lambda wheel: wheel.replace(
        f"{INFO}/METADATA", b"Metadata-Version: 2.1\nName: one\nVersion: " + b"9" * 900_000 + b"\n"
    ),
    "an SBOM of many components": lambda wheel: wheel.add(f"{INFO}/sboms/a.cdx.json", _sbom(150_000)),
    "many SBOMs": _sboms,
    "an SBOM with a long URL": lambda wheel: wheel.add(
        f"{INFO}/sboms/a.cdx.json", _sbom(1, b"https://h/" + b"a" * 10**6)
    ),
    "many parts": _metadata(lambda: b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\n" * 800_000),
    "many rows of RECORD": _record,
    "many scripts": _entry_points(lambda: b"".join(b"s%d=a:b\n" % number for number in range(3_000_000))),
    "a long entry point": _entry_points(lambda: b"s=a" + b".a" * 20_000_000 + b"\n"),
    "a long name of a script": _entry_points(lambda: b"a" * ((1 << 20) - 64) + b" b=a:b\n"),
    "many lines of WHEEL": lambda wheel: wheel.replace(
        f"{INFO}/WHEEL", b"Wheel-Version: 1.0\n" + b"X: y\n" * 9_000_000
    ),
    "a script of a gigabyte": _file("one-1.0.data/scripts/s", lambda: b"#!python\n" + bytes(1 << 30)),
    "a deep SBOM": _file(f"{INFO}/sboms/a.cdx.json", lambda: b"[" * 10_000_000),
    "modules that the compiler can't take": _modules,
    "modules whose bytecode grows": _growing,
    "modules that the compiler reads slowly": _slow,
    "a module of many names": _file("x.py", lambda: b"x = a" + b".b" * 500_000 + b"\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", WHEELS)
def test_a_small_wheel_takes_bounded_memory_and_time(airpack: Airpack, wheels: Path, what: str) -> None:
    """`pack`, and `verify`, `inspect` and `sbom` of what it wrote; a refusal names the wheel."""
    wheel = Forged()
    WHEELS[what](wheel)
    path = wheel.write(wheels)
    assert path.stat().st_size < 10_000_000
    index = ["--no-index", "--find-links", wheels, "--decoder", airpack.decoder, "--level", 1]
    packed = measured.airpack("pack", "one", "-q", "--no-import", "-o", airpack.output, *index)
    _check(packed)
    if packed.status:
        assert packed.text.startswith("airpack: error: ")
        assert "one-1.0-py3-none-any.whl: " in packed.text or "one 1.0: " in packed.text
        return
    bundle = airpack.output / layout.BUNDLE_NAME
    for words in (["verify", "--no-import"], ["inspect"], ["sbom", "-o", wheels / "sbom.json"]):
        _check(measured.airpack(*words, bundle))


def _check(run: Run) -> None:
    assert run.status in (0, 1), run.text
    assert len(run.text.splitlines()) < 40
    assert run.memory < MEMORY
    assert run.seconds < SECONDS


@pytest.mark.slow
def test_a_bundle_lists_no_more_libraries_than_are_read(airpack: Airpack, wheels: Path) -> None:
    """Those that are more than a table of contents may list are warnings of the pack alone."""
    wheel = Forged()
    for number in range(3_000):
        wheel.add(f"x{number}.so", elf(1, b"lib%0100d.so.1\0" % number))
    wheel.write(wheels)
    assert airpack.pack("one", "--no-import") == 0
    assert airpack.err.count("warning: one 1.0 needs lib0") == 3_000
    with OpenBundle.at(airpack.output / layout.BUNDLE_NAME) as bundle:
        assert 1_000 < len(bundle.toc.needs) < 2_000
        assert len(str(bundle.toc.needs)) < layout.NEEDS_LIMIT


@pytest.mark.slow
def test_an_archive_of_many_files_takes_bounded_memory(airpack: Airpack, wheels: Path) -> None:
    """As many as 10 MB can hold."""
    path = Forged().write(wheels)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(70_000):
            archive.writestr(f"one.libs/{number:x}", b"")
    assert path.stat().st_size < 10_000_000
    index = ["--no-index", "--find-links", wheels, "--decoder", airpack.decoder, "--level", 1]
    _check(measured.airpack("pack", "one", "-q", "--no-import", "-o", airpack.output, *index))
