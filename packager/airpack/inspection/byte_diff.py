"""Where two bundles differ: which file and how, which frames, and what else of the table of contents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime.format.toc import File

from airpack.base import files, zstd
from airpack.bundle.opened import OpenBundle
from airpack.tree import members

_SAME_CONTENT = "has the same content, compressed differently"


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A file or hard link of a bundle: the file that holds its content, its mode and SHA-256; `link_to` for a link."""

    file: File
    mode: int
    sha256: str
    link_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Whether two bundles have the same bytes, or the same content (`members.content_digest`).

    `differences` describes each difference in a sentence, for people; it is empty if the bytes are the same.
    """

    same_bytes: bool
    same_content: bool
    differences: tuple[str, ...] = ()


def compare(packed: Path, rebuilt: Path) -> Comparison:
    """Return how the bundle at `rebuilt` differs from the one at `packed`.

    Both must be undamaged (`verify.bundle` checks that), and no links. Raises BundleNotFound or BundleDamaged (of
    `airpack_runtime.errors`).
    """
    offset = _first_difference(packed, rebuilt)
    if offset is None:
        return Comparison(same_bytes=True, same_content=True)
    with OpenBundle.at(packed, follow=False) as one, OpenBundle.at(rebuilt, follow=False) as other:
        digests = {members.content_digest(opened.hashed()) for opened in (one, other)}
        differences = [*_member_differences(one, other), *_frame_differences(one, other), *_toc_differences(one, other)]
    differences = differences or [f"the first difference is at byte {offset:,}, after the table of contents"]
    return Comparison(same_bytes=False, same_content=len(digests) == 1, differences=tuple(differences))


def _placed(opened: OpenBundle) -> dict[str, Placed]:
    """Return the files and links of a bundle by path. Raises BundleDamaged."""
    targets = dict(opened.toc.links)
    return {
        path: Placed(file=opened.entries[path], mode=mode, sha256=sha256, link_to=targets.get(path))
        for path, mode, sha256 in opened.hashed()
    }


def _first_difference(one: Path, other: Path) -> int | None:
    """Return the offset of the first byte in which two files differ, or None if they are equal."""
    offset = 0
    with files.opened(one) as first, files.opened(other) as second:
        while True:
            left, right = first.read(1 << 20), second.read(1 << 20)
            if left != right:
                return offset + _common_length(left, right)
            if not left:
                return None
            offset += len(left)


def _common_length(left: bytes, right: bytes) -> int:
    """Return how many bytes at the beginning of `left` and `right` are equal."""
    return next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _member_differences(one: OpenBundle, other: OpenBundle) -> Iterator[str]:
    """Describe the files and links that are in one bundle only, or differ in mode, size, content or kind."""
    before, after = _placed(one), _placed(other)
    for path in sorted(before.keys() | after.keys()):
        if path not in after or path not in before:
            holder, name = (before, "packed") if path in before else (after, "rebuilt")
            yield f"{path} ({holder[path].file.size:,} bytes) is only in the {name} bundle"
            continue
        old, new = before[path], after[path]
        if old.mode != new.mode:
            yield f"{path} has the mode {old.mode:o} as packed, {new.mode:o} as rebuilt"
        if old.sha256 != new.sha256:
            offset = _common_length(one.read(old.file), other.read(new.file))
            sizes = f"{old.file.size:,} bytes as packed, {new.file.size:,} as rebuilt"
            yield f"{path} has {sizes}; they differ from byte {offset:,} on"
        elif old.link_to != new.link_to:
            yield f"{path} is {_kind(old)} as packed, {_kind(new)} as rebuilt"


def _kind(member: Placed) -> str:
    return f"a link to {member.link_to}" if member.link_to else "a file"


def _frame_differences(one: OpenBundle, other: OpenBundle) -> Iterator[str]:
    """Describe which frames differ, and which of them differ in their compressed form only."""
    before, after = one.toc.frames, other.toc.frames
    known = {frame.sha256 for frame in before}
    changed = [number for number, frame in enumerate(after) if frame.sha256 not in known]
    if changed:
        yield f"{len(changed):,} of {len(after):,} rebuilt frames are not in the packed bundle: {_listed(changed)}"
    recompressed = [
        number
        for number in changed
        if number < len(before) and one.file.frame(number, zstd.decompress) == other.file.frame(number, zstd.decompress)
    ]
    for number in recompressed[:1]:
        sizes = f"{before[number].size:,} bytes as packed, {after[number].size:,} as rebuilt"
        count = f"; {len(recompressed):,} frames differ in this way" if recompressed[1:] else ""
        yield f"frame {number} {_SAME_CONTENT} ({sizes}){count}"


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")


def _toc_differences(one: OpenBundle, other: OpenBundle) -> Iterator[str]:
    """Describe the other differences of the tables of contents, and of the decoders."""
    before, after = one.toc, other.toc
    for name in ("target", "creator", "requirements"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"the {name} in the table of contents: {_shown(old)} as packed, {_shown(new)} as rebuilt"
    packed = {share.name: share for share in before.distributions}
    for share in after.distributions:
        earlier = packed.get(share.name)
        if earlier is None:
            yield f"{share.name} ({share.wheel}) is only in the rebuilt bundle's table of contents"
        elif (earlier.version, earlier.sha256) != (share.version, share.sha256):
            yield f"{share.name} was packed from another wheel than {share.wheel}"
    if before.decoder and after.decoder and before.decoder.sha256 != after.decoder.sha256:
        same = one.file.decoder() == other.file.decoder()
        origins = f"is from {before.decoder.origin} as packed, from {after.decoder.origin} as rebuilt"
        yield f"the decoder {_SAME_CONTENT if same else origins}"
    elif (before.decoder is None) != (after.decoder is None):
        yield "only one of the two bundles has a decoder"
    if before == after and one.file.digest != other.file.digest:
        yield f"the table of contents {_SAME_CONTENT}"


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
