"""How two bundles differ: in packages and their files; and how many frames both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from airpack_runtime.format.toc import Distribution

from airpack.bundle.opened import OpenBundle, paths_of, unpacked_size

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A package as one of the two bundles has it; `sha256` is the wheel's, `size` the unpacked size in bytes."""

    version: str
    license: str
    built_from: str
    wheel: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A path whose file was `added`, `removed` or `changed`.

    Sizes are in bytes. Size and SHA-256 are None for the bundle that lacks the path.
    """

    kind: str
    path: str
    old_size: int | None
    new_size: int | None
    old_sha256: str | None
    new_sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageChange:
    """A package that was `added`, `removed` or `changed`, and which of its files were."""

    kind: str
    name: str
    old: Side | None
    new: Side | None
    files: Sequence[FileChange]


class Setting(NamedTuple):
    """A setting of the two bundles, in text. A pair, because `airpack diff --json` prints it as one."""

    old: str
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameTotals:
    """The number of the new bundle's frames and their bytes; `shared_` counts those that the old bundle also has."""

    count: int
    size: int
    shared_count: int
    shared_size: int

    @property
    def to_upload(self) -> int:
        """The bytes of the frames that the old bundle lacks."""
        return self.size - self.shared_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How two bundles differ; `settings` has the target, the requirements, the decoder and so on, where they do."""

    old_digest: str
    new_digest: str
    settings: Mapping[str, Setting]
    packages: Sequence[PackageChange]
    frames: FrameTotals

    @property
    def is_empty(self) -> bool:
        """Whether both are the same bundle: the digest covers all of it."""
        return self.old_digest == self.new_digest


def compare(old: OpenBundle, new: OpenBundle) -> Difference:
    """Return how `new` differs from `old`. Raises BundleDamaged (of `airpack_runtime.errors`)."""
    same = old.file.digest == new.file.digest
    return Difference(
        old_digest=f"sha256:{old.file.digest}",
        new_digest=f"sha256:{new.file.digest}",
        settings=_changed_settings(old, new),
        packages=[] if same else list(_packages(old, new)),
        frames=_frames(old, new),
    )


def _changed_settings(old: OpenBundle, new: OpenBundle) -> dict[str, Setting]:
    before, after = _settings(old), _settings(new)
    return {name: Setting(value, after[name]) for name, value in before.items() if value != after[name]}


def _settings(opened: OpenBundle) -> dict[str, str]:
    """Return what the table of contents says besides packages and files, as text by name."""
    toc = opened.toc
    return {
        "target": toc.target,
        "packed by": toc.creator,
        "requirements": ", ".join(sorted(toc.requirements)),
        "decoder": f"{toc.decoder.origin} ({toc.decoder.sha256[:12]})" if toc.decoder else "none",
    }


def _packages(old: OpenBundle, new: OpenBundle) -> Iterator[PackageChange]:
    before, after = _Packages(old), _Packages(new)
    for name in sorted({*before.by_name, *after.by_name}):
        was, now = before.side(name), after.side(name)
        files = list(_files(before.files(name), after.files(name)))
        if was == now and not files:
            continue
        kind = ADDED if was is None else REMOVED if now is None else CHANGED
        yield PackageChange(kind=kind, name=name, old=was, new=now, files=files)


@dataclass(frozen=True, kw_only=True, slots=True)
class _FileState:
    """A file's or link's size in bytes, mode and SHA-256."""

    size: int
    mode: int
    sha256: str


class _Packages:
    """The packages of one bundle by name; names were normalised when it was packed."""

    def __init__(self, opened: OpenBundle) -> None:
        self.by_name: dict[str, Distribution] = {share.name: share for share in opened.toc.distributions}
        self._opened = opened

    def side(self, name: str) -> Side | None:
        """Return a package as this bundle has it, or None if it lacks it."""
        share = self.by_name.get(name)
        if share is None:
            return None
        size = unpacked_size(self._opened.toc, share)
        return Side(
            version=share.version,
            license=share.license,
            built_from=share.built_from,
            wheel=share.wheel,
            sha256=share.sha256,
            size=size,
        )

    def files(self, name: str) -> dict[str, _FileState]:
        """Return the files and links of a package by path; empty if the bundle lacks it."""
        if name not in self.by_name:
            return {}
        states = {}
        for path in paths_of(self._opened.toc, self.by_name[name]):
            file = self._opened.entries[path]
            states[path] = _FileState(size=file.size, mode=file.mode, sha256=self._opened.sums.get(path, ""))
        return states


def _files(before: Mapping[str, _FileState], after: Mapping[str, _FileState]) -> Iterator[FileChange]:
    for path in sorted({*before, *after}):
        was, now = before.get(path), after.get(path)
        if was != now:
            yield FileChange(
                kind=ADDED if was is None else REMOVED if now is None else CHANGED,
                path=path,
                old_size=None if was is None else was.size,
                new_size=None if now is None else now.size,
                old_sha256=None if was is None else was.sha256,
                new_sha256=None if now is None else now.sha256,
            )


def _frames(old: OpenBundle, new: OpenBundle) -> FrameTotals:
    known = {frame.sha256 for frame in old.toc.frames}
    shared = [frame for frame in new.toc.frames if frame.sha256 in known]
    return FrameTotals(
        count=len(new.toc.frames),
        size=sum(frame.size for frame in new.toc.frames),
        shared_count=len(shared),
        shared_size=sum(frame.size for frame in shared),
    )
