"""The platforms of targets: each with the wheel tags that it takes, and the markers that its name tells.

Linux by the newest wheels of its C library (PEP 600, PEP 656), Windows, and macOS by its release. Bundles are for Linux
alone, where the shim boots; for the others, wheels are resolved and fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging import tags

LINUX, WINDOWS, MACOS = "linux", "win32", "darwin"  # sys_platform (PEP 508)
# The older names of platforms, and the minor version of glibc that each stands for (PEP 600).
_LEGACY = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
# The oldest glibc (2.N) of each machine that packaging and pip know tags of.
_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
_OLDEST_MUSL = 1  # 1.N: Alpine 3.9 to 3.12; musl 1.0 is older than all Pythons that airpack knows
# Python's own names for Windows (sysconfig.get_platform), and what platform.machine() says there.
_WINDOWS = {"win_amd64": "AMD64", "win32": "x86", "win_arm64": "ARM64"}
_UNIVERSAL = "universal2"  # wheels that hold code for both processors of Macs
_LINUX = re.compile(
    r"(?:(?P<legacy>manylinux1|manylinux2010|manylinux2014)|(?P<libc>manylinux_2|musllinux_1)_(?P<minor>\d{1,2}))"
    r"_(?P<machine>x86_64|aarch64)"
)
_MACOS = re.compile(r"macosx_(?P<major>1\d|2\d)_(?P<minor>\d{1,2})_(?P<machine>x86_64|arm64|universal2)")
# What people call them.
_WINDOWS_WORDS = re.compile(r"win(?:dows)?(?:[-_]?(?P<machine>amd64|x86_64|x64|64|arm64|aarch64|x86|32))?")
_MACOS_WORDS = re.compile(
    r"mac(?:os|osx)[-_]?(?P<major>1\d|2\d)(?:[._](?P<minor>\d{1,2}))?"
    r"(?:[-_](?P<machine>arm64|aarch64|x86_64|amd64|universal2))?"
)
_SAME = {"aarch64": "arm64", "amd64": "x86_64"}
_ARM_SINCE = 11  # the first macOS that runs on Macs with arm64, and whose wheels name the year's release alone


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """A platform: its name, the wheel tags that it takes, the best first, and the markers that it decides (PEP 508).

    `system` is the value of sys_platform. `machine` is the processor, as tags name it.
    """

    name: str
    system: str
    machine: str
    tags: tuple[str, ...]
    markers: Mapping[str, str]


def parse(name: str) -> Platform | None:
    """Return the platform that the newest tag `name` stands for, None if it is none that airpack knows."""
    if name in _WINDOWS:
        return _platform(name, WINDOWS, name.rpartition("_")[2], [name], _WINDOWS[name])
    if (linux := _LINUX.fullmatch(name)) and _exists(linux):
        return _platform(name, LINUX, linux["machine"], list(_of_linux(linux)), linux["machine"])
    macos = _MACOS.fullmatch(name)
    if macos and (int(macos["major"]) >= _ARM_SINCE or macos["machine"] != "arm64"):
        accepted = list(tags.mac_platforms((int(macos["major"]), int(macos["minor"])), macos["machine"]))
        machine = "" if macos["machine"] == _UNIVERSAL else macos["machine"]  # of both, a name tells neither
        return _platform(name, MACOS, macos["machine"], accepted, machine)
    return None


def elsewhere(text: str) -> str | None:
    """Return the platform of Windows or macOS that `text` names, as `windows-arm64` or `macos14`, None for others.

    Without a processor, Windows is on x86-64; macOS is on arm64, before 11 on x86-64.
    """
    if windows := _WINDOWS_WORDS.fullmatch(text):
        machine = windows["machine"] or "amd64"
        if machine in ("x86", "32"):
            return "win32"
        return "win_arm64" if machine in ("arm64", "aarch64") else "win_amd64"
    if macos := _MACOS_WORDS.fullmatch(text):
        major, minor, machine = int(macos["major"]), macos["minor"] or "0", macos["machine"]
        is_new = major >= _ARM_SINCE
        machine = _SAME.get(machine, machine) or ("arm64" if is_new else "x86_64")
        return f"macosx_{major}_{'0' if is_new else minor}_{machine}"
    return None


def _platform(name: str, system: str, machine: str, accepted: list[str], machine_marker: str) -> Platform:
    systems = {LINUX: ("posix", "Linux"), WINDOWS: ("nt", "Windows"), MACOS: ("posix", "Darwin")}
    markers = {"os_name": systems[system][0], "platform_system": systems[system][1], "sys_platform": system}
    if machine_marker:
        markers["platform_machine"] = machine_marker
    return Platform(name=name, system=system, machine=machine, tags=tuple(accepted), markers=markers)


def oldest(family: str, machine: str) -> tuple[int, int]:
    """Return the oldest version of the C library of `manylinux` or `musllinux` on a machine."""
    return (1, _OLDEST_MUSL) if family == "musllinux" else (2, _OLDEST_GLIBC[machine])


def _exists(match: re.Match[str]) -> bool:
    """Return whether there is an image of the matched platform: with an older C library, no wheel is for it either."""
    family = (match["libc"] or match["legacy"])[:9]
    minor = _LEGACY[match["legacy"]] if match["legacy"] else int(match["minor"])
    return minor >= oldest(family, match["machine"])[1]


def _of_linux(match: re.Match[str]) -> Iterator[str]:
    """Yield every platform tag that an image of the matched platform accepts, the newest first, as pip orders them."""
    machine = match["machine"]
    newest = _LEGACY[match["legacy"]] if match["legacy"] else int(match["minor"])
    if match["libc"] == "musllinux_1":
        yield from (f"musllinux_1_{minor}_{machine}" for minor in range(newest, -1, -1))
    else:
        aliases = {minor: alias for alias, minor in _LEGACY.items()}
        for minor in range(newest, _OLDEST_GLIBC[machine] - 1, -1):
            yield f"manylinux_2_{minor}_{machine}"
            if minor in aliases:
                yield f"{aliases[minor]}_{machine}"
    yield f"linux_{machine}"
