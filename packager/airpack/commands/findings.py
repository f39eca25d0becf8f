"""How commands tell findings."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from airpack.audit import Finding, fatal
from airpack.commands.screen import counted, plain
from airpack.errors import AuditFailed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how findings are told."""
    parser.add_argument("--strict", action="store_true", help="let warnings fail, too")
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON array")


def report(arguments: argparse.Namespace, found: Sequence[Finding], subject: str, *, by: str) -> None:
    """Print what `by` found in `subject`. Raises AuditFailed if any of it must not pass."""
    if arguments.json:
        print(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
    elif not arguments.quiet:
        for each in found:
            print(plain(str(each)))
        print(f"{counted(len(found), 'finding')} in {subject}")
    grave = fatal(found, strict=arguments.strict)
    if grave:
        raise AuditFailed([each.message for each in grave], by=by)
