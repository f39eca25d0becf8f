"""Chains the stages: requirements -> Lock -> Wheelhouse -> Tree -> Bundle. No logic of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from airpack_runtime import layout

from airpack.audit import wheels
from airpack.audit.wheels import Finding
from airpack.base import staging
from airpack.base.console import BYTES, Progress
from airpack.base.errors import AuditFailed, WriteFailed
from airpack.base.interrupts import threads
from airpack.bundle import write as bundles
from airpack.inspection import inventory, sbom_writer
from airpack.resolve import pylock, pylock_writer, resolver
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.resolve.requirements import Requirements
from airpack.results import folder as output
from airpack.results import manifest, signing
from airpack.results.keys import SigningKey
from airpack.results.manifest import Signed
from airpack.shim import write
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.tree import image_file, install, members
from airpack.tree.exclusion import Excluded, Exclusion
from airpack.tree.image_file import FilesystemImage
from airpack.tree.install import Contents, Recipe
from airpack.tree.members import Group
from airpack.verify import verify
from airpack.wheels import decoders, wheelhouse
from airpack.wheels.decoders import Decoder
from airpack.wheels.wheelhouse import Wheelhouse

_RESULTS = (wheelhouse.NAME, pylock.NAME, manifest.NAME, layout.BUNDLE_NAME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What `pack` is to make.

    `source` is resolved unless it is a lock. `output` is the folder of the results,
    `tree` one for the plain tree if that is wanted too, `drop_in` one for the shim with
    the bundle, `image` the kind of file system image to write as well, by a program that
    gets `env`. `python` builds sdists, compiles the bytecode and, with `prove`, imports
    what was packed; without it, all that is done without. `decoder` is a wheel to take
    the decoder from instead of the index; `cache` keeps it, and wheels. `strict` lets the
    audit's warnings fail the pack; `skip_installed` leaves out what the image has;
    `with_wheelhouse` puts the wheels into the bundle, too; `exclusion` says which files stay out;
    `sign` is the key to sign the bundle with, and an image; `sbom` writes an SBOM beside it.
    """

    source: Requirements | Lock
    target: Target
    output: Path
    cache: Path
    tree: Path | None = None
    drop_in: Path | None = None
    python: Interpreter | None = None
    compile_bytecode: bool = True
    decoder: Path | None = None
    level: int = bundles.DEFAULT_LEVEL
    mtime: int = bundles.DEFAULT_MTIME
    jobs: int = 1
    strict: bool = False
    skip_installed: bool = False
    prove: bool = True
    with_wheelhouse: bool = False
    exclusion: Exclusion = field(default_factory=Exclusion)
    image: str | None = None
    sign: SigningKey | None = None
    sbom: bool = False
    env: Mapping[str, str] = field(default_factory=dict)

    def recipe(self, decoder: Decoder | None) -> Recipe:
        """Return what the bundle's bytes depend on; `decoder` travels in it."""
        return Recipe(
            options=bundles.Options(level=self.level, mtime=self.mtime, decoder=decoder),
            compiler=self.python if self.compile_bytecode else None,
            with_wheelhouse=self.with_wheelhouse,
            exclusion=self.exclusion,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """What `pack` made."""

    wheelhouse: Wheelhouse
    bundle: bundles.Bundle
    excluded: Excluded
    image: FilesystemImage | None = None
    sbom: Path | None = None


def pack(order: Order, *, pip: Pip, progress: Progress) -> Packed:
    """Resolve, fetch, install, compile and bundle; put the results into `order.output`.

    On any error, and on Ctrl-C, the folder is left as it was. Raises AirpackError.
    """
    output.check(order.output, tree=order.tree, drop_in=order.drop_in)
    if order.image is not None:
        image_file.program_for(order.image)
    if order.sbom:
        sbom_writer()
    try:
        with staging.scratch_in(order.output) as scratch, threads(order.jobs) as executor:
            return _pack(order, scratch, executor, pip, progress)
    except OSError as error:
        raise WriteFailed(error.filename or order.output, error.strerror or str(error)) from error


def _pack(order: Order, scratch: Path, executor: Executor, pip: Pip, progress: Progress) -> Packed:
    obtaining = executor.submit(decoders.obtain, order.target, order.cache, given=order.decoder, pip=pip)
    lock = _lock(order, pip, progress)
    recipe = order.recipe(obtaining.result())
    with progress.stage("fetch", BYTES, lock.size) as advance:
        house = wheelhouse.fetch(lock, scratch / wheelhouse.NAME, order.cache, pip=pip, on_bytes=advance)
    contents = install.install(
        house, recipe, scratch / "parts", executor=executor, progress=progress, store=order.cache
    )
    for unused in sorted(set(order.exclusion.globs) - contents.excluded.matched):
        progress.note(f"note: --exclude {unused}: no file matches it")
    plain = order.tree is not None
    found = wheels.audit(contents.parts, contents.clashes, house.lock, plain=plain, executor=executor)
    _report(found, strict=order.strict, progress=progress)
    pool = bundles.Pool(executor=executor, jobs=order.jobs, store=order.cache)
    path = scratch / layout.BUNDLE_NAME
    bundle = install.write(contents, house.lock, recipe, path, pool=pool, progress=progress)
    if order.python is not None and order.prove:
        image = house.lock.in_image
        found = verify.prove(path, order.python, image, scratch, executor=executor, progress=progress)
        _report(found, strict=order.strict, progress=progress)
    return _deliver(order, house, contents, bundle, scratch=scratch, progress=progress)


def _deliver(
    order: Order,
    house: Wheelhouse,
    contents: Contents,
    bundle: bundles.Bundle,
    *,
    scratch: Path,
    progress: Progress,
) -> Packed:
    """Write what goes beside the bundle, and put all results in place together."""
    image = _image(order, contents.groups, bundle, scratch, progress) if order.image else None
    signed = _signed(order.sign, bundle, image) if order.sign else []
    more = {
        "image": image and image.to_dict(),
        "signatures": [each.to_dict() for each in signed],
        "excluded": contents.excluded.to_dict(),
    }
    about = manifest.dumps(order.target, order.python, house, bundle, order.recipe(None).to_dict(), more)
    (scratch / pylock.NAME).write_text(pylock_writer.dumps(house.lock, wheelhouse=wheelhouse.NAME), encoding="utf-8")
    (scratch / manifest.NAME).write_text(about, encoding="utf-8")
    if order.sbom:
        (scratch / output.SBOM_NAME).write_text(sbom_writer()(inventory.take(bundle.path)), encoding="utf-8")
    signatures = signing.write(signed, order.sign, scratch) if order.sign else []
    beside = [*([image.path.name] if image else []), *([output.SBOM_NAME] if order.sbom else []), *signatures]
    results = {scratch / name: order.output / name for name in (*_RESULTS, *beside)}
    known = (*layout.IMAGE_NAMES, *layout.SIGNATURE_NAMES, output.SBOM_NAME)
    gone = [order.output / name for name in known if name not in beside]
    with ExitStack() as stack:
        results |= _folders(order, contents, bundle, stack)
        staging.place(results, gone=gone, aside=scratch)
    return Packed(
        wheelhouse=replace(house, folder=order.output / wheelhouse.NAME),
        bundle=replace(bundle, path=order.output / layout.BUNDLE_NAME),
        excluded=contents.excluded,
        image=image and replace(image, path=order.output / image.path.name),
        sbom=order.output / output.SBOM_NAME if order.sbom else None,
    )


def _folders(order: Order, contents: Contents, bundle: bundles.Bundle, stack: ExitStack) -> dict[Path, Path]:
    """Write the plain tree and the drop-in that are asked for, each near its place, and return which goes where."""
    written = {}
    if order.tree is not None:
        staged = stack.enter_context(staging.scratch_in(order.tree.parent)) / "tree"
        members.merge(contents.groups, staged, note=manifest.tree_note(bundle))
        written[staged] = order.tree
    if order.drop_in is not None:
        staged = stack.enter_context(staging.scratch_in(order.drop_in.parent)) / "drop-in"
        write.write_drop_in(staged, bundle.path, order.python)
        written[staged] = order.drop_in
    return written


def _signed(key: SigningKey, bundle: bundles.Bundle, image: FilesystemImage | None) -> list[Signed]:
    """Return what is to be signed."""
    made = [Signed(file=layout.BUNDLE_NAME, kind=layout.SIGNED_BUNDLE, digest=bundle.digest, key=key.id)]
    if image is not None:
        made.append(Signed(file=image.path.name, kind=layout.SIGNED_IMAGE, digest=image.sha256, key=key.id))
    return made


def _image(
    order: Order, groups: Sequence[Group], bundle: bundles.Bundle, scratch: Path, progress: Progress
) -> FilesystemImage:
    """Write the tree as an image of a file system, beside the bundle."""
    assert order.image is not None
    members.merge(groups, scratch / "mounted", note=manifest.tree_note(bundle))
    path = scratch / image_file.file_name(order.image)
    with progress.stage("image", BYTES) as advance:
        image = image_file.write(scratch / "mounted", path, order.image, mtime=order.mtime, env=order.env)
        advance(image.size)
    return image


def _report(found: Sequence[Finding], *, strict: bool, progress: Progress) -> None:
    """Tell the findings, and raise AuditFailed if any of them must fail the pack."""
    for finding in found:
        progress.note(str(finding))
    fatal = wheels.fatal(found, strict=strict)
    if fatal:
        raise AuditFailed([each.message for each in fatal])


def _lock(order: Order, pip: Pip, progress: Progress) -> Lock:
    with progress.stage("resolve", "wheels") as advance:
        if isinstance(order.source, Lock):
            lock = resolver.complete(order.source, pip=pip, cache=order.cache, python=order.python)
        else:
            lock = resolver.resolve(
                order.source,
                order.target,
                pip=pip,
                cache=order.cache,
                python=order.python,
                skip_installed=order.skip_installed,
            )
        advance(len(lock.wheels))
    return lock
