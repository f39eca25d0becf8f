"""Libraries -> a wheel: it goes the way of every wheel, through lock, audit, tree, bundle and SBOM."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from wheel.wheelfile import WheelFile

from airpack.audit.compiled import ADDED
from airpack.libraries.find import Library
from airpack.resolve.lock import LockedWheel
from airpack.target.target import Target

MODULE = ADDED.replace("-", "_")
_TIME = (1980, 1, 1, 0, 0, 0)


def write(
    folder: Path, libraries: Sequence[Library], before: Mapping[str, Sequence[str]], target: Target
) -> LockedWheel:
    """Write the wheel of `libraries` into `folder`, and return it.

    `before` maps top-level modules to the libraries, by name, that are loaded before them; under an empty name stand
    those that are loaded when Python starts. Its version tells what is in it: the same libraries give the same bytes.
    """
    source = (files("airpack.libraries") / f"{MODULE}.py").read_text(encoding="utf-8")
    needed = {module: list(names) for module, names in sorted(before.items())}
    content: dict[str, bytes] = {
        f"{MODULE}.py": source.replace("] = {}\n", f"] = {needed!r}\n").encode(),
        f"{MODULE}.pth": f"import {MODULE}\n".encode(),
        **{f"{MODULE}.libs/{library.name}": library.content for library in libraries},
    }
    digest = hashlib.sha256()
    for name, data in content.items():
        digest.update(f"{name} {hashlib.sha256(data).hexdigest()}\n".encode())
    version = f"1+{digest.hexdigest()[:12]}"
    tag = f"py3-none-{target.newest_manylinux}"
    info = f"{MODULE}-{version}.dist-info"
    content[f"{info}/METADATA"] = _metadata(libraries, version).encode()
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: airpack\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    for library in libraries:
        if library.licence:
            content[f"{info}/licenses/{library.name}/copyright"] = library.licence
    path = folder / f"{MODULE}-{version}-{tag}.whl"
    with _Written(path, "w") as opened:
        for name, data in content.items():
            opened.writestr(name, data)
    data = path.read_bytes()
    return LockedWheel(
        name=ADDED,
        version=version,
        filename=path.name,
        url=path.resolve().as_uri(),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


def _metadata(libraries: Sequence[Library], version: str) -> str:
    """Return the METADATA, whose description says where each library is from."""
    lines = ["Metadata-Version: 2.1", f"Name: {ADDED}", f"Version: {version}"]
    lines += [f"Summary: Libraries of the system: {', '.join(library.name for library in libraries)}", ""]
    for library in libraries:
        lines.append(f"- {library.name}, from {library.origin}, SHA-256 {hashlib.sha256(library.content).hexdigest()}")
    return "\n".join(lines) + "\n"


class _Written(WheelFile):
    """A wheel whose files have one time and one mode, RECORD as well, which it adds: the same files, the same bytes."""

    def writestr(self, zinfo_or_arcname: Any, data: Any, compress_type: int | None = None) -> None:
        """Write the file of that name."""
        entry = zipfile.ZipInfo(zinfo_or_arcname, _TIME)
        entry.external_attr = 0o100644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        super().writestr(entry, data, compress_type)
