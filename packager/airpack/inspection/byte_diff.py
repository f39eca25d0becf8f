"""Says where two bundles differ: which member, how, and which part of the file's frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime.format.toc import File

from airpack.base import zstd
from airpack.bundle.opened import OpenBundle
from airpack.tree import members

_SAME_BUT = "holds the same, but is compressed differently"


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A file or link of a bundle: its content's place, its mode and SHA-256; `link_to` is a link's target."""

    file: File
    mode: int
    sha256: str
    link_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What two bundles have in common: all bytes, all content (`members.content_digest`); else, how they differ."""

    same_bytes: bool
    same_content: bool
    differences: tuple[str, ...] = ()


def compare(packed: Path, rebuilt: Path) -> Comparison:
    """Return how the bundle `rebuilt` differs from `packed`, which must be whole (`integrity.check`).

    A difference is told as `packed` has it, then as `rebuilt` does. Raises BundleNotFound or BundleDamaged (of
    `airpack_runtime.errors`).
    """
    place = _first_difference(packed, rebuilt)
    if place is None:
        return Comparison(same_bytes=True, same_content=True)
    with OpenBundle.at(packed) as one, OpenBundle.at(rebuilt) as other:
        digests = {members.content_digest(each.hashed()) for each in (one, other)}
        differences = [*_of_members(one, other), *_of_frames(one, other), *_of_table(one, other)]
    differences = differences or [f"the first different byte is {place:,}, behind the table of contents"]
    return Comparison(same_bytes=False, same_content=len(digests) == 1, differences=tuple(differences))


def _members_of(opened: OpenBundle) -> dict[str, Placed]:
    """Return each file and link by its path. Raises BundleDamaged."""
    targets = dict(opened.toc.links)
    return {
        path: Placed(file=opened.entries[path], mode=mode, sha256=sha256, link_to=targets.get(path))
        for path, mode, sha256 in opened.hashed()
    }


def _first_difference(one: Path, other: Path) -> int | None:
    """Return the place of the first byte that differs, None if there is none."""
    place = 0
    with open(one, "rb") as first, open(other, "rb") as second:
        while True:
            left, right = first.read(1 << 20), second.read(1 << 20)
            if left != right:
                return place + _first_of(left, right)
            if not left:
                return None
            place += len(left)


def _first_of(left: bytes, right: bytes) -> int:
    return next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _of_members(one: OpenBundle, other: OpenBundle) -> Iterator[str]:
    """Say which files differ: there or not, mode, size, the first byte."""
    before, after = _members_of(one), _members_of(other)
    for path in sorted(before.keys() | after.keys()):
        if path not in after or path not in before:
            there, where = (before, "was packed") if path in before else (after, "is rebuilt")
            yield f"{path} ({there[path].file.size:,} bytes) {where} alone"
            continue
        old, new = before[path], after[path]
        if old.mode != new.mode:
            yield f"{path} has the mode {old.mode:o}, then {new.mode:o}"
        if old.sha256 != new.sha256:
            place = _first_of(one.read(old.file), other.read(new.file))
            yield f"{path} has {old.file.size:,} bytes, then {new.file.size:,}; the first different one is {place:,}"
        elif old.link_to != new.link_to:
            yield f"{path} is {_kind(old)}, then {_kind(new)}"


def _kind(member: Placed) -> str:
    return f"a link to {member.link_to}" if member.link_to else "a file"


def _of_frames(one: OpenBundle, other: OpenBundle) -> Iterator[str]:
    """Say which frames differ, and whether their content does."""
    before, after = one.toc.frames, other.toc.frames
    known = {each.sha256 for each in before}
    changed = [number for number, each in enumerate(after) if each.sha256 not in known]
    if changed:
        yield f"{len(changed):,} of {len(after):,} frames are new: {_listed(changed)}"
    same = [
        number
        for number in changed
        if number < len(before) and one.file.frame(number, zstd.decompress) == other.file.frame(number, zstd.decompress)
    ]
    for number in same[:1]:
        sizes = f"{before[number].size:,} bytes, then {after[number].size:,}"
        more = f", and so on in {len(same):,} frames" if same[1:] else ""
        yield f"frame {number} {_SAME_BUT} ({sizes}){more}"


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")


def _of_table(one: OpenBundle, other: OpenBundle) -> Iterator[str]:
    """Say what else of the tables of contents differs, and whether the decoder does."""
    before, after = one.toc, other.toc
    for name in ("target", "creator", "requirements"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"the table of contents has the {name} {_told(old)}, then {_told(new)}"
    listed = {each.name: each for each in before.distributions}
    for each in after.distributions:
        old = listed.get(each.name)
        if old is None or (old.version, old.sha256) != (each.version, each.sha256):
            yield f"the table of contents has {each.name} of another wheel, then {each.wheel}"
    if before.decoder and after.decoder and before.decoder.sha256 != after.decoder.sha256:
        same = one.file.decoder() == other.file.decoder()
        yield f"the decoder {_SAME_BUT if same else f'is {before.decoder.origin}, then {after.decoder.origin}'}"
    elif (before.decoder is None) != (after.decoder is None):
        yield "the decoder is in one of them alone"
    if before == after and one.file.digest != other.file.digest:
        yield f"the table of contents {_SAME_BUT}"


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
