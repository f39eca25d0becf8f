"""Verifies a bundle, a folder of results or a plain tree, and imports what it brings."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged
from airpack_runtime.format.toc import Toc

from airpack.audit.finding import ERROR, NOTE, Finding, fatal
from airpack.base.console import BYTES, Progress
from airpack.base.errors import InvalidLock, PythonMissing
from airpack.base.interrupts import threads
from airpack.results import pins
from airpack.results.folder import Results
from airpack.results.proof import TriedImport
from airpack.shim import local_boot
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.verify import bundle as bundles
from airpack.verify import imports, results, tree
from airpack.verify.imports import Proof, TriedImage
from airpack.verify.shares import Share, modules_in, shares_of

if TYPE_CHECKING:
    from airpack.bundle.write import Bundle

# Returns an interpreter of the target's version. Raises PythonMissing.
ObtainPython = Callable[[Target], Interpreter]


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """What the user demands of a bundle or a tree.

    `digests` are all that the bundle's digest must be equal to, in hexadecimal. `obtain_python` returns the interpreter
    to import with, None if nothing is to be imported.
    """

    digests: Sequence[str] = ()
    obtain_python: ObtainPython | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The findings, and what they were found in: its path and digest, as they are printed."""

    findings: list[Finding]
    subject: str


def verify_results(packed: Results, demands: Demands, *, jobs: int, progress: Progress) -> Verdict:
    """Return all that is wrong with a bundle, and with the folder of results around it unless it is alone.

    What is in the bundle is imported, unless an error was found. Raises BundleNotFound (of `airpack_runtime.errors`)
    or BootFailed.
    """
    findings: list[Finding] = []
    subject = str(packed.bundle)
    with ExitStack() as stack:
        executor = stack.enter_context(threads(jobs))
        opened, checked = None, None
        try:
            opened = stack.enter_context(packed.open_bundle())
            subject = f"{packed.bundle}, sha256:{opened.file.digest}"
            findings += pins.other_digests(demands.digests, packed.bundle.name, opened.file.digest)
            with progress.stage("check", BYTES) as advance:
                checked = bundles.verify(opened, packed.bundle.name, executor=executor, on_bytes=advance)
            findings += checked.findings
        except BundleDamaged as error:
            name = f"{packed.bundle.name}:"
            findings.append(Finding(severity=ERROR, package=name, sentence=error.problem, remedy=error.remedy))
        if not packed.is_alone:
            findings += () if demands.digests else results.absent(packed)
            findings += results.check(packed, opened, checked.records if checked else {}, executor=executor)
        if opened is not None and not fatal(findings, strict=False):
            trial = _Trial(
                name=packed.bundle.name,
                target=opened.toc.target,
                digest=opened.file.digest,
                shares=shares_of(opened.toc),
                image=_image_of(packed),
                lacking=_lacking(opened.toc),
            )
            findings += trial.run_bundle(packed.bundle, demands.obtain_python, executor=executor, progress=progress)
    return Verdict(findings=findings, subject=subject)


def verify_tree(place: Path, compared: Results | None, demands: Demands, *, jobs: int, progress: Progress) -> Verdict:
    """Return all that is wrong with the plain tree at `place`: against a bundle, else against its own RECORDs.

    Raises BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    note = tree.note_in(place)
    name = f"{place.name}/{layout.TREE_NOTE}"
    digest = note.digest.removeprefix("sha256:")
    findings = pins.other_digests(demands.digests, name, digest)
    if not note.target:
        sentence = "doesn't say which bundle's tree this is"
        findings.append(Finding(severity=ERROR, package=name, sentence=sentence, remedy="unpack the bundle again"))
    with ExitStack() as stack:
        executor = stack.enter_context(threads(jobs))
        with progress.stage("check", BYTES) as advance:
            nodes, unreadable = tree.read(place, executor)
            advance(sum(node.content.size or 0 for node in nodes.values() if node.content))
        findings += unreadable
        records, damaged = tree.records_in(place, nodes, note.target)
        if compared is None:
            findings += [*damaged, *tree.against_records(nodes, records)]
        else:
            opened = stack.enter_context(compared.open_bundle())
            findings += pins.other_digests((opened.file.digest,), name, digest)
            findings += tree.against_bundle(nodes, opened)
        if not fatal(findings, strict=False):
            trial = _Trial(name=place.name, target=note.target, digest=digest, shares=tree.shares_of(records), image=())
            findings += trial.run_tree(place, demands.obtain_python, executor=executor, progress=progress)
    return Verdict(findings=findings, subject=f"{place}, {note.digest or 'of no digest'}")


def prove(
    bundle: Bundle,
    python: Interpreter,
    image: TriedImage,
    place: Path,
    *,
    executor: Executor,
    progress: Progress,
) -> Proof:
    """Import all that the bundle `bundle` brings, which was just written, if this machine can; return what came of it.

    Its tree is unpacked into the folder `place` unless that is there, and removed in the end. `image` says what the
    image itself has, and what is known already. Raises BootFailed.
    """
    shares = shares_of(bundle.contents)
    trial = _Trial(
        name=bundle.path.name,
        target=bundle.contents.target,
        digest=bundle.digest,
        shares=shares,
        image=image.packages,
        lacking=_lacking(bundle.contents),
        known=image.known,
    )
    return trial.unpacked(bundle.path, python, place, executor=executor, progress=progress)


def _image_of(packed: Results) -> Sequence[ImagePackage]:
    """Return the packages of the image itself, as the manifest lists them, or else the lock.

    Empty where neither can be read, which has already been reported.
    """
    if packed.is_alone:
        return ()
    installed = packed.installed()
    if installed is not None:
        return installed
    try:
        return packed.lock().provided
    except InvalidLock:
        return ()


def _lacking(contents: Toc) -> list[str]:
    """Return the libraries that a bundle needs and its target isn't known to have."""
    return [need.library for need in contents.needs if not need.known]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trial:
    """What is to be imported, of the bundle or tree `name`; `image` are the packages of the image itself.

    `digest` is that of the bundle which was checked: no other is unpacked. `lacking` are the libraries that the image
    isn't known to have, `known` the imports that are known to succeed.
    """

    digest: str
    name: str
    target: str
    shares: Sequence[Share]
    image: Sequence[ImagePackage]
    lacking: Sequence[str] = ()
    known: Mapping[str, TriedImport] = field(default_factory=dict)

    def run_bundle(
        self, bundle: Path, obtain_python: ObtainPython | None, *, executor: Executor, progress: Progress
    ) -> list[Finding]:
        """Import from the tree of a bundle, unpacked into a temporary folder, if an interpreter is found."""

        def run(python: Interpreter) -> list[Finding]:
            with tempfile.TemporaryDirectory(prefix="airpack-verify-") as scratch:
                place = Path(scratch) / "tree"
                return [*self.unpacked(bundle, python, place, executor=executor, progress=progress).findings]

        return self._with_python(obtain_python, run)

    def run_tree(
        self, place: Path, obtain_python: ObtainPython | None, *, executor: Executor, progress: Progress
    ) -> list[Finding]:
        """Import from a tree that is there, if an interpreter is found."""

        def run(python: Interpreter) -> list[Finding]:
            impossible = self._impossible(place.parent, python)
            if impossible:
                return impossible
            modules = modules_in(self.shares)
            return [*self._import(modules, place, python, executor, progress).findings]

        return self._with_python(obtain_python, run)

    def _with_python(
        self, obtain_python: ObtainPython | None, run: Callable[[Interpreter], list[Finding]]
    ) -> list[Finding]:
        """Return the findings of `run` under the target's interpreter; a note if there is none."""
        if obtain_python is None:
            return []
        try:
            python = obtain_python(Target.from_name(self.target))
        except PythonMissing as missing:
            return [self._without_python(missing)]
        return run(python)

    def unpacked(
        self, bundle: Path, python: Interpreter, place: Path, *, executor: Executor, progress: Progress
    ) -> Proof:
        """Import from a bundle's tree at `place`, unpacked unless it is there, and remove it. Raises BootFailed."""
        impossible = self._impossible(place.parent, python)
        if impossible:
            return Proof(findings=impossible)
        modules = modules_in(self.shares)
        if not place.exists() and len(self.known) < len(modules):
            local_boot.unpack(bundle.resolve(), place, python, self.digest)
        proof = self._import(modules, place, python, executor, progress)
        if place.exists():
            shutil.rmtree(place)
        return proof

    def _import(
        self,
        modules: Sequence[tuple[Share, str]],
        place: Path,
        python: Interpreter,
        executor: Executor,
        progress: Progress,
    ) -> Proof:
        image = TriedImage(
            target=Target.from_name(self.target), packages=self.image, lacking=self.lacking, known=self.known
        )
        with progress.stage("import", "modules", len(modules) - len(self.known)) as advance:
            return imports.prove(place, modules, python, image, executor=executor, on_module=advance)

    def _impossible(self, scratch: Path, python: Interpreter) -> list[Finding]:
        reason = imports.reason_against(self.target, python, scratch)
        if reason is None:
            return []
        target, remedy = Target.from_name(self.target), "verify it where it fits"
        if target.machine != python.machine:
            remedy += f", or give --python of a root for {target.machine}, which qemu-user-static runs"
        elif target.platform.startswith("musllinux") and python.glibc:
            remedy += ", or give --python of a Python for musl"
        sentence = f"was not imported here: {reason}"
        return [Finding(severity=NOTE, package=self.name, sentence=sentence, remedy=remedy)]

    def _without_python(self, missing: PythonMissing) -> Finding:
        sentence = f"was not imported: {missing.problem}"
        return Finding(severity=NOTE, package=self.name, sentence=sentence, remedy=missing.remedy)
