"""Arguments that several commands share, and the values that they mean."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airpack import project, uv_python
from airpack.cache import folder
from airpack.errors import NoInterpreter, UsageError
from airpack.interpreter import Interpreter, ask
from airpack.oci.access import Access
from airpack.oci.reference import DEFAULT_TAG, Reference
from airpack.oci.retries import Patience
from airpack.pip_process import Pip
from airpack.progress import Bars, Lines, Progress, Silent
from airpack.resolve import Requirements
from airpack.target import DEFAULT, HERE, Target
from airpack.uv_python import Obtained

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_requirements(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what to resolve; returns the group, for more."""
    group = parser.add_argument_group("what to pack")
    group.add_argument("requirements", metavar="REQUIREMENT", nargs="*", help="such as 'pandas>=1.3' (PEP 508)")
    several: dict[str, Any] = {"action": "append", "default": []}
    group.add_argument(
        "-r", "--requirement", metavar="FILE", help="a requirements file, or a pyproject.toml", **several
    )
    group.add_argument("-c", "--constraint", metavar="FILE", help="a constraints file", **several)
    group.add_argument("--extra", metavar="NAME", help="an extra of the pyproject.toml given with -r", **several)
    group.add_argument(
        "--group",
        metavar="[PATH:]NAME",
        help="a dependency group (PEP 735) of PATH, else -r's, else ./pyproject.toml",
        **several,
    )
    return group


def is_asked(arguments: argparse.Namespace) -> bool:
    """Tell whether the arguments name anything to resolve."""
    return bool(arguments.requirements or arguments.requirement or arguments.group)


def requirements(arguments: argparse.Namespace, wanted: Target) -> Requirements:
    """Return what to resolve for `wanted`. Raises UsageError if there is nothing, or InvalidRequirement."""
    if not is_asked(arguments):
        raise UsageError("nothing to pack: name requirements, or a file with -r")
    projects = [Path(file) for file in arguments.requirement if Path(file).name == project.NAME]
    if arguments.extra and len(projects) != 1:
        raise UsageError(f"--extra is one of a project's: give its {project.NAME} with -r")
    for word in arguments.requirements:
        if word.startswith((".", "/")) and not Path(word.partition("[")[0]).exists():
            raise UsageError(
                f"{word} does not exist: give the path of a project, or a requirement such as pandas==1.3.5"
            )
        if word.endswith((".txt", ".in", ".toml")):
            raise UsageError(f"{word} names a file: write -r {word}")
    specifications = list(arguments.requirements)
    for path in projects:
        if not path.exists() and "://" in str(path).replace(":/", "://"):
            raise UsageError(f"{project.NAME} must lie on this machine: download it, and give its path with -r")
        specifications += project.dependencies(path, arguments.extra, python=wanted.python_full_version)
    for word in arguments.group:
        path, _, name = word.rpartition(":")
        place = projects[0] if len(projects) == 1 else Path(project.NAME)
        specifications += project.group(Path(path) if path else place, name)
    return Requirements(
        specifications=specifications,
        files=[file for file in arguments.requirement if Path(file) not in projects],
        constraints=arguments.constraint,
    )


def add_target(parser: argparse._ActionsContainer, *, resolving: bool = True) -> None:
    """Add the image to work for; `resolving` for commands that may leave out what it has."""
    otherwise = f"default: {DEFAULT}; with --lock, the lock's" if resolving else f"default: {DEFAULT}"
    parser.add_argument(
        "--target",
        metavar="NAME|PROFILE.json|here",
        help="the image's Python and platform, or its profile; here is this machine, and the Python that runs airpack "
        f"or is given with --python ({otherwise})",
    )
    parser.add_argument(
        "--python-version", metavar="X.Y.Z", help="the image's full Python version (default: the minor version's last)"
    )
    if not resolving:
        return
    parser.add_argument(
        "--skip-installed",
        action="store_true",
        help="leave out what the image has already and meets the requirements; needs its profile",
    )


def target(arguments: argparse.Namespace) -> Target:
    """Return the image to work for. Raises InvalidTarget, NoInterpreter, or UsageError if what to skip is unknown."""
    text = arguments.target or DEFAULT
    if text == HERE:
        wanted = _here(getattr(arguments, "python", None), arguments.python_version)
    else:
        wanted = Target.parse(text, python_version=arguments.python_version)
    if getattr(arguments, "skip_installed", False) and wanted.installed is None:
        raise UsageError(
            "--skip-installed needs to know what the image has: make its profile there (python airpack-runtime.pyz "
            "probe > image.json) and give it with --target image.json"
        )
    return wanted


def _here(given: Path | None, python_version: str | None) -> Target:
    """Return this machine as a target: its platform, and the Python at `given`, else the one that runs airpack."""
    python = ask(given or Path(sys.executable))
    if python is None:
        who = f"--python {given}" if given else f"{sys.executable}, which runs airpack,"
        raise NoInterpreter(f"{who} is no CPython that runs: give the path of one with --python")
    return Target.of_machine(python.version, python_version=python_version)


def add_index(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add where distributions come from; returns the group, for more."""
    group = parser.add_argument_group("where wheels come from (pip's own configuration applies as well)")
    group.add_argument("--index-url", metavar="URL", help="the index, instead of PyPI")
    group.add_argument("--extra-index-url", metavar="URL", action="append", default=[], help="a further index")
    group.add_argument("--find-links", metavar="PATH", action="append", default=[], help="a folder or page of wheels")
    group.add_argument("--no-index", action="store_true", help="use --find-links alone")
    return group


def pip(arguments: argparse.Namespace, env: Mapping[str, str]) -> Pip:
    """Return the pip to resolve and fetch with."""
    return Pip(
        env=env,
        index_url=arguments.index_url,
        extra_index_urls=arguments.extra_index_url,
        find_links=arguments.find_links,
        no_index=arguments.no_index,
        verbose=arguments.verbose,
    )


def add_python(parser: argparse._ActionsContainer) -> None:
    """Add the interpreter of the target's version, and whether one may be downloaded."""
    parser.add_argument(
        "--python",
        metavar="PATH",
        type=Path,
        help="an interpreter of the target's version (default: looked for on PATH, in pyenv, /opt/python and uv's "
        "folder; where there is none, uv downloads one into airpack's cache)",
    )
    parser.add_argument(
        "--no-python-download", action="store_true", help="where this machine has no such interpreter, go without"
    )


def obtain_python(
    arguments: argparse.Namespace, wanted: Target, env: Mapping[str, str], progress: Progress
) -> Obtained:
    """Return the interpreter of the target's version, or why there is none. Tells of a download.

    Raises NoInterpreter.
    """
    obtained = uv_python.obtain(
        wanted,
        given=arguments.python,
        download=not arguments.no_python_download,
        env=env,
        waiting=progress.waiting,
    )
    if obtained.brought is not None:
        brought = obtained.brought
        progress.note(f"python    {brought.version} by uv from {brought.source}, kept in {brought.folder.parent}")
    return obtained


def find_python(
    arguments: argparse.Namespace, wanted: Target, env: Mapping[str, str], progress: Progress, *, lost: str
) -> Interpreter | None:
    """Return the interpreter of the target's version; None if there is none, told with what is `lost` without it.

    Raises NoInterpreter.
    """
    obtained = obtain_python(arguments, wanted, env, progress)
    if obtained.lack is not None:
        progress.note(f"note: {obtained.lack.what}: without {lost}; {obtained.lack.remedy}")
    return obtained.interpreter


def add_registry(parser: argparse.ArgumentParser, *, digest: str = "") -> None:
    """Add which image of which registry; `digest` is what may stand for a tag."""
    parser.add_argument(
        "reference",
        metavar=f"REGISTRY/REPOSITORY[:TAG{digest}]",
        help=f"such as registry.example:5000/models/churn:1.4 (default tag: {DEFAULT_TAG})",
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="go without TLS, unprotected; on loopback, that needs no leave"
    )


def access(arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress) -> Access:
    """Return the way to the registry. Raises UsageError."""
    reference = Reference.parse(arguments.reference)
    return Access(reference=reference, env=env, plain_http=arguments.plain_http, patience=Patience(note=progress.note))


def add_passphrase(parser: argparse._ActionsContainer) -> None:
    """Add the passphrase of a private key; in a file, as others can read a command line."""
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        type=Path,
        help="holds the private key's passphrase",
    )


def passphrase(arguments: argparse.Namespace) -> bytes | None:
    """Return the passphrase without its line's end, None if none is given. Raises UsageError."""
    path: Path | None = arguments.passphrase_file
    if path is None:
        return None
    found = path.read_bytes().rstrip(b"\r\n")
    if not found:
        raise UsageError(f"{path} is empty: write the passphrase into it, or leave --passphrase-file out")
    return found


def add_verbosity(parser: argparse.ArgumentParser, *, progress: bool = False) -> None:
    """Add how much is shown; `progress` for commands that take their time."""
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    shown = "pip's log, and tracebacks of errors" if progress else "tracebacks of errors"
    loudness.add_argument("-v", "--verbose", action="store_true", help=f"show {shown}")
    if progress:
        parser.add_argument("--no-progress", action="store_true", help="lines instead of bars")


def progress(arguments: argparse.Namespace) -> Progress:
    """Return the way to show progress: bars on a terminal, lines elsewhere."""
    if arguments.quiet or sys.stderr is None:
        return Silent()
    if getattr(arguments, "no_progress", False) or arguments.verbose or not sys.stderr.isatty():
        return Lines(sys.stderr)
    return Bars(sys.stderr)


def cache(env: Mapping[str, str]) -> Path:
    """Return the packager's cache folder (XDG Base Directory)."""
    return folder(env)


def epoch(env: Mapping[str, str], *, otherwise: int) -> int:
    """Return the time that is told of all that is written: SOURCE_DATE_EPOCH (reproducible-builds.org), or another."""
    text = env.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return otherwise
    if not text.isdecimal():
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}: set it to seconds since 1970, or unset it")
    return int(text)


def positive(text: str) -> int:
    """Read a number that is 1 or more, for argparse."""
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")


def digest(text: str) -> str:
    """Read a bundle's digest, for argparse, as hexadecimal."""
    found = text.removeprefix("sha256:").lower()
    if re.fullmatch("[0-9a-f]{64}", found) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no digest: give the sha256:... that pack printed")
    return found
