"""Pulls an airpack image from a registry, verifies all of it, and puts its bundle where the user wants it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airpack_runtime import layout
from airpack_runtime.errors import BootError
from airpack_runtime.format.reader import open_bundle

from airpack.base import jsons, staging
from airpack.base.console import Advance, Progress
from airpack.base.errors import InvalidLayout, OutputRefused, RegistryError
from airpack.oci import restore
from airpack.oci.layout import INDEX_TYPE, Descriptor, Layout, Manifest, Writer
from airpack.oci.restore import NoSuchPlatform
from airpack.registry import manifests
from airpack.registry.blobs import Download, move_blobs
from airpack.registry.client import Client
from airpack.registry.reference import Endpoint, Reference
from airpack.results import overwrite
from airpack.results.folder import MANIFEST, SBOM, Results
from airpack.results.pins import ANY, Pins

Choose = Callable[[Layout], Descriptor]
_SUFFIX = ".zst"
_MOST = 1000  # manifests of an index, or that refer to an image


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """What was pulled: the image by its digest, the bundle's path, size and digest, and the files beside it."""

    reference: Reference
    path: Path
    size: int
    digest: str
    beside: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PulledLayout:
    """A layout that was pulled, and the image in it."""

    oci_layout: Layout
    image: Descriptor


def pull(endpoint: Endpoint, where: Path, *, platform: str = "", pins: Pins = ANY, progress: Progress) -> Pulled:
    """Pull an image, and put its bundle into the folder `where`, or at that path if its name ends in `.zst`.

    An earlier bundle there is replaced, with its signature and SBOM. Raises OutputRefused if anything else would be,
    RegistryError, NoSuchPlatform, or AuditFailed if the bundle is not what the `pins` demand; then nothing was changed.
    """
    file = where if where.name.endswith(_SUFFIX) and not where.is_dir() else where / layout.BUNDLE_NAME
    _check_output(file)
    folder = file.parent
    with staging.scratch_in(folder) as scratch, _named_as(endpoint.reference):
        pulled = pull_layout(
            endpoint,
            scratch / "layout",
            choose=lambda oci_layout: restore.choose(oci_layout, platform),
            kinds=restore.KINDS,
            progress=progress,
        )
        restored = restore.restore(pulled.oci_layout, scratch / "bundle")
        pins.checked(Results.at(restored.path))
        names = _names(file)
        staged = {path: folder / names[path.name] for path in (restored.path, *restored.beside)}
        gone = [folder / name for name in names.values() if folder / name not in staged.values()]
        size = restored.path.stat().st_size
        staging.place(staged, gone=gone, aside=scratch)
    return Pulled(
        reference=endpoint.reference.at(pulled.image.digest),
        path=file,
        size=size,
        digest=restored.digest,
        beside=tuple(path for path in staged.values() if path != file),
    )


def pull_layout(
    endpoint: Endpoint, folder: Path, *, choose: Choose, kinds: Collection[str], progress: Progress
) -> PulledLayout:
    """Write the image that `choose` picks, and the artifacts that refer to it, into the new layout `folder`.

    `kinds` are the artifact types that are wanted. Raises RegistryError, or what `choose` raises.
    """
    client = Client(endpoint)
    writer = Writer(folder)
    image = _chosen(client, writer, _fetch(client, writer, client.reference.version), choose)
    listed = manifests.referrers(client, image.digest)
    referrers = _bounded(client, [referrer for referrer in listed if referrer.artifact_type in kinds])
    for referrer in referrers:
        _fetch(client, writer, referrer.digest)
    contents = [_manifest(client, writer, descriptor) for descriptor in (image, *referrers)]
    blobs = {blob.digest: blob for manifest in contents for blob in (manifest.config, *manifest.layers)}

    def get(blob: Descriptor, advance: Advance) -> None:
        Download(client, blob, writer.blob(blob), advance=advance).run()

    move_blobs(client, blobs.values(), get, name="pull", progress=progress)
    writer.finish([image, *reversed(referrers)])  # of two signatures, the one that was pushed last counts
    return PulledLayout(oci_layout=Layout(folder), image=image)


def _chosen(client: Client, writer: Writer, root: Descriptor, choose: Choose) -> Descriptor:
    """Return the image that `choose` picks: one of an index, all of whose manifests are fetched, or the only one."""
    if root.media_type != INDEX_TYPE:
        writer.finish([replace(root, platform=_platform(client, writer, root))])
        return choose(Layout(writer.folder))
    writer.finish([root])
    oci_layout = Layout(writer.folder)
    for image in _bounded(client, oci_layout.manifests(root)):
        _fetch(client, writer, image.digest)
    return choose(oci_layout)


def _bounded(client: Client, listed: Iterable[Descriptor]) -> list[Descriptor]:
    """Return what a registry lists, each once. Raises RegistryError for more than anybody pushed: each is fetched."""
    found = list({descriptor.digest: descriptor for descriptor in listed}.values())
    if len(found) > _MOST:
        problem = f"the registry lists {len(found):,} manifests for one image: more than {_MOST} are not fetched"
        raise RegistryError(client.reference.name, problem)
    return found


def _platform(client: Client, writer: Writer, image: Descriptor) -> dict[str, str]:
    """Return the platform of an image that no index lists: only its configuration tells it."""
    config = _manifest(client, writer, image).config
    if config.size > manifests.LARGEST:
        raise RegistryError(client.reference.name, f"{image.digest} has a configuration of {config.size:,} bytes")
    Download(client, config, writer.blob(config), advance=lambda _: None).run()
    try:
        data: Any = jsons.loads(writer.blob(config).read_bytes())
        return {"os": str(data["os"]), "architecture": str(data["architecture"])}
    except (KeyError, TypeError, ValueError):
        problem = f"{image.digest} is not an image: its configuration states no platform"
        raise RegistryError(client.reference.name, problem) from None


def _fetch(client: Client, writer: Writer, version: str) -> Descriptor:
    """Write the manifest or index with that tag or digest into the layout, and return its descriptor.

    Raises RegistryError.
    """
    fetched = manifests.fetch(client, version)
    if fetched is None:
        wanted = client.reference.with_version(version)
        raise RegistryError(str(wanted), "the registry has no such image: check its name and its tag")
    media_type = fetched.descriptor.media_type
    if media_type not in manifests.TYPES:
        problem = f"{version} is {media_type[:100] or 'something without a type'}, not an image that airpack wrote"
        raise RegistryError(client.reference.name, problem)
    return writer.add(fetched.data, media_type)


def _manifest(client: Client, writer: Writer, descriptor: Descriptor) -> Manifest:
    """Return a manifest that was fetched. Raises RegistryError."""
    try:
        data: Any = jsons.loads(writer.blob(descriptor).read_bytes())
        return Manifest.from_dict(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(client.reference.name, f"{descriptor.digest} is not a manifest ({error})") from None


@contextmanager
def _named_as(reference: Reference) -> Iterator[None]:
    """Report what is wrong with the pulled layout under the image's name: the user does not know the layout's path."""
    try:
        yield
    except InvalidLayout as error:
        raise RegistryError(str(reference), f"it {error.problem}: push it again, or pull another") from error
    except NoSuchPlatform as error:
        raise NoSuchPlatform(reference, error.wanted, error.available) from error


def _check_output(file: Path) -> None:
    """Raise OutputRefused if a bundle at `file` would replace something else, or not belong to what lies beside it."""
    folder = file.parent
    if folder.exists() and not folder.is_dir():
        raise OutputRefused(folder, "is not a folder: give --output another name")
    if file.name == layout.BUNDLE_NAME and (folder / MANIFEST).exists():
        raise OutputRefused(folder, "holds the results of a pack: give --output a folder of its own")
    if file.exists() or file.is_symlink():
        try:
            with open_bundle(str(file)) as bundle:
                bundle.toc()
        except (BootError, OSError):
            raise OutputRefused(file, "is not a bundle: move it away, or give --output another name") from None
    overwrite.check_sbom(folder / _names(file)[SBOM])


def _names(file: Path) -> dict[str, str]:
    """Return the names of a bundle `file` and of what belongs to it, by their names in a folder of results."""
    signature = layout.BUNDLE_NAME + layout.SIGNATURE_SUFFIX
    sbom = SBOM
    if file.name != layout.BUNDLE_NAME:
        sbom = f"{file.name.removesuffix(_SUFFIX).removesuffix('.tar')}.cdx.json"
    names = {layout.BUNDLE_NAME: file.name, signature: file.name + layout.SIGNATURE_SUFFIX}
    return {**names, SBOM: sbom}
