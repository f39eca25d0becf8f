"""Wheels that would do harm are refused, each in one line that names it, and nothing is written elsewhere or left.

What is unusual and does no harm: `test_oddity.py`.

The hostile bundles are the other half: `tests/runtime/test_hostile.py`.
"""

from __future__ import annotations

import base64
import hashlib
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack.base import cache
from airpack_runtime import layout
from airpack_runtime.format.reader import open_bundle
from support import forged
from support.airpack import Airpack
from support.forged import DATA, INFO, NAME, Forged, Spoil

_NO_ERRORS = ("target ", "resolve ", "fetch ", "install ", "note: no Python 3.7 was found")
SCHEMES = "purelib, platlib, headers, scripts, data"
LINK = stat.S_IFLNK | 0o777
LINKED = "'one/link' is a symbolic link, which wheels can't hold: build it again with the file in its place"

# What is done to a wheel, and what is said of it.
HARM: dict[str, tuple[Spoil, str]] = {
    "a file above": (forged.add("../../evil"), "'../../evil' can't be the name of a file: it leads elsewhere"),
    "a file above by a folder of its own": (
        forged.add("one/../../evil"),
        "'one/../../evil' can't be the name of a file: it leads elsewhere",
    ),
    "an absolute path": (forged.add("/tmp/evil"), "'/tmp/evil' can't be the name of a file: it leads elsewhere"),
    "a backslash": (forged.add("..\\evil"), "'..\\\\evil' can't be the name of a file: no bundle can hold it"),
    "a line break": (forged.add('"e\nvil"'), "'\"e\\nvil\"' can't be the name of a file: no bundle can hold it"),
    "an escape sequence": (
        forged.add("\x1b[2Jevil"),
        "'\\x1b[2Jevil' can't be the name of a file: no bundle can hold it",
    ),
    "a NUL": (forged.named(b"e\0vil", utf8=False), "'e\\x00vil' can't be the name of a file: it holds a NUL"),
    "bytes that are no UTF-8": (
        forged.named(b"e\xff\xfevil", utf8=True),
        "is damaged: 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte",
    ),
    "a name that is too long": (
        forged.add("e" * 300),
        f"'{'e' * 40}...{'e' * 30}' can't be the name of a file: it is too long",
    ),
    "a path that is too long": (
        forged.add("/".join(["e" * 50] * 50)),
        f"'{'e' * 40}...{'e' * 30}' can't be the name of a file: it is too long",
    ),
    "folders in folders": (
        forged.add("/".join("e" * 200)),
        f"'{'e/' * 20}...{'/e' * 15}' can't be the name of a file: it is too deep",
    ),
    "a symbolic link": (
        forged.add("one/link", b"/etc/passwd", mode=LINK),
        LINKED,
    ),
    "a file behind a symbolic link": (
        forged.both(forged.add("one/link", b"/tmp", mode=LINK), forged.add("one/link/evil")),
        LINKED,
    ),
    "a file and a folder": (forged.add("one.py/evil"), "'lib/python3.7/site-packages/one.py' is a file and a folder"),
    "an unknown scheme": (forged.add(f"{DATA}/evil/x"), f"'{DATA}/evil/x' is in no scheme: {SCHEMES}"),
    "a file in no scheme": (forged.add(f"{DATA}/evil"), f"'{DATA}/evil' is in no scheme: {SCHEMES}"),
    "a scheme that escapes": (
        forged.add(f"{DATA}/data/../../../evil"),
        f"'{DATA}/data/../../../evil' can't be the name of a file: it leads elsewhere",
    ),
    "a scheme for another's metadata": (
        forged.add(f"{DATA}/purelib/two-1.0.dist-info/METADATA"),
        f"'{DATA}/purelib/two-1.0.dist-info/METADATA' is a place that no wheel may write to",
    ),
    "a note of whose tree it is": (
        forged.add("airpack-tree.json"),
        "'airpack-tree.json' is a place that no wheel may write to",
    ),
    "a note of whose tree it is, in the tree": (
        forged.add(f"{DATA}/data/airpack-tree.json"),
        f"'{DATA}/data/airpack-tree.json' is a place that no wheel may write to",
    ),
    "a signature of that note, in the tree": (
        forged.add(f"{DATA}/data/airpack-tree.json.sig"),
        f"'{DATA}/data/airpack-tree.json.sig' is a place that no wheel may write to",
    ),
    "a signature of that note": (
        forged.add("airpack-tree.json.sig"),
        "'airpack-tree.json.sig' is a place that no wheel may write to",
    ),
    "checksums of the tree": (
        forged.add(f"{DATA}/data/SHA256SUMS"),
        f"'{DATA}/data/SHA256SUMS' is a place that no wheel may write to",
    ),
    "wheels for pip": (
        forged.add(f"{DATA}/data/wheelhouse/evil.whl"),
        f"'{DATA}/data/wheelhouse/evil.whl' is a place that no wheel may write to",
    ),
    "a bomb": (
        forged.add("bomb", bytes(80 << 20)),
        "would unpack to 83,886,514 bytes; the limit for a wheel of its size is 67,108,864",
    ),
    "a bomb by its own word": (
        forged.sized("one.py", 0xFFFFFFF0),
        "would unpack to 4,294,967,652 bytes; the limit for a wheel of its size is 67,108,864",
    ),
    "more than is said": (forged.sized("one.py", 3), "is damaged: Bad CRC-32 for file 'one.py'"),
    "an encrypted file": (lambda wheel: wheel.set_flag("one.py", 1), "'one.py' is encrypted"),
    "a file of a method that takes memory": (
        forged.compressed(zipfile.ZIP_LZMA),
        "'one.py' is compressed by method 14: wheels are stored or deflated",
    ),
    "a file that is unpacked as a whole, whatever size it has": (
        forged.compressed(zipfile.ZIP_BZIP2),
        "'one.py' is compressed by method 12: wheels are stored or deflated",
    ),
    "METADATA that is unpacked as a whole": (
        forged.compressed(zipfile.ZIP_BZIP2, f"{INFO}/METADATA"),
        f"'{INFO}/METADATA' is compressed by method 12: wheels are stored or deflated",
    ),
    "no RECORD": (lambda wheel: wheel.record.update({f"{INFO}/RECORD": ""}), f"has no {INFO}/RECORD"),
    "no WHEEL": (lambda wheel: wheel.drop(f"{INFO}/WHEEL"), f"has no {INFO}/WHEEL"),
    "a WHEEL of the future": (
        lambda wheel: wheel.replace(f"{INFO}/WHEEL", b"Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"),
        "its WHEEL is of version '2.0', not of 1.x",
    ),
    "no METADATA": (lambda wheel: wheel.drop(f"{INFO}/METADATA"), f"has no {INFO}/METADATA"),
    "another's METADATA": (forged.metadata("Name: pandas\nVersion: 1.0\n"), "its METADATA is of 'pandas 1.0'"),
    "the METADATA of another version": (forged.metadata("Name: one\nVersion: 6.6\n"), "its METADATA is of 'one 6.6'"),
    "METADATA that isn't UTF-8": (
        lambda wheel: wheel.replace(f"{INFO}/METADATA", b"Name: \xff\n"),
        "its METADATA isn't UTF-8",
    ),
    "two distributions": (
        forged.add("two-1.0.dist-info/METADATA"),
        f"has more than one folder *.dist-info: '{INFO}', 'two-1.0.dist-info'",
    ),
    "a script above": (
        forged.entry_points("[console_scripts]\n../evil = one:main\n"),
        "'../evil' can't be the name of a script, but an entry point has it: it leads elsewhere",
    ),
    "code in an entry point": (
        forged.entry_points("[console_scripts]\nevil = one:main\n  import evil\n"),
        "its entry_points.txt can't be read: a line is not NAME = MODULE:FUNCTION",
    ),
    "entry points that swell": (
        forged.entry_points("[console_scripts]\na = x\nb = %(a)s%(a)s\n"),
        "its entry_points.txt can't be read: 'x' is not MODULE:FUNCTION",
    ),
}


@pytest.fixture
def nothing_elsewhere(airpack: Airpack, tmp_path: Path) -> Iterator[None]:
    """Nothing is written but the cache, and what is said is one line."""
    yield
    assert not airpack.output.exists()
    assert not Path("/tmp/evil").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"wheels", "xdg-cache", "pylock.toml"}
    store = tmp_path / "xdg-cache" / "airpack-pack"
    kept = {path.relative_to(store).parts[0] for path in store.rglob("*") if path.is_file() and path.parent != store}
    assert kept <= {cache.WHEELS, cache.FRAMES, cache.BYTECODE}
    errors = [line for line in airpack.err.splitlines() if not line.startswith(_NO_ERRORS)]
    assert len(errors) == 1, airpack.err


@pytest.mark.usefixtures("nothing_elsewhere")
@pytest.mark.parametrize("what", HARM)
def test_what_would_do_harm_is_refused(airpack: Airpack, wheels: Path, tmp_path: Path, what: str) -> None:
    """By its name, with what is wrong."""
    spoil, sentence = HARM[what]
    wheel = Forged()
    spoil(wheel)
    data = wheel.write(wheels).read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    cached = tmp_path / "xdg-cache" / "airpack-pack" / "wheels" / f"{sha256}.whl"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(data)
    lock = tmp_path / "pylock.toml"
    lock.write_text(
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "one"\nversion = "1.0"\n'
        f'[[packages.wheels]]\nname = "{NAME}"\npath = "wheels/{NAME}"\nhashes = {{sha256 = "{sha256}"}}\n'
    )
    assert airpack("pack", "-o", airpack.output, "--lock", lock, "--decoder", airpack.decoder) == 1
    assert airpack.error == f"airpack: error: {NAME}: {sentence}"


# What is said where pip reads the wheel first, as none of these can be resolved.
_BY_PIP = {
    "bytes that are no UTF-8": None,
    "no WHEEL": None,
    "a WHEEL of the future": None,
    "no METADATA": None,
    "METADATA that isn't UTF-8": None,
    "two distributions": None,
    "another's METADATA": "its METADATA has the name 'pandas', not 'one'",
    "the METADATA of another version": "its METADATA has the version '6.6', not '1.0'",
    "a file above": None,
    "METADATA that is unpacked as a whole": None,
}


@pytest.mark.usefixtures("nothing_elsewhere")
@pytest.mark.parametrize("what", _BY_PIP)
def test_a_resolve_names_the_wheel_as_well(airpack: Airpack, wheels: Path, what: str) -> None:
    """Pip's own words would name neither the file nor, at times, what is wrong with it."""
    spoil, sentence = HARM[what]
    wheel = Forged()
    spoil(wheel)
    wheel.write(wheels)
    assert airpack.pack("one") == 1
    assert airpack.error == f"airpack: error: {NAME}: {_BY_PIP[what] or sentence}"


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_elsewhere")
def test_metadata_that_would_fill_the_memory_is_not_read(airpack: Airpack, wheels: Path) -> None:
    """Neither by pip."""
    wheel = Forged()
    wheel.replace(f"{INFO}/METADATA", b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n\n" + bytes(65 << 20))
    wheel.write(wheels)
    assert airpack.pack("one") == 1
    assert airpack.error == f"airpack: error: {NAME}: its METADATA is larger than 4 MiB"


@pytest.mark.slow
def test_the_wheels_that_pip_takes_are_taken(airpack: Airpack, wheels: Path) -> None:
    """What is unusual and harmless: its name spelt differently, signatures, a better hash, schemes, folders."""
    wheel = Forged()
    data = "One-1.0.data"  # of the project that the file's name calls one
    wheel.add(f"{data}/scripts/go", b"#!python\nprint()\n", mode=0o100755)
    wheel.add(f"{data}/data/share/one.txt")
    wheel.add(f"{data}/headers/one.h")
    wheel.add(f"{data}/purelib/two.py")
    wheel.add("caf\u00e9.py")
    wheel.add("one/", b"", mode=0o040755, recorded=False)
    wheel.add(f"{INFO}/RECORD.jws", recorded=False)
    digest = base64.urlsafe_b64encode(hashlib.sha512(b"harm\n").digest()).rstrip(b"=").decode()
    wheel.record["caf\u00e9.py"] = f"caf\u00e9.py,sha512={digest},5\n"
    wheel.add("zeros", bytes(20 << 20))  # a thousand times smaller packed
    wheel.write(wheels)
    assert airpack.pack("one", "--no-bytecode") == 0, airpack.err
    with open_bundle(str(airpack.output / layout.BUNDLE_NAME)) as bundle:
        paths = {each.path for each in bundle.toc().files} | {each.path for each in bundle.toc().links}
    assert {path for path in paths if ".dist-info" not in path} == {
        "bin/go",
        "include/one/one.h",
        "share/one.txt",
        "lib/python3.7/site-packages/caf\u00e9.py",
        "lib/python3.7/site-packages/one.py",
        "lib/python3.7/site-packages/two.py",
        "lib/python3.7/site-packages/zeros",
    }
