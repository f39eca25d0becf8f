"""Describes an image: its Python, the wheels it takes, what is installed, what it permits.

The result is an image profile: `airpack pack --target image.json` resolves for exactly
that image. `marker_environment` and `compatible_tags` are those of a pex complete platform.
"""

from __future__ import annotations

import errno
import os
import sys

from airpack_runtime import __version__, cache, host
from airpack_runtime.errors import BootError
from airpack_runtime.image import conflicts, installed, libraries
from airpack_runtime.provide import storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping, Sequence

# PEP 600: the aliases of the platform tags by glibc's minor version; by machine, the oldest version with a tag.
_ALIASES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
_OLDEST_ELSEWHERE = 17
YES = "yes"


def profile(env: Mapping[str, str]) -> dict[str, object]:
    """Return the profile of the image that this interpreter runs in, as JSON takes it.

    `env` decides which folders a boot would unpack into. Raises BootError unless this is CPython on Linux.
    """
    import platform
    import sysconfig

    if sys.implementation.name != "cpython" or sys.platform != "linux":
        raise BootError(f"this is {sys.implementation.name} on {sys.platform}: airpack knows CPython on Linux")
    machine = platform.machine()
    abi = (sysconfig.get_config_var("SOABI") or "").split("-")[1:2]
    libc = host.glibc() or _musl()
    if not abi or libc is None:
        raise BootError("this Python tells neither its ABI nor its C library: write the target's name by hand")
    family = "glibc" if host.glibc() else "musl"
    return {
        "airpack": __version__,
        "python_executable": sys.executable,
        "marker_environment": _marker_environment(),
        "compatible_tags": list(compatible_tags(sys.version_info[:2], abi[0], platforms(family, libc, machine))),
        family: ".".join(map(str, libc)),
        "installed": list(_installed()),
        "libraries": sorted(libraries.loadable(env)),
        "permits": permits(env),
    }


def _installed() -> Iterator[dict[str, object]]:
    """Yield each distribution, as JSON takes it; `wins` says that a bundle's version would not be imported."""
    before = dict(sys.modules)
    for each in installed.distributions().values():
        wins = conflicts.winners(each.modules, "", before)
        yield {**each._asdict(), **({"wins": True} if wins else {})}


def _musl() -> tuple[int, int] | None:
    """Return the version of musl, which only its dynamic loader prints, or None if there is another C library."""
    import subprocess

    loader = f"/lib/ld-musl-{os.uname().machine}.so.1"
    try:
        output = subprocess.run([loader], stderr=subprocess.PIPE, timeout=10, check=False).stderr
        return host.numbers(output.decode("ascii", "replace").partition("Version ")[2])
    except (ValueError, OSError, subprocess.SubprocessError):
        return None


def permits(env: Mapping[str, str]) -> dict[str, object]:
    """Return what the image permits, as JSON takes it; nothing is left behind by asking.

    `folders` maps each cache folder to "yes", or to the reason why it can't hold a tree.
    """
    return {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "folders": {folder: reason or YES for folder, reason in folders(env).items()},
        **mounting(),
    }


def folders(env: Mapping[str, str], needed: int = 0, files: int = 0) -> dict[str, str | None]:
    """Return the reason why each cache folder can't hold a tree of so many bytes and files, None for one that can."""
    return {folder: storage.reason_against_use(folder, needed, files) for folder in cache.candidates(env)}


def mounting() -> dict[str, object]:
    """Return whether this process may mount, as JSON takes it: "yes", or the name of the kernel's error.

    `mount` is by its own rights, `mount_in_user_namespace` in a new user namespace; `fuse` is true if it may use FUSE.
    """
    return {
        "fuse": os.access("/dev/fuse", os.R_OK | os.W_OK),
        "mount": _may_mount(user=False),
        "mount_in_user_namespace": _may_mount(user=True),
    }


def _may_mount(*, user: bool) -> str:
    """Return "yes" if a child process with new namespaces may mount there, else the name of the kernel's error."""
    from airpack_runtime.provide import mount

    try:
        mount.rehearse_namespaces(user=user)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return YES


def platforms(family: str, libc: tuple[int, int], machine: str) -> list[str]:
    """Return the platform tags of a machine with this C library, the newest first (PEP 600, PEP 656)."""
    major, newest = libc
    if family == "musl":
        return [f"musllinux_{major}_{minor}_{machine}" for minor in range(newest, -1, -1)] + [f"linux_{machine}"]
    tags = []
    for minor in range(newest, _OLDEST_GLIBC.get(machine, _OLDEST_ELSEWHERE) - 1, -1):
        tags.append(f"manylinux_{major}_{minor}_{machine}")
        if minor in _ALIASES:
            tags.append(f"{_ALIASES[minor]}_{machine}")
    return [*tags, f"linux_{machine}"]


def compatible_tags(version: Sequence[int], abi: str, accepted: Sequence[str]) -> Iterator[str]:
    """Yield the wheel tags that a CPython accepts, in pip's order (PEP 425).

    `version` is its major and minor version, `abi` its SOABI without "cp" (`37m`), `accepted` its platform tags.
    """
    major, minor = version
    own = f"cp{major}{minor}"
    abis = [f"cp{abi}"]
    if abi.endswith("d") and minor >= 8:  # a debug build also loads release modules
        abis.append(own)
    stable = [] if "t" in abi else ["abi3"]  # a free-threaded build has no stable ABI
    for name in [*abis, *stable, "none"]:
        yield from (f"{own}-{name}-{tag}" for tag in accepted)
    for older in range(minor - 1, 1, -1) if stable else ():
        yield from (f"cp{major}{older}-abi3-{tag}" for tag in accepted)
    generic = [f"py{major}{minor}", f"py{major}", *(f"py{major}{older}" for older in range(minor - 1, -1, -1))]
    for python in generic:
        yield from (f"{python}-none-{tag}" for tag in accepted)
    yield from (f"{python}-none-any" for python in [own, *generic])


def _marker_environment() -> dict[str, str]:
    """Return the values of PEP 508's environment markers."""
    import platform

    implementation = sys.implementation.version
    level = implementation.releaselevel
    suffix = "" if level == "final" else f"{level[0]}{implementation.serial}"
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": "{}.{}.{}".format(*implementation[:3]) + suffix,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": "{}.{}".format(*sys.version_info[:2]),
        "sys_platform": sys.platform,
    }
