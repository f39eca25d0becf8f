"""RECORD: rows by path in the tree, with sizes and hashes."""

from __future__ import annotations

import hashlib

import pytest
from airpack.wheels import record
from airpack.wheels.record import Content
from support.bundles import SITE_PACKAGES
from support.wheels import record_line


def test_rows_are_read_by_path_in_the_tree() -> None:
    """A RECORD's own paths are relative to its folder and may lead out of it; it has no hash of itself."""
    text = (
        record_line("one.py", b"x") + record_line("../../../bin/one", b"") + '"a,b.py",,\none-1.0.dist-info/RECORD,,\n'
    )
    assert record.parse(text.encode(), SITE_PACKAGES) == {
        "lib/python3.7/site-packages/one.py": Content(size=1, sha256=hashlib.sha256(b"x").hexdigest()),
        "bin/one": Content(size=0, sha256=hashlib.sha256(b"").hexdigest()),
        "lib/python3.7/site-packages/a,b.py": Content(size=None, sha256=None),
        "lib/python3.7/site-packages/one-1.0.dist-info/RECORD": Content(size=None, sha256=None),
    }


def test_the_folder_can_be_another() -> None:
    """Within a wheel, paths are relative to its top."""
    assert list(record.parse(b"one.py,,\n", "")) == ["one.py"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b"one.py,md5=00,0\n", "it has a hash by md5"),
        (b"one.py,sha256=A,0\n", "sha256=A is not a hash"),
        (b"one.py,,many\n", "invalid literal for int"),
        (b"\xff,,\n", "can't decode byte 0xff"),
        (b"a" * 200_000 + b",,\n", "field larger than field limit"),
    ],
    ids=["hash by another algorithm", "no base64", "no size", "no UTF-8", "a path without end"],
)
def test_a_damaged_record(row: bytes, problem: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(ValueError, match=problem):
        record.parse(row, SITE_PACKAGES)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lib/python3.7/site-packages/one/__pycache__/two.cpython-37.pyc", "lib/python3.7/site-packages/one/two.py"),
        ("lib/python3.7/site-packages/__pycache__/two.cpython-37.opt-1.pyc", "lib/python3.7/site-packages/two.py"),
        ("lib/python3.7/site-packages/two.pyc", None),
        ("lib/python3.7/site-packages/one/two.py", None),
    ],
)
def test_bytecode_belongs_to_a_module(path: str, source: str | None) -> None:
    """As PEP 3147 places it."""
    assert record.source_of(path) == source


def test_a_record_of_a_distribution_is_right_in_the_folder_of_the_modules() -> None:
    """One below a package is a copy that some project has among its files."""
    own = "one-1.0.dist-info/RECORD"
    others = [f"{SITE_PACKAGES}/one/{own}", own, f"share/{own}", f"lib/python3.8/site-packages/{own}"]
    paths = [f"{SITE_PACKAGES}/{own}", *others, f"{SITE_PACKAGES}/RECORD"]
    assert [path for path in paths if record.is_installed(path, SITE_PACKAGES)] == paths[:1]
