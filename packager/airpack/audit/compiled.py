"""Compiled files x Target -> Findings: whether the image's loader can load those that it would."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName

from airpack.audit.elf import ELFError
from airpack.audit.finding import ERROR, NOTE, WARNING, Finding
from airpack.audit.libraries import NOT_IN_SLIM, Needed, SystemLibrary, is_of_glibc, lacking, system_libraries
from airpack.audit.manylinux import Needs, Policy, policy_for, unmet
from airpack.resolve.lock import LockedWheel
from airpack.target.target import Target

# The name of the wheel of libraries that `pack --with-library` adds.
ADDED = "airpack-libraries"
_UNFIT = "require a version whose wheel fits, or build it for the target"
_TOO_NEW = "give the library of a system that is as old as the image: its .deb, or the file"
_LIBRARY = re.compile(r".*\.so(\.\d+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """A compiled file: its wheel, its path in the tree, and what it needs, an ELFError for a damaged one."""

    wheel: LockedWheel
    path: str
    needs: Needs | ELFError

    @property
    def libraries(self) -> tuple[str, ...]:
        """The libraries that it needs, by name."""
        return () if isinstance(self.needs, ELFError) else self.needs.libraries

    @property
    def name(self) -> str:
        """The name that the loader looks for."""
        return self.path.rpartition("/")[2]


def libraries_in(paths: Iterable[str]) -> frozenset[str]:
    """Return the file names of the shared libraries among `paths`, which compiled files may ask the loader for."""
    return frozenset(path.rpartition("/")[2] for path in paths if ".so" in path)


def unloadable(compiled: Sequence[Compiled], bundled: Collection[str], target: Target) -> Iterator[Finding]:
    """Yield what the compiled files of a bundle need, and neither the image nor the bundle has.

    `bundled` are the names of the bundle's own libraries. An error is what the image's loader would load: extension
    modules, libraries for its machine, and what those need. What else is for another machine is a note for each wheel.
    Of libraries, the image has those in its profile; without one, those that slim images of the platform have.
    """
    policy = policy_for(target.newest_manylinux)
    if policy is None:
        return
    needed = _needed(compiled, policy)
    strangers: dict[tuple[NormalizedName, str, str], list[str]] = {}
    for file in compiled:
        problem = _strange(file, policy)
        if problem and not (file.name in needed or _is_module(file, target)):
            strangers.setdefault((file.wheel.key, file.wheel.version, problem), []).append(file.path)
        else:
            yield from _unmet(file, policy)
    for (key, version, problem), paths in strangers.items():
        more = f", and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        sentence = f"{version}: {paths[0]} {problem}{more}"
        yield Finding(severity=NOTE, package=key, sentence=sentence, remedy="nothing in the image loads it")
    yield from lacking(system_libraries_of(compiled, bundled, target), probed=target.libraries is not None)


def system_libraries_of(compiled: Iterable[Compiled], bundled: Collection[str], target: Target) -> list[SystemLibrary]:
    """Return the libraries that the compiled files of a bundle need from the image, glibc's own aside.

    `bundled` are the names of the bundle's own libraries. Of a musl image, nothing is known.
    """
    policy = policy_for(target.newest_manylinux)
    if policy is None:
        return []
    return system_libraries(_needed_from_image(compiled, policy, bundled), known_libraries(target, policy))


def known_libraries(target: Target, policy: Policy) -> frozenset[str]:
    """Return the libraries that an image is known to have: by its profile, else those of its platform's slim images."""
    return (policy.libraries - NOT_IN_SLIM) if target.libraries is None else target.libraries


def _needed(compiled: Iterable[Compiled], policy: Policy) -> set[str]:
    """Return the names of the libraries that files for the image's machine need, and none for that machine has."""
    fitting = [file for file in compiled if not _strange(file, policy)]
    wanted = {name for file in fitting if isinstance(file.needs, Needs) for name in file.needs.libraries}
    return wanted - {file.name for file in fitting} - policy.libraries


def _strange(file: Compiled, policy: Policy) -> str:
    """Return why a file is none that the image's machine could load, empty if it is one."""
    if isinstance(file.needs, ELFError):
        return "" if _LIBRARY.fullmatch(file.name) else f"is a damaged ELF file ({file.needs})"
    return "" if file.needs.machine == policy.machine else f"is for another machine ({file.needs.machine})"


def _is_module(file: Compiled, target: Target) -> bool:
    """Return whether an import on `target` would take a file for an extension module, and it is one (PEP 3149)."""
    suffixes = rf"\.abi3|\.cpython-{target.python_tag.removeprefix('cp')}[a-z]*-{target.machine}-linux-\w+"
    match = re.fullmatch(rf"(?P<module>[^.]+)({suffixes})?\.so", file.name)
    if match is None or isinstance(file.needs, ELFError):
        return False
    folder = file.path.rpartition("/")[0].rpartition("/")[2]
    return (folder if match["module"] == "__init__" else match["module"]) in file.needs.modules


def _unmet(file: Compiled, policy: Policy) -> Iterator[Finding]:
    """Yield why a file can't be loaded; a program that can't run is a warning, as who imports its wheel may never."""
    if isinstance(file.needs, ELFError):
        problems, runs = [f"is a damaged ELF file ({file.needs})"], False
    else:
        problems, runs = list(unmet(file.needs, policy)), file.needs.program
    for problem in problems:
        yield Finding(
            severity=WARNING if runs else ERROR,
            package=file.wheel.key,
            sentence=f"{file.wheel.version}: {file.path} {problem}",
            remedy=_TOO_NEW if file.wheel.key == ADDED else _UNFIT,
        )


def _needed_from_image(compiled: Iterable[Compiled], policy: Policy, bundled: Collection[str]) -> Iterator[Needed]:
    """Yield each library that a file for the image's machine needs and that isn't in the bundle, nor glibc's own."""
    for file in compiled:
        if isinstance(file.needs, Needs) and file.needs.machine == policy.machine:
            for library in file.needs.libraries:
                if library not in bundled and not is_of_glibc(library):
                    yield Needed(library=library, wheel=file.wheel, path=file.path)
