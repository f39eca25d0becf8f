"""Proof by import: boots a bundle as an image would, and imports all that it brings, under the target's interpreter."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from airpack_runtime import host, layout
from airpack_runtime.format.toc import Toc
from packaging.utils import canonicalize_name

from airpack.audit.wheels import NOTE, WARNING, Finding
from airpack.bundle.opened import paths_of
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter
from airpack.target.requires import requirements_in
from airpack.verify.importer import Failure, Importer

# Folders that wheels leave at the top by mistake: no package of theirs, and not meant to be imported.
_STRAYS = frozenset(("benchmarks", "doc", "docs", "example", "examples", "scripts", "test", "tests", "tools"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What a distribution brings: the paths of its files in the tree."""

    name: str
    version: str
    paths: Sequence[str]


def obstacle(target: str, scratch: Path) -> str | None:
    """Say why nothing could be imported for a target on this machine; None if it could."""
    reason = host.reason_against(target)
    if reason:
        return f"this is {reason}"
    if os.statvfs(scratch).f_flag & os.ST_NOEXEC:
        return f"{scratch} is mounted noexec"
    return None


def prove(
    tree: Path,
    shares: Sequence[Share],
    python: Interpreter,
    *,
    image: Sequence[ImagePackage],
    executor: Executor,
    on_module: Callable[[int], None] = lambda _: None,
) -> list[Finding]:
    """Return a finding for each top-level module of the `shares` of `tree` that can't be imported by `python`.

    `image` is what the image has besides, and this machine has not.
    """
    judge = _Judge(tree=tree, image=image)
    scratch = tempfile.TemporaryDirectory(prefix="airpack-import-")
    importer = Importer(tree.resolve(), python, Path(scratch.name).resolve())

    def attempt(item: tuple[Share, str]) -> Finding | None:
        failure = importer.attempt(item[1])
        on_module(1)
        return judge.finding(failure, item[0]) if failure else None

    try:
        return [each for each in executor.map(attempt, _work(shares)) if each is not None]
    finally:
        importer.stop()
        scratch.cleanup()


def count_modules(shares: Iterable[Share]) -> int:
    """Return how many modules `prove` imports."""
    return len(_work(shares))


def _work(shares: Iterable[Share]) -> list[tuple[Share, str]]:
    """Return each module with what brings it, once: two may share a package."""
    return list({module: (share, module) for share in shares for module in modules_of(share.paths)}.values())


def shares_of(toc: Toc) -> list[Share]:
    """Return what each distribution of a bundle brings."""
    return [Share(name=each.name, version=each.version, paths=paths_of(toc, each)) for each in toc.distributions]


def modules_of(paths: Iterable[str]) -> list[str]:
    """Return the modules and packages that lie at the top among `paths`, sorted.

    Of a namespace package (PEP 420), which is nobody's, it is the packages and modules in it.
    """
    inside = [
        PurePosixPath(path).relative_to(layout.SITE_PACKAGES)
        for path in paths
        if path.startswith(f"{layout.SITE_PACKAGES}/") and path.endswith((".py", ".so"))
    ]
    packages = {path.parent for path in inside if path.name.partition(".")[0] == "__init__"} - {PurePosixPath()}
    found = set()
    for path in inside:
        above = [parent for parent in reversed(path.parents) if parent in packages]
        if above:
            found.add(above[0].parts)
        elif len(path.parts) == 1 or path.parts[0] not in _STRAYS:
            found.add((*path.parts[:-1], path.name.partition(".")[0]))
    return sorted(".".join(parts) for parts in found if all(map(_is_name, parts)))


def _is_name(part: str) -> bool:
    return part.isidentifier() and not part.startswith("__")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judge:
    """Tells failures from what an extra that nobody asked for, or the image, would bring."""

    tree: Path
    image: Sequence[ImagePackage]

    def finding(self, failure: Failure, distribution: Share) -> Finding:
        severity, remedy = self._judged(failure, distribution)
        sentence = f"{distribution.version}: import {failure.module} fails here: {failure.error}"
        return Finding(severity=severity, package=distribution.name, sentence=sentence, remedy=remedy)

    def _judged(self, failure: Failure, distribution: Share) -> tuple[str, str]:
        missing = [name for name in failure.missing if not self._is_there(name)]
        if any(self._is_of_image(name) for name in missing):
            return NOTE, "the image has it, so that this can't be tried here"
        extras = list(self._of_extras(distribution))
        if any(_names(name, each) for name in missing for each in extras):
            return NOTE, f"it belongs to an extra of {distribution.name} that isn't asked for"
        if missing and missing[0].partition(".")[0] in sys.stdlib_module_names:
            return WARNING, f"the target's standard library has no {missing[0]}: require a version that works without"
        if missing:
            return WARNING, f"no requirement of it brings {missing[0]}: add what does"
        if "cannot open shared object file" in failure.error:
            return WARNING, "this machine lacks that library: make sure that the image has it"
        return WARNING, f"look at it: airpack run DIST -- python -c 'import {failure.module}'"

    def _is_there(self, module: str) -> bool:
        place = self.tree.joinpath(layout.SITE_PACKAGES, *module.split("."))
        return place.is_dir() or any(place.parent.glob(f"{place.name}.*"))

    def _is_of_image(self, module: str) -> bool:
        top = module.partition(".")[0]
        return any(top in each.modules or (not each.modules and _names(module, each.key)) for each in self.image)

    def _of_extras(self, distribution: Share) -> Iterator[str]:
        """Yield the distributions that only an extra requires."""
        for path in distribution.paths:
            if path.endswith(".dist-info/METADATA"):
                for need in requirements_in(self.tree / path):
                    if "extra" in str(need.marker):
                        yield canonicalize_name(need.name)


def _names(module: str, distribution: str) -> bool:
    """Tell whether a module's name is a distribution's, or whole words of it (`google.iam` of `grpc-google-iam-v1`)."""
    words, all_words = re.split(r"[_.]+", module.lower()), distribution.split("-")
    runs = (all_words[start : start + len(words)] for start in range(len(all_words)))
    return words in runs or distribution == "py" + "".join(words)
