"""An OCI image layout on disk (image-spec 1.1): descriptors, blobs named by their digests, and the index.

    oci-layout              the layout's version
    index.json              the descriptors of the layout's images, image indexes, and the artifacts that refer to them
    blobs/sha256/HEX        every blob, named by its SHA-256

Nothing here knows what a bundle is.
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

from airpack.base import files, jsons
from airpack.base.errors import InvalidLayout

MARKER, INDEX, BLOBS = "oci-layout", "index.json", "blobs/sha256"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
TAR_TYPE = "application/vnd.oci.image.layer.v1.tar"
ZSTD_TYPE = f"{TAR_TYPE}+zstd"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
# The annotation that names an image in index.json; `skopeo copy oci:FOLDER:NAME` selects it by that name.
REF_NAME = "org.opencontainers.image.ref.name"

_VERSION = {"imageLayoutVersion": "1.0.0"}
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_JSON_LIMIT = 4 << 20  # bytes: registries accept no larger manifest
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """What is known of a blob before it is read; `digest` is `sha256:` and 64 hexadecimal digits, `size` in bytes.

    `platform` has the keys `os` and `architecture`; it is empty except for images that an index lists.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the descriptor as a JSON object, without its empty fields."""
        data: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        optional = {"artifactType": self.artifact_type, "platform": self.platform, "annotations": self.annotations}
        return data | {key: value for key, value in optional.items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Descriptor:
        """Return the descriptor that a JSON object describes. Raises KeyError, TypeError or ValueError."""
        digest, size = data["digest"], data["size"]
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a SHA-256 digest")
        if type(size) is not int or size < 0:
            raise ValueError(f"{size!r} is not a size")
        return cls(
            media_type=str(data["mediaType"]),
            digest=digest,
            size=size,
            annotations=_texts(data.get("annotations")),
            platform=_texts(data.get("platform")),
            artifact_type=str(data.get("artifactType") or ""),
        )


def _texts(data: Any) -> dict[str, str]:
    """Return the entries of a JSON object, or of null, whose values are strings."""
    return {str(key): value for key, value in dict(data or {}).items() if isinstance(value, str)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """An image manifest, or that of an artifact, which has an `artifact_type` and may refer to a `subject`."""

    config: Descriptor
    layers: Sequence[Descriptor]
    annotations: Mapping[str, str] = field(default_factory=dict)
    subject: Descriptor | None = None
    artifact_type: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as a JSON object, without its empty fields."""
        data: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE}
        if self.artifact_type:
            data["artifactType"] = self.artifact_type
        data |= {"config": self.config.to_dict(), "layers": [layer.to_dict() for layer in self.layers]}
        if self.subject is not None:
            data["subject"] = self.subject.to_dict()
        return data | ({"annotations": dict(self.annotations)} if self.annotations else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Return the manifest that a JSON object describes. Raises KeyError, TypeError or ValueError."""
        subject = data.get("subject")
        return cls(
            config=Descriptor.from_dict(data["config"]),
            layers=tuple(Descriptor.from_dict(layer) for layer in data["layers"]),
            annotations=_texts(data.get("annotations")),
            subject=None if subject is None else Descriptor.from_dict(subject),
            artifact_type=str(data.get("artifactType") or ""),
        )


def to_json(data: Mapping[str, Any]) -> bytes:
    """Return data as JSON: the same bytes for the same data."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def image_index(manifests: Iterable[Descriptor]) -> dict[str, Any]:
    """Return the image index that lists these manifests, as a JSON object."""
    return {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [manifest.to_dict() for manifest in manifests]}


def describe(data: bytes, media_type: str) -> Descriptor:
    """Return the descriptor of a blob that is in memory."""
    return Descriptor(media_type=media_type, digest=f"sha256:{hashlib.sha256(data).hexdigest()}", size=len(data))


class Layout:
    """A layout that exists. `index` holds the descriptors in index.json. Raises InvalidLayout."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifests: dict[str, Manifest] = {}  # those that were read, by digest
        try:
            marker = jsons.loads(files.read_bytes(path / MARKER, limit=_JSON_LIMIT))
            data = files.read_bytes(path / INDEX, limit=_JSON_LIMIT)
        except OSError as error:
            raise InvalidLayout(path, f"is not an OCI image layout ({error.strerror})") from error
        except ValueError as error:
            raise InvalidLayout(path, f"is not an OCI image layout ({error})") from error
        if not isinstance(marker, dict) or str(marker.get("imageLayoutVersion")).partition(".")[0] != "1":
            raise InvalidLayout(path, "is an OCI image layout of another version than 1")
        self.index = self._parse_index(data, INDEX)

    def blob(self, descriptor: Descriptor) -> Path:
        """Return the path of a blob; whether it exists is not checked."""
        return _blob_path(self.path, descriptor.digest)

    def chunks(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes. Raises InvalidLayout if it is missing, or at its end if its size or digest is wrong."""
        total, size = hashlib.sha256(), 0
        try:
            with files.opened(self.blob(descriptor)) as file:
                while size <= descriptor.size and (chunk := file.read(_CHUNK)):
                    total.update(chunk)
                    size += len(chunk)
                    yield chunk
        except OSError as error:
            raise InvalidLayout(self.path, f"lacks the blob {descriptor.digest} ({error.strerror})") from error
        if (size, f"sha256:{total.hexdigest()}") != (descriptor.size, descriptor.digest):
            raise InvalidLayout(self.path, f"has a damaged blob {descriptor.digest}: its content is another")

    def read(self, descriptor: Descriptor) -> bytes:
        """Return the bytes of a small blob, checked. Raises InvalidLayout."""
        if descriptor.size > _JSON_LIMIT:
            problem = (
                f"has a blob {descriptor.digest} of {descriptor.size:,} bytes where at most {_JSON_LIMIT:,} may be"
            )
            raise InvalidLayout(self.path, problem)
        return b"".join(self.chunks(descriptor))

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Return a manifest, checked; it is read once. Raises InvalidLayout."""
        if descriptor.digest not in self._manifests:
            try:
                self._manifests[descriptor.digest] = Manifest.from_dict(jsons.loads(self.read(descriptor)))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                problem = f"has a manifest {descriptor.digest} that can't be read ({error})"
                raise InvalidLayout(self.path, problem) from error
        return self._manifests[descriptor.digest]

    def manifests(self, descriptor: Descriptor) -> Sequence[Descriptor]:
        """Return the descriptors that an image index lists. Raises InvalidLayout."""
        return self._parse_index(self.read(descriptor), descriptor.digest)

    def blobs(self) -> list[Descriptor]:
        """Return every blob that the index leads to, once, in the order of a push: a blob follows those that it names.

        Raises InvalidLayout.
        """
        blobs: dict[str, Descriptor] = {}
        for root in self.index:
            for descriptor in self._below(root):
                blobs.setdefault(descriptor.digest, descriptor)
        return list(blobs.values())

    def _below(self, descriptor: Descriptor) -> Iterator[Descriptor]:
        """Yield the blobs that a descriptor leads to, and the descriptor itself last."""
        if descriptor.media_type == INDEX_TYPE:
            for image in self.manifests(descriptor):
                if image.media_type != MANIFEST_TYPE:
                    problem = f"has an index of {image.media_type}, where only images may be"
                    raise InvalidLayout(self.path, problem)
                yield from self._below(image)
        elif descriptor.media_type == MANIFEST_TYPE:
            manifest = self.manifest(descriptor)
            yield from (manifest.config, *manifest.layers)
        yield descriptor

    def _parse_index(self, data: bytes, name: str) -> tuple[Descriptor, ...]:
        try:
            return tuple(Descriptor.from_dict(entry) for entry in jsons.loads(data)["manifests"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidLayout(self.path, f"has an index {name} that can't be read ({error})") from error


def _blob_path(folder: Path, digest: str) -> Path:
    return folder / BLOBS / digest.partition(":")[2]


class Writer:
    """Writes a layout into a folder, which it makes unless it exists. Until `finish`, the layout has no index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / BLOBS).mkdir(parents=True, exist_ok=True)

    def blob(self, descriptor: Descriptor) -> Path:
        """Return the path of a blob, whether it is there yet or not."""
        return _blob_path(self.folder, descriptor.digest)

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

    def add_manifest(self, manifest: Manifest) -> Descriptor:
        """Write a manifest, and return its descriptor."""
        return self.add(to_json(manifest.to_dict()), MANIFEST_TYPE)

    def add_index(self, manifests: Iterable[Descriptor]) -> Descriptor:
        """Write an image index of these manifests, and return its descriptor."""
        return self.add(to_json(image_index(manifests)), INDEX_TYPE)

    def finish(self, index: Iterable[Descriptor]) -> None:
        """Write the file that marks the folder as a layout, and index.json with these descriptors."""
        (self.folder / MARKER).write_bytes(to_json(_VERSION))
        aside = self.folder / f".{INDEX}"
        aside.write_bytes(to_json(image_index(index)))
        aside.replace(self.folder / INDEX)
