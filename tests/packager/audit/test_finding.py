"""Findings: their text, and which of them fail a command."""

from __future__ import annotations

import pytest
from airpack.audit.finding import ERROR, NOTE, ORDER, WARNING, Finding, fatal


def _finding(severity: str) -> Finding:
    return Finding(severity=severity, package="one", sentence="1.0 is odd", remedy="mend it")


def test_a_finding_reads_as_one_line() -> None:
    """Severity, package, what it is and what to do; the message is without the severity."""
    assert str(_finding(WARNING)) == "warning: one 1.0 is odd: mend it"
    assert _finding(WARNING).message == "one 1.0 is odd: mend it"


@pytest.mark.parametrize(("strict", "expected"), [(False, [ERROR]), (True, [ERROR, WARNING])])
def test_errors_fail_and_warnings_where_they_are_strict(strict: bool, expected: list[str]) -> None:
    """Notes never do. The order stays."""
    findings = [_finding(severity) for severity in ORDER]
    assert [finding.severity for finding in fatal(findings, strict=strict)] == expected
    assert fatal([_finding(NOTE)], strict=True) == []
