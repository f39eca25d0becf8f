"""Wheels that would do harm: each is refused by its name, in one line, and nothing is written elsewhere or left.

The hostile bundles are the other half: `tests/runtime/test_hostile.py`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airpack.base import cache
from airpack_runtime import layout
from airpack_runtime.format.reader import open_bundle
from support.airpack import Airpack
from support.wheels import record_line

NAME = "one-1.0-py3-none-any.whl"
INFO, DATA = "one-1.0.dist-info", "one-1.0.data"
_NO_ERRORS = ("target ", "resolve ", "fetch ", "install ", "note: no Python 3.7 was found")


class Forged:
    """A wheel of the distribution `one` to be spoilt: what is in it, what RECORD says, and the bytes in the end."""

    def __init__(self) -> None:
        self.members: list[tuple[zipfile.ZipInfo, bytes]] = []
        self.record: dict[str, str] = {}
        self.finish: list[Callable[[bytes], bytes]] = []
        self.add("one.py", b"X = 1\n")
        self.add(f"{INFO}/METADATA", b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        self.add(f"{INFO}/WHEEL", b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")

    def add(self, name: str, data: bytes = b"harm\n", *, mode: int = 0o100644, recorded: bool = True) -> None:
        """Add a file, and its line in RECORD."""
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.members.append((entry, data))
        if recorded:
            self.record[name] = record_line(name, data)

    def replace(self, name: str, data: bytes) -> None:
        """Give a file another content, and RECORD the line for it."""
        self.drop(name)
        self.add(name, data)

    def drop(self, name: str, *, recorded: bool = False) -> None:
        """Leave a file out; its line in RECORD, too, unless it is `recorded`."""
        self.members = [each for each in self.members if each[0].filename != name]
        if not recorded:
            self.record.pop(name, None)

    def swap(self, old: bytes, new: bytes) -> None:
        """Replace bytes of the finished file."""

        def swapped(data: bytes) -> bytes:
            assert old in data
            return data.replace(old, new)

        self.finish.append(swapped)

    def set_flag(self, name: str, flag: int) -> None:
        """Set a bit of a member's general purpose flags, in both of its headers."""

        def flagged(data: bytes) -> bytes:
            out = bytearray(data)
            for magic, flags, name_at in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
                place = -1
                while (place := data.find(magic, place + 1)) >= 0:
                    if data[place + name_at :].startswith(name.encode()):
                        (before,) = struct.unpack_from("<H", out, place + flags)
                        struct.pack_into("<H", out, place + flags, before | flag)
            return bytes(out)

        self.finish.append(flagged)

    def write(self, folder: Path) -> Path:
        """Write the wheel, RECORD last."""
        record = "".join(self.record.values()) + f"{INFO}/RECORD,,\n"
        if f"{INFO}/RECORD" not in self.record:
            self.add(f"{INFO}/RECORD", record.encode("utf-8", "surrogateescape"), recorded=False)
        buffer = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
            warnings.simplefilter("ignore")  # of a name that is there twice
            for entry, data in self.members:
                archive.writestr(entry, data)
        content = buffer.getvalue()
        for change in self.finish:
            content = change(content)
        path = folder / NAME
        path.write_bytes(content)
        return path


Spoil = Callable[[Forged], object]


def _entry_points(text: str) -> Spoil:
    return lambda wheel: wheel.add(f"{INFO}/entry_points.txt", text.encode())


def _metadata(text: str) -> Spoil:
    return lambda wheel: wheel.replace(f"{INFO}/METADATA", f"Metadata-Version: 2.1\n{text}".encode())


def _record(name: str, line: str) -> Spoil:
    return lambda wheel: wheel.record.update({name: line})


def _sized(name: str, size: int, *, recorded: int | None = None) -> Spoil:
    """Let the archive, and RECORD, give a member another size than its content has."""

    def spoil(wheel: Forged) -> None:
        def sized(data: bytes) -> bytes:
            directory = data.rindex(name.encode(), 0, data.rindex(f"{INFO}/METADATA".encode())) - 46
            return data[: directory + 24] + struct.pack("<L", size) + data[directory + 28 :]

        wheel.finish.append(sized)
        wheel.record[name] = f"{wheel.record[name].rpartition(',')[0]},{recorded or size}\n"

    return spoil


def _named(raw: bytes, *, utf8: bool) -> Spoil:
    """Give a member a name of these bytes."""

    def spoil(wheel: Forged) -> None:
        placeholder = "N" * len(raw)
        wheel.add(placeholder, recorded=False)
        wheel.record["raw"] = record_line(raw.decode("utf-8", "surrogateescape"), b"harm\n")
        if utf8:
            wheel.set_flag(placeholder, 0x800)
        wheel.swap(placeholder.encode(), raw)

    return spoil


def _compressed(method: int) -> Spoil:
    def spoil(wheel: Forged) -> None:
        wheel.members[0][0].compress_type = method

    return spoil


def _both(*spoils: Spoil) -> Spoil:
    return lambda wheel: [spoil(wheel) for spoil in spoils]


def _add(name: str, data: bytes = b"harm\n", *, mode: int = 0o100644, recorded: bool = True) -> Spoil:
    return lambda wheel: wheel.add(name, data, mode=mode, recorded=recorded)


SCHEMES = "purelib, platlib, headers, scripts, data"
LINK = stat.S_IFLNK | 0o777

# What is done to a wheel, and what is said of it.
HARM: dict[str, tuple[Spoil, str]] = {
    "a file above": (_add("../../evil"), "'../../evil' can't be the name of a file: it leads elsewhere"),
    "a file above by a folder of its own": (
        _add("one/../../evil"),
        "'one/../../evil' can't be the name of a file: it leads elsewhere",
    ),
    "an absolute path": (_add("/tmp/evil"), "'/tmp/evil' can't be the name of a file: it leads elsewhere"),
    "a folder above": (
        _add("../evil/", b"", mode=0o040755, recorded=False),
        "'../evil/' can't be the name of a file: it leads elsewhere",
    ),
    "a backslash": (_add("..\\evil"), "'..\\\\evil' can't be the name of a file: no bundle can hold it"),
    "a line break": (_add('"e\nvil"'), "'\"e\\nvil\"' can't be the name of a file: no bundle can hold it"),
    "an escape sequence": (_add("\x1b[2Jevil"), "'\\x1b[2Jevil' can't be the name of a file: no bundle can hold it"),
    "a NUL": (_named(b"e\0vil", utf8=False), "'e\\x00vil' can't be the name of a file: it holds a NUL"),
    "bytes that are no UTF-8": (
        _named(b"e\xff\xfevil", utf8=True),
        "is damaged: 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte",
    ),
    "a name of code page 437": (_named(b"e\xe9vil", utf8=False), "'eΘvil' can't be the name of a file: it isn't UTF-8"),
    "a name that is too long": (
        _add("e" * 300),
        f"'{'e' * 40}...{'e' * 30}' can't be the name of a file: it is too long",
    ),
    "a path that is too long": (
        _add("/".join(["e" * 50] * 50)),
        f"'{'e' * 40}...{'e' * 30}' can't be the name of a file: it is too long",
    ),
    "folders in folders": (
        _add("/".join("e" * 200)),
        f"'{'e/' * 20}...{'/e' * 15}' can't be the name of a file: it is too deep",
    ),
    "a symbolic link": (_add("one/link", b"/etc/passwd", mode=LINK), "'one/link' is a symbolic link"),
    "a file behind a symbolic link": (
        _both(_add("one/link", b"/tmp", mode=LINK), _add("one/link/evil")),
        "'one/link' is a symbolic link",
    ),
    "a device": (_add("one/null", b"", mode=stat.S_IFCHR | 0o666), "'one/null' is not a plain file"),
    "a file twice": (_add("one.py", b"Y = 2\n"), "'one.py' is there twice"),
    "a file and a folder": (_add("one.py/evil"), "'site-packages/one.py' is a file and a folder"),
    "names that differ by case": (
        _add("ONE.py"),
        "'site-packages/one.py' and 'site-packages/ONE.py' differ by case alone",
    ),
    "names that differ by composition": (
        _both(_add("e\u0301.py"), _add("\u00e9.py")),
        "'site-packages/e\u0301.py' and 'site-packages/\u00e9.py' differ by case alone",
    ),
    "scripts that differ by case": (
        _both(_entry_points("[console_scripts]\nEvil = one:main\n"), _add(f"{DATA}/scripts/evil")),
        "'bin/evil' and 'bin/Evil' differ by case alone",
    ),
    "an unknown scheme": (_add(f"{DATA}/evil/x"), f"'{DATA}/evil/x' is in no scheme: {SCHEMES}"),
    "a file in no scheme": (_add(f"{DATA}/evil"), f"'{DATA}/evil' is in no scheme: {SCHEMES}"),
    "a scheme that escapes": (
        _add(f"{DATA}/data/../../../evil"),
        f"'{DATA}/data/../../../evil' can't be the name of a file: it leads elsewhere",
    ),
    "a scheme for another's metadata": (
        _add(f"{DATA}/purelib/two-1.0.dist-info/METADATA"),
        f"'{DATA}/purelib/two-1.0.dist-info/METADATA' is a place that no wheel may write to",
    ),
    "a scheme for site-packages": (
        _add(f"{DATA}/data/site-packages/evil.py"),
        f"'{DATA}/data/site-packages/evil.py' is a place that no wheel may write to",
    ),
    "a scheme that doubles a module": (_add(f"{DATA}/purelib/one.py"), "two of its files go to 'site-packages/one.py'"),
    "two folders of schemes": (
        _both(_add(f"{DATA}/data/x"), _add("one-2.0.data/data/x")),
        "has more than one folder *.data: 'one-1.0.data', 'one-2.0.data'",
    ),
    "another project's schemes": (_add("two-1.0.data/data/x"), "'two-1.0.data' is another project's folder"),
    "a note of whose tree it is": (
        _add("airpack-tree.json"),
        "'airpack-tree.json' is a place that no wheel may write to",
    ),
    "a note of whose tree it is, in the tree": (
        _add(f"{DATA}/data/airpack-tree.json"),
        f"'{DATA}/data/airpack-tree.json' is a place that no wheel may write to",
    ),
    "checksums of the tree": (
        _add(f"{DATA}/data/SHA256SUMS"),
        f"'{DATA}/data/SHA256SUMS' is a place that no wheel may write to",
    ),
    "wheels for pip": (
        _add(f"{DATA}/data/wheelhouse/evil.whl"),
        f"'{DATA}/data/wheelhouse/evil.whl' is a place that no wheel may write to",
    ),
    "another installer": (_add(f"{INFO}/INSTALLER"), f"'{INFO}/INSTALLER' is a place that no wheel may write to"),
    "a bomb": (
        _add("bomb", bytes(80 << 20)),
        "would unpack to 83,886,514 bytes; the limit for a wheel of its size is 67,108,864",
    ),
    "a bomb by its own word": (
        _sized("one.py", 0xFFFFFFF0),
        "would unpack to 4,294,967,652 bytes; the limit for a wheel of its size is 67,108,864",
    ),
    "more than is said": (_sized("one.py", 3), "is damaged: Bad CRC-32 for file 'one.py'"),
    "less than is said": (_sized("one.py", 60), "'one.py' is not what its RECORD lists"),
    "another size": (_sized("one.py", 6, recorded=7), "'one.py' has another size in its RECORD"),
    "an encrypted file": (lambda wheel: wheel.set_flag("one.py", 1), "'one.py' is encrypted"),
    "a file of a method that takes memory": (
        _compressed(zipfile.ZIP_LZMA),
        "'one.py' is compressed by method 14: wheels are stored or deflated",
    ),
    "another hash": (_record("one.py", record_line("one.py", b"X = 2\n")), "'one.py' is not what its RECORD lists"),
    "another hash of a script": (
        _both(
            _add(f"{DATA}/scripts/go", b"#!python\n"),
            _record(f"{DATA}/scripts/go", record_line(f"{DATA}/scripts/go", b"#!pythoX\n")),
        ),
        "'go' is not what its RECORD lists",
    ),
    "a weak hash": (
        _record("one.py", f"one.py,md5={'0' * 32},6\n"),
        "'one.py' has no SHA-256 in its RECORD",
    ),
    "no hash": (_record("one.py", "one.py,,\n"), "'one.py' has no SHA-256 in its RECORD"),
    "a file that no RECORD lists": (_add("evil", recorded=False), "'evil' is not in its RECORD"),
    "a file that isn't there": (
        _record("evil", record_line("evil", b"")),
        "'evil' is in its RECORD, but not there",
    ),
    "a file that RECORD lists twice": (
        _record("again", record_line("one.py", b"X = 1\n")),
        "its RECORD lists 'one.py' twice",
    ),
    "a RECORD of something else": (
        _record("x", "no more than this\n"),
        "its RECORD can't be read: Row Index 3: expected 3 elements, got 1",
    ),
    "no RECORD": (lambda wheel: wheel.record.update({f"{INFO}/RECORD": ""}), f"has no {INFO}/RECORD"),
    "no WHEEL": (lambda wheel: wheel.drop(f"{INFO}/WHEEL"), f"has no {INFO}/WHEEL"),
    "a WHEEL of the future": (
        lambda wheel: wheel.replace(f"{INFO}/WHEEL", b"Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"),
        "its WHEEL is of version '2.0', not of 1.x",
    ),
    "no METADATA": (lambda wheel: wheel.drop(f"{INFO}/METADATA"), f"has no {INFO}/METADATA"),
    "another's METADATA": (_metadata("Name: pandas\nVersion: 1.0\n"), "its METADATA is of 'pandas 1.0'"),
    "the METADATA of another version": (_metadata("Name: one\nVersion: 6.6\n"), "its METADATA is of 'one 6.6'"),
    "METADATA that isn't UTF-8": (
        lambda wheel: wheel.replace(f"{INFO}/METADATA", b"Name: \xff\n"),
        "its METADATA isn't UTF-8",
    ),
    "two distributions": (
        _add("two-1.0.dist-info/METADATA"),
        f"has more than one folder *.dist-info: '{INFO}', 'two-1.0.dist-info'",
    ),
    "a script above": (
        _entry_points("[console_scripts]\n../evil = one:main\n"),
        "'../evil' can't be the name of a script, but an entry point has it",
    ),
    "a script for a shell": (
        _entry_points("[console_scripts]\n$(evil) = one:main\n"),
        "'$(evil)' can't be the name of a script, but an entry point has it",
    ),
    "a script that is an option": (
        _entry_points("[gui_scripts]\n-evil = one:main\n"),
        "'-evil' can't be the name of a script, but an entry point has it",
    ),
    "code in an entry point": (
        _entry_points("[console_scripts]\nevil = one:main\n  import evil\n"),
        "its entry_points.txt can't be read",
    ),
    "entry points that swell": (
        _entry_points("[console_scripts]\na = x\nb = %(a)s%(a)s\n"),
        "its entry_points.txt can't be read: it refers to itself",
    ),
}


@pytest.fixture(autouse=True)
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
}


@pytest.mark.parametrize("what", _BY_PIP)
def test_a_resolve_names_the_wheel_as_well(airpack: Airpack, wheels: Path, what: str) -> None:
    """Pip's own words would name neither the file nor, at times, what is wrong with it."""
    spoil, sentence = HARM[what]
    wheel = Forged()
    spoil(wheel)
    wheel.write(wheels)
    assert airpack.pack("one") == 1
    assert airpack.error == f"airpack: error: {NAME}: {_BY_PIP[what] or sentence}"


def test_metadata_that_would_fill_the_memory_is_not_read(airpack: Airpack, wheels: Path) -> None:
    """Neither by pip."""
    wheel = Forged()
    wheel.replace(f"{INFO}/METADATA", b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n\n" + bytes(65 << 20))
    wheel.write(wheels)
    assert airpack.pack("one") == 1
    assert airpack.error == f"airpack: error: {NAME}: its metadata is larger than 64 MiB"


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
        "site-packages/caf\u00e9.py",
        "site-packages/one.py",
        "site-packages/two.py",
        "site-packages/zeros",
    }
    shutil.rmtree(airpack.output)
    airpack.err = "one line"
