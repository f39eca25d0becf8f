"""Gets an image of airpack from a registry, all of it verified, and puts its bundle where the user wants it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airpack_runtime import layout
from airpack_runtime.errors import BootError
from airpack_runtime.format.reader import open_bundle

from airpack.base import staging
from airpack.base.console import Advance, Progress
from airpack.base.errors import InvalidLayout, OutputRefused, RegistryError, UsageError
from airpack.oci import layout as oci
from airpack.oci import restore
from airpack.oci.layout import Descriptor, Layout, Writer
from airpack.registry import manifests
from airpack.registry.blobs import Download, move_blobs
from airpack.registry.client import Client
from airpack.registry.reference import Endpoint, Reference
from airpack.results import overwrite
from airpack.results.folder import MANIFEST, SBOM

Choose = Callable[[Layout], Descriptor]


def pull(
    endpoint: Endpoint, folder: Path, *, choose: Choose, kinds: Collection[str], progress: Progress
) -> tuple[Layout, Descriptor]:
    """Write the image that `choose` picks, with what refers to it and is of `kinds`, into the new layout `folder`.

    Return the layout and its image. Raises RegistryError, or what `choose` raises.
    """
    client = Client(endpoint)
    writer = Writer(folder)
    image = _chosen(client, writer, _manifest(client, writer, client.reference.version), choose)
    image_manifest = _parsed(client, writer, image)
    refers = [each for each in manifests.referrers(client, image.digest) if each.artifact_type in kinds]
    beside = []
    for each in refers:
        _manifest(client, writer, each.digest)
        beside.append(_parsed(client, writer, each))
    blobs = [blob for each in (image_manifest, *beside) for blob in (each.config, *each.layers)]

    def get(blob: Descriptor, advance: Advance) -> None:
        Download(client, blob, writer.blob(blob), advance=advance).run()

    move_blobs(client, {blob.digest: blob for blob in blobs}.values(), get, name="pull", progress=progress)
    writer.finish([image, *reversed(refers)])  # of two signatures, the one that was pushed last is taken
    return Layout(folder), image


def _chosen(client: Client, writer: Writer, root: Descriptor, choose: Choose) -> Descriptor:
    """Return the image that is wanted: of an index, whose manifests are small, or the only one."""
    if root.media_type == oci.INDEX_TYPE:
        writer.finish([root])
        for each in Layout(writer.folder).manifests(root):
            _manifest(client, writer, each.digest)
    else:
        writer.finish([replace(root, platform=_platform(client, writer, root))])
    return choose(Layout(writer.folder))


def _platform(client: Client, writer: Writer, image: Descriptor) -> dict[str, str]:
    """Return for which platform an image is: without an index, its configuration alone tells."""
    config = _parsed(client, writer, image).config
    if config.size > manifests.LARGEST:
        raise RegistryError(client.reference.name, f"{image.digest} has a configuration of {config.size:,} bytes")
    Download(client, config, writer.blob(config), advance=lambda _: None).run()
    try:
        data: Any = json.loads(writer.blob(config).read_bytes())
        return {"os": str(data["os"]), "architecture": str(data["architecture"])}
    except (KeyError, TypeError, ValueError):
        raise RegistryError(
            client.reference.name, f"{image.digest} is no image: it doesn't tell its platform"
        ) from None


def _manifest(client: Client, writer: Writer, name: str) -> Descriptor:
    """Write a manifest or an index into the layout, and return its descriptor. Raises RegistryError."""
    found = manifests.fetch(client, name)
    if found is None:
        what = f"{client.reference.name}{'@' if ':' in name else ':'}{name}"
        raise RegistryError(what, "the registry has no such image: check its name and its tag")
    descriptor, data = found
    if descriptor.media_type not in manifests.TYPES:
        kind = descriptor.media_type or "something without a type"
        raise RegistryError(client.reference.name, f"{name} is {kind[:100]}, and no image that airpack wrote")
    return writer.add(data, descriptor.media_type)


def _parsed(client: Client, writer: Writer, descriptor: Descriptor) -> oci.Manifest:
    data = writer.blob(descriptor).read_bytes()
    try:
        parsed: Any = json.loads(data)
        return oci.Manifest.from_dict(parsed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(client.reference.name, f"{descriptor.digest} is no manifest ({error})") from None


_SUFFIX = ".zst"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """What was pulled: the image by its digest, the bundle with its own, and what lies beside it."""

    reference: Reference
    path: Path
    size: int
    digest: str
    beside: tuple[Path, ...]


def place(endpoint: Endpoint, where: Path, *, platform: str = "", progress: Progress) -> Pulled:
    """Pull an image, and put its bundle into the folder `where`, or into that file if its name ends in `.zst`.

    An earlier bundle there is replaced, with its signature and SBOM; nothing else is: raises OutputRefused. Raises
    RegistryError, or UsageError where there is no image of the platform; then nothing was changed.
    """
    file = where if where.name.endswith(_SUFFIX) and not where.is_dir() else where / layout.BUNDLE_NAME
    check(file)
    folder = file.parent
    with staging.scratch_in(folder) as scratch, _told_of(endpoint, scratch / "layout"):
        got, image = pull(
            endpoint,
            scratch / "layout",
            choose=lambda each: restore.choose(each, platform),
            kinds=restore.KINDS,
            progress=progress,
        )
        restored = restore.restore(got, scratch / "bundle")
        names = _names(file)
        staged = {each: folder / names[each.name] for each in (restored.path, *restored.beside)}
        gone = [folder / name for name in names.values() if folder / name not in staged.values()]
        size = restored.path.stat().st_size
        staging.place(staged, gone=gone, aside=scratch)
    return Pulled(
        reference=endpoint.reference.at(image.digest),
        path=file,
        size=size,
        digest=restored.digest,
        beside=tuple(place for place in staged.values() if place != file),
    )


@contextmanager
def _told_of(endpoint: Endpoint, path: Path) -> Iterator[None]:
    """Let what is wrong with the layout `path` be told of the image in the registry: that is what the user knows."""
    try:
        yield
    except InvalidLayout as error:
        raise RegistryError(str(endpoint.reference), f"it {error.problem}: push it again, or pull another") from error
    except UsageError as error:
        raise UsageError(str(error).replace(str(path), str(endpoint.reference))) from error


def check(file: Path) -> None:
    """Raise OutputRefused if a bundle at `file` would replace something else, or not fit what lies beside it."""
    folder = file.parent
    if folder.exists() and not folder.is_dir():
        raise OutputRefused(folder, "is no folder: give --output another name")
    if file.name == layout.BUNDLE_NAME and (folder / MANIFEST).exists():
        raise OutputRefused(folder, "holds what a pack wrote: give --output a folder of its own")
    if file.exists() or file.is_symlink():
        try:
            with open_bundle(str(file)) as bundle:
                bundle.toc()
        except (BootError, OSError):
            raise OutputRefused(file, "is no bundle: move it away, or give --output another name") from None
    overwrite.check_sbom(folder / _names(file)[SBOM])


def _names(file: Path) -> dict[str, str]:
    """Return how what belongs to the bundle `file` is called there, by its name in a folder of results."""
    names = {layout.BUNDLE_NAME: file.name, SBOM: SBOM}
    signature = layout.BUNDLE_NAME + layout.SIGNATURE_SUFFIX
    names[signature] = file.name + layout.SIGNATURE_SUFFIX
    if file.name != layout.BUNDLE_NAME:
        names[SBOM] = f"{file.name.removesuffix(_SUFFIX).removesuffix('.tar')}.cdx.json"
    return names
