"""Which licences are allowed: SPDX identifiers or patterns of them, against the expressions of packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from license_expression import Licensing, get_spdx_licensing

from airpack.base.errors import AirpackError, UsageError
from airpack.licences import names
from airpack.licences.licence import Licence

_ALIKE = 0.4  # the least similarity of an identifier that may be meant, as difflib measures it
ALLOWED, REFUSED, UNKNOWN = "allowed", "refused", "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The licences that may be, all if there are none, and those that must not be: each an identifier, or a pattern.

    `GPL-*` is every version of the GPL; `GPL-3.0-or-later WITH GCC-exception-3.1` is that alone, while
    `GPL-3.0-or-later` is that licence with any exception as well.
    """

    allowed: Sequence[str] = ()
    denied: Sequence[str] = ()

    @classmethod
    def of(cls, allowed: Iterable[str], denied: Iterable[str]) -> Policy:
        """Return the policy for what the user wrote, several in one text with commas. Raises UsageError."""
        return cls(allowed=tuple(_patterns(allowed)), denied=tuple(_patterns(denied)))

    def judge(self, licence: Licence) -> str:
        """Return ALLOWED, REFUSED, or UNKNOWN for a licence that isn't known for certain."""
        if not licence.expression:
            return UNKNOWN
        return ALLOWED if self._holds(Licensing().parse(licence.expression)) else REFUSED

    def _holds(self, node: object) -> bool:
        """Return whether there is a way to meet an expression with what is allowed: all sides of AND, one of OR."""
        sides = getattr(node, "args", ())
        if not sides:
            return self._may_be(node)
        held = [self._holds(side) for side in sides]
        return all(held) if type(node).__name__ == "AND" else any(held)

    def _may_be(self, symbol: object) -> bool:
        whole = str(symbol)
        spellings = {whole, str(getattr(symbol, "license_symbol", whole))}
        if any(_matches(spelling, self.denied) for spelling in spellings):
            return False
        return not self.allowed or any(_matches(spelling, self.allowed) for spelling in spellings)


class LicencesRefused(AirpackError):
    """Packages whose licences may not be, or aren't known."""

    def __init__(self, refused: Sequence[str], unknown: Sequence[str]) -> None:
        parts = []
        if refused:
            parts.append(f"not allowed: {', '.join(refused)}")
        if unknown:
            remedy = "read the texts (--notices FILE), and say what it is by --assume NAME=SPDX"
            parts.append(f"not known for certain: {', '.join(unknown)}: {remedy}")
        super().__init__(f"licences that are {'; '.join(parts)}")
        self.refused = tuple(refused)
        self.unknown = tuple(unknown)


def parsed(text: str) -> str:
    """Return an SPDX expression that the user wrote, in its canonical form. Raises UsageError."""
    expression = names.expression(text)
    if not expression and names.expression(f"GPL-2.0-only WITH {text}"):
        problem = "is an exception, which goes with a licence"
        raise UsageError(f"{text!r} {problem}: write 'GPL-2.0-only WITH {text}', or with a pattern '* WITH {text}'")
    if not expression:
        raise UsageError(f"{text!r} is no SPDX expression{_nearest(text)}")
    return expression


def _matches(spelling: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(spelling.lower(), pattern.lower()) for pattern in patterns)


def _patterns(texts: Iterable[str]) -> Iterable[str]:
    """Yield each identifier in its canonical form, and each pattern. Raises UsageError for what names no licence."""
    for text in (part.strip() for written in texts for part in written.split(",")):
        if set(text) & set("*?["):
            if not all(any(_matches(known, [side]) for known in _known()) for side in text.split(" WITH ")):
                raise UsageError(f"{text!r} matches no SPDX identifier{_nearest(text)}")
            yield text
            continue
        expression = parsed(text)
        if set(expression.split()) & {"AND", "OR"}:
            raise UsageError(f"{text!r} is an expression of several licences: name each of them")
        yield expression


def _known() -> list[str]:
    """Return the identifiers on SPDX's list."""
    return [names.current(name) for name in get_spdx_licensing().known_symbols]


def _nearest(text: str) -> str:
    import difflib  # noqa: PLC0415 - only needed for a mistyped licence

    begins = re.sub(r"[^a-z]", "", text.lower())[:3]
    known = {name.lower(): name for name in _known() if name.lower().startswith(begins)}
    near = difflib.get_close_matches(text.lower(), known, 1, _ALIKE)
    return f" (is it {known[near[0]]}?)" if near else ": spdx.org/licenses lists the identifiers"
