"""What can go wrong while packing. `cli` prints each as one line and ends with its status."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path


class AirpackError(Exception):
    """Base of every error that a user is meant to read. `status` is the exit status."""

    status = 1


class UsageError(AirpackError):
    """The command line asks for something impossible; says what to write instead."""

    status = 2


class InvalidTarget(UsageError):
    """A target name or an image profile that can't be read."""


class InvalidRequirement(AirpackError):
    """A requirement, or a requirements file, that pip can't read; names file and line."""


class Unsatisfiable(AirpackError):
    """No version of a distribution fits the requirement and the target."""

    def __init__(self, message: str, *, requirement: str, required_by: Sequence[str]) -> None:
        super().__init__(message)
        self.requirement = requirement
        self.required_by = tuple(required_by)


class Conflict(AirpackError):
    """Requirements that exclude each other; `sides` holds (who requires, what).

    Who is empty for what the user asked for.
    """

    def __init__(self, sides: Sequence[tuple[str, str]]) -> None:
        said = "; ".join(f"{who} requires {what}" if who else f"you asked for {what}" for who, what in sides)
        super().__init__(f"these can't be had together: {said}: loosen or drop one of them")
        self.sides = tuple(sides)


class UnknownMarker(AirpackError):
    """A requirement depends on a value that the target's name doesn't tell."""

    def __init__(self, variable: str, marker: str) -> None:
        super().__init__(
            f"the marker {marker!r} asks for {variable}, which a target's name doesn't tell: make a profile of the "
            "image (in it: python airpack-runtime.pyz probe > image.json), and give it with --target image.json"
        )
        self.variable = variable
        self.marker = marker


class IndexUnreachable(AirpackError):
    """A package index or file server that gave no usable answer."""


class HashMismatch(AirpackError):
    """A downloaded file that is not the one that was locked."""

    def __init__(self, filename: str, *, expected: str, actual: str) -> None:
        super().__init__(
            f"{filename} has SHA-256 {actual}, but {expected} was expected: "
            "the file was changed or damaged; check the index it came from"
        )
        self.filename = filename
        self.expected = expected
        self.actual = actual


class InvalidLock(AirpackError):
    """A `pylock.toml` that can't be read, or isn't for the target."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class InvalidLayout(AirpackError):
    """A folder that is no OCI image layout, or one whose blobs aren't what it lists."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}: copy, pull or write it again")
        self.path = path
        self.problem = problem


class NotAnImage(AirpackError):
    """A bundle that can't be an OCI image, or not in the way that was asked for; nothing was written."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}: {remedy}")
        self.path = path
        self.problem = problem


class InvalidManifest(AirpackError):
    """A `manifest.json` that can't be read, or doesn't say how to pack again, or doesn't list what lies beside it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class InvalidFleet(AirpackError):
    """A file of many packs that can't be read; `table` is where in it, empty for the whole."""

    def __init__(self, path: Path, table: str, problem: str) -> None:
        super().__init__(f"{path}: [{table}] {problem}" if table else f"{path} {problem}")
        self.path = path
        self.table = table
        self.problem = problem


class FleetFailed(AirpackError):
    """Packs of a file of many that failed, by name, and why; the others were packed."""

    def __init__(self, failures: Mapping[str, str], *, total: int) -> None:
        name, reason = next(iter(failures.items()))
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{len(failures)} of {total} packs failed{more}: {name}: {reason}")
        self.failures = dict(failures)
        self.total = total


class FleetInterrupted(AirpackError):
    """Ctrl-C ended the packs of a file of many before all were made."""

    status = 130  # 128 + SIGINT, as shells count

    def __init__(self, *, packed: int, total: int) -> None:
        super().__init__(f"interrupted: {packed} of {total} packs were made, of the others nothing was changed")
        self.packed = packed
        self.total = total


class MissingWheel(AirpackError):
    """A wheelhouse that hasn't just the wheel that its lock says."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}: get the folder again from where it was packed")
        self.path = path
        self.problem = problem


class NotRebuilt(AirpackError):
    """A bundle that packing again didn't give."""

    def __init__(self, path: Path, differences: int) -> None:
        count = f"{differences:,} difference" + ("" if differences == 1 else "s")
        super().__init__(f"{path} is not what its lock and manifest give: {count}, listed above")
        self.path = path
        self.differences = differences


class MissingExtra(AirpackError):
    """A library that only an extra of airpack's brings."""

    def __init__(self, purpose: str, library: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {library}, which isn't installed: pip install 'airpack[{extra}]'")
        self.library = library
        self.extra = extra


class StoreFailed(AirpackError):
    """A place that files are uploaded to or downloaded from, by its URL, and what is wrong there."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class BuildFailed(AirpackError):
    """A distribution without a fitting wheel that can't be built from its source, and why."""

    def __init__(self, name: str, reason: str, required_by: str | None = None) -> None:
        by = f" (required by {required_by})" if required_by else ""
        super().__init__(f"{name}{by} has no wheel for the target and can't be built from its source: {reason}")
        self.name = name
        self.reason = reason
        self.required_by = required_by


class PipFailed(AirpackError):
    """pip ended in a way that airpack has no better words for than pip's own."""


class InvalidWheel(AirpackError):
    """A wheel that can't be installed as it is; nothing of it was kept."""

    def __init__(self, wheel: str, problem: str) -> None:
        super().__init__(f"{wheel}: {problem}")
        self.wheel = wheel
        self.problem = problem


class NoInterpreter(AirpackError):
    """The interpreter that was named is not the target's."""


class NotBrought(AirpackError):
    """No Python of a version is here, and none was brought along: `cause` says why, empty where nobody tried."""

    def __init__(self, version: str, *, cause: str = "", remedy: str) -> None:
        self.version = version
        self.cause = cause
        self.remedy = remedy
        super().__init__(f"{self.what}: {remedy}")

    @property
    def what(self) -> str:
        """What is missing."""
        return f"no Python {self.version} here" + (f" ({self.cause})" if self.cause else "")


class NotKept(AirpackError):
    """A Python that is to be removed, and that airpack did not bring."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"airpack keeps no Python {version} of its own: airpack python list shows what it brought; "
            "what is the machine's is removed as it was installed"
        )
        self.version = version


class NoDecoder(AirpackError):
    """No zstd decoder is known for the target, so that its image couldn't read a bundle."""


AUDIT = "the audit found what fails in the image"
VERIFY = "verify found what must not be used"


class AuditFailed(AirpackError):
    """What is packed can't work in the image, or may not and `--strict` was given; `verdict` says what of it is so."""

    def __init__(self, findings: Sequence[str], *, verdict: str = AUDIT) -> None:
        more = f" (and {len(findings) - 1:,} more)" if len(findings) > 1 else ""
        super().__init__(f"{verdict}{more}: {findings[0]}")
        self.findings = tuple(findings)


class InvalidKey(AirpackError):
    """A file that holds no private key to sign with."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path
        self.problem = problem


class BootFailed(AirpackError):
    """A bundle that the shim can't boot on this machine, in the shim's words."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} doesn't boot: {problem.removeprefix('airpack: ')}")
        self.path = path
        self.problem = problem


class ImageFailed(AirpackError):
    """No file system image can be written: a program is missing, or failed."""


class WriteFailed(AirpackError):
    """The system refused to write: a full disk, a missing permission."""

    def __init__(self, path: object, problem: str) -> None:
        full = problem in (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
        hint = ": make room for all that is to be written, and more" if full else ""
        super().__init__(f"{path}: {problem}; nothing was changed{hint}")
        self.path = path
        self.problem = problem


class OutputRefused(AirpackError):
    """A place to write to that holds something of the user's."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path
        self.problem = problem


class NotInBundle(AirpackError):
    """A path, or a pattern, that names nothing in the bundle; `nearest` are paths that it may mean.

    A `folder` is no file, but what is in it are files.
    """

    def __init__(self, bundle: str, path: str, *, nearest: Sequence[str] = (), folder: str = "") -> None:
        hint = f"is it {', '.join(nearest)}?" if nearest else f"airpack inspect --files {bundle} lists what it holds"
        if folder:
            hint = f"that is a folder, and airpack extract {bundle} '{folder}/*' writes what is in it"
        super().__init__(f"{bundle} holds no {path or 'file without a name'}: {hint}")
        self.path = path
        self.nearest = tuple(nearest)


class RegistryError(AirpackError):
    """A registry that can't be reached, refuses, or gives something else than was asked for."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem
