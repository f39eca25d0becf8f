"""The packager's errors. The command line prints each as one line and exits with its status."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path


class AirpackError(Exception):
    """Base of every error that a user is meant to read. `status` is the exit status."""

    status = 1
    reported = False  # whether standard output tells of it already, in JSON


class UsageError(AirpackError):
    """A command line that asks for something impossible; the message says what to write instead."""

    status = 2


class UnfitPath(AirpackError):
    """Something at a path that can't be used as was asked for; `problem` says what is the matter with it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path
        self.problem = problem


class InvalidTarget(UsageError):
    """A target name or an image profile that can't be read."""


class InvalidRequirement(AirpackError):
    """A requirement, or a requirements file, that cannot be read; the message names file and line."""


class Unsatisfiable(AirpackError):
    """No version of a distribution fits the requirement and the target; `is_known` is whether an index has any."""

    def __init__(self, message: str, *, requirement: str, required_by: Sequence[str], is_known: bool = True) -> None:
        super().__init__(message)
        self.requirement = requirement
        self.required_by = tuple(required_by)
        self.is_known = is_known


class Conflict(AirpackError):
    """Requirements that exclude each other; `sides` has who requires each (empty for the user), and what."""

    def __init__(self, message: str, *, sides: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.sides = tuple(sides)


class UnknownMarker(AirpackError):
    """A requirement whose marker needs a value that the target's name does not imply."""

    def __init__(self, variable: str, marker: str) -> None:
        super().__init__(
            f"the marker {marker!r} needs {variable}, which a target's name does not determine: make a profile of the "
            "image (in it: python airpack-runtime.pyz probe > image.json), and give it with --target image.json"
        )
        self.variable = variable
        self.marker = marker


class IndexUnreachable(AirpackError):
    """A package index or file server that gave no usable answer."""


class HashMismatch(AirpackError):
    """A downloaded file whose hash is not the locked one."""

    def __init__(self, filename: str, *, expected: str, actual: str, algorithm: str = "SHA-256") -> None:
        super().__init__(
            f"{filename} has {algorithm} {actual}, but {expected} was expected: "
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
    """A folder that is not an OCI image layout, or whose blobs do not match their descriptors."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}: copy, pull or write it again")
        self.path = path
        self.problem = problem


class NotAnImage(AirpackError):
    """A bundle that cannot become the OCI image that was asked for; nothing was written."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}: {remedy}")
        self.path = path
        self.problem = problem


class InvalidManifest(AirpackError):
    """A `manifest.json` that cannot be read, is incomplete, or does not describe the files beside it."""

    def __init__(self, path: Path, problem: str, remedy: str = "") -> None:
        super().__init__(f"{path}: {problem}{': ' if remedy else ''}{remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class MissingWheel(UnfitPath):
    """A wheel of a wheelhouse that is missing, or is not the locked one."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, f"{problem}: get the folder again from where it was packed")


class NotRebuilt(AirpackError):
    """A bundle that differs from what packing again gives."""

    def __init__(self, path: Path, differences: int) -> None:
        count = f"{differences:,} difference" + ("" if differences == 1 else "s")
        super().__init__(f"{path} is not what its lock and manifest give: {count}, listed above")
        self.path = path
        self.differences = differences


class PlaceFailed(AirpackError):
    """A place in the network that gives or takes nothing; `problem` says why."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class StoreFailed(PlaceFailed):
    """A failure of the store at the URL `where`, or of a file in it."""


class BuildFailed(AirpackError):
    """A distribution that has no wheel for the target, and cannot be built from its source; `reason` says why.

    `wheels` are the other versions that have a wheel for the target, the newest first; `place` is what the user named:
    the folder or URL, and the line.
    """

    def __init__(
        self, name: str, reason: str, required_by: str | None = None, wheels: Sequence[str] = (), *, place: str = ""
    ) -> None:
        by = f" (required by {required_by})" if required_by else f" ({place})" if place else ""
        message = f"{name}{by} has no wheel for the target and can't be built from its source: {reason}"
        if wheels:
            more = ", ..." if len(wheels) > 3 else ""
            message += f"; it has a wheel for the target in version {', '.join(wheels[:3])}{more}"
        super().__init__(message)
        self.name = name
        self.reason = reason
        self.required_by = required_by
        self.wheels = tuple(wheels)


class PipFailed(AirpackError):
    """A failure of pip, reported with pip's own message."""


class InvalidWheel(AirpackError):
    """A wheel that cannot be installed, or would do harm; nothing of it was kept."""

    def __init__(self, wheel: str, problem: str) -> None:
        super().__init__(f"{wheel}: {problem}")
        self.wheel = wheel
        self.problem = problem


class NoInterpreter(AirpackError):
    """The interpreter that was named is not the target's."""


class PythonMissing(AirpackError):
    """A machine without a Python of a version, for which airpack did not download one.

    `reason` says why it did not, empty if no uv is installed or the user asked for no download; `remedy` says what to
    do.
    """

    def __init__(self, version: str, *, reason: str = "", remedy: str) -> None:
        self.version = version
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.problem}: {remedy}")

    @property
    def problem(self) -> str:
        """The message without the remedy."""
        return f"no Python {self.version} was found" + (f" ({self.reason})" if self.reason else "")


class NoDecoder(AirpackError):
    """No zstd decoder is known for the target, so that its image couldn't read a bundle."""


AUDIT = "the audit found packages that fail in the image"
VERIFY = "verify found files that must not be used"


class AuditFailed(AirpackError):
    """Findings that must not pass: errors, and with `--strict` warnings. `verdict` says what was checked."""

    def __init__(self, findings: Sequence[str], *, verdict: str = AUDIT) -> None:
        more = f" (and {len(findings) - 1:,} more)" if len(findings) > 1 else ""
        super().__init__(f"{verdict}{more}: {findings[0]}")
        self.findings = tuple(findings)


class InvalidKey(UnfitPath):
    """A file that holds no private key to sign with."""


class BootFailed(AirpackError):
    """A bundle that the shim cannot boot on this machine; `problem` is the shim's message."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} doesn't boot: {problem.removeprefix('airpack: ')}")
        self.path = path
        self.problem = problem


class ImageFailed(AirpackError):
    """No file system image can be written: a program is missing, or failed."""


class WriteFailed(AirpackError):
    """The system refused to write: a full disk, a missing permission. `full` is True if the disk is full."""

    def __init__(self, path: object, problem: str, *, full: bool = False) -> None:
        hint = ": free disk space, then try again" if full else ""
        super().__init__(f"{path}: {problem}; nothing was changed{hint}")
        self.path = path
        self.problem = problem
        self.full = full

    @classmethod
    def from_os(cls, error: OSError, path: object) -> WriteFailed:
        """Return the error for an OSError; `path` is shown where that names no file."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return cls(error.filename or path, error.strerror or str(error), full=full)


class OutputRefused(UnfitPath):
    """A place to write to that holds something of the user's."""


class NotInBundle(AirpackError):
    """A path or pattern that matches nothing in the bundle; `nearest` are paths that may be meant.

    `folder` is True if the path names a folder of files, not a file.
    """

    def __init__(self, bundle: str, path: str, *, nearest: Sequence[str] = (), folder: str = "") -> None:
        hint = f"is it {', '.join(nearest)}?" if nearest else f"airpack inspect --files {bundle} lists what it holds"
        if folder:
            hint = f"that is a folder, and airpack extract {bundle} '{folder}/*' writes what is in it"
        super().__init__(f"{bundle} holds no {path or 'file without a name'}: {hint}")
        self.path = path
        self.nearest = tuple(nearest)


class RegistryError(PlaceFailed):
    """A registry that cannot be reached, refuses a request, or sends other content than was asked for."""
