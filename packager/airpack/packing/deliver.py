"""Bundle -> Results: writes the files that go with the bundle, and puts all results in place together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from airpack_runtime import layout

from airpack.base import staging
from airpack.base.console import BYTES, Progress
from airpack.bundle import image_file
from airpack.bundle.image_file import FilesystemImage
from airpack.bundle.opened import OpenBundle
from airpack.bundle.write import Bundle
from airpack.inspection import inventory, sbom_writer
from airpack.packing.order import Order
from airpack.resolve import pylock_writer
from airpack.results import signing
from airpack.results.entries import BundleEntry, ImageEntry, PackageEntry, Signed, TargetEntry, Toolchain
from airpack.results.folder import ALWAYS, IMPORTS, LOCK, MANIFEST, SBOM, SOMETIMES, WHEELHOUSE
from airpack.results.keys import SigningKey
from airpack.results.manifest import Manifest
from airpack.results.proof import ProofRecord, TriedImport
from airpack.shim import write
from airpack.tree import plain
from airpack.tree.exclusion import Excluded
from airpack.tree.install import Tree
from airpack.tree.recipe import Recipe
from airpack.wheels.wheelhouse import Wheelhouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """What a pack wrote. All paths are in the folder of the results. `findings` counts what was found by severity."""

    wheelhouse: Wheelhouse
    bundle: Bundle
    excluded: Excluded
    image: FilesystemImage | None = None
    sbom: Path | None = None
    findings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """What the stages of a pack returned; the recipe is complete, with its decoder; `imports` are its proof's."""

    wheelhouse: Wheelhouse
    tree: Tree
    recipe: Recipe
    bundle: Bundle
    imports: tuple[TriedImport, ...] = ()


def deliver(order: Order, product: Product, *, work: Path, scratch: Path, progress: Progress) -> Packed:
    """Write manifest, lock and the optional results into `work`, then move all results to `order.output`.

    Afterwards all of them are in place, or none is. `scratch` is a folder on the file system of the results.
    """
    house, tree, bundle = product.wheelhouse, product.tree, product.bundle
    image = _image(order, tree, bundle, work, progress) if order.image else None
    signed = _to_sign(order.sign, bundle, image) if order.sign else []
    manifest = _manifest(order, product, image, signed)
    (work / LOCK).write_text(pylock_writer.dumps(house.lock, order.output, wheelhouse=WHEELHOUSE), encoding="utf-8")
    (work / MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
    if order.sbom:
        with OpenBundle.at(bundle.path) as opened:
            (work / SBOM).write_text(sbom_writer()(inventory.take(opened, manifest.packages)), encoding="utf-8")
    signatures = signing.write(signed, manifest, order.sign, work) if order.sign else []
    recorded = _record_imports(order, product, work)
    beside = [*([image.path.name] if image else []), *([SBOM] if order.sbom else []), *recorded, *signatures]
    near = staging.brought((*ALWAYS, *beside), work, scratch)
    results = {near / name: order.output / name for name in (*ALWAYS, *beside)}
    gone = [order.output / name for name in SOMETIMES if name not in beside]
    with _staged_folders(order, tree, bundle) as folders:
        staging.place({**results, **folders}, gone=gone, aside=near)
    return Packed(
        wheelhouse=replace(house, folder=order.output / WHEELHOUSE),
        bundle=replace(bundle, path=order.output / layout.BUNDLE_NAME),
        excluded=tree.excluded,
        image=image and replace(image, path=order.output / image.path.name),
        sbom=order.output / SBOM if order.sbom else None,
    )


def _record_imports(order: Order, product: Product, folder: Path) -> list[str]:
    """Write what was imported, if anything was, into `folder`; return the names of what was written."""
    if order.importer is None or not product.imports:
        return []
    record = ProofRecord(digest=product.bundle.digest, python=order.importer.version, imports=product.imports)
    (folder / IMPORTS).write_text(record.dumps(), encoding="utf-8")
    return [IMPORTS]


def _manifest(order: Order, product: Product, image: FilesystemImage | None, signed: Sequence[Signed]) -> Manifest:
    contents = product.bundle.contents
    return Manifest(
        creator=contents.creator,
        target=TargetEntry.of(order.target),
        requirements=contents.requirements,
        options=product.recipe.to_dict(),
        bundle=BundleEntry.of(product.bundle),
        image=ImageEntry.of(image) if image else None,
        signatures=signed,
        excluded=product.tree.excluded.to_dict(),
        passed_over=product.wheelhouse.lock.passed_over,
        packages=[PackageEntry.of(wheel) for wheel in product.wheelhouse.lock.wheels],
        toolchain=Toolchain.here(order.python),
    )


@contextmanager
def _staged_folders(order: Order, tree: Tree, bundle: Bundle) -> Iterator[dict[Path, Path]]:
    """Write the plain tree and the drop-in folder that are ordered; give each staged path with its destination.

    Each is staged beside its destination, on the same file system, until the block ends.
    """
    staged = {}
    with ExitStack() as stack:
        if order.tree is not None:
            folder = stack.enter_context(staging.scratch_in(order.tree.parent)) / "tree"
            plain.write(tree.groups, folder, note=bundle.tree_note)
            staged[folder] = order.tree
        if order.drop_in is not None:
            folder = stack.enter_context(staging.scratch_in(order.drop_in.parent)) / "drop-in"
            write.write_drop_in(folder, bundle.path, order.python)
            staged[folder] = order.drop_in
        yield staged


def _image(order: Order, tree: Tree, bundle: Bundle, scratch: Path, progress: Progress) -> FilesystemImage:
    """Write the tree as a file system image into `scratch`, and return it."""
    assert order.image is not None
    plain.write(tree.groups, scratch / "mounted", note=bundle.tree_note)
    path = scratch / image_file.file_name(order.image)
    with progress.stage("image", BYTES) as advance:
        mtime = order.recipe.mtime
        image = image_file.write(scratch / "mounted", path, order.image, mtime=mtime, env=order.env)
        advance(image.size)
    return image


def _to_sign(key: SigningKey, bundle: Bundle, image: FilesystemImage | None) -> list[Signed]:
    """Return what `key` is to sign: the bundle, and the image if there is one."""
    signed = [Signed(file=layout.BUNDLE_NAME, kind=layout.SIGNED_BUNDLE, digest=bundle.digest, key=key.id)]
    if image is not None:
        signed.append(Signed(file=image.path.name, kind=layout.SIGNED_IMAGE, digest=image.sha256, key=key.id))
    return signed
