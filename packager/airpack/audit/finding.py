"""Findings: what may not work in the image, or is not what it should be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ERROR, WARNING, NOTE = ORDER = ("error", "warning", "note")  # the gravest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that may not work in the image.

    `message` reads `package` `sentence`: `remedy`. The sentence says what was found, the remedy what to do about it.

    An error will fail in the image, a warning may. A note is information and never fails a command.
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
    """Return the findings that fail a command: the errors, and with `strict` the warnings too."""
    return [finding for finding in findings if finding.severity == ERROR or (strict and finding.severity == WARNING)]
