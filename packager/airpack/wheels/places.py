"""Where the files of a wheel go in a tree, as pip places them (the binary distribution format, "Installing")."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from airpack_runtime import layout
from installer.utils import Scheme
from packaging.utils import canonicalize_name

from airpack.base.errors import InvalidWheel
from airpack.wheels.oddity import Kind, Oddity, shown

ROOT, SCRIPTS, _DATA = Scheme("purelib"), Scheme("scripts"), Scheme("data")
_INSTALLER = "INSTALLER"  # is written by the program that installs
_OURS = (*layout.TREE_FILES, layout.WHEELHOUSE)
# Beside a script, what setuptools makes of it for Windows: pip leaves all out if an entry point has the name.
_WRAPPER = re.compile(r"(?P<script>.*?)(?:\.exe|-script\.py|\.pya)?", re.IGNORECASE | re.DOTALL)
_UNSHARED = re.compile(r'[<>:"|?*]|[. ](?:/|$)')  # in a path, what a Windows share can't hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a file of the archive, `name`, goes: its scheme, and its path in that scheme's folder."""

    name: str
    scheme: Scheme
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What the places of a wheel's files depend on besides their names.

    `wheel` is its file name, `info` the name of its folder `*.dist-info`; `scripts` are the names of its entry points'
    scripts, `site_packages` is the folder of the modules in the tree.
    """

    wheel: str
    project: str
    info: str
    scripts: Collection[str]
    site_packages: str

    def refuse(self, problem: str) -> InvalidWheel:
        """Return the error for this wheel."""
        return InvalidWheel(self.wheel, problem)


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """The files that are installed, by path in the tree; and what is unusual about where they go."""

    places: Mapping[str, Place]
    oddities: tuple[Oddity, ...]


def folders(project: str, site_packages: str) -> dict[Scheme, str]:
    """Return the folder of the tree for each scheme (PEP 427) of a project's wheel; modules go to `site_packages`."""
    return {
        ROOT: site_packages,
        Scheme("platlib"): site_packages,
        Scheme("headers"): f"include/{canonicalize_name(project)}",
        SCRIPTS: layout.BIN,
        _DATA: "",
    }


def place_all(names: Iterable[str], identity: Identity) -> Placed:
    """Return where the files of a wheel go, by their names in its archive.

    Of two files for one place the one that pip writes last stays: files of schemes replace those at the root, scripts
    follow, those of entry points come last. Bytecode is left out. Raises InvalidWheel for a file in no scheme, for a
    place that no wheel may write to, and if a path is a file and a folder.
    """
    found: dict[str, Place] = {}
    oddities = list(_data_folders(names, identity))
    for name in sorted(names, key=_turn):
        place = _place(name, identity)
        path = f"{folders(identity.project, identity.site_packages)[place.scheme]}/{place.path}".removeprefix("/")
        _check(place, path, identity)
        kind = _left_out(place, path, identity)
        if kind is not None:
            oddities.append(Oddity(kind=kind, name=name))
            continue
        if path in found:
            oddities.append(Oddity(kind=Kind.PLACE_TWICE, name=path))
        found[path] = place
    paths = {*found, *(f"{layout.BIN}/{script}" for script in identity.scripts)}
    parents = {path[: match.start()] for path in paths for match in re.finditer("/", path)}
    if parents & paths:
        raise identity.refuse(f"{shown(min(parents & paths))} is a file and a folder")
    return Placed(places=found, oddities=(*oddities, *_on_shares(sorted(paths))))


def _is_data(name: str) -> bool:
    return name.partition("/")[0].endswith(".data")


def _turn(name: str) -> int:
    """Return when pip writes a file: first those at the root, last the scripts."""
    if not _is_data(name):
        return 0
    return 2 if name.split("/")[1:2] == [SCRIPTS] else 1


def _data_folders(names: Iterable[str], identity: Identity) -> Iterator[Oddity]:
    """Yield the folders of schemes that are not the only one, or not called after the project."""
    tops = list(dict.fromkeys(name.partition("/")[0] for name in names if _is_data(name)))
    for number, top in enumerate(tops):
        project = canonicalize_name(top.removesuffix(".data").rsplit("-", 1)[0])
        if number or project != canonicalize_name(identity.project):
            yield Oddity(kind=Kind.DATA_FOLDER, name=top)


def _place(name: str, identity: Identity) -> Place:
    """Return where a file goes. Raises InvalidWheel if it is in no scheme."""
    if not _is_data(name):
        return Place(name=name, scheme=ROOT, path=name)
    _, scheme, path = (*name.split("/", 2), "")[:3]
    known = folders(identity.project, identity.site_packages)
    if scheme not in known or not path:
        raise identity.refuse(f"{shown(name)} is in no scheme: {', '.join(known)}")
    # In a virtual environment, `lib64` is a link to `lib`.
    modules = re.fullmatch(rf"lib(?:64)?/{re.escape(identity.site_packages.removeprefix('lib/'))}/(.+)", path)
    if scheme == _DATA and modules:
        return Place(name=name, scheme=ROOT, path=modules[1])
    return Place(name=name, scheme=Scheme(scheme), path=path)


def _check(place: Place, path: str, identity: Identity) -> None:
    """Refuse a place that belongs to another project, or to the tree itself."""
    inside = path.removeprefix(f"{identity.site_packages}/")
    top = inside.partition("/")[0]
    if path.partition("/")[0] in _OURS or (
        inside != path and (top in layout.TREE_FILES or (top.endswith(".dist-info") and top != identity.info))
    ):
        raise identity.refuse(f"{shown(place.name)} is a place that no wheel may write to")


def _left_out(place: Place, path: str, identity: Identity) -> Kind | None:
    """Return why a file is not installed, None if it is."""
    if "__pycache__" in place.path.split("/")[:-1]:
        return Kind.BYTECODE
    if path == f"{identity.site_packages}/{identity.info}/{_INSTALLER}":
        return Kind.INSTALLER
    wrapper = _WRAPPER.fullmatch(place.path.rpartition("/")[2])
    if place.scheme == SCRIPTS and wrapper and wrapper["script"] in identity.scripts:
        return Kind.SCRIPT_TWICE
    where, _, inside = path.partition("/")
    return Kind.PLACE_TWICE if where == layout.BIN and inside in identity.scripts else None


def _on_shares(paths: Iterable[str]) -> Iterator[Oddity]:
    """Yield the paths that a share of Windows, or one that folds case, can't hold beside the others."""
    seen: dict[str, str] = {}
    for path in paths:
        if _UNSHARED.search(path):
            yield Oddity(kind=Kind.NAME_SHARE, name=path)
        if seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path) != path:
            yield Oddity(kind=Kind.NAME_CASE, name=path)
