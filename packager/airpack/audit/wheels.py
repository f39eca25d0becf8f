"""Wheels x Target -> Findings: whether what is packed can work in the image."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from airpack.audit import manylinux
from airpack.resolve.lock import Lock, LockedWheel
from airpack.target.requires import closure, holds
from airpack.target.target import Target
from airpack.tree.installed import Installed
from airpack.tree.members import Clash
from airpack.wheels.metadata import requirements_in

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that may not work in the image: how grave, of which package, what, and what to do.

    An error fails in the image, a warning may, a note tells what is done about it.
    """

    severity: str
    package: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"

    @property
    def message(self) -> str:
        """The finding in one line, but for how grave it is."""
        return f"{self.package} {self.sentence}: {self.remedy}"


def audit(
    parts: Sequence[Installed],
    clashes: Iterable[Clash],
    lock: Lock,
    *,
    plain: bool = False,
    executor: Executor,
) -> list[Finding]:
    """Return what is found in the installed wheels `parts` of `lock` for its target, the gravest first.

    `clashes` is what `members.collect` found; `plain` says that a plain tree is to go on PYTHONPATH.
    """
    target = lock.target
    checks: list[Callable[[], Iterable[Finding]]] = [
        lambda: _unmet(parts, lock),
        lambda: _overriding(parts, target),
        lambda: (finding for part in parts for finding in unfit(part.wheel, target)),
        lambda: _shadowing(parts, plain=plain),
        lambda: map(_of_clash, clashes),
    ]
    found = [finding for check in checks for finding in check()]
    provided = libraries_in(path for part in parts for path in part.files())
    for findings in executor.map(lambda part: list(_lacking(part, provided, target)), parts):
        found += findings
    order = (ERROR, WARNING, NOTE)
    return sorted(found, key=lambda each: (order.index(each.severity), each.package, each.sentence))


def fatal(findings: Iterable[Finding], *, strict: bool) -> list[Finding]:
    """Return the findings that must not pass: errors, and with `strict` warnings."""
    return [each for each in findings if each.severity == ERROR or (strict and each.severity == WARNING)]


def _unmet(parts: Sequence[Installed], lock: Lock) -> Iterator[Finding]:
    """Yield each requirement of a wheel, extras that are asked for included, that neither wheel nor image satisfies."""
    wheels = {part.wheel.key: part for part in parts}
    image = {each.key: each for each in lock.in_image}
    asked = [Requirement(each) for each in lock.requirements]
    for key, need in closure({part.wheel.key: _requirements_of(part) for part in parts}, asked, lock.target):
        name = canonicalize_name(need.name)
        there = wheels.get(name)
        if there is not None and need.specifier.contains(there.wheel.version, prereleases=True):
            continue
        if there is None and name in image and image[name].satisfies(need):
            continue
        brought = "the bundle has none"
        if there is not None:
            brought = f"the bundle brings {there.wheel.version}"
        elif name in image:
            brought = f"the image has {image[name].version}"
        sentence = f"{wheels[key].wheel.version} needs {need.name}{need.specifier}, {brought}"
        yield Finding(severity=ERROR, package=key, sentence=sentence, remedy=f"add {need} to the requirements")


def _overriding(parts: Sequence[Installed], target: Target) -> Iterator[Finding]:
    """Yield each package of the image that the bundle overrides, and each that this breaks."""
    wheels = {part.wheel.key: part.wheel for part in parts}
    installed = target.installed or ()
    image = {each.key: each for each in installed}
    for package in installed:
        brought = wheels.get(package.key)
        if brought is not None:
            if brought.version != package.version:
                sentence = f"{package.version} in the image is overridden: the bundle brings {brought.version}"
                remedy = "check that what runs in the image works with it"
                yield Finding(severity=NOTE, package=package.name, sentence=sentence, remedy=remedy)
            continue
        for need in package.requires:
            key = canonicalize_name(need.name)
            wheel = wheels.get(key)
            if wheel is None or not holds(need, "", target) or need.specifier.contains(wheel.version, True):
                continue
            if key in image and not image[key].satisfies(need):
                continue  # it was broken before
            wanted = f"{need.name}{need.specifier}"
            sentence = f"{package.version} in the image needs {wanted}; the bundle brings {wheel.version}"
            remedy = f"constrain {need.name} with -c, or pack a version of {package.name} that works with it"
            yield Finding(severity=WARNING, package=package.name, sentence=sentence, remedy=remedy)


def _requirements_of(part: Installed) -> list[Requirement]:
    (path,) = part.site_packages.glob("*.dist-info/METADATA")
    return requirements_in(path)


def unfit(wheel: LockedWheel, target: Target) -> Iterator[Finding]:
    """Yield a finding if the target does not take the wheel's tags."""
    try:
        fits = not parse_wheel_filename(wheel.filename)[3].isdisjoint(target.tags)
    except InvalidWheelFilename:
        fits = False
    if not fits:
        sentence = f"comes as {wheel.filename}, which {target.name} does not take"
        yield Finding(severity=ERROR, package=wheel.key, sentence=sentence, remedy="pack for its target")


def libraries_in(paths: Iterable[str]) -> frozenset[str]:
    """Return the names of the libraries among `paths`, which compiled files may then ask for."""
    return frozenset(path.rpartition("/")[2] for path in paths if ".so" in path)


def incompatible(
    wheel: LockedWheel,
    path: str,
    needs: manylinux.Needs | manylinux.ELFError,
    provided: Collection[str],
    target: Target,
) -> Iterator[Finding]:
    """Yield what the compiled file of a wheel at `path` needs that neither the image has nor is `provided`."""
    policy = manylinux.policy_for(target.newest_manylinux)
    if policy is None:
        return
    if isinstance(needs, manylinux.ELFError):
        problems = [f"is a damaged ELF file ({needs})"]
    else:
        problems = list(manylinux.objections(needs, policy, provided))
    for problem in problems:
        library = problem.endswith("has")  # the image may have what not every one has
        yield Finding(
            severity=WARNING if library else ERROR,
            package=wheel.key,
            sentence=f"{wheel.version}: {path} {problem}",
            remedy="add it to the image"
            if library
            else "require a version whose wheel fits, or build it for the target",
        )


def _lacking(part: Installed, provided: Collection[str], target: Target) -> Iterator[Finding]:
    """Yield what the compiled files of an installed wheel need that the image lacks."""
    for path in part.files():
        needs = _needs_of(part.prefix / path)
        if needs is not None:
            yield from incompatible(part.wheel, path, needs, provided, target)


def _needs_of(path: Path) -> manylinux.Needs | manylinux.ELFError | None:
    """Return what a file needs if it is an ELF file, or what is wrong with it."""
    with open(path, "rb") as file:
        if file.read(len(manylinux.MAGIC)) != manylinux.MAGIC:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                return manylinux.needs_of(content)
            except manylinux.ELFError as error:
                return error


def _shadowing(parts: Iterable[Installed], *, plain: bool) -> Iterator[Finding]:
    """Yield each module that has the name of one of the standard library's, which PYTHONPATH would put before that."""
    for part in parts:
        for name in sorted(set(part.top_level()) & sys.stdlib_module_names):
            sentence = f"{part.wheel.version} has a module {name}, as the standard library does"
            remedy = "the shim lets the standard library's win; a plain tree on PYTHONPATH would not"
            severity = WARNING if plain else NOTE
            if plain:
                remedy = "from a plain tree on PYTHONPATH it would replace it, and break what starts: use --drop-in"
            yield Finding(severity=severity, package=part.wheel.key, sentence=sentence, remedy=remedy)


def _of_clash(clash: Clash) -> Finding:
    name, version = parse_wheel_filename(clash.second)[:2]
    bytecode = "__pycache__" in clash.path
    sentence = f"{Version(str(version))} writes {clash.path}, as {clash.first} does with another content"
    remedy = "the later wheel's is kept, as pip would; check that both work with it"
    return Finding(severity=NOTE if bytecode else WARNING, package=name, sentence=sentence, remedy=remedy)


__all__ = ["ERROR", "NOTE", "WARNING", "Finding", "audit", "fatal", "incompatible", "libraries_in", "unfit"]
