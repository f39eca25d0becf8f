"""Names the wheel that pip can't read: its own words name neither the file nor, at times, what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename
from pip._internal.distributions.wheel import WheelDistribution
from pip._internal.exceptions import MetadataInconsistent, MetadataInvalid

from airpack.base.errors import InvalidWheel
from airpack.resolve.lock import LockedWheel
from airpack.resolve.pip_worker.events import Failure


def name_bad_wheels() -> None:
    """Let reading a wheel's metadata raise Failure with its name; what would fill the memory isn't read."""
    read = WheelDistribution.get_metadata_distribution

    def read_named(self: Any) -> Any:
        from airpack.wheels import wheelfile  # what it imports isn't needed where an index tells the metadata

        path = Path(self.req.local_file_path)
        try:
            wheelfile.check_texts(path)
            return _read_through(read(self))
        except (MetadataInconsistent, MetadataInvalid):  # pip looks for another version
            raise
        except InvalidWheel as error:
            raise Failure("wheel", file=error.wheel, problem=error.problem) from error
        except Exception as error:
            raise Failure("wheel", file=path.name, problem=_problem_of(path) or str(error)) from error

    WheelDistribution.get_metadata_distribution = read_named


def _read_through(found: Any) -> Any:
    """Return what pip found, once it has read what it would read where nothing names the file any more."""
    if not found.metadata or not found.canonical_name:
        raise ValueError("has no metadata")
    return found


def _problem_of(path: Path) -> str | None:
    """Return what is wrong with the wheel at `path` by what it says of itself, None if nothing is."""
    from airpack.wheels import wheelfile

    try:
        name, version, *_ = parse_wheel_filename(path.name)
        wheel = LockedWheel(name=name, version=str(version), filename=path.name, url="", sha256="")
        with wheelfile.opened(wheel, path):
            return None
    except InvalidWheel as error:
        return error.problem


def passed_over(failures: dict[Any, Any]) -> list[dict[str, str]]:
    """Return the wheels that pip left out of a resolve for their metadata, and why; `failures` is its own list."""
    return [
        {"file": link.filename, "problem": f"its METADATA has the {each.field} {each.m_val!r}, not {each.f_val!r}"}
        for link, each in failures.items()
        if isinstance(each, MetadataInconsistent)
    ]
