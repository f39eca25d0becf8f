"""`manifest.json`: what was packed, for which target, with which tools."""

from __future__ import annotations

import json
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from airpack_runtime import __version__, layout
from packaging.tags import Tag

from airpack.base import zstd
from airpack.base.errors import InvalidManifest, InvalidTarget
from airpack.bundle.opened import MANIFEST, manifest_at
from airpack.bundle.write import Bundle
from airpack.resolve.lock import LockedWheel
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.wheels.wheelhouse import Wheelhouse

NAME = MANIFEST


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """What was signed: a file, its kind and digest as `airpack_runtime.format.signature` has them, and the key's id."""

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
        listed = manifest_at(folder)["target"]["installed"]
        return None if listed is None else tuple(map(ImagePackage.from_dict, listed))
    except (ValueError, KeyError, TypeError):
        return None


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


def load(folder: Path) -> dict[str, Any]:
    """Return the manifest in a folder of results, as a rebuild needs it. Raises InvalidManifest."""
    path = folder / NAME
    if path.exists() and not path.is_file():
        raise InvalidManifest(path, "is no file: get the folder again from where it was packed")
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        data["options"], data["bundle"]["digest"], data["toolchain"]["target_python"]
    except OSError as error:
        raise InvalidManifest(path, f"can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(path, f"is no JSON: {error}") from error
    except (KeyError, TypeError) as error:
        lacks = f" (it lacks {error})" if isinstance(error, KeyError) else ""
        raise InvalidManifest(path, f"doesn't say how it was packed{lacks}: pack again") from error
    return data


def target_of(path: Path, data: Mapping[str, Any]) -> Target:
    """Return the target that the manifest `data`, which came from `path`, tells. Raises InvalidManifest."""
    try:
        listed = data["target"]
        target = Target.from_name(listed["name"], python_version=listed["python_full_version"])
        installed = listed["installed"]
        return replace(
            target,
            tags=tuple(Tag(*each.split("-")) for each in listed.get("compatible_tags", ())) or target.tags,
            marker_environment={str(key): str(value) for key, value in listed["marker_environment"].items()},
            installed=None if installed is None else tuple(map(ImagePackage.from_dict, installed)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, InvalidTarget) as error:
        raise InvalidManifest(path, f"doesn't tell its target ({error}): pack again") from error


def toolchain(python: Interpreter | None) -> dict[str, Any]:
    """Return what a bundle's bytes depend on besides the wheels; `python` is what compiles the bytecode."""
    return {
        "airpack": __version__,
        "python": platform.python_version(),
        "pip": version("pip"),
        "installer": version("installer"),
        "libzstd": zstd.LIBZSTD,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "target_python": python and {"version": python.version, "magic": python.magic, "build": python.build},
    }


def dumps(
    target: Target,
    python: Interpreter | None,
    house: Wheelhouse,
    bundle: Bundle,
    options: Mapping[str, Any],
    more: Mapping[str, Any],
) -> str:
    """Return the manifest as JSON. Sizes are in bytes; `more` are its further members.

    `options` are those of the pack that the bundle's bytes depend on.
    """
    contents = bundle.contents
    data: dict[str, Any] = {
        "format": layout.FORMAT,
        "creator": contents.creator,
        "target": _target(target),
        "requirements": list(contents.requirements),
        "options": {**options, "decoder": contents.decoder and contents.decoder.origin},
        "bundle": {
            "file": layout.BUNDLE_NAME,
            "digest": f"sha256:{bundle.digest}",
            "content_digest": f"sha256:{bundle.content_digest}",
            "file_sha256": bundle.file_sha256,
            "size": bundle.size,
            "unpacked_size": contents.unpacked_size,
            "files": len(contents.files) + len(contents.links),
        },
        **more,
        "packages": [_package(wheel) for wheel in house.lock.wheels],
        "toolchain": toolchain(python),
    }
    return _text(data)


def _target(target: Target) -> dict[str, Any]:
    """Return a target as `target_of` reads it: tags are told where its name doesn't mean them."""
    named = Target.from_name(target.name, python_version=target.python_full_version)
    tags = {} if target.tags == named.tags else {"compatible_tags": [str(tag) for tag in target.tags]}
    return {
        "name": target.name,
        "python_full_version": target.python_full_version,
        "marker_environment": dict(target.marker_environment),
        **tags,
        "installed": None if target.installed is None else [each.to_dict() for each in target.installed],
    }


def _package(wheel: LockedWheel) -> dict[str, Any]:
    return {
        "name": wheel.name,
        "version": wheel.version,
        "wheel": wheel.filename,
        "size": wheel.size,
        "sha256": wheel.sha256,
        "origin": wheel.origin,
    }


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
