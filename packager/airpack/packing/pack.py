"""Requirements -> Lock -> Wheelhouse -> Tree -> Bundle -> Results: runs the stages one after the other."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from airpack_runtime import layout

from airpack.audit.finding import Finding, fatal
from airpack.audit.wheels import audit, compiled_files, lacking_wheels, needs
from airpack.base import staging
from airpack.base.console import BYTES, Progress, amount_of
from airpack.base.errors import AirpackError, AuditFailed, WriteFailed
from airpack.base.interrupts import Pool, threads
from airpack.bundle import image_file
from airpack.bundle.early import Early
from airpack.bundle.write import write
from airpack.inspection import sbom_writer
from airpack.libraries import add
from airpack.packing import proofs, torn
from airpack.packing.attempts import Attempts
from airpack.packing.deliver import Packed, Product, deliver
from airpack.packing.order import Order
from airpack.packing.torn import TornPackages
from airpack.packing.tried import TriedBefore
from airpack.requirements.requirements import Requirements
from airpack.resolve import attestations, pylock, resolver
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.results import overwrite
from airpack.results.folder import LOCK, WHEELHOUSE
from airpack.shim.write import folder_bytecode
from airpack.tree import plain
from airpack.tree.install import Tree, install, with_wheel
from airpack.tree.known import PartChanged
from airpack.tree.recipe import Recipe
from airpack.verify.imports import Proof, TriedImage
from airpack.verify.verify import prove
from airpack.wheels import decoders, wheelhouse
from airpack.wheels.wheelhouse import Wheelhouse


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
        with (
            staging.scratch_in(order.output) as scratch,
            staging.workshop(scratch) as work,
            threads(order.jobs) as executor,
        ):
            once = replace(pip, note=_once(progress.note))  # each attempt resolves
            return _Packing(executor=executor, pip=once, progress=progress).run(order, work, scratch)
    except OSError as error:
        raise WriteFailed.from_os(error, order.output) from error


def _once(note: Callable[[str], None]) -> Callable[[str], None]:
    """Return `note`, called with each line only once."""
    told: set[str] = set()

    def tell(line: str) -> None:
        if line not in told:
            told.add(line)
            note(line)

    return tell


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    """What an order came to, all of it in `folder`: the product, what the audit found, and the proof."""

    order: Order
    folder: Path
    product: Product
    audited: Sequence[Finding]
    proof: Proof

    @property
    def severities(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        return Counter({str(each): each.severity for each in [*self.audited, *self.proof.findings]}.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Packing:
    """The stages, and what all of them use; `shown` are the findings that were shown."""

    executor: Executor
    pip: Pip
    progress: Progress
    shown: set[str] = field(default_factory=set)

    def run(self, order: Order, work: Path, scratch: Path) -> Packed:
        """Pack what is ordered; unless the order forbids it, again with what mends an import, while something does.

        Where a further attempt fails, what was packed before it is delivered. All is made in the folder `work`;
        `scratch` is on the file system of the results.
        """
        attempts = Attempts(note=self.progress.note)
        if order.drop_in is not None and order.python is not None:
            self.executor.submit(folder_bytecode, order.python)  # it is needed in the end, when there is little to do
        last = settled = self._made(order, work)
        while True:
            try:
                following = attempts.next(last.order, last.proof.findings)
                if following is None:
                    break
                last = self._made(following, work, partial(attempts.tell, before=last.product.wheelhouse.lock))
            except AirpackError as error:
                attempts.fail(error)
                last = settled
            if attempts.settles(last.order, last.proof.findings):
                settled = last
            self._clear(work, (last, settled))
        self._report(last.proof.findings, last.order)
        attempts.tell_kept(last.order, last.proof.findings)
        product = replace(last.product, imports=tuple(last.proof.imports))
        packed = deliver(last.order, product, work=last.folder, scratch=scratch, progress=self.progress)
        return replace(packed, findings=last.severities)

    def _made(self, order: Order, work: Path, on_lock: Callable[[Lock], None] = lambda _: None) -> _Made:
        """Make and import what is ordered, in a new folder in `work`; `on_lock` is called with what it resolves to."""
        while True:
            folder = Path(tempfile.mkdtemp(dir=work))
            try:
                product, audited = self._make(order, folder, on_lock)
                proof = self._try(order, product, folder)
                return _Made(order=order, folder=folder, product=product, audited=audited, proof=proof)
            except TornPackages as error:
                for note in error.reasons.values():
                    self.progress.note(note)
                order = replace(order, whole=order.whole | error.reasons.keys())
            except PartChanged:  # at most once for each wheel: what had changed is no longer known
                pass
            except OSError as error:  # of a full disk, say
                raise WriteFailed.from_os(error, order.output) from error
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _clear(work: Path, kept: Sequence[_Made]) -> None:
        """Remove what was made in `work` for other attempts.

        What still runs for one may write there; the rest goes with `work`.
        """
        for folder in work.iterdir():
            if folder.is_dir() and folder not in [each.folder for each in kept]:
                shutil.rmtree(folder, ignore_errors=True)

    def _make(self, order: Order, folder: Path, on_lock: Callable[[Lock], None]) -> tuple[Product, Sequence[Finding]]:
        """Resolve, fetch, install and bundle what is ordered; return the findings of the audit as well."""
        progress, executor = self.progress, self.executor
        decoders.pin_for(order.target)  # a target without a decoder ends here
        lock = self._lock(order)
        on_lock(lock)
        decoder = executor.submit(
            decoders.obtain,
            order.target,
            order.cache,
            given=order.decoder,
            pip=self.pip,
            places=lock.access.options,
        )
        with progress.stage("fetch", BYTES, lock.size) as advance:
            house = wheelhouse.fetch(lock, folder / WHEELHOUSE, order.cache, pip=self.pip, on_bytes=advance)
        pool = Pool(executor=executor, jobs=order.jobs, store=order.cache)
        early = Early(house, order.recipe, pool)
        tree = install(house, order.recipe, folder / "parts", pool=pool, progress=progress, on_part=early.add)
        recipe = replace(order.recipe, decoder=decoder.result())
        if order.skip_installed and isinstance(order.source, Requirements):
            found = compiled_files(tree, executor=executor, store=order.cache)
            torn.check(tree, lock, lacking_wheels(tree, order.target, found))
        if order.libraries:
            house, tree = self._with_libraries(order, house, tree, recipe, folder / "libraries")
        for unused in sorted(set(recipe.exclusion.globs) - tree.excluded.matched):
            progress.note(f"note: --exclude {unused}: no file matches it")
        with progress.stage("audit", "wheels") as advance:
            compiled = compiled_files(tree, executor=executor, store=order.cache)
            findings = audit(tree, house.lock, compiled, plain=order.tree is not None)
            tree = replace(tree, needs=needs(tree, order.target, compiled))
            advance(len(house.lock.wheels))
        self._report(findings, order)
        bundle = write(tree, house.lock, recipe, folder / layout.BUNDLE_NAME, early=early, progress=progress)
        return Product(wheelhouse=house, tree=tree, recipe=recipe, bundle=bundle), findings

    def _with_libraries(
        self, order: Order, house: Wheelhouse, tree: Tree, recipe: Recipe, folder: Path
    ) -> tuple[Wheelhouse, Tree]:
        """Return wheelhouse and tree with the wheel of the libraries that are ordered; each is told."""
        compiled = compiled_files(tree, executor=self.executor, store=order.cache)
        chosen = add.choose(order.libraries, tree, compiled, order.target)
        for library in chosen:
            self.progress.note(f"library   {library.name}, from {library.origin}")
        house, made = add.add(house, chosen, add.order(chosen, tree, compiled))
        return house, with_wheel(tree, made, house, recipe, folder, store=order.cache)

    def _try(self, order: Order, product: Product, folder: Path) -> Proof:
        """Import what was packed, if that is ordered and there is an interpreter; return what came of it."""
        if order.importer is None or not order.prove:
            return Proof(findings=())
        python, image = order.importer, product.wheelhouse.lock.in_image
        place = proofs.place_of(order.cache, product.bundle, python, image)
        known = proofs.known(place)
        if known is not None:
            found = amount_of(len(known.findings), "findings") if known.findings else "nothing"
            self.progress.note(f"import    as before: Python {python.version} imported this bundle, and found {found}")
            return known
        before = TriedBefore.of(order.cache, product.tree, product.bundle, python, image)
        tried = TriedImage(target=order.target, packages=image, known=before.read())
        if tried.known:
            modules = amount_of(len(tried.known), "modules")
            self.progress.note(f"import    {modules} as before: all that they load is the same")
        tree = folder / "proof"
        # What is imported may write to its files, which are other names of the installed ones: these are read no more.
        linkable = product.tree.is_installed and order.tree is None and order.image is None
        if linkable and len(tried.known) < len(before.modules):
            plain.write(product.tree.groups, tree)
        proof = prove(product.bundle, python, tried, tree, executor=self.executor, progress=self.progress)
        before.keep(proof)
        proofs.keep(proof, place)
        return proof

    def _lock(self, order: Order) -> Lock:
        """Return the lock to pack: the one that is ordered, completed, or the resolved requirements."""
        with self.progress.stage("resolve", "wheels") as advance:
            installed = [package for package in order.target.installed or () if package.key not in order.whole]
            lock = resolver.lock_of(
                order.source,
                replace(order.target, installed=tuple(installed)) if order.whole else order.target,
                pip=self.pip,
                cache=order.cache,
                python=order.python,
                skip_installed=order.skip_installed,
            )
            lock = replace(lock, target=order.target)
            lock = attestations.attested(lock, pip=self.pip, store=order.cache)
            advance(len(lock.wheels))
        last = order.output / LOCK
        required, before = order.require_attestations, pylock.attested_in(last)
        for warning in attestations.check(lock, required=required, before=before, named=str(last)):
            self.progress.note(warning)
        return lock

    def _report(self, findings: Sequence[Finding], order: Order) -> None:
        """Show the findings that were not shown before. Raises AuditFailed if any of them is fatal."""
        for finding in findings:
            if str(finding) not in self.shown:
                self.progress.note(str(finding))
                self.shown.add(str(finding))
        failures = fatal(findings, strict=order.strict)
        if failures:
            raise AuditFailed([finding.message for finding in failures])
