"""How commands report findings."""

from __future__ import annotations

import argparse
import json

import pytest
from airpack.audit.finding import ERROR, NOTE, WARNING, Finding
from airpack.base.errors import AuditFailed
from airpack.cli import findings


def _finding(severity: str) -> Finding:
    return Finding(severity=severity, package=f"{severity}-package", sentence="is odd", remedy="mend it")


BENIGN = [_finding(WARNING), _finding(NOTE)]
ALL = [_finding(ERROR), *BENIGN]


def _arguments(*words: str, quiet: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    findings.add_arguments(parser)
    return parser.parse_args(words, argparse.Namespace(quiet=quiet))


def test_each_finding_is_a_line_and_the_last_line_counts_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings and notes let the command succeed."""
    findings.report(_arguments(), BENIGN, "the bundle")
    assert capsys.readouterr().out.splitlines() == [
        "warning: warning-package is odd: mend it",
        "note: note-package is odd: mend it",
        "1 finding, 1 note in the bundle",
    ]


def test_an_error_fails_the_command_after_all_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict begins its message."""
    with pytest.raises(AuditFailed, match=r"^the verdict: error-package is odd: mend it$"):
        findings.report(_arguments(), ALL, "the bundle", verdict="the verdict")
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_strict_takes_warnings_for_errors() -> None:
    """But not notes."""
    with pytest.raises(AuditFailed) as raised:
        findings.report(_arguments("--strict"), ALL, "the bundle")
    assert raised.value.findings == ("error-package is odd: mend it", "warning-package is odd: mend it")


def test_quiet_prints_only_what_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing if all is well."""
    findings.report(_arguments(quiet=True), BENIGN, "the bundle")
    assert capsys.readouterr().out == ""
    with pytest.raises(AuditFailed):
        findings.report(_arguments(quiet=True), ALL, "the bundle")
    assert capsys.readouterr().out == "error: error-package is odd: mend it\n"


def test_json_is_an_array_of_all_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """With its fields apart."""
    findings.report(_arguments("--json"), BENIGN[:1], "the bundle")
    assert json.loads(capsys.readouterr().out) == [
        {"severity": "warning", "package": "warning-package", "sentence": "is odd", "remedy": "mend it"}
    ]
