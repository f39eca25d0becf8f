"""Fixtures of the tests of `airpack verify`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack with all that an install adds or rewrites; beside it lies its tree, `tree`."""

    def pack() -> None:
        build_wheel(
            wheels,
            "one",
            files={
                "one.py": "def main():\n    pass\n",
                "one/__init__.py": "",
                "one-1.0.data/scripts/one-script": "#!python\nprint(1)\n",
                "one-1.0.data/data/share/one.txt": "1\n",
                "one-1.0.data/headers/one.h": "\n",
                "one-1.0.data/purelib/one_pure.py": "",
            },
            scripts={"one-run": "one:main"},
            requires=["two"],
        )
        build_wheel(wheels, "two")
        tree = airpack.output.with_name("tree")
        assert airpack.pack("one", "--with-wheelhouse", "--tree", tree) == 0, airpack.err

    repeat(pack)
    return airpack.output
