"""The members of a bundle: which files of the installed wheels go into it, which as links, and which clash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airpack_runtime.format import hashing

from airpack.base.errors import InvalidWheel
from airpack.base.files import parents
from airpack.target import prefix
from airpack.target.target import Target
from airpack.tree.install_order import install_order
from airpack.tree.part import Contents, Part, PartFile

# Files of at least this size, in bytes, are stored once even if several wheels have them (OpenBLAS, for example).
# Smaller ones are not shared between wheels, so that a changed pin changes only the frames of that distribution.
_WORTH_SHARING = 128 << 10


def is_large(size: int) -> bool:
    """Return whether a file of so many bytes may become a link to that of another wheel."""
    return size >= _WORTH_SHARING


@dataclass(frozen=True, kw_only=True, slots=True)
class Member(PartFile):
    """A file of the tree, and the contents of the part that it is of.

    `link_to` is the path of an earlier member with the same content and mode, None if there is none. A large file may
    be linked to one of any wheel, a small one only to one of the same wheel.
    """

    contents: Contents
    link_to: str | None = None

    @classmethod
    def of(cls, file: PartFile, part: Part) -> Member:
        """Return the member that a file of a part is."""
        return cls(path=file.path, contents=part.contents, mode=file.mode, size=file.size, sha256=file.sha256)

    def source(self) -> Path:
        """Return the file on disk, which is written if need be."""
        return Path(self.place())

    def place(self) -> str:
        """Return the path of that file: to make a Path of each of thousands takes longer than to open them."""
        return f"{self.contents.folder()}/{self.path}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clash:
    """A file that two wheels write with different content; that of the `second` is kept."""

    path: str
    first: str
    second: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The members that one wheel contributes, sorted by path."""

    part: Part
    members: tuple[Member, ...]


def collect(parts: Sequence[Part], target: Target) -> tuple[list[Group], list[Clash]]:
    """Return the groups of a bundle, and the paths that two wheels write with different content.

    Where several wheels have a path, that of the wheel is kept which pip would install last on `target`. Identical
    files of a wheel become links to the first of them; large files also link to those of other wheels. Raises
    InvalidWheel.
    """
    owners, clashes = _settle(parts, install_order(parts, target))
    shared: dict[tuple[str, int], str] = {}
    groups = []
    for part in parts:
        kept = [Member.of(file, part) for file in part.files if owners[file.path] is part]
        groups.append(Group(part=part, members=tuple(linked(kept, shared))))
    _check_folders(groups)
    return groups, clashes


def _settle(parts: Sequence[Part], order: Sequence[Part]) -> tuple[dict[str, Part], list[Clash]]:
    """Return whose file is kept for each path, and the clashes; `order` is that in which pip would install the parts.

    Of wheels that write the same content, the last part is the owner, whatever pip's order.
    """
    claimants: dict[str, list[tuple[Part, PartFile]]] = {}
    for part in parts:
        for file in part.files:
            claimants.setdefault(file.path, []).append((part, file))
    turns = {part.wheel.key: turn for turn, part in enumerate(order)}
    owners, clashes = {}, []
    for path, claims in claimants.items():
        if len(claims) == 1:  # as nearly all of them
            owners[path] = claims[0][0]
            continue
        winner, kept = max(claims, key=lambda claim: turns[claim[0].wheel.key])
        owners[path] = [part for part, file in claims if _same(file, kept)][-1]
        clashes += [
            Clash(path=path, first=part.wheel.filename, second=winner.wheel.filename)
            for part, file in claims
            if file.sha256 != kept.sha256
        ]
    return owners, clashes


def _same(one: PartFile, other: PartFile) -> bool:
    return (one.sha256, one.mode) == (other.sha256, other.mode)


def _check_folders(groups: Sequence[Group]) -> None:
    """Raise InvalidWheel where one wheel has a file and another a folder of that name."""
    folders = set(directories(groups))
    for group in groups:
        for member in group.members:
            if member.path in folders:
                inside = f"{member.path}/"
                others = [other for other in groups if any(m.path.startswith(inside) for m in other.members)]
                other = others[0].part.wheel.filename
                raise InvalidWheel(group.part.wheel.filename, f"has a file {member.path}, which is a folder in {other}")


def directories(groups: Iterable[Group]) -> list[str]:
    """Return every folder that the members of `groups` need, sorted: parents first."""
    return sorted(parents(member.path for group in groups for member in group.members))


@dataclass(frozen=True, kw_only=True, slots=True)
class Folders:
    """The folders that the members of several groups need, parents first: those in common, and each group's own.

    Each is listed once, as podman refuses a layer that has a folder twice. Common folders are those that several groups
    need, and all those outside of `site-packages`, so that a group's own folders hardly depend on the other groups.
    """

    common: Sequence[str]
    own: Sequence[Sequence[str]]

    @classmethod
    def of(cls, groups: Sequence[Iterable[str]]) -> Folders:
        """Return the folders of groups of paths."""
        needed = [parents(paths) for paths in groups]
        counts = Counter(folder for folders in needed for folder in folders)
        common = sorted(folder for folder, count in counts.items() if count > 1 or not prefix.shortened(folder))
        return cls(common=common, own=[sorted(folders.difference(common)) for folders in needed])


def sums(group: Group) -> bytes:
    """Return the group's lines of SHA256SUMS, in the order of its members, as `sha256sum -c` reads them."""
    return "".join(f"{member.sha256}  {member.path}\n" for member in group.members).encode()


def content_digest(entries: Iterable[tuple[str, int, str]]) -> str:
    """Return the content digest (`hashing.content_digest`) of files and links: path, mode and SHA-256 of each."""
    return hashing.content_digest((path, f"{mode:o}", sha256) for path, mode, sha256 in entries)


def linked(members: Iterable[Member], shared: dict[tuple[str, int], str]) -> Iterator[Member]:
    """Yield the members of a wheel, those that have the content of an earlier one as links to it.

    `shared` are the paths of the earlier wheels' large files by content and mode; this wheel's are added.
    """
    own: dict[tuple[str, int], str] = {}
    for member in members:
        first_of = shared if is_large(member.size) else own
        # Creating an empty file is cheaper than a link to one.
        first = first_of.setdefault((member.sha256, member.mode), member.path) if member.size else member.path
        yield member if first == member.path else replace(member, link_to=first)
