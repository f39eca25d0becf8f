"""Requirements -> Lock -> Wheelhouse -> Tree -> Bundle -> Results: runs the stages one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from airpack_runtime import layout

from airpack.audit.finding import Finding, fatal
from airpack.audit.wheels import audit
from airpack.base import staging
from airpack.base.console import BYTES, Progress
from airpack.base.errors import AuditFailed, WriteFailed
from airpack.base.interrupts import threads
from airpack.bundle.frames import Pool
from airpack.bundle.write import write
from airpack.inspection import sbom_writer
from airpack.pack.deliver import Packed, Product, deliver
from airpack.pack.order import Order
from airpack.resolve import resolver
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.results import overwrite
from airpack.results.folder import WHEELHOUSE
from airpack.tree import image_file
from airpack.tree.install import install
from airpack.verify.verify import prove
from airpack.wheels import decoders, wheelhouse


def pack(order: Order, *, pip: Pip, progress: Progress) -> Packed:
    """Resolve, fetch, install and bundle what is ordered; put the results into `order.output`.

    After any error, and after Ctrl-C, the folder is as it was. Raises AirpackError.
    """
    overwrite.check(order.output, tree=order.tree, drop_in=order.drop_in)
    # Missing programs and libraries are noticed now, not at the end.
    if order.image is not None:
        image_file.program_for(order.image)
    if order.sbom:
        sbom_writer()
    try:
        with staging.scratch_in(order.output) as scratch, threads(order.jobs) as executor:
            return _pack(order, scratch, executor, pip, progress)
    except OSError as error:
        raise WriteFailed.from_os(error, order.output) from error


def _pack(order: Order, scratch: Path, executor: Executor, pip: Pip, progress: Progress) -> Packed:
    decoder = executor.submit(decoders.obtain, order.target, order.cache, given=order.decoder, pip=pip)
    lock = _lock(order, pip, progress)
    recipe = replace(order.recipe, decoder=decoder.result())
    with progress.stage("fetch", BYTES, lock.size) as advance:
        house = wheelhouse.fetch(lock, scratch / WHEELHOUSE, order.cache, pip=pip, on_bytes=advance)
    tree = install(house, recipe, scratch / "parts", executor=executor, progress=progress, store=order.cache)
    for unused in sorted(set(recipe.exclusion.globs) - tree.excluded.matched):
        progress.note(f"note: --exclude {unused}: no file matches it")
    _report(audit(tree, house.lock, plain=order.tree is not None, executor=executor), order, progress)
    pool = Pool(executor=executor, jobs=order.jobs, store=order.cache)
    bundle = write(tree, house.lock, recipe, scratch / layout.BUNDLE_NAME, pool=pool, progress=progress)
    if order.python is not None and order.prove:
        image = house.lock.in_image
        findings = prove(bundle, order.python, image, scratch, executor=executor, progress=progress)
        _report(findings, order, progress)
    product = Product(wheelhouse=house, tree=tree, recipe=recipe, bundle=bundle)
    return deliver(order, product, scratch=scratch, progress=progress)


def _lock(order: Order, pip: Pip, progress: Progress) -> Lock:
    """Return the lock to pack: the one that is ordered, completed, or the resolved requirements."""
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


def _report(findings: Sequence[Finding], order: Order, progress: Progress) -> None:
    """Show the findings. Raises AuditFailed if any of them is fatal."""
    for finding in findings:
        progress.note(str(finding))
    failures = fatal(findings, strict=order.strict)
    if failures:
        raise AuditFailed([finding.message for finding in failures])
