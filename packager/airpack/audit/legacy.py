"""Metadata that only older pips read: what was made of it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airpack.audit.finding import NOTE, Finding
from airpack.tree.part import Part
from airpack.wheels.metadata import legacy_in

_SHOWN = 3  # texts of one package; a line has room for no more


def legacy(parts: Iterable[Part]) -> Iterator[Finding]:
    """Yield a note for each wheel whose metadata only pips before 24.1 read; the image's own may be one of those."""
    for part in parts:
        texts = legacy_in(part.metadata)
        if texts:
            listed = ", ".join(f"{text!r} as {current or 'any'}" for text, current in texts[:_SHOWN])
            more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
            sentence = f"{part.wheel.version} has metadata that pip 24.1 and newer refuse"
            remedy = f"read as older pips read it: {listed}{more}"
            yield Finding(severity=NOTE, package=part.wheel.key, sentence=sentence, remedy=remedy)
