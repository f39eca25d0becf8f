"""Checks of what was packed: its audit, its integrity, its proof by import."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.reader import open_bundle

from airpack import audit, integrity, manifest, members, proof, pylock, tree
from airpack.audit import NOTE, Finding
from airpack.image import ImagePackage
from airpack.interpreter import Interpreter
from airpack.progress import BYTES, Progress
from airpack.target import Target
from airpack.wheelhouse import NAME, Wheelhouse
from airpack.workers import threads


def verify(place: Path, python: Interpreter | None, *, jobs: int, progress: Progress) -> list[Finding]:
    """Return what is damaged in a bundle; if nothing is, what of it `python` can't import (None: it isn't tried).

    `place` is the bundle, or a folder of results, whose manifest and lock are heeded.
    Raises BootFailed, BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    bundle, image = place, tuple[ImagePackage, ...]()
    if place.is_dir():
        bundle = place / layout.BUNDLE_NAME
        provided = pylock.provided_in(place / pylock.NAME) if (place / pylock.NAME).exists() else ()
        image = manifest.installed_in(place) or provided
    with progress.stage("check", BYTES) as advance:
        found = integrity.check(bundle, file_sha256=manifest.file_sha256_in(place), on_bytes=advance)
    if found or python is None:
        return found
    with tempfile.TemporaryDirectory(prefix="airpack-verify-") as scratch, threads(jobs) as executor:
        return prove(bundle, python, image, Path(scratch), executor=executor, progress=progress)


def prove(
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
        return [Finding(severity=NOTE, package=bundle.name, sentence=sentence, remedy="verify it where it fits")]
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
    house = Wheelhouse(folder=dist / NAME, lock=lock)
    with tempfile.TemporaryDirectory(prefix="airpack-audit-") as folder, threads(jobs) as executor:
        parts = [
            tree.install_wheel(wheel, house.path_of(wheel), Path(folder, str(number)), target)
            for number, wheel in enumerate(lock.wheels)
        ]
        _, clashes = members.collect(parts, executor=executor, on_bytes=lambda _: None)
        return audit.audit(parts, clashes, replace(lock, target=target), executor=executor)
