"""Installed files are compared with the RECORD of their wheel."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from airpack.verify import records
from airpack.wheels.record import Content, parse
from support.airpack import Airpack
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel

OK = "one.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\none-1.0.dist-info/RECORD,,\n"
EMPTY = Content(size=0, sha256=hashlib.sha256(b"").hexdigest())
PYC = "lib/python3.7/site-packages/__pycache__/one.cpython-37.pyc"


def _record(rows: str) -> records.Record:
    path = "lib/python3.7/site-packages/one-1.0.dist-info/RECORD"
    parsed = parse(rows.encode(), SITE_PACKAGES)
    own = {"lib/python3.7/site-packages/one.py", "lib/python3.7/site-packages/two.py", path}
    return records.Record(path=path, name="one", version="1.0", rows=parsed, own=own)


@pytest.mark.parametrize(
    ("rows", "more", "expected"),
    [
        (OK, [], []),
        (OK, [PYC], []),
        (OK, ["lib/python3.7/site-packages/one-1.0.dist-info/RECORD.jws"], []),
        (OK.replace(",0\n", ",1\n"), [], ["one 1.0: lib/python3.7/site-packages/one.py is not what its RECORD lists"]),
        (OK.replace("=47", "=57"), [], ["one 1.0: lib/python3.7/site-packages/one.py is not what its RECORD lists"]),
        (OK + "../../../bin/one,sha256=47DE,0\n", [], ["one 1.0: bin/one is missing, which its RECORD lists"]),
        (OK, ["lib/python3.7/site-packages/two.py"], ["one 1.0: lib/python3.7/site-packages/two.py is in no RECORD"]),
        (OK, [PYC.replace("one", "two")], [f"{PYC.replace('one', 'two')} is in no RECORD"]),
        (OK, ["etc/x"], ["etc/x is in no RECORD"]),
        (
            OK + "two.py,,\n",
            ["lib/python3.7/site-packages/two.py"],
            ["one 1.0: its RECORD gives no hash of lib/python3.7/site-packages/two.py"],
        ),
    ],
)
def test_what_a_record_says_of_its_files(rows: str, more: list[str], expected: list[str]) -> None:
    """Missing, changed, unlisted: an error each; bytecode of a listed module and signatures of RECORD are known."""
    tree = dict.fromkeys(
        ["lib/python3.7/site-packages/one.py", "lib/python3.7/site-packages/one-1.0.dist-info/RECORD", *more], EMPTY
    )
    found = list(records.compare([_record(rows)], tree))
    assert [f"{each.package} {each.sentence}" for each in found] == expected
    assert all(each.severity == "error" for each in found)


@pytest.mark.slow
def test_a_file_that_a_later_wheel_overwrote_is_a_warning(airpack: Airpack, wheels: Path) -> None:
    """As it was when they were packed: both RECORDs can't be right."""
    build_wheel(wheels, "one", files={"shared.py": "x = 1\n", "one.py": ""})
    build_wheel(wheels, "two", files={"shared.py": "x = 2\n", "two.py": ""})
    assert airpack.pack("one", "two") == 0
    assert airpack("verify", "--no-import", airpack.output) == 0
    remedy = "two wheels write it, and the later one's is kept; check that both work with it"
    assert airpack.out.splitlines()[:-1] == [
        (
            f"warning: two 1.0: lib/python3.7/site-packages/shared.py is another wheel's, not "
            f"what its RECORD lists: {remedy}"
        )
    ]
    assert airpack("verify", "--no-import", "--strict", airpack.output) == 1


def test_a_file_of_two_wheels_is_an_error_where_it_fits_neither() -> None:
    """Without knowing whose file it is, as in a plain tree: one RECORD must be right, or each gets an error."""
    rows = parse(b"shared.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n", SITE_PACKAGES)
    other = {path: Content(size=1, sha256="0" * 64) for path in rows}
    one, two = (
        records.Record(
            path=f"lib/python3.7/site-packages/{name}-1.0.dist-info/RECORD", name=name, version="1.0", rows=listed
        )
        for name, listed in (("one", rows), ("two", other))
    )
    assert [
        (finding.severity, finding.package)
        for finding in records.compare([one, two], {"lib/python3.7/site-packages/shared.py": EMPTY})
    ] == [("warning", "two")]
    neither = Content(size=2, sha256="1" * 64)
    assert [
        (finding.severity, finding.package)
        for finding in records.compare([one, two], {"lib/python3.7/site-packages/shared.py": neither})
    ] == [("error", "one"), ("error", "two")]


def test_a_file_that_could_not_be_read_is_not_judged() -> None:
    """It is a finding of its own already."""
    tree = dict.fromkeys(["lib/python3.7/site-packages/one.py", "lib/python3.7/site-packages/one-1.0.dist-info/RECORD"])
    assert list(records.compare([_record(OK)], tree)) == []


def test_many_files_in_no_record_of_many_are_judged_soon() -> None:
    """Not each of them against each RECORD: a bundle of a megabyte would take a quarter of an hour."""
    known = [
        records.Record(
            path=f"{n}/RECORD", name=f"n{n}", version="1", rows={f"{n}/RECORD": EMPTY}, own=_Counted([f"{n}/x"])
        )
        for n in range(50)
    ]
    tree = {**{f"{n}/RECORD": EMPTY for n in range(50)}, "7/x": EMPTY, **{f"y/{n}": EMPTY for n in range(100)}}
    found = [finding.message for finding in records.compare(known, tree)]
    assert found[0] == "n7 1: 7/x is in no RECORD: don't use it, pack again"
    assert len(found) == 101
    assert _Counted.asked == 0


class _Counted(frozenset[str]):
    """Paths that count how often it is asked whether one is among them."""

    asked = 0

    def __contains__(self, path: object) -> bool:
        _Counted.asked += 1
        return super().__contains__(path)
