"""Reads requirements and specifiers that only older pips take, as those pips read them.

Until packaging 22, which pip 24.1 was the first to have, whatever stood after an operator was a version: one that
PEP 440 does not know (`>dev`, `>=1.9.*`, `>=1.9.0+cu111`, `>=2004d`) was compared part by part, letters below numbers.
pip 24.0 is the last for Python 3.7, and metadata of its time has such versions. Here they become PEP 440's.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from contextlib import suppress

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet

_REQUIREMENT = re.compile(
    r"""
    (?P<head> \s* [A-Za-z0-9][A-Za-z0-9._-]* \s* (?:\[[^\]]*\])? ) \s*
    (?: \( (?P<inside>[^)]*) \) | (?P<bare>[^;()@]*) ) \s*
    (?P<marker> ;.* )?
    """,
    re.VERBOSE | re.DOTALL,
)
_CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>)\s*([^,;\s)]*)")
_COMPARED = re.compile(
    r"""(?P<variable>python_version|python_full_version|implementation_version) \s* (?P<operator>[=!~<>]+) \s*
    (?P<quote>["']) (?P<version>[^"']*) (?P=quote)""",
    re.VERBOSE,
)
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_COMPARISONS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip
# Markers that hold everywhere and nowhere.
ALWAYS, NEVER = 'os_name != ""', 'os_name == ""'
ALL, NONE = "", "<0.dev0"  # specifiers that hold for every version, and for none
# What these older pips took a part in letters for, before they compared it.
_SORTED_AS = {"pre": "c", "preview": "c", "rc": "c", "dev": "@", "-": "final-"}
_FINAL, _POST = "final", "post"  # the part that closes every version, and that of post-releases


def read_requirement(text: str) -> Requirement:
    """Return a requirement (PEP 508), also one that only older pips read. Raises packaging's InvalidRequirement."""
    with suppress(InvalidRequirement):
        return Requirement(text)
    return Requirement(_requirement_of(text) or text)


def read_specifiers(text: str) -> SpecifierSet:
    """Return specifiers (PEP 440), also those that only older pips read. Raises packaging's InvalidSpecifier."""
    current = current_specifiers(text)
    return SpecifierSet(text if current is None else current)


def current_requirement(text: str) -> str | None:
    """Return the requirement of today (PEP 508) for one that only older pips read, None for any other text."""
    with suppress(InvalidRequirement):
        Requirement(text)
        return None
    return _requirement_of(text)


def _requirement_of(text: str) -> str | None:
    parts = _REQUIREMENT.fullmatch(text)
    specifiers = parts and _current_set(parts["inside"] if parts["inside"] is not None else parts["bare"])
    if parts is None or specifiers is None:
        return None
    return f"{parts['head'].strip()}{specifiers} {parts['marker'] or ''}".strip()


def current_specifiers(text: str) -> str | None:
    """Return the specifiers of today (PEP 440) for those that only older pips read, None for any other text."""
    with suppress(InvalidSpecifier):
        SpecifierSet(text)
        return None
    return _current_set(text)


def current_marker(text: str, environment: Mapping[str, str]) -> str:
    """Return a marker (PEP 508) with comparisons that only older pips make decided for an environment, as they do it.

    They compare a version that PEP 440 does not know, such as `3.8.*` after `<`, letter by letter. To packaging 26, no
    such comparison holds.
    """

    def decided(found: re.Match[str]) -> str:
        compare = _COMPARISONS.get(found["operator"])
        with suppress(InvalidSpecifier):
            Specifier(f"{found['operator']}{found['version']}")
            return found[0]
        if compare is None or found["variable"] not in environment:
            return found[0]
        return ALWAYS if compare(environment[found["variable"]], found["version"]) else NEVER

    return _COMPARED.sub(decided, text)


def marker_holds(marker: Marker, environment: Mapping[str, str]) -> bool:
    """Return whether a marker holds in an environment (PEP 508)."""
    return Marker(current_marker(str(marker), environment)).evaluate(dict(environment))


def _current_set(text: str) -> str | None:
    current = [_current(clause.strip()) for clause in text.split(",") if clause.strip()]
    return None if not current or None in current else ",".join(filter(None, current))


def _current(clause: str) -> str | None:
    """Return the clause of today for one of a legacy specifier: empty for one that holds for every version."""
    try:
        return str(Specifier(clause))
    except InvalidSpecifier:
        parts = _CLAUSE.fullmatch(clause)
    if parts is None or not parts[2] or parts[1] in ("~=", "==="):  # the last two took a version of PEP 440 alone
        return None
    version = ".".join(filter(None, parts[2].lower().split(".")))  # these pips skipped a dot too many
    return _by_parts(parts[1], version) if version == parts[2].lower() else _current(f"{parts[1]}{version}")


def _by_parts(operator: str, version: str) -> str:
    """Return the clause of today for an operator and a version that PEP 440 does not know."""
    if operator in ("==", "!="):
        return NONE if operator == "==" else ALL
    release = _RELEASE.match(version)
    if release is None:
        return ALL if operator[0] == ">" else NONE
    number, rest = release[0], version[release.end() :]
    # No version equals it. So the question is what is the first after it: that release, its post-releases, or the next.
    first = next(filter(None, re.split(r"([a-z]+|-)|\.", rest)))
    first = _SORTED_AS.get(first, first)
    if operator[0] == "<":
        return f"<{number}" if first < _FINAL else f"<={number}"
    if first < _FINAL:
        return f">={number}"
    return f">={number}.post0" if first < _POST else f">{number}"
