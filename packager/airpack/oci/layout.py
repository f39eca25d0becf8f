"""An OCI image layout on disk (image-spec 1.1): descriptors, blobs by their digests, the index. It knows no bundle.

oci-layout              the layout's version
index.json              descriptors of what the layout is for: images, image indexes, what refers to them
blobs/sha256/HEX        every blob, named by its content
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airpack.base.errors import InvalidLayout

MARKER, INDEX, BLOBS = "oci-layout", "index.json", os.path.join("blobs", "sha256")
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
TAR_TYPE = "application/vnd.oci.image.layer.v1.tar"
ZSTD_TYPE = f"{TAR_TYPE}+zstd"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
# What an entry of the index is called; `skopeo copy oci:FOLDER:NAME` takes it by that.
REF_NAME = "org.opencontainers.image.ref.name"

_VERSION = {"imageLayoutVersion": "1.0.0"}
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_JSON_LIMIT = 4 << 20  # bytes: registries take no larger manifest
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """What is known of a blob before it is read; `digest` is `sha256:` and 64 digits, `size` in bytes.

    `platform` has the keys `os` and `architecture`, and is empty but for images in an index.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the descriptor as JSON takes it; what is empty is left out."""
        data: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        more = {"artifactType": self.artifact_type, "platform": self.platform, "annotations": self.annotations}
        return data | {key: value for key, value in more.items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Descriptor:
        """Read a descriptor. Raises KeyError, TypeError or ValueError where it is none."""
        digest, size = data["digest"], data["size"]
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no SHA-256")
        if type(size) is not int or size < 0:
            raise ValueError(f"{size!r} is no size")
        return cls(
            media_type=str(data["mediaType"]),
            digest=digest,
            size=size,
            annotations=_texts(data.get("annotations")),
            platform=_texts(data.get("platform")),
            artifact_type=str(data.get("artifactType") or ""),
        )


def _texts(data: Any) -> dict[str, str]:
    return {str(key): value for key, value in dict(data or {}).items() if isinstance(value, str)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """An image manifest: `subject` is what it refers to, None for an image; `artifact_type` empty for one."""

    config: Descriptor
    layers: Sequence[Descriptor]
    annotations: Mapping[str, str] = field(default_factory=dict)
    subject: Descriptor | None = None
    artifact_type: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON takes it; what is empty is left out."""
        data: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE}
        if self.artifact_type:
            data["artifactType"] = self.artifact_type
        data |= {"config": self.config.to_dict(), "layers": [each.to_dict() for each in self.layers]}
        if self.subject is not None:
            data["subject"] = self.subject.to_dict()
        return data | ({"annotations": dict(self.annotations)} if self.annotations else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Read a manifest. Raises KeyError, TypeError or ValueError where it is none."""
        subject = data.get("subject")
        return cls(
            config=Descriptor.from_dict(data["config"]),
            layers=tuple(Descriptor.from_dict(each) for each in data["layers"]),
            annotations=_texts(data.get("annotations")),
            subject=None if subject is None else Descriptor.from_dict(subject),
            artifact_type=str(data.get("artifactType") or ""),
        )


def dumps(data: Mapping[str, Any]) -> bytes:
    """Return JSON, the same bytes for the same data."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def index_of(manifests: Iterable[Descriptor]) -> dict[str, Any]:
    """Return an image index as JSON takes it."""
    return {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [each.to_dict() for each in manifests]}


def describe(data: bytes, media_type: str) -> Descriptor:
    """Return the descriptor of a blob that is in memory."""
    return Descriptor(media_type=media_type, digest=f"sha256:{hashlib.sha256(data).hexdigest()}", size=len(data))


class Layout:
    """A layout that is there. `index` holds what index.json lists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            marker = json.loads((path / MARKER).read_bytes())
            data = (path / INDEX).read_bytes()
        except (OSError, ValueError) as error:
            raise InvalidLayout(
                path, f"is no OCI image layout ({getattr(error, 'strerror', None) or error})"
            ) from error
        if not isinstance(marker, dict) or str(marker.get("imageLayoutVersion")).partition(".")[0] != "1":
            raise InvalidLayout(path, "is an OCI image layout of another version than 1")
        self.index = self._parsed_index(data, INDEX)

    def blob(self, descriptor: Descriptor) -> Path:
        """Return where a blob lies; nothing of it is checked."""
        return _place(self.path, descriptor.digest)

    def chunks(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes. Raises InvalidLayout where it is missing, at its end unless size and digest hold."""
        total, size = hashlib.sha256(), 0
        try:
            with open(self.blob(descriptor), "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    total.update(chunk)
                    size += len(chunk)
                    yield chunk
        except OSError as error:
            raise InvalidLayout(self.path, f"lacks the blob {descriptor.digest} ({error.strerror})") from error
        if (size, f"sha256:{total.hexdigest()}") != (descriptor.size, descriptor.digest):
            raise InvalidLayout(self.path, f"has a damaged blob {descriptor.digest}: its content is another")

    def read(self, descriptor: Descriptor) -> bytes:
        """Return a small blob, checked. Raises InvalidLayout."""
        if descriptor.size > _JSON_LIMIT:
            raise InvalidLayout(
                self.path, f"has a blob {descriptor.digest} of {descriptor.size:,} bytes, too many here"
            )
        return b"".join(self.chunks(descriptor))

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Return the manifest that a descriptor is of, checked. Raises InvalidLayout."""
        try:
            return Manifest.from_dict(json.loads(self.read(descriptor)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidLayout(
                self.path, f"has a manifest {descriptor.digest} that makes no sense ({error})"
            ) from error

    def manifests(self, descriptor: Descriptor) -> Sequence[Descriptor]:
        """Return what the image index that a descriptor is of lists. Raises InvalidLayout."""
        return self._parsed_index(self.read(descriptor), descriptor.digest)

    def blobs(self) -> list[Descriptor]:
        """Return every blob that the index leads to, each once, in the order of a push: what a blob needs before it.

        Raises InvalidLayout.
        """
        found: dict[str, Descriptor] = {}
        for each in self.index:
            for descriptor in self._below(each):
                found.setdefault(descriptor.digest, descriptor)
        return list(found.values())

    def _below(self, descriptor: Descriptor) -> Iterator[Descriptor]:
        if descriptor.media_type == INDEX_TYPE:
            for each in self.manifests(descriptor):
                if each.media_type != MANIFEST_TYPE:
                    raise InvalidLayout(self.path, f"has an index of {each.media_type}, and only images are known")
                yield from self._below(each)
        elif descriptor.media_type == MANIFEST_TYPE:
            manifest = self.manifest(descriptor)
            yield from (manifest.config, *manifest.layers)
        yield descriptor

    def _parsed_index(self, data: bytes, what: str) -> tuple[Descriptor, ...]:
        try:
            return tuple(Descriptor.from_dict(each) for each in json.loads(data)["manifests"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidLayout(self.path, f"has an index {what} that makes no sense ({error})") from error


def _place(folder: Path, digest: str) -> Path:
    return folder / BLOBS / digest.partition(":")[2]


class Writer:
    """Writes a layout into a folder, which is made unless it is there; what isn't finished has no index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / BLOBS).mkdir(parents=True, exist_ok=True)

    def blob(self, descriptor: Descriptor) -> Path:
        """Return where a blob lies, or is to lie."""
        return _place(self.folder, descriptor.digest)

    def add(self, data: bytes, media_type: str) -> Descriptor:
        """Write a blob, and return its descriptor."""
        return self.add_chunks([data], media_type)

    def add_chunks(self, chunks: Iterable[bytes], media_type: str) -> Descriptor:
        """Write a blob from pieces, and return its descriptor."""
        total, size = hashlib.sha256(), 0
        aside = self.folder / BLOBS / f".{os.getpid()}"
        with open(aside, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                total.update(chunk)
                size += len(chunk)
        aside.replace(self.folder / BLOBS / total.hexdigest())
        return Descriptor(media_type=media_type, digest=f"sha256:{total.hexdigest()}", size=size)

    def finish(self, index: Iterable[Descriptor]) -> None:
        """Write the index of the descriptors, and what makes the folder a layout."""
        (self.folder / MARKER).write_bytes(dumps(_VERSION))
        aside = self.folder / f".{INDEX}"
        aside.write_bytes(dumps(index_of(index)))
        aside.replace(self.folder / INDEX)
