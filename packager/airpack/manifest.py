"""`manifest.json`: what was packed, for which target, with which tools."""

from __future__ import annotations

import json
import platform
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyzstd
from airpack_runtime import __version__, layout

from airpack import contents as reading
from airpack.bundle import Bundle
from airpack.filesystem import FilesystemImage
from airpack.image import ImagePackage
from airpack.interpreter import Interpreter
from airpack.target import Target
from airpack.wheelhouse import Wheelhouse

NAME = reading.MANIFEST


def tree_note(bundle: Bundle) -> str:
    """Return what a plain tree says of itself: whose tree it is."""
    return layout.tree_note(bundle.contents.target, bundle.digest)


def installed_in(folder: Path) -> tuple[ImagePackage, ...] | None:
    """Return what the image had, as the manifest in a folder of results lists it; None if that wasn't known."""
    try:
        listed = reading.manifest_at(folder)["target"]["installed"]
        return None if listed is None else tuple(map(ImagePackage.from_dict, listed))
    except (ValueError, KeyError, TypeError):
        return None


def dumps(
    target: Target,
    python: Interpreter | None,
    house: Wheelhouse,
    bundle: Bundle,
    image: FilesystemImage | None = None,
) -> str:
    """Return the manifest as JSON. Sizes are in bytes.

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
        "image": image and {"file": image.path.name, "sha256": image.sha256, "size": image.size},
        "packages": [
            {
                "name": wheel.name,
                "version": wheel.version,
                "wheel": wheel.filename,
                "size": wheel.size,
                "sha256": wheel.sha256,
                "origin": wheel.origin,
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
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
