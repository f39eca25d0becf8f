"""How commands tell findings."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from airpack.audit.finding import Finding, fatal
from airpack.base.console import plain
from airpack.base.errors import AUDIT, AuditFailed
from airpack.cli.screen import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how findings are told."""
    parser.add_argument("--strict", action="store_true", help="let warnings fail, too")
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON array")


def report(arguments: argparse.Namespace, found: Sequence[Finding], subject: str, *, verdict: str = AUDIT) -> None:
    """Print what was found in `subject`. Raises AuditFailed, which says the `verdict`, if any of it must not pass."""
    grave = fatal(found, strict=arguments.strict)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
    else:
        for each in grave if arguments.quiet else found:
            print(plain(str(each)))
        if not arguments.quiet:
            print(f"{counted(len(found), 'finding')} in {subject}")
    if grave:
        raise AuditFailed([each.message for each in grave], verdict=verdict)
