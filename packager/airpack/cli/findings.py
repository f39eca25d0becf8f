"""Prints the findings of a command, and fails if they are fatal."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from airpack.audit.finding import NOTE, Finding, fatal
from airpack.base.console import plain
from airpack.base.errors import AUDIT, AuditFailed
from airpack.cli import general
from airpack.cli.screen import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that report findings."""
    parser.add_argument("--strict", action="store_true", help="fail on warnings as well")
    general.add_json(parser, "the findings as a JSON array")


def report(arguments: argparse.Namespace, findings: Sequence[Finding], subject: str, *, verdict: str = AUDIT) -> None:
    """Print the findings in `subject`. Raises AuditFailed, whose message starts with `verdict`, if any is fatal."""
    failures = fatal(findings, strict=arguments.strict)
    if arguments.json:
        names = [field.name for field in dataclasses.fields(Finding)]
        print(json.dumps([{name: getattr(finding, name) for name in names} for finding in findings], indent=2))
    else:
        for finding in failures if arguments.quiet else findings:
            print(plain(str(finding)))
        if not arguments.quiet:
            notes = [finding for finding in findings if finding.severity == NOTE]
            and_notes = f", {counted(len(notes), 'note')}" if notes else ""
            print(f"{counted(len(findings) - len(notes), 'finding')}{and_notes} in {subject}")
    if failures:
        error = AuditFailed([finding.message for finding in failures], verdict=verdict)
        error.reported = arguments.json
        raise error
