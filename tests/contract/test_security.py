"""SECURITY.md: each promise names code and tests that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from support.machine import ROOT


def test_each_promise_is_kept_by_a_test_that_exists() -> None:
    """A row without one, or with one that was renamed, is no promise."""
    rows = [row.rpartition(" | ")[2] for row in _rows()]
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


def test_each_promise_is_kept_by_code_that_exists() -> None:
    """Functions, classes and constants as `module.NAME` or `Class.NAME`; one that was renamed keeps no promise."""
    defined = set()
    for path in (path for folder in ("packager", "runtime", "tests") for path in (ROOT / folder).rglob("*.py")):
        defined |= {path.stem, path.parent.name, *_defined(ast.parse(path.read_text()))}
    for row in _rows():
        named = re.findall(r"`([\w.]+)`", row.split(" | ")[-2])
        assert named, row
        for name in named:
            assert set(name.split(".")) <= defined, name


def _rows() -> list[str]:
    text = (ROOT / "SECURITY.md").read_text()
    return text.partition("| promise | kept by | test |")[2].partition("\n\n")[0].splitlines()[2:]


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the functions, classes, fields and constants of a module."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
