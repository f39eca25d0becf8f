"""SECURITY.md and the review's findings: each promise, and each finding, names code and tests that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest
from support.machine import ROOT

PROMISES = ("SECURITY.md", "| promise | kept by | test |")
FINDINGS = (
    "docs/security-findings.md",
    "| finding | class | closed by | the finding itself | another way in | and another |",
)


def test_each_promise_is_kept_by_a_test_that_exists() -> None:
    """A row without one, or with one that was renamed, is no promise."""
    rows = _rows(*PROMISES)
    assert len(rows) > 15
    for row in rows:
        _check_tests(row[-1])


def test_each_finding_is_closed_by_tests_that_exist() -> None:
    """Of all fifteen: of the finding itself, and of two other ways in, no two of them by the same test."""
    rows = _rows(*FINDINGS)
    assert [row[0].partition(".")[0] for row in rows] == [str(number) for number in range(1, 16)]
    for row in rows:
        tests = [_check_tests(cell) for cell in row[3:]]
        assert len(tests) == 3
        assert len(set().union(*tests)) == sum(map(len, tests)), row


@pytest.mark.parametrize(("table", "column"), [(PROMISES, 1), (FINDINGS, 2)], ids=["promises", "findings"])
def test_each_is_kept_by_code_that_exists(table: tuple[str, str], column: int) -> None:
    """Functions, classes and constants as `module.NAME` or `Class.NAME`; one that was renamed keeps no promise."""
    defined = set()
    for path in (path for folder in ("packager", "runtime", "tests") for path in (ROOT / folder).rglob("*.py")):
        defined |= {path.stem, path.parent.name, *_defined(ast.parse(path.read_text()))}
    for row in _rows(*table):
        named = re.findall(r"`([\w.]+)`", row[column])
        assert named, row
        for name in named:
            assert set(name.split(".")) <= defined, name


def _check_tests(cell: str) -> set[str]:
    """Return the tests that a cell of a table names; all are there, and it names one at least."""
    named = set(re.findall(r"`(test_\w+)`", cell))
    assert named, cell
    assert named <= _tests()
    return named


@cache
def _tests() -> frozenset[str]:
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    )


def _rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table with this heading, row by row."""
    table = (ROOT / page).read_text().partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    return [row.strip("| ").split(" | ") for row in table]


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the functions, classes, fields and constants of a module."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
