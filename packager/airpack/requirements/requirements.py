"""What is to be resolved, as the user gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from airpack.base.errors import InvalidRequirement
from airpack.requirements.rules import Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What the user asked for: requirements (PEP 508), editable ones, requirements files, constraints files.

    A file is a path or a URL. `added` are those of the specifications that the user did not ask for, but that the
    import of what was packed found missing. `rules` say which of the files of an index will do.
    """

    specifications: Sequence[str] = ()
    editables: Sequence[str] = ()
    files: Sequence[str] = ()
    constraints: Sequence[str] = ()
    added: Sequence[str] = ()
    rules: Rules = field(default_factory=Rules)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is required."""
        return not (self.specifications or self.editables or self.files)

    def adding(self, specifications: Sequence[str]) -> Requirements:
        """Return these requirements and what was found missing."""
        return replace(
            self,
            specifications=[*self.specifications, *specifications],
            added=[*self.added, *specifications],
        )

    def arguments(self) -> list[str]:
        """Return them as arguments of `pip install`. Raises UsageError if the installed pip lacks one."""
        arguments = self.rules.arguments()
        for file in self.files:
            arguments += ["--requirement", file]
        for file in self.constraints:
            arguments += ["--constraint", file]
        for place in self.editables:
            arguments += ["--editable", place]
        return [*arguments, *self.specifications]


def invalid_requirement(text: str, place: str | None) -> InvalidRequirement:
    """Return the error for a text that is not a requirement; `place` is the line and the file that have it."""
    where = f", {place}" if place else ""
    return InvalidRequirement(f"{text!r} is not a requirement{where}: write NAME==VERSION (PEP 508)")
