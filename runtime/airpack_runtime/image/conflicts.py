"""Which of the image's packages a tree breaks, as their own requirements have it.

Versions are compared by the `packaging` in the image's own pip (PEP 440, PEP 508); without pip, nothing is said.
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime.image import probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping, Sequence

_SUFFIX = ".dist-info"
_NAME = re.compile(r"[^\w.-]")  # what ends a requirement's name


def broken(site: str, folders: Sequence[str]) -> list[str]:
    """Return a sentence for each package in `folders` that needs another version of what the folder `site` brings.

    What needed another than the image has already is passed over. Costs a look into each folder unless
    a version differs, which a start can afford.
    """
    image: dict[str, str] = {}
    for folder in folders:
        if folder != site:
            for name, version in _listed(folder):
                image.setdefault(name, version)
    brought = dict(_listed(site))
    changed = {name for name in brought if image.get(name, brought[name]) != brought[name]}
    if not changed:
        return []
    before = set(sys.modules)
    try:
        return list(_sentences(changed, brought, image, [each for each in folders if each != site]))
    except ImportError:
        return []
    finally:  # what the program imports is its own affair
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "pip":
                del sys.modules[name]


def _sentences(
    changed: set[str], brought: Mapping[str, str], image: Mapping[str, str], folders: Sequence[str]
) -> Iterator[str]:
    for each in probe.installed(folders):
        if probe.key(str(each["name"])) in brought:
            continue
        requires = each["requires"]
        assert isinstance(requires, list)
        for text in requires:
            name = probe.key(_NAME.split(text, 1)[0])
            need = _parsed(text) if name in changed else None
            if need is None or (need.marker is not None and not need.marker.evaluate({"extra": ""})):
                continue
            fits = need.specifier.contains
            if fits(image[name], prereleases=True) and not fits(brought[name], prereleases=True):
                yield f"{each['name']} {each['version']} needs {need.name}{need.specifier}, and gets {brought[name]}"


def _parsed(text: str) -> Any:
    from pip._vendor.packaging.requirements import Requirement

    return Requirement(text)


def _listed(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the normalized name and the version of each distribution in a folder, as their metadata's folders tell."""
    try:
        entries = os.listdir(folder or os.curdir)
    except OSError:  # a zip file, or nothing
        return
    for entry in entries:
        name, dash, version = entry[: -len(_SUFFIX)].rpartition("-") if entry.endswith(_SUFFIX) else ("", "", "")
        if dash:
            yield probe.key(name), version
