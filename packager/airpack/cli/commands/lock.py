"""`airpack lock`: resolves requirements and writes pylock.toml."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from airpack.base.console import Progress
from airpack.base.errors import InvalidLock, UsageError
from airpack.cli import answers, general, inputs, options, pip_options, resolving, screen
from airpack.cli.output import Output
from airpack.inspection import changes
from airpack.inspection.changes import Changes, LockOutdated
from airpack.requirements.requirements import Requirements
from airpack.resolve import pylock, pylock_writer
from airpack.resolve.lock import Lock
from airpack.resolve.pylock import LockFile
from airpack.results.folder import LOCK
from airpack.target.target import Target


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "lock",
        description="Resolve requirements for an image and write pylock.toml (PEP 751), without fetching the wheels. "
        "The versions of a lock that is there stay as long as they fit what is asked for.",
    )
    parser.set_defaults(run=run)
    options.add_target(options.add_requirements(parser))
    pip_options.add_index(parser)
    options.add_python(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Output.parse,
        default=LOCK,
        help="the file to write, - for standard output (default: %(default)s)",
    )
    _add_changing(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def _add_changing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what may change of a lock that is there")
    group.add_argument("-U", "--upgrade", action="store_true", help="take the newest versions that fit")
    group.add_argument(
        "-P",
        "--upgrade-package",
        metavar="NAME",
        action="append",
        default=[],
        help="take the newest version of this package",
    )
    writing = group.add_mutually_exclusive_group()
    writing.add_argument("--check", action="store_true", help="write nothing; fail if the lock is not up to date")
    writing.add_argument("--dry-run", action="store_true", help="write nothing; show what would change")


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises LockOutdated."""
    output: Output = arguments.output
    if _writes(arguments):
        answers.check_output(arguments, output)
    progress = general.progress(arguments)
    lock, change = execute(arguments, env, progress)
    if _writes(arguments) and output.path is None:
        return
    error = LockOutdated(Path(output.name), change.count) if arguments.check and change.count else None
    result = {
        "lock": output.path,
        "written": _writes(arguments),
        **answers.of_lock(lock),
        "size": answers.size_of(lock),
        "changes": change.to_dict(),
    }
    answers.give(arguments, progress, result, _lines(arguments, lock, change), error=error)
    if error is not None:
        raise error


def execute(arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress) -> tuple[Lock, Changes]:
    """Lock what the arguments ask for, and write it if they don't forbid it; return it, and what changed by it.

    Raises AirpackError.
    """
    output: Output = arguments.output
    if output.path is not None:
        pylock.check_replaceable(output.path)
    with pip_options.kept(arguments, env, progress, ahead=True) as pip:  # it starts while the input is read
        target, source = inputs.what_to_pack(arguments, env, progress)
        earlier = _earlier(arguments, target)
        if isinstance(source, Requirements):
            source = replace(source, defers=True)
        if isinstance(source, Requirements) and earlier is not None and not arguments.upgrade:
            # Another moment is asked for to have other versions.
            is_same = earlier.exclude_newer == source.rules.exclude_newer
            source = replace(source, kept=_kept(arguments, earlier) if is_same else {})
        lock = resolving.resolved(arguments, pip, progress, target, source, output.path)
    change = changes.between(earlier, lock)
    if earlier is not None:
        lock = _with_passed_over(lock, earlier)
    if _writes(arguments):
        text = pylock_writer.dumps(lock, output.path.parent if output.path else Path())
        output.write(text)
    return lock, change


def _writes(arguments: argparse.Namespace) -> bool:
    return not (arguments.check or arguments.dry_run)


def _earlier(arguments: argparse.Namespace, target: Target) -> LockFile | None:
    """Return the lock that is there, None if there is none for this target. Raises InvalidLock."""
    output: Output = arguments.output
    if output.path is None or not output.path.exists():
        if arguments.check:
            raise InvalidLock(Path(output.name), "does not exist: airpack lock writes it")
        return None
    earlier = pylock.read(output.path)
    is_same = (earlier.target_name, earlier.python_full_version) == (target.name, target.python_full_version)
    if arguments.check and not is_same:
        wanted = f"{earlier.target_name} with Python {earlier.python_full_version}"
        raise InvalidLock(output.path, f"is a lock for {wanted}, not for {target.name}: give its --target")
    return earlier if is_same else None


def _kept(arguments: argparse.Namespace, earlier: LockFile) -> dict[str, list[str]]:
    """Return the versions of a lock that stay. Raises UsageError for a package to upgrade that it doesn't have."""
    kept = changes.versions_in(earlier)
    for name in arguments.upgrade_package:
        if kept.pop(canonicalize_name(name), None) is None:
            raise UsageError(f"--upgrade-package {name}: {earlier.path} has no such package")
    return kept


def _with_passed_over(lock: Lock, earlier: LockFile) -> Lock:
    """Return the lock with what the earlier one tells of versions that stayed: what was passed over for them."""
    told = {each.name for each in lock.passed_over}
    versions = {wheel.key: wheel.version for wheel in lock.wheels}
    still = [
        each
        for each in earlier.passed_over
        if each.name not in told and versions.get(canonicalize_name(each.name)) == each.taken
    ]
    return replace(lock, passed_over=(*lock.passed_over, *still))


def _lines(arguments: argparse.Namespace, lock: Lock, change: Changes) -> Iterator[str]:
    output, target = arguments.output, lock.target.name
    counted = f"{output.name}, {screen.counted(len(lock.wheels), 'wheel')} for {target}"
    if not _writes(arguments):
        yield from change.lines()
        yield from answers.size_lines(lock)
        if not change.count:
            yield f"same      {counted}"
    else:
        if len(change.added) < len(lock.wheels):  # there was a lock
            yield from change.lines()
        yield f"lock      {counted}"
        yield f"pack it   airpack pack --lock {output.name}"
