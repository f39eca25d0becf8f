"""Wheels that are unusual: what does no harm is packed as pip installs it, and told."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from airpack.wheels.oddity import Kind
from airpack.wheels.record import Content, parse
from support import forged, like_pip, trees
from support.airpack import Airpack
from support.bundles import SITE_PACKAGES
from support.forged import DATA, INFO, Forged, Spoil
from support.wheels import record_line


def _renamed(old: str, new: str) -> Spoil:
    """Give the folder `*.dist-info` another name."""

    def spoil(wheel: Forged) -> None:
        for entry, _ in wheel.members:
            entry.filename = entry.orig_filename = entry.filename.replace(old, new)
        wheel.record = {key: line.replace(old, new) for key, line in wheel.record.items()}
        rows = "".join(wheel.record.values()) + f"{new}/RECORD,,\n"
        wheel.add(f"{new}/RECORD", rows.encode(), recorded=False)
        wheel.record[f"{INFO}/RECORD"] = ""

    return spoil


# What pip takes: what is done to a wheel, and what is told of it.
TAKEN: dict[str, tuple[Spoil, set[Kind]]] = {
    "a folder above": (forged.add("../evil/", b"", mode=0o040755, recorded=False), set()),
    "a name of code page 437": (forged.named(b"e\xe9vil", utf8=False), {Kind.NAME_CODING}),
    "a path with a detour": (forged.add("one/../two.py"), {Kind.NAME_SPELLING, Kind.RECORD_PATH}),
    "a path with a dot": (forged.add("./two.py"), {Kind.NAME_SPELLING, Kind.RECORD_PATH}),
    "a device": (forged.add("one/null", b"", mode=stat.S_IFCHR | 0o666), {Kind.ENTRY_KIND}),
    "a file twice": (forged.add("one.py", b"Y = 2\n"), {Kind.NAME_TWICE}),
    "names that differ by case": (forged.add("ONE.py"), {Kind.NAME_CASE}),
    "names that differ by composition": (
        forged.both(forged.add("e\u0301.py"), forged.add("\u00e9.py")),
        {Kind.NAME_CASE},
    ),
    "a space, a colon and a joiner in names": (
        forged.both(forged.add("one/a b.txt"), forged.add("one/a:b.txt"), forged.add("one/a\u200db.txt")),
        {Kind.NAME_SHARE, Kind.NAME_INVISIBLE},
    ),
    "scripts that differ by case": (
        forged.both(forged.entry_points("[console_scripts]\nEvil = one:main\n"), forged.add(f"{DATA}/scripts/evil")),
        {Kind.NAME_CASE},
    ),
    "a script as a file and as an entry point": (
        forged.both(
            forged.entry_points("[console_scripts]\ngo = one:main\n"),
            forged.add(f"{DATA}/scripts/go", b"#!python\nprint()\n"),
            forged.add(f"{DATA}/scripts/go-script.py", b"#!python\nprint()\n"),
        ),
        {Kind.SCRIPT_TWICE},
    ),
    "data that an entry point replaces": (
        forged.both(forged.entry_points("[gui_scripts]\ngo = one:main\n"), forged.add(f"{DATA}/data/bin/go")),
        {Kind.PLACE_TWICE},
    ),
    "data for lib/python3.7/site-packages": (
        forged.add(f"{DATA}/data/lib/python3.7/site-packages/two.pth", b"import one\n"),
        set(),
    ),
    "a scheme that doubles a module": (forged.add(f"{DATA}/purelib/one.py", b"Y = 2\n"), {Kind.PLACE_TWICE}),
    "two folders of schemes": (
        forged.both(forged.add(f"{DATA}/data/x"), forged.add("one-2.0.data/data/y")),
        {Kind.DATA_FOLDER},
    ),
    "another project's schemes": (forged.add("two-1.0.data/data/x"), {Kind.DATA_FOLDER}),
    "another installer": (forged.add(f"{INFO}/INSTALLER"), {Kind.INSTALLER}),
    "less than is said": (forged.sized("one.py", 60), {Kind.RECORD_DIFFERS}),
    "another size": (forged.sized("one.py", 6, recorded=7), {Kind.RECORD_DIFFERS}),
    "another hash": (forged.record("one.py", record_line("one.py", b"X = 2\n")), {Kind.RECORD_DIFFERS}),
    "another hash of a script": (
        forged.both(
            forged.add(f"{DATA}/scripts/go", b"#!python\n", mode=0o100755),
            forged.record(f"{DATA}/scripts/go", record_line(f"{DATA}/scripts/go", b"#!pythoX\n")),
        ),
        {Kind.RECORD_DIFFERS},
    ),
    "a weak hash": (forged.record("one.py", f"one.py,md5={'0' * 32},6\n"), {Kind.RECORD_HASHLESS}),
    "no hash": (forged.record("one.py", "one.py,,\n"), {Kind.RECORD_HASHLESS}),
    "a file that no RECORD lists": (forged.add("evil", recorded=False), {Kind.RECORD_UNLISTED}),
    "a file that isn't there": (forged.record("evil", record_line("evil", b"")), {Kind.RECORD_ABSENT}),
    "a folder in RECORD": (forged.both(forged.add("one/x"), forged.record("one", "one/,,\n")), {Kind.RECORD_FOLDER}),
    "a file that RECORD lists twice": (
        forged.record("again", record_line("one.py", b"X = 1\n")),
        {Kind.RECORD_TWICE},
    ),
    "a RECORD of something else": (
        forged.record("x", "no more than this\n"),
        {Kind.RECORD_ROW, Kind.RECORD_ABSENT},
    ),
    "a path in RECORD with a slash before it": (
        forged.record("one.py", "/" + record_line("one.py", b"X = 1\n")),
        {Kind.RECORD_PATH},
    ),
    "a padded hash": (
        forged.record("one.py", record_line("one.py", b"X = 1\n").replace(",6", "=,6")),
        {Kind.RECORD_CODING},
    ),
    "a hash in hexadecimal": (
        forged.record("one.py", f"one.py,sha256={hashlib.sha256(b'X = 1' + chr(10).encode()).hexdigest()},6\n"),
        {Kind.RECORD_CODING},
    ),
    "a script for a shell": (forged.entry_points("[console_scripts]\n$(evil) = one:main\n"), {Kind.SCRIPT_NAME}),
    "a script that is an option": (forged.entry_points("[gui_scripts]\n-evil = one:main\n"), {Kind.SCRIPT_NAME}),
    "an entry point of other groups that is odd": (
        forged.entry_points("[paste.app]\nmain = %(here)s\n[console_scripts]\ngo = one:main [extra]\n"),
        set(),
    ),
    "bytecode without a hash": (
        forged.both(
            forged.add("__pycache__/one.cpython-37.pyc"),
            forged.record("__pycache__/one.cpython-37.pyc", "__pycache__/one.cpython-37.pyc,,\n"),
        ),
        {Kind.BYTECODE, Kind.RECORD_HASHLESS},
    ),
    "an older WHEEL": (
        lambda wheel: wheel.replace(f"{INFO}/WHEEL", b"Wheel-Version: 0.1\nRoot-Is-Purelib: True\n"),
        set(),
    ),
    "a folder *.dist-info without a version": (_renamed(INFO, "one.dist-info"), set()),
    "a folder *.dist-info that is spelt otherwise": (_renamed(INFO, "One-1.0.0.dist-info"), set()),
    "files among the modules": (
        forged.both(forged.add("LICENSE"), forged.add("tests/__init__.py", b""), forged.add("setup.py", b"")),
        set(),
    ),
    "names in other scripts": (forged.both(forged.add("pkg/\u65e5\u672c.py"), forged.add("pkg/\U0001f600.txt")), set()),
    "names as long as Linux takes": (forged.add("pkg/" + "n" * 250 + ".py"), set()),
    "modes of all kinds": (
        forged.both(
            *(forged.add(f"pkg/{mode:o}", mode=mode) for mode in (0o104755, 0o100700, 0o100001, 0o100000, 0o755, 0)),
            forged.add(f"{DATA}/purelib/run", mode=0o100744),
            forged.add(f"{DATA}/data/share/run", mode=0o100755),
        ),
        set(),
    ),
    "data in odd places": (
        forged.both(
            *(
                forged.add(f"{DATA}/data/{place}")
                for place in ("top", "usr/local/bin/x", "lib/libx.so", "lib/python3.6/site-packages/x.py", "etc/x")
            )
        ),
        set(),
    ),
    "headers in folders": (
        forged.both(forged.add(f"{DATA}/headers/one.h"), forged.add(f"{DATA}/headers/a/b.h")),
        set(),
    ),
    "metadata of today": (
        forged.both(
            forged.metadata("Name: one\nVersion: 1.0\nLicense-Expression: MIT\nLicense-File: LICENSE\n"),
            forged.add(f"{INFO}/licenses/sub/LICENSE"),
            forged.add(f"{INFO}/sboms/one.json"),
        ),
        set(),
    ),
    "metadata with fields twice": (
        forged.metadata("Name: one\nName: two\nVersion: 1.0\nVersion: 1.0\nLicense: MIT\nLicense: MIT\n"),
        set(),
    ),
    "metadata of others that is a package's data": (forged.add("pkg/_vendor/two-1.0.dist-info/METADATA"), set()),
    "a WHEEL of other tags, without a root": (
        lambda wheel: wheel.replace(f"{INFO}/WHEEL", b"Wheel-Version: 1.9\nTag: cp27-cp27mu-win32\n"),
        set(),
    ),
    "an archive behind a program": (lambda wheel: wheel.finish.append(lambda data: b"#!/bin/sh\nexit\n" + data), set()),
    "an entry point with extras, in capital letters": (
        forged.entry_points("[console_scripts]\nFooBar.v2 = one.two:main.sub [x,y]\n"),
        set(),
    ),
    "scripts of all kinds": (
        forged.both(
            forged.add(f"{DATA}/scripts/shell", b"#!/bin/sh\n"),
            forged.add(f"{DATA}/scripts/binary", b"\x7fELF"),
            forged.add(f"{DATA}/scripts/windows", b"#!pythonw -E\r\nprint()\r\n"),
            forged.add(f"{DATA}/scripts/coded", b"#!python\n# -*- coding: latin-1 -*-\nprint()\n"),
            forged.add(f"{DATA}/scripts/folder/deep", b"#!python\nfrom __future__ import division\n"),
        ),
        set(),
    ),
}

# The pip that comes with Python 3.7 fails for these; the last one for that Python doesn't.
_BY_NEWER_PIPS = {"a script for a shell", "an entry point of other groups that is odd"}


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_unusual_is_taken_and_told(wheels: Path, tmp_path: Path, what: str) -> None:
    """Each of its kinds, and no other; the RECORD in the tree lists what is there."""
    spoil, kinds = TAKEN[what]
    wheel = Forged()
    spoil(wheel)
    part = trees.installed(wheel.write(wheels), tmp_path / "prefix")
    assert {oddity.kind for oddity in part.oddities} == kinds
    (record,) = part.site_packages.glob("*.dist-info/RECORD")
    rows = parse(record.read_bytes(), SITE_PACKAGES)
    own = f"lib/python3.7/site-packages/{record.parent.name}/RECORD"
    assert rows.keys() == {*part.files()}
    for path in rows.keys() - {own}:
        content = (part.prefix / path).read_bytes()
        assert rows[path] == Content(size=len(content), sha256=hashlib.sha256(content).hexdigest()), path


@pytest.mark.slow
@pytest.mark.parametrize("what", sorted(TAKEN.keys() - _BY_NEWER_PIPS))
def test_the_real_pip_takes_it_alike(wheels: Path, tmp_path: Path, what: str) -> None:
    """The same files with the same content and executable bits, but for what an installer writes, and bytecode."""
    wheel = Forged()
    TAKEN[what][0](wheel)
    path = wheel.write(wheels)
    part = trees.installed(path, tmp_path / "prefix")
    like_pip.install(path, tmp_path / "pip")
    assert like_pip.differences(tmp_path / "pip", part.prefix) == []


@pytest.mark.slow
def test_a_wheel_that_is_unusual_is_packed_unless_that_is_forbidden(airpack: Airpack, wheels: Path) -> None:
    """One line for each kind; `verify`, `audit` and `rebuild` know it, and `--strict` refuses it everywhere."""
    wheel = Forged()
    for name in ("a", "b", "c"):
        wheel.add(f"one/{name}", recorded=False)
    wheel.record["one.py"] = record_line("one.py", b"X = 2\n")
    wheel.write(wheels)
    remedy = "the index's hash pins the wheel, and the RECORD in the tree says what is there"
    warnings = [
        (
            f"warning: one 1.0 has files that are not what its RECORD lists "
            f"('lib/python3.7/site-packages/one.py'): {remedy}"
        ),
        f"warning: one 1.0 has files that its RECORD doesn't list ('one/a' and 2 more): {remedy}",
    ]
    assert airpack.pack("one", "--strict") == 1
    assert not airpack.output.exists()
    assert airpack.pack("one") == 0
    assert [line for line in airpack.err.splitlines() if line.startswith("warning: ")] == warnings
    for command in ("audit", "verify"):
        assert airpack(command, airpack.output) == 0, airpack.out
        told = [line for line in airpack.out.splitlines() if line.startswith("warning: ")]
        assert sorted(told) == warnings
        assert airpack(command, airpack.output, "--strict") == 1
    assert airpack("rebuild", airpack.output, "--decoder", airpack.decoder) == 0, airpack.err
