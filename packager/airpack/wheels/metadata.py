"""METADATA: what a distribution says of itself (core metadata): its requirements, its licence."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import suppress

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement

from airpack.target.installed import extras_in, parse_requirements
from airpack.target.legacy import current_requirement, current_specifiers
from airpack.target.requires import holds
from airpack.target.target import Target
from airpack.wheels.texts import fields_in

# Old metadata may hold the whole text of a licence.
_LONGEST_LICENSE = 60


@functools.lru_cache(maxsize=256)  # several stages of a pack ask
def requirements_in(metadata: bytes) -> Sequence[Requirement]:
    """Return the requirements in METADATA, the content of that file; those that no pip reads are left out."""
    return tuple(parse_requirements(fields_in(metadata).get("requires_dist", ())))


def legacy_in(metadata: bytes) -> list[tuple[str, str]]:
    """Return what only older pips read in METADATA, each with what it is today (PEP 508, 440).

    Those are requirements, and the specifier of `Requires-Python`.
    """
    raw = fields_in(metadata)
    texts = [(text, current_requirement(text)) for text in raw.get("requires_dist", ())]
    texts += [(text, current_specifiers(text)) for text in [raw.get("requires_python", "")]]
    return [(text, current) for text, current in texts if current is not None]


def optional_requirements(metadata: bytes, target: Target) -> list[Requirement]:
    """Return the requirements in METADATA that count on `target` only if some extra is asked for."""
    requirements = requirements_in(metadata)
    extras = extras_in(requirements)
    return [
        requirement
        for requirement in requirements
        if not holds(requirement, "", target) and any(holds(requirement, extra, target) for extra in extras)
    ]


def license_in(metadata: bytes) -> str:
    """Return the licence that METADATA names, empty if it names none.

    That is the licence expression (PEP 639), else the field `License` if it holds such an expression, else what the
    classifiers name, else the first line of `License`.
    """
    raw = fields_in(metadata)
    lines = [line.strip() for line in raw.get("license", "").splitlines() if line.strip()]
    for text in (raw.get("license_expression", ""), *(lines if len(lines) == 1 else ())):
        with suppress(InvalidLicenseExpression):
            return canonicalize_license_expression(text)
    classifiers = [text for text in raw.get("classifiers", ()) if text.startswith("License :: ")]
    names = [text.rpartition(" :: ")[2] for text in classifiers]
    names = [name for name in names if name != "OSI Approved"]  # which doesn't say which licence
    return "; ".join(names) if names else "".join(lines[:1])[:_LONGEST_LICENSE]
