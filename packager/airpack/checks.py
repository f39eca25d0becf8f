"""Checks of what was packed: whether it is whole, its audit, its proof by import."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged

from airpack import audit, contents, delivery, local_boot, manifest, members, plain_tree, proof, pylock, tree
from airpack.audit import ERROR, NOTE, Finding
from airpack.errors import InvalidLock
from airpack.image import ImagePackage
from airpack.interpreter import Interpreter
from airpack.progress import BYTES, Progress
from airpack.proof import Share
from airpack.target import Target
from airpack.uv_python import Obtained
from airpack.verification import verify
from airpack.wheelhouse import NAME, Wheelhouse
from airpack.workers import threads


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is to be verified: a bundle, a folder of results, or a tree at `place`.

    `digest` is what the bundle's must be, in hexadecimal, None for any; `bundle` is one to compare a tree
    with. `obtain_python` gives the interpreter to import with, None if nothing is to be imported.
    """

    place: Path
    digest: str | None = None
    bundle: Path | None = None
    obtain_python: Callable[[Target], Obtained] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was found, and what it was found in."""

    findings: list[Finding]
    about: str


def verify_bundle(subject: Subject, *, jobs: int, progress: Progress) -> Verdict:
    """Return all that is wrong with a bundle, and with the folder of results around it if that was given.

    What is in it is imported, unless an error was found. Raises BundleNotFound (of
    `airpack_runtime.errors`) or BootFailed.
    """
    place, path = subject.place, contents.bundle_at(subject.place)
    found: list[Finding] = []
    about = str(path)
    with ExitStack() as stack:
        executor = stack.enter_context(threads(jobs))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="airpack-verify-")))
        opened, verified = None, None
        try:
            opened = stack.enter_context(contents.opened(path))
            about = f"{path}, sha256:{opened.bundle.digest}"
            found += _pinned(subject, path.name, opened.bundle.digest)
            with progress.stage("check", BYTES) as advance:
                verified = verify(opened, path.name, executor=executor, on_bytes=advance)
            found += verified.findings
        except BundleDamaged as error:
            remedy = str(error).rpartition("; ")[2]
            found.append(Finding(severity=ERROR, package=f"{path.name}:", sentence=error.problem, remedy=remedy))
        if place.is_dir():
            found += delivery.check(place, opened, verified.records if verified else {}, executor=executor)
        if subject.obtain_python is not None and opened is not None and not audit.fatal(found, strict=False):
            trial = _Trial(
                shares=proof.shares_of(opened.toc), image=_image_of(place), tree=scratch / "tree", bundle=path
            )
            found += _try(subject, opened.toc.target, trial, executor=executor, progress=progress)
    return Verdict(findings=found, about=about)


def verify_tree(subject: Subject, *, jobs: int, progress: Progress) -> Verdict:
    """Return all that is wrong with a plain tree: against the bundle that was given, else against its own RECORDs.

    Raises BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    place, note = subject.place, plain_tree.note_in(subject.place)
    name = f"{place.name}/{layout.TREE_NOTE}"
    found = _pinned(subject, name, note.digest.removeprefix("sha256:"))
    if not note.target:
        sentence = "doesn't say which bundle's tree this is"
        found.append(Finding(severity=ERROR, package=name, sentence=sentence, remedy="unpack the bundle again"))
    with ExitStack() as stack:
        executor = stack.enter_context(threads(jobs))
        with progress.stage("check", BYTES) as advance:
            nodes, unreadable = plain_tree.read(place, executor)
            advance(sum(node.content.size or 0 for node in nodes.values() if node.content))
        found += unreadable
        recorded, broken = plain_tree.records_in(place, nodes)
        if subject.bundle is None:
            found += [*broken, *plain_tree.against_records(nodes, recorded)]
        else:
            opened = stack.enter_context(contents.opened(subject.bundle))
            found += _pinned(replace(subject, digest=opened.bundle.digest), name, note.digest.removeprefix("sha256:"))
            found += plain_tree.against_bundle(nodes, opened)
        if subject.obtain_python is not None and not audit.fatal(found, strict=False):
            trial = _Trial(tree=place, shares=plain_tree.shares_of(recorded), image=())
            found += _try(subject, note.target, trial, executor=executor, progress=progress)
    return Verdict(findings=found, about=f"{place}, {note.digest or 'of no digest'}")


def _pinned(subject: Subject, name: str, actual: str) -> list[Finding]:
    """Return a finding if the digest is not the one that is wanted."""
    if subject.digest in (None, actual):
        return []
    sentence = f"has the digest sha256:{actual}, not sha256:{subject.digest}"
    return [Finding(severity=ERROR, package=name, sentence=sentence, remedy="it is another bundle: don't use it")]


def _image_of(place: Path) -> Sequence[ImagePackage]:
    """Return what the image has besides, as far as a folder of results tells it."""
    if not place.is_dir():
        return ()
    try:
        provided = pylock.provided_in(place / pylock.NAME) if (place / pylock.NAME).exists() else ()
    except InvalidLock:  # which is a finding by now
        provided = ()
    return manifest.installed_in(place) or provided


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trial:
    """What is to be imported: from a tree that is there, or from that of a bundle, unpacked into `scratch`."""

    shares: Sequence[Share]
    image: Sequence[ImagePackage]
    tree: Path
    bundle: Path | None = None


def _try(subject: Subject, name: str, trial: _Trial, *, executor: Executor, progress: Progress) -> list[Finding]:
    """Import what there is, if this machine has an interpreter of the target called `name`."""
    assert subject.obtain_python is not None
    obtained = subject.obtain_python(Target.from_name(name))
    if obtained.lack is not None:
        sentence = f"was not imported: {obtained.lack.what}"
        name = (trial.bundle or trial.tree).name
        return [Finding(severity=NOTE, package=name, sentence=sentence, remedy=obtained.lack.remedy)]
    assert obtained.interpreter is not None
    return _import(trial, name, obtained.interpreter, executor=executor, progress=progress)


def prove(
    bundle: Path,
    python: Interpreter,
    image: Sequence[ImagePackage],
    scratch: Path,
    *,
    executor: Executor,
    progress: Progress,
) -> list[Finding]:
    """Import all that the bundle brings, if this machine can. Raises BootFailed."""
    with contents.opened(bundle) as opened:
        target, shares = opened.toc.target, proof.shares_of(opened.toc)
    trial = _Trial(shares=shares, image=image, tree=scratch / "proof", bundle=bundle)
    return _import(trial, target, python, executor=executor, progress=progress)


def _import(
    trial: _Trial, target: str, python: Interpreter, *, executor: Executor, progress: Progress
) -> list[Finding]:
    obstacle = proof.obstacle(target, trial.tree.parent)
    if obstacle:
        name = (trial.bundle or trial.tree).name
        sentence = f"was not imported here: {obstacle}"
        return [Finding(severity=NOTE, package=name, sentence=sentence, remedy="verify it where it fits")]
    if trial.bundle is not None:
        local_boot.unpack(trial.bundle.resolve(), trial.tree, python)
    with progress.stage("import", "modules", proof.count_modules(trial.shares)) as advance:
        found = proof.prove(trial.tree, trial.shares, python, image=trial.image, executor=executor, on_module=advance)
    if trial.bundle is not None:
        shutil.rmtree(trial.tree)
    return found


def audit_results(dist: Path, packed: Target, target: Target, *, jobs: int) -> list[Finding]:
    """Return what the audit for `target` finds in the results of a pack for `packed`.

    Raises InvalidLock or InvalidWheel.
    """
    lock = pylock.load(dist / pylock.NAME, packed)
    house = Wheelhouse(folder=dist / NAME, lock=lock)
    with tempfile.TemporaryDirectory(prefix="airpack-audit-") as folder, threads(jobs) as executor:
        parts = [
            tree.install_wheel(wheel, house.path_of(wheel), Path(folder, str(number)), target)
            for number, wheel in enumerate(lock.wheels)
        ]
        _, clashes = members.collect(parts, executor=executor, on_bytes=lambda _: None)
        return audit.audit(parts, clashes, replace(lock, target=target), executor=executor)
