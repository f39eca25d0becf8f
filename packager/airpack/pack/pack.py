"""Requirements -> Lock -> Wheelhouse -> Tree -> Bundle -> Results: the stages, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
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
from airpack.resolve import resolver
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.resolve.requirements import Requirements
from airpack.results import overwrite
from airpack.results.folder import WHEELHOUSE
from airpack.results.keys import SigningKey
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.tree import image_file
from airpack.tree.install import install
from airpack.tree.recipe import Recipe
from airpack.verify.verify import prove
from airpack.wheels import decoders, wheelhouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to pack, and where to put it.

    `source` is resolved unless it is a lock. `recipe` says how the bundle is made, its decoder aside: that is found for
    the target, or taken from the wheel `decoder`. `python` is an interpreter of the target's version: it builds sources
    and, with `prove`, imports what was packed; without one, both are left out. `skip_installed` leaves out what the
    image has. `strict` lets the audit's warnings fail the pack.

    `output` is the folder of the results. On request there are also a plain tree (`tree`), a folder with the shim and
    the bundle (`drop_in`), a file system image of that kind (`image`), an SBOM and a signature by the key `sign`.
    `cache` keeps wheels, bytecode and frames; `env` is the environment of programs that are called.
    """

    source: Requirements | Lock
    target: Target
    output: Path
    cache: Path
    recipe: Recipe = field(default_factory=Recipe)
    tree: Path | None = None
    drop_in: Path | None = None
    python: Interpreter | None = None
    decoder: Path | None = None
    jobs: int = 1
    strict: bool = False
    skip_installed: bool = False
    prove: bool = True
    image: str | None = None
    sign: SigningKey | None = None
    sbom: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


def pack(order: Order, *, pip: Pip, progress: Progress) -> Packed:
    """Resolve, fetch, install, bundle, and put the results into `order.output`.

    On any error, and on Ctrl-C, the folder is left as it was. Raises AirpackError.
    """
    overwrite.check(order.output, tree=order.tree, drop_in=order.drop_in)
    # What would fail at the end is asked for first.
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
    obtaining = executor.submit(decoders.obtain, order.target, order.cache, given=order.decoder, pip=pip)
    lock = _lock(order, pip, progress)
    recipe = replace(order.recipe, decoder=obtaining.result())
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
        _report(prove(bundle.path, order.python, image, scratch, executor=executor, progress=progress), order, progress)
    product = Product(wheelhouse=house, tree=tree, recipe=recipe, bundle=bundle)
    return deliver(order, product, scratch=scratch, progress=progress)


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


def _report(findings: Sequence[Finding], order: Order, progress: Progress) -> None:
    """Show the findings. Raises AuditFailed if any of them must not pass."""
    for finding in findings:
        progress.note(str(finding))
    grave = fatal(findings, strict=order.strict)
    if grave:
        raise AuditFailed([finding.message for finding in grave])
