"""The locks of other tools in `fixtures/locks`, and what these tools export of them."""

from __future__ import annotations

from pathlib import Path

from airpack.requirements.locks.pins import Choice, Pins
from airpack.target.target import Target
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.machine import ROOT

LOCKS = ROOT / "fixtures" / "locks"
Versions = dict[str, tuple[str, tuple[str, ...]]]  # by name: the version, and the hashes of all its files


def exports(folder: str) -> list[str]:
    """Return the names of the exports of a lock: `main`, `extra-NAME`, `group-NAME`."""
    return sorted(path.stem.removeprefix("export-") for path in (LOCKS / folder).glob("export-*.txt"))


def choice(export: str) -> Choice:
    """Return what an export was asked for."""
    kind, _, name = export.partition("-")
    return Choice(extras=[name] if kind == "extra" else [], groups=[name] if kind == "group" else [])


def exported(folder: str, export: str, target: Target) -> Versions:
    """Return the versions in an export whose markers hold for `target`."""
    text = (LOCKS / folder / f"export-{export}.txt").read_text().replace("\\\n", " ")
    found: Versions = {}
    for line in text.splitlines():
        if not line or line.startswith(("#", "-", "./")):
            continue
        words = line.split(" --hash=")
        requirement = Requirement(words[0])
        if requirement.marker is None or requirement.marker.evaluate(dict(target.marker_environment)):
            version = str(requirement.specifier).removeprefix("==")
            found[canonicalize_name(requirement.name)] = (version, tuple(sorted(word.strip() for word in words[1:])))
    return found


def pinned(pins: Pins) -> Versions:
    """Return the versions that were read, without folders and repositories."""
    return {pin.name: (pin.version, pin.hashes) for pin in pins.pins if not pin.url}


def path_of(folder: str, name: str) -> Path:
    """Return the path of a file in the folder of a lock."""
    return LOCKS / folder / name
