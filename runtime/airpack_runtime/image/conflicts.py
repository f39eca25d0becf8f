"""Which of the image's packages a tree breaks, according to their own requirements.

The `packaging` in the image's own pip compares versions (PEP 440, PEP 508); without pip, nothing is reported.
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime.image import installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping, Sequence

_SUFFIX = ".dist-info"
_NAME_END = re.compile(r"[^\w.-]")


def broken(site: str, folders: Sequence[str]) -> list[str]:
    """Return a sentence for each package in `folders` that needs another version of a package than `site` brings.

    Packages whose need the image itself doesn't meet are left out. Only if a version differs does it take longer than
    listing each folder, so that a boot can afford it.
    """
    image: dict[str, str] = {}
    for folder in folders:
        if folder != site:
            for name, version in _versions(folder).items():
                image.setdefault(name, version)
    brought = _versions(site)
    changed = {name for name in brought if image.get(name, brought[name]) != brought[name]}
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
