"""What two bundles differ in: packages, the files behind them, and the frames that both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from airpack_runtime.format.toc import Distribution

from airpack.bundle.opened import OpenBundle, paths_of

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one bundle has of a package: its version, its wheel and that's SHA-256, its unpacked size in bytes."""

    version: str
    license: str
    built_from: str
    wheel: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A path whose file is `added`, `removed` or `changed`; sizes and SHA-256 are None where it isn't there."""

    kind: str
    path: str
    old_size: int | None
    new_size: int | None
    old_sha256: str | None
    new_sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageChange:
    """A package that is `added`, `removed` or `changed`, and the files behind that."""

    kind: str
    name: str
    old: Side | None
    new: Side | None
    files: Sequence[FileChange]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frames:
    """The new bundle's frames: how many, how many bytes, and of both what the old bundle has byte for byte."""

    count: int
    size: int
    shared_count: int
    shared_size: int

    @property
    def to_upload(self) -> int:
        """The bytes of frames that the old bundle hasn't."""
        return self.size - self.shared_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What differs between two bundles; `settings` maps target, requirements, decoder and so on to (old, new)."""

    old_digest: str
    new_digest: str
    settings: Mapping[str, tuple[str, str]]
    packages: Sequence[PackageChange]
    frames: Frames

    @property
    def is_empty(self) -> bool:
        """Tell whether it is the same bundle: the digest covers all of it."""
        return self.old_digest == self.new_digest


def compare(old: OpenBundle, new: OpenBundle) -> Difference:
    """Return what differs from `old` to `new`. Raises BundleDamaged (of `airpack_runtime.errors`)."""
    same = old.file.digest == new.file.digest
    return Difference(
        old_digest=f"sha256:{old.file.digest}",
        new_digest=f"sha256:{new.file.digest}",
        settings=dict(_settings(old, new)),
        packages=[] if same else list(_packages(old, new)),
        frames=_frames(old, new),
    )


def _settings(old: OpenBundle, new: OpenBundle) -> Iterator[tuple[str, tuple[str, str]]]:
    before, after = _told(old), _told(new)
    for name, value in before.items():
        if value != after[name]:
            yield name, (value, after[name])


def _told(opened: OpenBundle) -> dict[str, str]:
    """Return what a bundle says of itself besides its packages."""
    toc = opened.toc
    return {
        "target": toc.target,
        "packed by": toc.creator,
        "requirements": ", ".join(sorted(toc.requirements)),
        "decoder": f"{toc.decoder.origin} ({toc.decoder.sha256[:12]})" if toc.decoder else "none",
    }


def _packages(old: OpenBundle, new: OpenBundle) -> Iterator[PackageChange]:
    before, after = _Shares(old), _Shares(new)
    for name in sorted({*before.by_name, *after.by_name}):
        was, now = before.side(name), after.side(name)
        files = list(_files(before.files(name), after.files(name)))
        if was == now and not files:
            continue
        kind = ADDED if was is None else REMOVED if now is None else CHANGED
        yield PackageChange(kind=kind, name=name, old=was, new=now, files=files)


_Content = tuple[int, int, str]  # size, mode, SHA-256


class _Shares:
    """The packages of one bundle by name, which every wheel's METADATA normalises alike at pack time."""

    def __init__(self, opened: OpenBundle) -> None:
        self.by_name: dict[str, Distribution] = {each.name: each for each in opened.toc.distributions}
        self._contents = opened

    def side(self, name: str) -> Side | None:
        share = self.by_name.get(name)
        if share is None:
            return None
        size = sum(file.size for file in self._contents.toc.files[slice(*share.files)])
        return Side(
            version=share.version,
            license=share.license,
            built_from=share.built_from,
            wheel=share.wheel,
            sha256=share.sha256,
            size=size,
        )

    def files(self, name: str) -> dict[str, _Content]:
        """Return what lies at each of a package's paths, links included."""
        if name not in self.by_name:
            return {}
        found = {}
        for path in paths_of(self._contents.toc, self.by_name[name]):
            file = self._contents.entries[path]
            found[path] = (file.size, file.mode, self._contents.sums.get(path, ""))
        return found


def _files(before: Mapping[str, _Content], after: Mapping[str, _Content]) -> Iterator[FileChange]:
    for path in sorted({*before, *after}):
        was, now = before.get(path), after.get(path)
        if was != now:
            yield FileChange(
                kind=ADDED if was is None else REMOVED if now is None else CHANGED,
                path=path,
                old_size=was and was[0],
                new_size=now and now[0],
                old_sha256=was and was[2],
                new_sha256=now and now[2],
            )


def _frames(old: OpenBundle, new: OpenBundle) -> Frames:
    there = {frame.sha256 for frame in old.toc.frames}
    shared = [frame for frame in new.toc.frames if frame.sha256 in there]
    return Frames(
        count=len(new.toc.frames),
        size=sum(frame.size for frame in new.toc.frames),
        shared_count=len(shared),
        shared_size=sum(frame.size for frame in shared),
    )
