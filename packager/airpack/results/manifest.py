"""`manifest.json`: what was packed, for which target, how, and with which tools (described in docs/format.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airpack_runtime import layout
from airpack_runtime.errors import NotSigned
from airpack_runtime.format import hashing, signature

from airpack.base import files, jsons
from airpack.base.errors import InvalidManifest, InvalidTarget
from airpack.resolve.passed_over import PassedOver
from airpack.results.entries import (
    BundleEntry,
    ImageEntry,
    PackageEntry,
    Signed,
    TargetEntry,
    Toolchain,
)
from airpack.results.fields import BadField, Fields

if TYPE_CHECKING:
    from airpack.target.target import Target

SIGNED_MANIFEST = "manifest"  # the kind of its signature, of its file's SHA-256; the shim knows none of the kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A manifest: one attribute for each member of the JSON object.

    `options` is what `Recipe.to_dict` gives; `excluded` counts the files that were left out and their bytes.
    """

    format: int = layout.FORMAT
    creator: str
    target: TargetEntry
    requirements: Sequence[str]
    options: Mapping[str, Any]
    bundle: BundleEntry
    image: ImageEntry | None
    signatures: Sequence[Signed]
    excluded: Mapping[str, Any]
    packages: Sequence[PackageEntry]
    passed_over: Sequence[PassedOver] = ()
    toolchain: Toolchain

    @classmethod
    def load(cls, path: Path, *, key: str | None = None) -> Manifest:
        """Read the manifest at `path`. Raises InvalidManifest, also if `key`, a public one, has not signed it."""
        try:
            content = files.read_bytes(path)
            if key is not None:
                signature.check(str(path), SIGNED_MANIFEST, hashing.sha256(content).hexdigest(), key)
            text = content.decode("utf-8")
        except OSError as error:
            raise InvalidManifest(path, f"can't be read: {error.strerror}") from error
        except NotSigned as error:
            raise InvalidManifest(path, error.problem, error.remedy) from error
        except ValueError as error:
            raise InvalidManifest(path, "is not UTF-8") from error
        try:
            return cls.from_dict(jsons.loads(text))
        except BadField as error:
            raise InvalidManifest(path, str(error), "pack again") from error
        except ValueError as error:
            raise InvalidManifest(path, f"is not JSON: {error}") from error

    @classmethod
    def from_dict(cls, data: object) -> Manifest:
        """Return the manifest that the JSON value `data` describes. Raises BadField."""
        fields = Fields(data)
        return cls(
            format=fields.number("format"),
            creator=fields.text("creator"),
            target=TargetEntry.from_fields(fields.object("target")),
            requirements=fields.texts("requirements"),
            options=fields.mapping("options"),
            bundle=BundleEntry.from_fields(fields.object("bundle")),
            image=ImageEntry.from_fields(fields.object("image")) if "image" in fields else None,
            signatures=[Signed.from_fields(each) for each in fields.objects("signatures")],
            excluded=fields.mapping("excluded"),
            passed_over=_passed_over(fields),
            packages=[PackageEntry.from_fields(each) for each in fields.objects("packages")],
            toolchain=Toolchain.from_fields(fields.object("toolchain")),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON takes it."""
        return {
            "format": self.format,
            "creator": self.creator,
            "target": self.target.to_dict(),
            "requirements": list(self.requirements),
            "options": dict(self.options),
            "bundle": self.bundle.to_dict(),
            "image": self.image and asdict(self.image),
            "signatures": [signed.to_dict() for signed in self.signatures],
            "excluded": dict(self.excluded),
            "passed_over": [each.to_dict() for each in self.passed_over],
            "packages": [package.to_dict() for package in self.packages],
            "toolchain": asdict(self.toolchain),
        }

    def dumps(self) -> str:
        """Return the text of the file."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def packed_for(self, path: Path) -> Target:
        """Return the target of the pack; `path` is the manifest's, for the error. Raises InvalidManifest."""
        try:
            return self.target.to_target()
        except (TypeError, ValueError, InvalidTarget) as error:
            raise InvalidManifest(path, f"target makes no sense ({error})", "pack again") from error


def _passed_over(fields: Fields) -> tuple[PassedOver, ...]:
    """Return the versions that yielded to others; none in the manifest of an older airpack. Raises BadField."""
    try:
        return tuple(PassedOver.from_dict(each) for each in fields.rows("passed_over"))
    except (TypeError, ValueError) as error:
        raise fields.bad("passed_over", f"makes no sense ({error})") from error
