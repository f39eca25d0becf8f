"""`uv.lock` (version 1) -> Pins: walks from the project to all that it needs on the target.

The lock holds the versions for every Python and platform; each dependency in it has a marker (PEP 508).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from airpack.base.errors import InvalidLock
from airpack.requirements.conditions import check_python, holds
from airpack.requirements.locks.pins import Choice, Pin, Pins, hashed, local_url
from airpack.target.target import Target

_VERSION = 1
_MOST_WALKS = 50  # of a lock's packages, until their extras are known; few locks need more than two
_FOLDERS = ("editable", "directory")

Table = Mapping[str, Any]


def read(path: Path, data: Table, target: Target, choice: Choice) -> Pins:
    """Return what the uv.lock at `path`, parsed to `data`, pins for `target`.

    A lock has the dependencies of its project; of a workspace without a project, those of all its members. Raises
    InvalidLock, InvalidRequirement or UnknownMarker.
    """
    if data.get("version") != _VERSION:
        known = f"is a uv.lock of version {data.get('version')}, airpack reads version {_VERSION}"
        raise InvalidLock(path, f"{known}: write what it reads by uv export --format pylock.toml")
    check_python(path, str(data.get("requires-python", "")), target.python_full_version)
    lock = _Lock(path=path, target=target, packages=[*data.get("package", ())], manifest=data.get("manifest", {}))
    supported = data.get("supported-markers", ())
    if supported and not any(holds(path, marker, target) for marker in supported):
        raise InvalidLock(path, f"does not fit {target.name}: it is for {' or '.join(supported)}: lock again for it")
    reached = _reached(lock, choice)
    pins = [lock.pin(package) for package in reached if "virtual" not in package.get("source", {})]
    notes = [f"{each.name} itself is left out: {path.parent} holds no project" for each in pins if lock.is_bare(each)]
    return Pins(
        path=path,
        pins=tuple(sorted((pin for pin in pins if not lock.is_bare(pin)), key=lambda pin: pin.name)),
        indexes=tuple(filter(None, (lock.index_of(package) for package in reached))),
        notes=tuple(f"note: {path}: {note}" for note in notes),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lock:
    """The packages of a lock, as the file has them, and what follows from its target."""

    path: Path
    target: Target
    packages: Sequence[Table]
    manifest: Table
    active: frozenset[str] = field(default_factory=frozenset)  # uv's names of extras and groups, in markers

    def walk(self, choice: Choice) -> Iterator[tuple[Table, str]]:
        """Yield each package that is needed, once alone and once with each of its extras that is."""
        roots = self.roots()
        waiting = [(root, extra) for root in roots for extra in ("", *choice.extras)]
        edges = [edge for edges in self._chosen_groups(roots, choice) for edge in edges]
        edges += self.manifest.get("requirements", ())
        seen: set[tuple[int, str]] = set()
        waiting += self._along(edges)
        while waiting:
            package, extra = waiting.pop()
            if (id(package), extra) in seen:
                continue
            seen.add((id(package), extra))
            yield package, extra
            optional = {
                canonicalize_name(key): edges for key, edges in package.get("optional-dependencies", {}).items()
            }
            waiting += self._along(
                optional.get(canonicalize_name(extra), ()) if extra else package.get("dependencies", ())
            )

    def _along(self, edges: Iterable[Table]) -> Iterator[tuple[Table, str]]:
        """Yield the packages that these dependencies mean on the target, each alone and with the extras they name."""
        for edge in edges:
            if holds(self.path, edge.get("marker", ""), self.target, self.active):
                package = self._meant(edge)
                yield from ((package, extra) for extra in ("", *edge.get("extra", ()), *edge.get("extras", ())))

    def _meant(self, edge: Table) -> Table:
        """Return the package that a dependency means: the lock may hold several versions of one."""
        named = [each for each in self.packages if each.get("name") == edge.get("name")]
        for key in ("version", "source"):
            named = [each for each in named if key not in edge or each.get(key) == edge[key]]
        if len(named) > 1:
            named = [each for each in named if self._is_for_target(each)]
        if len(named) != 1:
            count = f"{len(named)} packages {edge.get('name')}" if named else f"no {edge.get('name')}"
            raise InvalidLock(self.path, f"has {count} for {self.target.name}: lock again")
        return named[0]

    def _is_for_target(self, package: Table) -> bool:
        markers = package.get("resolution-markers", ())
        return not markers or any(holds(self.path, marker, self.target, self.active) for marker in markers)

    def roots(self) -> list[Table]:
        """Return the project, or the members of a workspace that is none itself."""
        local = [each for each in self.packages if _is_local(each)]
        project = [each for each in local if "." in each["source"].values()]
        return project or [each for each in local if each["name"] in self.manifest.get("members", ())]

    def _chosen_groups(self, roots: Sequence[Table], choice: Choice) -> Iterator[Sequence[Table]]:
        """Yield the dependencies of each group that is asked for. Raises InvalidRequirement for what there isn't."""
        extras = [extra for root in roots for extra in root.get("metadata", {}).get("provides-extras", ())]
        extras += [extra for root in roots for extra in root.get("optional-dependencies", ())]
        tables = [root.get("dev-dependencies", {}) for root in roots] + [self.manifest.get("dependency-groups", {})]
        known = [name for table in tables for name in table]
        known += [name for root in roots for name in root.get("metadata", {}).get("requires-dev", {})]
        choice.check(self.path, extras=extras, groups=known)
        wanted = {canonicalize_name(group) for group in choice.groups}
        for table in tables:
            yield from (edges for name, edges in table.items() if canonicalize_name(name) in wanted)

    def index_of(self, package: Table) -> str:
        """Return the index of a package, a URL or a folder; empty if it comes from elsewhere."""
        registry = str(package.get("source", {}).get("registry", ""))
        return registry if not registry or "://" in registry else str((self.path.parent / registry).resolve())

    def is_bare(self, pin: Pin) -> bool:
        """Return whether `pin` is the project itself, and only its lock is here."""
        folder = self.path.parent.absolute()
        return pin.url == local_url(self.path, ".") and not (folder / "pyproject.toml").exists()

    def pin(self, package: Table) -> Pin:
        """Return the pin of a package. Raises InvalidLock."""
        name, source = canonicalize_name(package["name"]), package.get("source", {})
        files = [*([package["sdist"]] if "sdist" in package else []), *package.get("wheels", ())]
        if "registry" in source:
            hashes = hashed(self.path, name, [file.get("hash") for file in files])
            return Pin(name=name, version=str(package.get("version", "")), hashes=hashes)
        if "git" in source:
            return Pin(name=name, url=_repository(source["git"]))
        for kind in _FOLDERS:
            if kind in source:
                return Pin(name=name, url=local_url(self.path, source[kind]))
        hashes = hashed(self.path, name, [file.get("hash") for file in files])
        url = source["url"] if "url" in source else local_url(self.path, source.get("path", ""))
        return Pin(name=name, url=url + _fragment(source.get("subdirectory")), hashes=hashes)


def _reached(lock: _Lock, choice: Choice) -> list[Table]:
    """Return the packages that are needed for the target. Raises InvalidLock, InvalidRequirement or UnknownMarker."""
    for _ in range(_MOST_WALKS):
        steps = list(lock.walk(choice))
        active = lock.active | {_active_name("extra", package, extra) for package, extra in steps if extra}
        active |= {_active_name("group", root, group) for root in lock.roots() for group in choice.groups}
        if active == lock.active:
            return list({id(package): package for package, _ in steps}.values())
        # Whether a marker holds may depend on the extras that the walk came by.
        lock = replace(lock, active=active)
    raise InvalidLock(lock.path, "has extras that depend on each other without end: lock again")


def _is_local(package: Table) -> bool:
    return bool({"editable", "virtual", "directory"} & set(package.get("source", {})))


def _active_name(kind: str, package: Table, name: str) -> str:
    """Return what uv's markers call an extra or a group of a package, where some of them conflict."""
    return f"{kind}-{len(package['name'])}-{package['name']}-{name}"


def _repository(address: str) -> str:
    """Return a requirement's URL for uv's address of a commit: URL?subdirectory=FOLDER&rev=NAME#COMMIT."""
    parts = urlsplit(address)
    folders: Collection[str] = parse_qs(parts.query).get("subdirectory", ())
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    return f"git+{url}@{parts.fragment}" + _fragment(next(iter(folders), None))


def _fragment(subdirectory: str | None) -> str:
    return f"#subdirectory={subdirectory}" if subdirectory else ""
