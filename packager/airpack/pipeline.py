"""Chains the stages: requirements -> Lock -> Wheelhouse -> Tree -> Bundle. No logic of its own."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.reader import open_bundle

from airpack import (
    audit,
    decoders,
    filesystem,
    integrity,
    manifest,
    members,
    output,
    proof,
    pylock,
    resolve,
    staging,
    tree,
    wheelhouse,
)
from airpack import bundle as bundles
from airpack.audit import Finding
from airpack.bytecode import compile_modules
from airpack.errors import AuditFailed, WriteFailed
from airpack.filesystem import FilesystemImage
from airpack.image import ImagePackage
from airpack.interpreter import Interpreter
from airpack.lock import Lock
from airpack.members import Group
from airpack.pip_process import Pip
from airpack.progress import BYTES, Progress
from airpack.resolve import Requirements
from airpack.target import Target
from airpack.tree import Installed
from airpack.wheelhouse import Wheelhouse

_RESULTS = (wheelhouse.NAME, pylock.NAME, manifest.NAME, layout.BUNDLE_NAME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What `pack` is to make.

    `source` is resolved unless it is a lock. `output` is the folder of the results,
    `tree` one for the plain tree if that is wanted too. `python` builds
    sdists and compiles the bytecode; without it, both are done without. `decoder` is a wheel to take the decoder from
    instead of the index; `cache` keeps it, and wheels. `strict` lets the audit's
    warnings fail the pack; `skip_installed` leaves out what the image has;
    `prove` imports what was packed, where there is a `python`. `image` is the kind of file
    system image to write as well, by a program that gets `env`.
    """

    source: Requirements | Lock
    target: Target
    output: Path
    cache: Path
    tree: Path | None = None
    python: Interpreter | None = None
    compile_bytecode: bool = True
    decoder: Path | None = None
    level: int = bundles.DEFAULT_LEVEL
    mtime: int = bundles.DEFAULT_MTIME
    jobs: int = 1
    strict: bool = False
    skip_installed: bool = False
    prove: bool = True
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """What `pack` made."""

    wheelhouse: Wheelhouse
    bundle: bundles.Bundle
    image: FilesystemImage | None = None


def pack(order: Order, *, pip: Pip, progress: Progress) -> Packed:
    """Resolve, fetch, install, compile and bundle; put the results into `order.output`.

    On any error, and on Ctrl-C, the folder is left as it was. Raises AirpackError.
    """
    output.check(order.output, order.tree)
    if order.image is not None:
        filesystem.program_for(order.image)
    try:
        with staging.scratch_in(order.output) as scratch, _threads(order.jobs) as executor:
            return _pack(order, scratch, executor, pip, progress)
    except OSError as error:
        raise WriteFailed(error.filename or order.output, error.strerror or str(error)) from error


@contextmanager
def _threads(jobs: int) -> Iterator[Executor]:
    """Give an executor whose waiting work is dropped when the block fails, and whose threads then have ended."""
    with ThreadPoolExecutor(jobs) as executor:
        # All threads start here: one that Ctrl-C catches while it starts is never waited for.
        with staging.uninterrupted():
            all_there = threading.Barrier(jobs + 1)
            for _ in range(jobs):
                executor.submit(all_there.wait)
            all_there.wait()
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _pack(order: Order, scratch: Path, executor: Executor, pip: Pip, progress: Progress) -> Packed:
    obtaining = executor.submit(decoders.obtain, order.target, order.cache, given=order.decoder, pip=pip)
    lock = _lock(order, pip, progress)
    decoder = obtaining.result()
    with progress.stage("fetch", BYTES, lock.size) as advance:
        house = wheelhouse.fetch(lock, scratch / wheelhouse.NAME, order.cache, pip=pip, on_bytes=advance)
    parts = _install(house, scratch / "parts", order, executor, progress)
    with progress.stage("hash", BYTES) as advance:
        groups, clashes = members.collect(parts, executor=executor, on_bytes=advance)
    found = audit.audit(parts, clashes, house.lock, executor=executor)
    _report(found, strict=order.strict, progress=progress)
    with progress.stage("compress", BYTES, _size_of(groups)) as advance:
        bundle = bundles.write(
            groups,
            house.lock,
            scratch / layout.BUNDLE_NAME,
            bundles.Options(level=order.level, mtime=order.mtime, decoder=decoder),
            pool=bundles.Pool(executor=executor, jobs=order.jobs),
            on_bytes=advance,
        )
    if order.python is not None and order.prove:
        found = _prove(bundle.path, order.python, house.lock.in_image, scratch, executor=executor, progress=progress)
        _report(found, strict=order.strict, progress=progress)
    image = _image(order, groups, bundle, scratch, progress) if order.image else None
    (scratch / pylock.NAME).write_text(pylock.dumps(house.lock, wheelhouse=wheelhouse.NAME), encoding="utf-8")
    (scratch / manifest.NAME).write_text(
        manifest.dumps(order.target, order.python, house, bundle, image), encoding="utf-8"
    )
    results = {scratch / name: order.output / name for name in _RESULTS}
    if image is not None:
        results[image.path] = order.output / image.path.name
    gone = [order.output / name for name in layout.IMAGE_NAMES if scratch / name not in results]
    if order.tree is not None:
        with staging.scratch_in(order.tree.parent) as beside:
            members.merge(groups, beside / "tree", note=manifest.tree_note(bundle))
            staging.place({**results, beside / "tree": order.tree}, gone=gone, aside=scratch)
    else:
        staging.place(results, gone=gone, aside=scratch)
    placed = replace(bundle, path=order.output / layout.BUNDLE_NAME)
    house = replace(house, folder=order.output / wheelhouse.NAME)
    return Packed(wheelhouse=house, bundle=placed, image=image and replace(image, path=results[image.path]))


def _image(
    order: Order, groups: Sequence[Group], bundle: bundles.Bundle, scratch: Path, progress: Progress
) -> FilesystemImage:
    """Write the tree as an image of a file system, beside the bundle."""
    assert order.image is not None
    members.merge(groups, scratch / "mounted", note=manifest.tree_note(bundle))
    path = scratch / filesystem.file_name(order.image)
    with progress.stage("image", BYTES) as advance:
        image = filesystem.write(scratch / "mounted", path, order.image, mtime=order.mtime, env=order.env)
        advance(image.size)
    return image


def verify(place: Path, python: Interpreter | None, *, jobs: int, progress: Progress) -> list[Finding]:
    """Return what is damaged in a bundle; if nothing is, what of it `python` can't import (None: it isn't tried).

    `place` is the bundle, or a folder of results, whose manifest and lock are heeded.
    Raises BootFailed, BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    bundle, image = place, tuple[ImagePackage, ...]()
    if place.is_dir():
        bundle = place / layout.BUNDLE_NAME
        image = pylock.provided_in(place / pylock.NAME) if (place / pylock.NAME).exists() else ()
    with progress.stage("check", BYTES) as advance:
        found = integrity.check(bundle, file_sha256=manifest.file_sha256_in(place), on_bytes=advance)
    if found or python is None:
        return found
    with tempfile.TemporaryDirectory(prefix="airpack-verify-") as scratch, _threads(jobs) as executor:
        return _prove(bundle, python, image, Path(scratch), executor=executor, progress=progress)


def _prove(
    bundle: Path,
    python: Interpreter,
    image: Sequence[ImagePackage],
    scratch: Path,
    *,
    executor: Executor,
    progress: Progress,
) -> list[Finding]:
    """Import all that the bundle brings, if this machine can."""
    with open_bundle(str(bundle)) as opened:
        obstacle = proof.obstacle(opened.target, scratch)
        total = proof.count_modules(opened.toc())
    if obstacle:
        sentence = f"was not imported here: {obstacle}"
        return [Finding(severity=audit.NOTE, package=bundle.name, sentence=sentence, remedy="verify it where it fits")]
    folder = scratch / "proof"
    folder.mkdir()
    with progress.stage("import", "modules", total) as advance:
        found = proof.prove(bundle, python, folder, image=image, executor=executor, on_module=advance)
    shutil.rmtree(folder)
    return found


def audit_results(dist: Path, packed: Target, target: Target, *, jobs: int) -> list[Finding]:
    """Return what the audit for `target` finds in the results of a pack for `packed`.

    Raises InvalidLock or InvalidWheel.
    """
    lock = pylock.load(dist / pylock.NAME, packed)
    house = Wheelhouse(folder=dist / wheelhouse.NAME, lock=lock)
    with tempfile.TemporaryDirectory(prefix="airpack-audit-") as folder, _threads(jobs) as executor:
        parts = [
            tree.install_wheel(wheel, house.path_of(wheel), Path(folder, str(number)), target)
            for number, wheel in enumerate(lock.wheels)
        ]
        _, clashes = members.collect(parts, executor=executor, on_bytes=lambda _: None)
        return audit.audit(parts, clashes, replace(lock, target=target), executor=executor)


def _report(found: Sequence[Finding], *, strict: bool, progress: Progress) -> None:
    """Tell the findings, and raise AuditFailed if any of them must fail the pack."""
    for finding in found:
        progress.note(str(finding))
    fatal = audit.fatal(found, strict=strict)
    if fatal:
        raise AuditFailed([each.message for each in fatal])


def _lock(order: Order, pip: Pip, progress: Progress) -> Lock:
    with progress.stage("resolve", "wheels") as advance:
        if isinstance(order.source, Lock):
            lock = resolve.complete(order.source, pip=pip, cache=order.cache, python=order.python)
        else:
            lock = resolve.resolve(
                order.source,
                order.target,
                pip=pip,
                cache=order.cache,
                python=order.python,
                skip_installed=order.skip_installed,
            )
        advance(len(lock.wheels))
    return lock


def _install(house: Wheelhouse, folder: Path, order: Order, executor: Executor, progress: Progress) -> list[Installed]:
    """Install every wheel into a folder of its own, and compile its modules."""

    def one(number: int) -> Installed:
        wheel = house.lock.wheels[number]
        part = tree.install_wheel(wheel, house.path_of(wheel), folder / str(number), order.target)
        if order.python is not None and order.compile_bytecode:
            compile_modules(part.site_packages, part.modules(), order.python)
        return part

    parts = []
    with progress.stage("install", "wheels", len(house.lock.wheels)) as advance:
        for part in executor.map(one, range(len(house.lock.wheels))):
            parts.append(part)
            advance(1)
    return parts


def _size_of(groups: Sequence[Group]) -> int:
    return sum(member.size for group in groups for member in group.members if member.link_to is None)
