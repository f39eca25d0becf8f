"""What a new bundle brings, for who must approve it: each package that differs, before and after, in full."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airpack_runtime.errors import reason_of
from packaging.utils import canonicalize_name

from airpack.base import files
from airpack.base.urls import redacted
from airpack.bundle.opened import OpenBundle
from airpack.inspection import diff, inventory, summary
from airpack.inspection.diff import ADDED, CHANGED, REMOVED, FrameTotals, Setting
from airpack.inspection.inventory import Inventory
from airpack.inspection.summary import BundleSummary
from airpack.licences import licence
from airpack.licences.licence import Licence
from airpack.results.folder import Results

_KEY = re.compile(r"^key ([0-9a-f]{16})$", re.MULTILINE)
_SIGNATURE_LIMIT = 8 << 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What is read of an open bundle, which lies in `results`; `licences` are those of its packages, by name."""

    results: Results
    opened: OpenBundle
    summary: BundleSummary
    inventory: Inventory
    licences: Mapping[str, Licence]

    @classmethod
    def of(cls, results: Results, opened: OpenBundle) -> Reading:
        """Read the bundle `opened`. Raises BundleDamaged (of `airpack_runtime.errors`)."""
        digest = opened.file.digest
        return cls(
            results=results,
            opened=opened,
            summary=summary.summarize(opened, results.origins(digest)),
            inventory=inventory.take(opened, results.entries(digest)),
            licences=licence.licences(opened),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A package in one of the two bundles. `size` is what it unpacks to, in bytes; `sha256` is that of its wheel.

    `libraries` are those that its wheel brings in a folder of their own, with what their files' names show of the
    version; `signed_by` are the publishers that the index names as attesting the wheel.
    """

    version: str
    licence: str
    origin: str
    wheel: str
    sha256: str
    size: int
    libraries: tuple[str, ...]
    signed_by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A package that was added, removed or changed (`diff`); a side is None where the bundle lacks it.

    `files` counts its files that were added, removed and changed.
    """

    name: str
    kind: str
    old: Side | None
    new: Side | None
    files: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """One of the two bundles; `signature` says which key the signature beside it names, which isn't verified."""

    digest: str
    size: int
    target: str
    signature: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """How two bundles differ; `same` are the packages in which they don't, with their versions."""

    old: Bundle
    new: Bundle
    settings: Mapping[str, Setting]
    rows: Sequence[Row]
    same: Sequence[str]
    frames: FrameTotals

    @property
    def is_empty(self) -> bool:
        """Whether both are the same bundle."""
        return self.old.digest == self.new.digest


def collect(old: Results, new: Results) -> Review:
    """Return the review of the bundle `new`, which is to come in place of `old`.

    Raises BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    with old.open_bundle() as before, new.open_bundle() as after:
        return compare(Reading.of(old, before), Reading.of(new, after))


def compare(old: Reading, new: Reading) -> Review:
    """Return the review of two bundles that are open; see `collect`."""
    difference = diff.compare(old.opened, new.opened)
    left, right = _sides(old), _sides(new)
    changed = {change.name: change for change in difference.packages}
    rows = [
        Row(
            name=name,
            kind=changed[name].kind if name in changed else CHANGED,
            old=left.get(name),
            new=right.get(name),
            files=_counts(changed[name].files if name in changed else ()),
        )
        for name in sorted({*left, *right})
        if name in changed or left.get(name) != right.get(name)
    ]
    listed = {row.name for row in rows}
    return Review(
        old=_bundle(old),
        new=_bundle(new),
        settings=difference.settings,
        rows=rows,
        same=[f"{name} {side.version}" for name, side in right.items() if name not in listed],
        frames=difference.frames,
    )


def _counts(changes: Sequence[diff.FileChange]) -> dict[str, int]:
    return {kind: sum(change.kind == kind for change in changes) for kind in (ADDED, REMOVED, CHANGED)}


def _bundle(reading: Reading) -> Bundle:
    about = reading.summary
    signature = _signature(reading.results)
    return Bundle(digest=about.digest, size=about.size, target=about.target, signature=signature)


def _signature(packed: Results) -> str:
    """Return what the signature beside a bundle says, in words."""
    try:
        path = packed.signature()
        text = files.read_text(path, limit=_SIGNATURE_LIMIT) if path else ""
    except OSError as error:
        return f"can't be read ({reason_of(error)})"
    except ValueError:
        return "is no text"
    key = _KEY.search(text)
    return f"names the key {key[1]}" if key else "names no key" if text else "none"


def _sides(reading: Reading) -> dict[str, Side]:
    """Return the packages of a bundle by name."""
    records = {record.key: record for record in reading.inventory.packages}
    sides = {}
    for package in reading.summary.packages:
        record = records[canonicalize_name(package.name)]
        found = [f"{library.name} {library.version}".strip() for library in record.libraries]
        sides[package.name] = Side(
            version=package.version,
            licence=reading.licences[package.name].shown,
            origin=redacted(package.origin) or "not recorded",
            wheel=package.wheel,
            sha256=package.sha256,
            size=package.unpacked_size,
            libraries=tuple(sorted(found)),
            signed_by=record.attested_by,
        )
    return sides
