"""Scripts with their requirements in a comment (PEP 723)."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base.errors import InvalidRequirement
from airpack.requirements import script

PATH = Path("run.py")


def _read(*lines: str) -> list[str]:
    text = "\n".join(["#!/usr/bin/env python", "# /// script", *lines, "# ///", "import six", ""])
    return script.dependencies(PATH, text, python="3.7.17")


def test_the_block_is_read() -> None:
    """A comment in it, and an empty line, are TOML's."""
    lines = ['# requires-python = ">=3.7"', "#", "# dependencies = [", '#   "six>1", # why', '#   "rich",', "# ]"]
    assert _read(*lines) == ["six>1", "rich"]


def test_a_script_may_require_nothing() -> None:
    """That is for the resolve to say."""
    assert _read('# requires-python = ">=3.7"') == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['# requires-python = ">=3.8"'], "run.py is for Python >=3.8, the target has 3.7.17: choose another --target"),
        (['# requires-python = "new"'], "run.py: requires-python is 'new', which is not a version specifier: "),
        (["# dependencies = ["], "run.py: its block '# /// script' is not TOML: "),
        (["# dependencies = ['a b']"], "'a b' is not a requirement, in run.py: write each on a line of its own: a, b"),
        (
            ["# dependencies = ['six']", "# [tool.uv.sources]", "# six = { git = 'https://host/six' }"],
            "run.py: [tool.uv.sources] gives six an origin that pip doesn't know: ",
        ),
        (
            ["# a = 1", "# ///", "", "# /// script", "# b = 1"],
            "run.py has 2 blocks '# /// script' (PEP 723): leave one",
        ),
    ],
)
def test_a_block_that_can_not_be_meant_is_refused(lines: list[str], message: str) -> None:
    """With the reason."""
    with pytest.raises(InvalidRequirement) as raised:
        _read(*lines)
    assert str(raised.value).startswith(message)


def test_other_blocks_are_no_script() -> None:
    """PEP 723 leaves room for other types."""
    assert script.is_script("# /// script\n# a = 1\n# ///\n")
    assert not script.is_script("# /// other\n# a = 1\n# ///\n")
    assert not script.is_script("# /// script\nprint()\n")
