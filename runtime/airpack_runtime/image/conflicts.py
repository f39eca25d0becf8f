"""Whose version of a package is imported, a bundle's or another, and which of the image's packages a tree breaks.

By the order of `sys.path`, and by what is imported already. The `packaging` in the image's own pip compares versions
(PEP 440, PEP 508); without pip, nothing is reported as broken.
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import activation
from airpack_runtime.image import installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Iterable, Iterator, Mapping, Sequence

_SUFFIX = ".dist-info"
_NAME_END = re.compile(r"[^\w.-]")


def winners(modules: Iterable[str], site: str, imported: Mapping[str, object]) -> dict[str, str]:
    """Return which top-level modules of a bundle are another's, with the file that is imported in place of its own.

    `site` is the bundle's folder of packages, also where that doesn't exist yet; `imported` are the modules that the
    program has when it begins. A folder of `sys.path` ahead of the standard library's end is asked as an import would,
    zip files too. Modules of the standard library are left out.
    """
    from importlib.machinery import PathFinder

    ahead = [entry for entry in sys.path[: activation.behind_standard_library()] if not _is_standard(entry)]
    found = {}
    for name in modules:
        spec = None if name in imported or not ahead else PathFinder.find_spec(name, ahead)
        # A namespace package, which has no loader or no origin, lets a regular one behind it win.
        file = getattr(imported[name], "__file__", None) if name in imported else spec and spec.loader and spec.origin
        if file and not (site and file.startswith(site + "/")) and not _is_standard(file):
            found[name] = file
    return found


def _is_standard(path: str) -> bool:
    return path.startswith(os.path.dirname(os.__file__)) and "-packages" not in path


def shadowed(won: Mapping[str, str], brought: Iterable[installed.Installed]) -> dict[str, str]:
    """Return a sentence for each of a bundle's distributions, by normalized name, of which another version wins.

    `won` is what `winners` returns for their modules. Of another without metadata, the version is not known.
    """
    sentences: dict[str, str] = {}
    beside: dict[str, dict[str, installed.Installed]] = {}  # the distributions of each folder, read once
    for own in brought:
        for module in sorted(won.keys() & set(own.modules)):
            folder = os.path.dirname(won[module])
            if os.path.basename(won[module]).startswith("__init__."):
                folder = os.path.dirname(folder)
            if folder not in beside:
                beside[folder] = installed.distributions([folder])
            name = installed.normalized(own.name)
            other = beside[folder].get(name)
            if other is None or other.version != own.version:
                version = f" {other.version}" if other else ""
                sentences[name] = f"{own.name}{version} from {folder} wins over the bundle's {own.version}"
    return sentences


def modules_in(site: str) -> set[str]:
    """Return the names of the top-level modules and packages in a folder of packages."""
    stems = (entry.partition(".") for entry in os.listdir(site))
    return {stem for stem, _, suffix in stems if stem.isidentifier() and (not suffix or suffix.endswith(("py", "so")))}


def broken(site: str, folders: Sequence[str], without: Collection[str] = ()) -> list[str]:
    """Return a sentence for each package in `folders` that needs another version of a package than `site` brings.

    Left out are packages whose need the image itself doesn't meet, and those that `site` brings `without` effect. Only
    if a version differs does it take longer than listing each folder, so that a boot can afford it.
    """
    image: dict[str, str] = {}
    for folder in folders:
        if folder != site:
            for name, version in _versions(folder).items():
                image.setdefault(name, version)
    brought = _versions(site)
    changed = {name for name in brought if image.get(name, brought[name]) != brought[name]} - set(without)
    if not changed:
        return []
    before = set(sys.modules)
    try:
        return list(_sentences(changed, brought, image, [folder for folder in folders if folder != site]))
    except ImportError:
        return []
    finally:  # the program may bring a pip of its own
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "pip":
                del sys.modules[name]


def _sentences(
    changed: set[str], brought: Mapping[str, str], image: Mapping[str, str], folders: Sequence[str]
) -> Iterator[str]:
    for own, package in installed.distributions(folders).items():
        for text in package.requires if own not in brought else ():
            name = installed.normalized(_NAME_END.split(text, 1)[0])
            need = installed.requirement(text) if name in changed else None
            if need is None or (need.marker is not None and not need.marker.evaluate({"extra": ""})):
                continue
            if installed.accepts(need, image[name]) and not installed.accepts(need, brought[name]):
                yield f"{package.name} {package.version} needs {need.name}{need.specifier}, and gets {brought[name]}"


def _versions(folder: str) -> dict[str, str]:
    """Return the version of each distribution in a folder by normalized name, from the names of the `.dist-info`."""
    try:
        entries = os.listdir(folder or os.curdir)
    except OSError:  # a zip file, or nothing
        return {}
    stems = [entry[: -len(_SUFFIX)].rpartition("-") for entry in entries if entry.endswith(_SUFFIX)]
    return {installed.normalized(name): version for name, dash, version in stems if dash}
