"""Names the wheel that pip can't read: pip's message has no file name, and not always a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename

from airpack.base.errors import InvalidWheel
from airpack.resolve.lock import LockedWheel
from airpack.resolve.pip_worker.adapter import MetadataInconsistent, MetadataInvalid, wrap
from airpack.resolve.pip_worker.events import Failure


def name_bad_wheels() -> None:
    """Let reading the metadata of a bad wheel raise Failure with its name, also where it would fill the memory."""
    wrap("wheel_metadata", lambda read: lambda distribution: _read_named(read, distribution))
    wrap("served_metadata", lambda read: lambda content, file, name: read(_bounded(content, file), file, name))


def _read_named(read: Callable[[Any], Any], distribution: Any) -> Any:
    """Return what `read` returns for pip's distribution of a wheel. Raises Failure with the name of its file."""
    from airpack.wheels import wheelfile  # its imports aren't needed where the index serves the metadata

    path = Path(distribution.req.local_file_path)
    try:
        wheelfile.check_texts(path)
        return _read_through(read(distribution))
    except (MetadataInconsistent, MetadataInvalid):  # pip looks for another version
        raise
    except InvalidWheel as error:
        raise Failure("wheel", file=error.wheel, problem=error.problem) from error
    except Exception as error:
        raise Failure("wheel", file=path.name, problem=_reason_against(path) or str(error)) from error


def _bounded(metadata: bytes, file: str) -> bytes:
    """Return METADATA that the index served for the wheel `file`. Raises Failure if it would fill the memory."""
    from airpack.wheels import texts

    try:
        texts.fields_in(metadata)
    except ValueError as error:
        raise Failure("wheel", file=file, problem=f"its METADATA {error}") from error
    return metadata


def _read_through(distribution: Any) -> Any:
    """Return pip's distribution of a wheel, with the metadata read that pip reads later and without naming the file."""
    if not distribution.metadata or not distribution.canonical_name:
        raise ValueError("has no metadata")
    return distribution


def _reason_against(path: Path) -> str | None:
    """Return the reason the wheel at `path` can't be packed, None if its archive shows none."""
    from airpack.wheels import wheelfile

    try:
        name, version, *_ = parse_wheel_filename(path.name)
        wheel = LockedWheel(name=name, version=str(version), filename=path.name, url="", sha256="")
        with wheelfile.opened(wheel, path):
            return None
    except InvalidWheel as error:
        return error.problem


def passed_over(failures: Mapping[Any, Any]) -> list[dict[str, str]]:
    """Return the wheels that pip passed over for their metadata, and what is wrong with it: of pip's `failures`."""
    return [
        {"file": link.filename, "problem": f"its METADATA has the {error.field} {error.m_val!r}, not {error.f_val!r}"}
        for link, error in failures.items()
        if isinstance(error, MetadataInconsistent) and link.is_wheel
    ]
