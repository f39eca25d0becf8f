"""`pack`, `lock` and `open_bundle`: what the command line runs, for Python."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airpack.base.console import Progress, Silent
from airpack.base.errors import UsageError
from airpack.bundle.opened import OpenBundle
from airpack.cli import general
from airpack.cli.commands import lock as lock_command
from airpack.cli.commands import pack as pack_command
from airpack.cli.output import Output
from airpack.cli.words import option_values, parsers
from airpack.packing.deliver import Packed
from airpack.resolve.lock import Lock
from airpack.results import keys
from airpack.results.folder import Results
from airpack.results.pins import Pins
from airpack.target.target import Target

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from airpack.api.options import LockOptions, PackOptions, Place


def pack(
    *requirements: str, output: Place = "dist", progress: Progress | None = None, **options: Unpack[PackOptions]
) -> Packed:
    """Pack `requirements` (PEP 508), and what `options` name, into the folder `output`; return what was written.

    The options are those of the command line, with underscores; variables and files that set them for the command line
    have no say. `progress` shows stages and notes; without it, a UserWarning tells which of the image's Python was
    assumed. Signals are the caller's own: after any exception, KeyboardInterrupt
    among them, the folder is as it was. Raises AirpackError.
    """
    arguments = _arguments("pack", requirements, options)
    arguments.output = Path(output)
    order, packed = pack_command.execute(arguments, os.environ, progress or Silent())
    if progress is None:
        _warn_of_assumed(order.target)
    return packed


def lock(
    *requirements: str, output: Place | None = None, progress: Progress | None = None, **options: Unpack[LockOptions]
) -> Lock:
    """Return the lock of `requirements` (PEP 508), and of what `options` name; written to `output`, if that is given.

    The options are those of the command line, with underscores. The versions of a lock that is there stay as long as
    they fit. Raises AirpackError.
    """
    arguments = _arguments("lock", requirements, options)
    arguments.output = Output(name="", path=Path(output) if output else None)
    arguments.dry_run = output is None
    locked: Lock = lock_command.execute(arguments, os.environ, progress or Silent())[0]
    if progress is None:
        _warn_of_assumed(locked.target)
    return locked


@contextmanager
def open_bundle(place: Place, *, digest: str | None = None, key: Place | None = None) -> Iterator[OpenBundle]:
    """Give the bundle at `place`, a file or a folder of results, open: its table of contents, its files.

    `digest` is the one that it must have, `key` the public key file that it must be signed with. Raises BundleNotFound
    or BundleDamaged (of `airpack_runtime.errors`), AuditFailed for another bundle than that, UsageError for what is no
    digest.
    """
    try:
        wanted = None if digest is None else general.digest(digest)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"airpack.open_bundle: digest: {error}") from error
    pins = Pins(digest=wanted, key=None if key is None else keys.load_public(Path(key)))
    with Results.at(Path(place)).open_bundle() as opened:
        pins.check(opened)
        yield opened


def _warn_of_assumed(target: Target) -> None:
    """Warn the caller of `pack` or `lock` of a release of the image's Python that nobody named."""
    if target.assumed_release:
        python = f"Python {target.python_full_version}"
        message = f"the target is {target.name}, assuming {python}: name them with target= and python_version="
        warnings.warn(message, stacklevel=3)


def _arguments(name: str, requirements: tuple[str, ...], options: Mapping[str, Any]) -> argparse.Namespace:
    """Return the arguments of a command. Raises UsageError for an option that it doesn't have, or a wrong value."""
    command = parsers.build([name])[1].choices[name]
    try:
        arguments = option_values.namespace(command, {key: _plain(value) for key, value in options.items()})
    except option_values.Refused as error:
        raise UsageError(f"airpack.{name}: {error}") from error
    arguments.requirements = list(requirements)
    return arguments


def _plain(value: Any) -> Any:
    """Return a value as `option_values` takes it: paths and numbers are text there."""
    if value is None or isinstance(value, bool | int):
        return value
    return [os.fspath(each) for each in value] if isinstance(value, list | tuple) else str(value)
