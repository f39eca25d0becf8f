"""Builds real wheels, byte for byte the same each time."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def build_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str | bytes] | None = None,
    requires: Sequence[str] = (),
    metadata: Sequence[str] = (),
    tag: str = "py3-none-any",
    scripts: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel of the binary distribution format 1.0 into `folder` and return its path.

    `files` maps paths in the wheel to content (default: one module), `scripts`
    names console scripts and their entry points; `metadata` holds further lines
    of METADATA.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    content: dict[str, str | bytes] = dict(files if files is not None else {f"{module}.py": f"VERSION = {version!r}\n"})
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
    lines += [f"Requires-Dist: {each}" for each in requires]
    content[f"{info}/METADATA"] = "\n".join(lines) + "\n"
    pure = "true" if tag.endswith("none-any") else "false"
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    if scripts:
        entries = "".join(f"{each} = {target}\n" for each, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{entries}"
    path = folder / f"{module}-{version}-{tag}.whl"
    record = ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, text in content.items():
            data = text.encode() if isinstance(text, str) else text
            record += record_line(each, data)
            _add(archive, each, data)
        _add(archive, f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode())
    return path


def record_line(name: str, data: bytes) -> str:
    """Return what RECORD says of a file."""
    return f"{name},sha256={_urlsafe(data)},{len(data)}\n"


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
