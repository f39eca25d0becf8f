"""Reads the lock of another tool, whichever it is, for one target."""

from __future__ import annotations

from importlib import import_module

from airpack.base.errors import InvalidLock
from airpack.requirements.locks.pins import Choice, Pins
from airpack.requirements.recognise import Document, Kind
from airpack.target.target import Target

# Each module imports what only it needs.
_MODULES = {Kind.UV: "uv_lock", Kind.POETRY: "poetry_lock", Kind.PIPENV: "pipfile_lock"}


def read(document: Document, target: Target, choice: Choice) -> Pins:
    """Return what the lock of another tool pins for `target`, with the extras and groups of `choice`.

    Raises InvalidLock, InvalidRequirement or UnknownMarker.
    """
    module = import_module(f"airpack.requirements.locks.{_MODULES[document.kind]}")
    try:
        pins: Pins = module.read(document.path, document.data, target, choice)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # No schema of these files is published: what isn't as their tools write it shows where it is used.
        reason = f"is not {document.kind.value} as its tool writes it ({type(error).__name__}: {error})"
        raise InvalidLock(document.path, f"{reason}: lock again") from error
    return pins
