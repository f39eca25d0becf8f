"""What the arguments of `pack` and `lock` name: requirements to resolve, or a lock of any tool's."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airpack.base import cache
from airpack.base.console import Progress
from airpack.base.errors import InvalidLock, InvalidRequirement, UsageError
from airpack.cli import options, pip_options
from airpack.requirements import conda, conda_freeze, pyproject, script
from airpack.requirements.conda import CondaEnvironment
from airpack.requirements.locks import reader
from airpack.requirements.locks.pins import Choice
from airpack.requirements.pyproject import PYPROJECT, dependency_group, is_of_poetry, project_dependencies
from airpack.requirements.recognise import STDIN, Document, Kind, recognise
from airpack.requirements.requirements import Listing, Requirements, anchored, places_in
from airpack.resolve import attestations, conda_packages, lock, pylock
from airpack.resolve.lock import Lock
from airpack.target.target import Target

PIPFILE_LOCK = "Pipfile.lock"
_FILES = (".txt", ".in", ".toml", ".lock")
# Projects may have such names, too: ruamel.yaml, discord.py.
_ALSO_PROJECTS = (".yml", ".yaml", ".py")


def what_to_pack(
    arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress
) -> tuple[Target, Requirements | Lock]:
    """Return the target, and the lock or the requirements to pack for it. Raises AirpackError."""
    if [*arguments.requirement, *arguments.constraint].count(STDIN) > 1:
        raise UsageError("standard input can be read only once: write what is read again into a file")
    documents = [recognise(argument) for argument in arguments.requirement]
    locked = _lock_among(arguments, documents)
    if locked is None:
        target = options.target(arguments)
        options.tell_target(target, arguments, progress)
        return target, _Asked(arguments=arguments, env=env, progress=progress, target=target).requirements(documents)
    if locked.kind is Kind.PYLOCK:
        file = pylock.from_dict(locked.path, locked.data)
        target = options.target(arguments, locked=file)
        options.tell_target(target, arguments, progress, locked=file)
        locked_wheels = file.for_target(target)
        if not arguments.require_attestations:
            return target, locked_wheels
        if arguments.no_index:
            raise UsageError("--require-attestations asks the index for what a lock names, and --no-index forbids that")
        return target, attestations.to_ask(locked_wheels)
    target = options.target(arguments)
    options.tell_target(target, arguments, progress)
    pins = reader.read(locked, target, _choice(arguments))
    for note in pins.notes:
        progress.note(note)
    return target, lock.of_pins(pins, target)


def _lock_among(arguments: argparse.Namespace, documents: Sequence[Document]) -> Document | None:
    """Return the lock that --lock or -r names, None if neither does.

    Raises UsageError if it is not all that is asked for, or InvalidLock if --lock names something else.
    """
    given: Path | None = getattr(arguments, "lock", None)
    if given is not None:
        _check_alone(arguments, given, documents)
        return _locked(arguments, given)
    locks = [document for document in documents if document.kind.is_lock]
    if locks:
        _check_alone(arguments, locks[0].path, [document for document in documents if document is not locks[0]])
        _check_choice(arguments, locks[0])
    return locks[0] if locks else None


def _check_alone(arguments: argparse.Namespace, path: Path, others: Sequence[Document]) -> None:
    """Raise UsageError if something is asked for besides the lock at `path`."""
    everything = f"{path} is a lock, and lists everything to pack"
    more = (*others, *arguments.requirements, *arguments.editable, *arguments.constraint)
    if more or arguments.skip_installed:
        raise UsageError(f"{everything}: leave out other requirements, -c and --skip-installed, or leave out the lock")
    if getattr(arguments, "add_missing", False):
        raise UsageError(f"{everything}: leave out --add-missing, or pack the requirements again")
    pip_options.check_with_lock(arguments)


def _check_choice(arguments: argparse.Namespace, lock: Document) -> None:
    if lock.kind is Kind.PYLOCK and (arguments.extra or arguments.group):
        raise UsageError(f"{lock.path} has no extras and no groups to choose: choose them where it is written")


def _locked(arguments: argparse.Namespace, path: Path) -> Document:
    """Return what --lock names. Raises InvalidLock if it is not a lock."""
    document = recognise(str(path))
    if document.kind.is_lock:
        _check_choice(arguments, document)
        return document
    if document.kind is Kind.REQUIREMENTS and path.suffix == ".toml":
        pylock.read(path)  # which says why it isn't one
    raise InvalidLock(path, f"is {document.kind.value}, not a lock: give it with -r")


def _constraints(argument: str) -> Requirements:
    """Return a constraints file for pip to read; one that can be read only once is read."""
    if argument != STDIN and not Path(argument).exists():
        return Requirements(constraints=[argument])  # a URL, or pip says what is wrong with it
    document = recognise(argument)
    if document.kind is not Kind.REQUIREMENTS:
        pins = "the wheelhouse's requirements.txt, or " if document.kind.is_lock else ""
        what = f"{document.kind.value}, not a constraints file"
        raise InvalidRequirement(f"{document.path} is {what}: give {pins}a file of lines such as pandas==1.3.5")
    if document.is_stream:
        return Requirements(listings=[replace(_listing(document), constrains=True)])
    return Requirements(constraints=[argument])


def _listing(document: Document) -> Listing:
    """Return the lines of a file that can be read only once; paths in them are relative to the current folder."""
    return Listing(source=str(document.path), lines=anchored(document.text.splitlines(), Path.cwd()))


def _choice(arguments: argparse.Namespace) -> Choice:
    return Choice(extras=arguments.extra, groups=arguments.group)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The arguments, and what reading the files that they name takes."""

    arguments: argparse.Namespace
    env: Mapping[str, str]
    progress: Progress
    target: Target

    def requirements(self, documents: Sequence[Document]) -> Requirements:
        """Return the requirements that the arguments and the files that they name hold. Raises AirpackError."""
        arguments = self.arguments
        if not (arguments.requirements or documents or arguments.editable or arguments.group):
            raise UsageError("nothing to pack: name requirements, or a file with -r")
        projects = [document for document in documents if document.kind is Kind.PROJECT]
        if arguments.extra and len(projects) != 1:
            raise UsageError(f"--extra names an extra of a project: give its {PYPROJECT} with -r")
        _check_words(arguments.requirements)
        found = [*(self._read(document) for document in documents), *map(_constraints, arguments.constraint)]
        asked = Requirements(
            specifications=[*arguments.requirements, *(each for one in found for each in one.specifications)],
            editables=arguments.editable,
            files=[file for one in found for file in one.files],
            constraints=[file for one in found for file in one.constraints],
            listings=[listing for one in found for listing in one.listings],
            rules=pip_options.rules(arguments),
        )
        for note in (note for listing in asked.listings for note in listing.notes):
            self.progress.note(note)
        return replace(asked, specifications=[*asked.specifications, *self._groups(projects)])

    def _read(self, document: Document) -> Requirements:
        """Return the requirements that a file holds."""
        python = self.target.python_full_version
        match document.kind:
            case Kind.PROJECT if is_of_poetry(document.data):
                from airpack.requirements import poetry_project  # noqa: PLC0415 - it imports poetry-core

                texts = poetry_project.requirements(document.path, _choice(self.arguments), python=python)
                return self._of_project(document, texts)
            case Kind.PROJECT:
                texts = project_dependencies(document.path, self.arguments.extra, data=document.data, python=python)
                return self._of_project(document, texts)
            case Kind.SCRIPT:
                return Requirements(specifications=script.dependencies(document.path, document.text, python=python))
            case Kind.CONDA:
                return self._of_conda(conda.from_yaml(document.path, document.data, document.text))
            case Kind.CONDA_EXPORT:
                return self._of_conda(conda.from_export(document.path, document.text))
        return self._of_pip(document)

    def _of_project(self, document: Document, texts: Sequence[str]) -> Requirements:
        """Return a project's requirements, with the constraints that its file has; what else it says is told."""
        asked = [self.arguments.index_url or "", *self.arguments.extra_index_url]
        for note in pyproject.unheeded(document.path, document.data, asked):
            self.progress.note(note)
        lines = pyproject.constraints_of_uv(document.path, document.data)
        places = places_in(document.text, document.path, lines)
        limits = Listing(source=str(document.path), lines=lines, places=places, constrains=True)
        return Requirements(specifications=texts, listings=[limits] if lines else [])

    def _of_pip(self, document: Document) -> Requirements:
        """Return a requirements file for pip to read; one that can be read only once has been read."""
        allowed = self.arguments.conda_from_index
        listing = conda_freeze.from_index(document.path, document.text, allowed=allowed)
        if listing is None and document.is_stream:
            listing = _listing(document)
        return Requirements(files=[document.argument]) if listing is None else Requirements(listings=[listing])

    def _of_conda(self, environment: CondaEnvironment) -> Requirements:
        """Return what stands under `pip:`, and with --conda-from-index conda's packages as requirements."""
        python, path = self.target.python_full_version, environment.path
        environment.check_python(python)
        if not environment.allows(python):
            wanted = f"{path} asks for Python {environment.python}, the target is taken as {python}"
            self.progress.note(f"note: {wanted}: --python-version names another")
        pip, folder = pip_options.pip(self.arguments, self.env, self.progress), cache.folder(self.env)
        offers = conda_packages.offers(environment, self.target, pip=pip, cache=folder)
        if offers and not self.arguments.conda_from_index:
            raise conda_packages.refusal(environment, offers)
        for offer in offers:
            taken = f"taken from the index as {offer.package.requirement}" if offer.is_known else f"left out: {offer}"
            self.progress.note(f"{'note' if offer.is_known else 'warning'}: {path}: {offer.package.text} is {taken}")
        specifications = [offer.package.requirement for offer in offers if offer.is_known]
        return Requirements(specifications=specifications, listings=[environment.pip] if environment.pip.lines else [])

    def _groups(self, projects: Sequence[Document]) -> list[str]:
        """Return the requirements of the groups that are asked for, but for those of Poetry's projects."""
        requirements = []
        for word in self.arguments.group:
            path, _, name = word.rpartition(":")
            if not path and len(projects) == 1 and is_of_poetry(projects[0].data):
                continue
            default = projects[0].path if len(projects) == 1 else Path(PYPROJECT)
            requirements += dependency_group(Path(path) if path else default, name)
        return requirements


def _check_words(words: Sequence[str]) -> None:
    """Raise UsageError for a requirement on the command line that is the name of a file."""
    for word in words:
        if word.startswith((".", "/")) and not Path(word.partition("[")[0]).exists():
            raise UsageError(
                f"{word} does not exist: give the path of a project, or a requirement such as pandas==1.3.5"
            )
        is_file = word.endswith(_FILES) or (word.endswith(_ALSO_PROJECTS) and Path(word).exists())
        if is_file or Path(word).name == PIPFILE_LOCK:
            raise UsageError(f"{word} names a file: write -r {word}")
