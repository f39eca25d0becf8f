"""Findings: what may not work in the image, or is not what it should be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ERROR, WARNING, NOTE = ORDER = ("error", "warning", "note")  # the gravest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that may not work in the image: its severity, the package, what it is, and what to do about it.

    An error fails in the image. A warning may fail there. A note says what airpack does about it.
    """

    severity: str
    package: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"

    @property
    def message(self) -> str:
        """The finding in one line, without its severity."""
        return f"{self.package} {self.sentence}: {self.remedy}"


def fatal(findings: Iterable[Finding], *, strict: bool) -> list[Finding]:
    """Return the findings that must not pass: errors, and with `strict` warnings."""
    return [finding for finding in findings if finding.severity == ERROR or (strict and finding.severity == WARNING)]
