"""SECURITY.md: each promise names tests that are there."""

from __future__ import annotations

import ast
import re

from support.machine import ROOT


def test_each_promise_is_kept_by_a_test_that_exists() -> None:
    """A row without one, or with one that was renamed, is no promise."""
    text = (ROOT / "SECURITY.md").read_text()
    table = text.partition("| promise | test |")[2].partition("\n\n")[0]
    rows = [row.rpartition(" | ")[2] for row in table.splitlines()[2:]]
    assert len(rows) > 15
    tests = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= tests
