"""What differs between a lock that was written, and what its requirements mean now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.pylock import Package

from airpack.base.console import amount_of
from airpack.base.errors import AirpackError
from airpack.resolve.lock import Lock, LockedWheel
from airpack.resolve.pylock import LockFile


class LockOutdated(AirpackError):
    """A lock that is not what its requirements mean now."""

    def __init__(self, path: Path, count: int) -> None:
        differences = amount_of(count, "differences")
        super().__init__(f"{path} is not up to date: {differences}, listed above; airpack lock writes it again")
        self.path = path


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """A package whose version, or whose file, is another: `old` and `new` are the versions."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """The packages that a lock has and the older one has not, those that it lost, and those that differ.

    `asked` are the requirements that were added and removed, each with its sign.
    """

    added: tuple[LockedWheel, ...]
    removed: tuple[tuple[str, str], ...]
    changed: tuple[Changed, ...]
    asked: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of differences."""
        return len(self.added) + len(self.removed) + len(self.changed) + len(self.asked)

    def lines(self) -> Iterator[str]:
        """Yield a line for each difference, for people."""
        yield from (f"asked     {text}" for text in self.asked)
        yield from (f"add       {wheel.name} {wheel.version}" for wheel in self.added)
        yield from (f"remove    {name} {version}" for name, version in self.removed)
        for each in self.changed:
            versions = f"{each.old} -> {each.new}" if each.old != each.new else f"{each.new}, another file"
            yield f"change    {each.name} {versions}"

    def to_dict(self) -> dict[str, object]:
        """Return them as JSON takes them."""
        return {
            "added": [{"name": wheel.name, "version": wheel.version} for wheel in self.added],
            "removed": [{"name": name, "version": version} for name, version in self.removed],
            "changed": [{"name": each.name, "old": each.old, "new": each.new} for each in self.changed],
            "asked": list(self.asked),
        }


def between(old: LockFile | None, new: Lock) -> Changes:
    """Return what differs in `new`; everything is new where there is no `old`."""
    before = {package.name: package for package in old.pylock.packages} if old else {}
    after = {wheel.key: wheel for wheel in new.wheels}
    changed = [
        Changed(name=wheel.name, old=str(before[key].version or ""), new=wheel.version)
        for key, wheel in after.items()
        if key in before and not _is_same(before[key], wheel)
    ]
    removed = [(str(name), str(package.version or "")) for name, package in before.items() if name not in after]
    asked: list[str] = []
    if old is not None:
        asked += _signed("-", old.requirements, new.requirements)
        asked += _signed("+", new.requirements, old.requirements)
    return Changes(
        added=tuple(wheel for key, wheel in after.items() if key not in before),
        removed=tuple(removed),
        changed=tuple(changed),
        asked=tuple(asked),
    )


def versions_in(old: LockFile) -> dict[str, list[str]]:
    """Return the version of each package of a lock that has one, by normalised name (PEP 503), and its hashes."""
    return {
        package.name: [str(package.version), *sorted(_hashes(package))]
        for package in old.pylock.packages
        if package.version is not None
    }


def _is_same(package: Package, wheel: LockedWheel) -> bool:
    """Return whether a locked package is this version, by the hash of the wheel or of its source where it has one."""
    if package.version is not None and str(package.version) != wheel.version:
        return False
    known = _hashes(package)
    return not known or bool(known & {*wheel.hashes})


def _hashes(package: Package) -> set[str]:
    """Return the SHA-256 of the files of a package in a lock, as far as it has them."""
    files = (*(package.wheels or ()), package.sdist, package.archive)
    return {file.hashes["sha256"] for file in files if file is not None and "sha256" in file.hashes}


def _signed(sign: str, these: tuple[str, ...], those: tuple[str, ...]) -> Iterator[str]:
    return (f"{sign} {text}" for text in these if text not in those)
