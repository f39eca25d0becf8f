"""`manifest.json`: what was packed, for which target, with which tools."""

from __future__ import annotations

import json
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyzstd
from airpack_runtime import __version__, layout

from airpack.bundle import Bundle
from airpack.errors import InvalidManifest
from airpack.image import ImagePackage
from airpack.interpreter import Interpreter
from airpack.target import Target
from airpack.wheelhouse import Wheelhouse

NAME = "manifest.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """What was signed: a file, its kind and digest as `airpack_runtime.signature` has them, and the key's id."""

    file: str
    kind: str
    digest: str
    key: str

    @property
    def signature(self) -> str:
        """The name of its signature's file."""
        return self.file + layout.SIGNATURE_SUFFIX

    def to_dict(self) -> dict[str, str]:
        """Return it as the manifest lists it."""
        return {**asdict(self), "digest": f"sha256:{self.digest}"}


def tree_note(bundle: Bundle) -> str:
    """Return what a plain tree says of itself: whose tree it is."""
    return layout.tree_note(bundle.contents.target, bundle.digest)


def installed_in(folder: Path) -> tuple[ImagePackage, ...] | None:
    """Return what the image had, as the manifest in a folder of results lists it; None if that wasn't known."""
    try:
        listed = json.loads((folder / NAME).read_text(encoding="utf-8"))["target"]["installed"]
        return None if listed is None else tuple(map(ImagePackage.from_dict, listed))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def file_sha256_in(folder: Path) -> str | None:
    """Return the SHA-256 of the bundle's file that the manifest in a folder of results lists, None if there is none."""
    try:
        listed: str = json.loads((folder / NAME).read_text(encoding="utf-8"))["bundle"]["file_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return listed


def with_signatures(folder: Path, signed: Sequence[Signed]) -> str | None:
    """Return the manifest in a folder of results with what was signed in it; None if there is none.

    Raises InvalidManifest if it lists something else than what was signed.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        image = data["image"] or {}
        listed = {data["bundle"]["file"]: data["bundle"]["digest"], image.get("file"): f"sha256:{image.get('sha256')}"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidManifest(path, f"can't be read ({error}): sign the bundle's file itself, or pack again") from error
    for each in signed:
        if listed.get(each.file) != f"sha256:{each.digest}":
            problem = f"it lists {each.file} as {listed.get(each.file)}, but that is sha256:{each.digest}"
            raise InvalidManifest(path, f"{problem}: one of them was changed since; pack again")
    data["signatures"] = [each.to_dict() for each in signed]
    return _text(data)


def dumps(
    target: Target,
    python: Interpreter | None,
    house: Wheelhouse,
    bundle: Bundle,
    more: Mapping[str, Any],
) -> str:
    """Return the manifest as JSON. Sizes are in bytes; `more` are its further members.

    `toolchain` names what the bundle's bytes depend on besides the wheels.
    """
    contents = bundle.contents
    data: dict[str, Any] = {
        "format": layout.FORMAT,
        "creator": contents.creator,
        "target": {
            "name": target.name,
            "python_full_version": target.python_full_version,
            "marker_environment": dict(target.marker_environment),
            "installed": None if target.installed is None else [each.to_dict() for each in target.installed],
        },
        "requirements": list(contents.requirements),
        "bundle": {
            "file": layout.BUNDLE_NAME,
            "digest": f"sha256:{bundle.digest}",
            "file_sha256": bundle.file_sha256,
            "size": bundle.size,
            "unpacked_size": contents.unpacked_size,
            "files": len(contents.files) + len(contents.links),
        },
        **more,
        "packages": [
            {
                "name": wheel.name,
                "version": wheel.version,
                "wheel": wheel.filename,
                "size": wheel.size,
                "sha256": wheel.sha256,
            }
            for wheel in house.lock.wheels
        ],
        "toolchain": {
            "airpack": __version__,
            "python": platform.python_version(),
            "pip": version("pip"),
            "installer": version("installer"),
            "libzstd": pyzstd.zstd_version,
            "zlib": zlib.ZLIB_RUNTIME_VERSION,
            "target_python": python and {"version": python.version, "magic": python.magic},
        },
    }
    return _text(data)


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
