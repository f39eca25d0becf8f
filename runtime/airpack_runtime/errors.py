"""What can go wrong at boot. Each error is one line for the person on call."""

from __future__ import annotations

# What Azure ML's images end a start with: no folder of packages, packages not installed, no requirements file.
NO_FOLDER, NOT_INSTALLED, NO_FILE = 97, 95, 99


def reason(error: OSError | UnpackFailed) -> str:
    """Return what the system says of an error, without the path that the message names anyway."""
    return error.problem if isinstance(error, UnpackFailed) else error.strerror or str(error)


class BootError(Exception):
    """The packages can't be provided; base of every error of the runtime.

    `status` is what a process ends with: that of Azure ML's images for packages that are missing.
    """

    status = NO_FOLDER


class BundleNotFound(BootError):
    """No bundle lies where the settings, or the shim's own place, point to."""

    def __init__(self, path: str, hint: str) -> None:
        super().__init__(f"no bundle at {path}: {hint}")
        self.path = path


class BundleDamaged(BootError):
    """The bundle's bytes are not what its table of contents says."""

    def __init__(self, path: str, problem: str, remedy: str = "copy it again from where it was packed") -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class WrongDigest(BootError):
    """The bundle is not the one that AIRPACK_DIGEST pins; nothing of it was used."""

    def __init__(self, path: str, pinned: str, found: str) -> None:
        super().__init__(
            f"{path} has the digest sha256:{found}, but AIRPACK_DIGEST pins {pinned or 'nothing, as it is empty'}: "
            "put the pinned bundle there, or pin this one"
        )
        self.path = path
        self.pinned = pinned
        self.found = found


class BadKey(BootError):
    """The public key that must have signed what is booted can't be had: nothing may be booted then."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"{source} {problem}: give the .pub file of airpack keygen; without it, nothing is trusted")
        self.source = source
        self.problem = problem


class NotSigned(BootError):
    """What was to be booted isn't signed with the key that is asked for; nothing of it was used."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}: {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class WrongTarget(BootError):
    """The bundle was packed for another Python, platform or machine."""

    def __init__(self, path: str, wanted: str, found: str, remedy: str) -> None:
        super().__init__(f"{path} was packed for {wanted}, but this is {found}: {remedy}")
        self.path = path
        self.wanted = wanted
        self.found = found


class OtherPython(WrongTarget):
    """The interpreter is of another version than the bundle's; where any may start, it is left as it is."""


class NoPlace(BootError):
    """None of the cache folders can hold the tree; each with its reason."""

    def __init__(self, needed: int, refused: list[tuple[str, str]]) -> None:
        reasons = "; ".join(f"{folder}: {reason}" for folder, reason in refused)
        super().__init__(
            f"no folder can hold the unpacked packages ({needed / 1e6:.1f} MB): {reasons}; "
            "set AIRPACK_CACHE_DIR to a writable folder on a file system without noexec (Docker: "
            f"--tmpfs /tmp:exec,size={needed // 1000000 + 64}m; Kubernetes: an emptyDir volume at /tmp)"
        )
        self.needed = needed
        self.refused = refused


class NotATree(BootError):
    """The folder that was given as a tree is none that can be used."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} can't be used as it is: {problem}")
        self.path = path
        self.problem = problem


class NotMounted(BootError):
    """An image that can't be mounted; each cache folder, or way to mount, with its reason."""

    def __init__(self, path: str, refused: list[tuple[str, str]]) -> None:
        reasons = "; ".join(f"{what}: {why}" for what, why in refused)
        super().__init__(
            f"{path} can't be mounted here ({reasons}): give the bundle itself, which is unpacked, or let the "
            "orchestrator mount the image, and set AIRPACK_BUNDLE to that folder"
        )
        self.path = path
        self.refused = refused


class UnpackFailed(BootError):
    """The tree could not be written; nothing of it was left behind."""

    def __init__(self, folder: str, problem: str) -> None:
        super().__init__(f"unpacking into {folder} failed: {problem}")
        self.folder = folder
        self.problem = problem


class AzureError(BootError):
    """What a variable of Azure ML's names isn't there, or can't be installed; `status` is the image's own for that."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
