"""Proof by import: imports all that a tree brings, under the target's interpreter, as an image would."""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path

from airpack_runtime import host
from packaging.utils import canonicalize_name
from packaging.version import Version

from airpack.audit.finding import NOTE, WARNING, Finding
from airpack.base import files
from airpack.results.proof import TriedImport
from airpack.shim import local_boot
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.verify import missing, too_new
from airpack.verify.importer import Failure, Importer
from airpack.verify.shares import Share, is_stray, modules_of
from airpack.wheels.metadata import optional_requirements

_Turn = Sequence[tuple[Share, str]]  # modules, each after the distribution that brings it
_TOGETHER = 16  # modules that one process imports at most


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFinding(Finding):
    """A module that could not be imported.

    `addition` is the requirement (PEP 508) that may mend it, empty if none is known: of a well-known project that
    brings what was missing, or, with `goes_back`, of an older version of what is too new for the target's Python or for
    another project. `reason` says why, in a few words.
    """

    failure: Failure
    addition: str = ""
    reason: str = ""
    goes_back: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What was found where a tree was imported, and each import that was tried, in the order in which they started.

    `loaded` are the paths in the tree of what each module that could be imported loaded.
    """

    findings: Sequence[Finding]
    imports: Sequence[TriedImport] = ()
    loaded: Mapping[str, Sequence[str]] = field(default_factory=dict)


def reason_against(target: str, python: Interpreter, scratch: Path) -> str | None:
    """Return the reason that nothing for `target` can be imported by `python` on this machine, or None.

    `scratch` is the folder that it would be imported from.
    """
    difference = host.reason_against(target) if python.is_at_home else local_boot.reason_against(target, python)
    if difference:
        return f"this is {difference}"
    if os.statvfs(scratch).f_flag & os.ST_NOEXEC:
        return f"{scratch} is mounted noexec"
    return None


def prove(
    tree: Path,
    modules: Sequence[tuple[Share, str]],
    python: Interpreter,
    image: TriedImage,
    *,
    executor: Executor,
    on_module: Callable[[int], None] = lambda _: None,
) -> Proof:
    """Import `modules` (see `shares`) from `tree` by `python`; find what cannot be imported.

    Those that are known to succeed are not tried again. `on_module` is called with 1 for each module that was tried.
    """
    judge = _Judge(tree=tree, image=image, shares=list({share.name: share for share, _ in modules}.values()))
    scratch = tempfile.TemporaryDirectory(prefix="airpack-import-")
    importer = Importer(tree.resolve(), python, Path(scratch.name).resolve(), hidden=image.lacking)
    began = time.monotonic()

    def attempt(items: _Turn) -> Sequence[tuple[TriedImport, ImportFinding | None, Sequence[str]]]:
        done = []
        for (share, module), tried in zip(items, importer.attempts([module for _, module in items]), strict=True):
            on_module(1)
            record = TriedImport(
                module=module,
                package=share.name,
                started=round((tried.began - began) * 1000),
                took=round(tried.seconds * 1000),
                error=tried.failure.error if tried.failure else "",
            )
            done.append((record, judge.finding(tried.failure, share) if tried.failure else None, tried.loaded))
        return done

    try:
        turns = _turns([each for each in modules if each[1] not in image.known])
        done = list(chain.from_iterable(executor.map(attempt, turns)))
        found = {record.module: finding for record, finding, _ in done}
        imports = [*image.known.values(), *(record for record, _, _ in done)]
        return Proof(
            findings=[finding for _, module in modules if (finding := found.get(module)) is not None],
            imports=sorted(imports, key=lambda record: (record.started, record.module)),
            loaded={record.module: loaded for record, _, loaded in done},
        )
    finally:
        importer.stop()
        scratch.cleanup()


def _turns(modules: _Turn) -> list[_Turn]:
    """Return modules by the processes that are to import them: those of relatives, which have like names, together.

    Where a distribution has compiled files, each module is alone: what another has loaded may stand for a library that
    is missing. The largest come first, so that none of them is left to a single thread at the end.
    """
    shared = sorted((each for each in modules if not each[0].is_compiled), key=lambda each: each[0].name.lower())
    turns: list[_Turn] = [[each] for each in modules if each[0].is_compiled]
    processes = math.ceil(len(shared) / _TOGETHER)
    bounds = [len(shared) * number // processes for number in range(processes + 1)] if processes else []
    turns += [shared[start:stop] for start, stop in pairwise(bounds)]
    return sorted(turns, key=lambda turn: sum(len(share.paths) for share, _ in turn), reverse=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedImage:
    """The image that an import stands for: its target, and the packages that it has besides, which are not here.

    `lacking` are the libraries, by name, that it isn't known to have, and this machine may have. `known` are the
    imports, by module, that are known to succeed there.
    """

    target: Target
    packages: Sequence[ImagePackage] = ()
    lacking: Collection[str] = ()
    known: Mapping[str, TriedImport] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verdict:
    """How grave a failure is, what to do about it, and the requirement to add, and why; empty if none is known."""

    severity: str
    remedy: str
    addition: str = ""
    reason: str = ""
    goes_back: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judge:
    """Tells failures of a distribution from what the image, or an extra that nobody asked for, would bring.

    `shares` are those of the distributions in the tree.
    """

    tree: Path
    image: TriedImage
    shares: Sequence[Share]

    def finding(self, failure: Failure, share: Share) -> ImportFinding:
        verdict = self._judge(failure, share)
        return ImportFinding(
            severity=verdict.severity,
            package=share.name,
            sentence=f"{share.version}: import {failure.module} fails here: {failure.error}",
            remedy=verdict.remedy,
            failure=failure,
            addition=verdict.addition,
            reason=verdict.reason,
            goes_back=verdict.goes_back,
        )

    def _judge(self, failure: Failure, share: Share) -> _Verdict:
        if is_stray(failure.module, share):
            return _Verdict(severity=NOTE, remedy=f"it lies in the wheel of {share.name} by mistake; nothing needs it")
        absent = [name for name in failure.missing if not self._is_there(name)]
        if any(self._is_of_image(name) for name in absent):
            return _Verdict(severity=NOTE, remedy="the image has it, so that this can't be tried here")
        optional = list(self._optional(share))
        if any(_names(module, distribution) for module in absent for distribution in optional):
            return _Verdict(severity=NOTE, remedy=f"it belongs to an extra of {share.name} that isn't asked for")
        packed = {canonicalize_name(each.name): each.version for each in self.shares}
        for module in absent:
            addition = missing.requirement_for(module, self.image.target, packed)
            if addition is not None:
                return _adding(addition, f"{share.name} imports {module}")
        older = missing.older_for(failure.error, packed)
        if older is not None:
            return _requiring(str(older), f"{share.name} {share.version} fails with a newer one")
        return self._too_new(failure) or _Verdict(severity=WARNING, remedy=_unknown_remedy(failure, absent))

    def _too_new(self, failure: Failure) -> _Verdict | None:
        """Return the verdict on a distribution that is too new for the target's Python, or for another one; or None."""
        python = Version(self.image.target.python_version).release[:2]
        culprit = next((each for each in self.shares if failure.file in each.paths), None)
        if culprit is None:
            return None
        addition, other = f"{culprit.name}<{culprit.version}", self._lacking(failure)
        if too_new.needs_newer(failure, self.tree, (python[0], python[1])):
            return _requiring(addition, f"{culprit.name} {culprit.version} needs a newer Python than it says")
        if other is not None and other is not culprit:
            fits = f"does not fit {other.name} {other.version}, which its requirements allow"
            return _requiring(addition, f"{culprit.name} {culprit.version} {fits}", or_another=other.name)
        return None

    def _lacking(self, failure: Failure) -> Share | None:
        """Return the share of the distribution that lacks what was imported from it, or None."""
        within = f"{too_new.lacked_module(failure)}."
        return next(
            (
                each
                for each in self.shares
                if any(within.startswith(f"{module}.") for module in modules_of(each.paths, each.folder))
            ),
            None,
        )

    def _is_there(self, module: str) -> bool:
        place = self.tree.joinpath(self.image.target.site_packages, *module.split("."))
        return place.is_dir() or any(place.parent.glob(f"{place.name}.*"))

    def _is_of_image(self, module: str) -> bool:
        top = module.partition(".")[0]
        return any(
            top in package.modules or (not package.modules and _brings(package, module))
            for package in self.image.packages
        )

    def _optional(self, share: Share) -> Iterator[str]:
        """Yield the distributions that a distribution requires for an extra only."""
        for path in share.paths:
            if path.endswith(".dist-info/METADATA"):
                with suppress(OSError, ValueError):  # what can't be read names none
                    metadata = files.read_bytes(self.tree / path)
                    for requirement in optional_requirements(metadata, self.image.target):
                        yield canonicalize_name(requirement.name)


def _adding(addition: str, reason: str) -> _Verdict:
    return _Verdict(severity=WARNING, remedy=f"add '{addition}': {reason}", addition=addition, reason=reason)


def _requiring(older: str, reason: str, *, or_another: str = "") -> _Verdict:
    """Return the verdict that an older version is needed, or another one of another project."""
    remedy = f"require '{older}'{or_another and f', or another {or_another}'}: {reason}"
    return _Verdict(severity=WARNING, remedy=remedy, addition=older, reason=reason, goes_back=True)


def _unknown_remedy(failure: Failure, absent: Sequence[str]) -> str:
    """Return what to do about a failure that no well-known project is the remedy of."""
    if absent and absent[0].partition(".")[0] in sys.stdlib_module_names:
        return f"the target's standard library has no {absent[0]}: require a version that works without"
    if absent:
        return f"no requirement of it brings {absent[0]}: add what does; a project of that name may be another's"
    if failure.lacks_library:
        return "neither this machine nor the bundle has that library: make sure that the image does"
    return f"look at it: airpack run DIST -- python -c 'import {failure.module}'"


def _brings(package: ImagePackage, module: str) -> bool:
    """Return whether a package of the image whose modules are unknown brings a module, by its name."""
    return _names(module, package.key) or missing.project_of(module) == package.key


def _names(module: str, distribution: str) -> bool:
    """Return whether a module has a distribution's name, or words of it (`google.iam` of `grpc-google-iam-v1`)."""
    words, all_words = re.split(r"[_.]+", module.lower()), distribution.split("-")
    runs = (all_words[start : start + len(words)] for start in range(len(all_words)))
    return words in runs or distribution == "py" + "".join(words)
