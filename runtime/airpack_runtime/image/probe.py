"""Tells what an image is: its Python, the wheels it takes, what is installed, what it permits.

The result is an image profile: `airpack pack --target image.json` resolves for exactly
that image. `marker_environment` and `compatible_tags` are those of a pex complete platform.
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import __version__, host
from airpack_runtime.errors import BootError
from airpack_runtime.image import permits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping, Sequence

_METADATA = (".dist-info", ".egg-info", "EGG-INFO")
# PEP 600: what each alias stands for, and the oldest glibc that any platform tag names, by machine.
_ALIASES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
_OLDEST_ELSEWHERE = 17


def profile(env: Mapping[str, str]) -> dict[str, object]:
    """Return the profile of the image that this interpreter runs in, as JSON takes it.

    `env` says which folders a boot would unpack into. Raises BootError on what no wheel is for.
    """
    # A boot asks what is installed, and for that alone these take too long to import.
    import platform
    import sysconfig

    if sys.implementation.name != "cpython" or sys.platform != "linux":
        raise BootError(f"this is {sys.implementation.name} on {sys.platform}: airpack knows CPython on Linux")
    machine = platform.machine()
    abi = (sysconfig.get_config_var("SOABI") or "").split("-")[1:2]
    libc = host.glibc() or host.musl()
    if not abi or libc is None:
        raise BootError("this Python tells neither its ABI nor its C library: write the target's name by hand")
    family = "glibc" if host.glibc() else "musl"
    return {
        "airpack": __version__,
        "python_executable": sys.executable,
        "marker_environment": _marker_environment(),
        "compatible_tags": list(compatible_tags(sys.version_info[:2], abi[0], platforms(family, libc, machine))),
        family: ".".join(map(str, libc)),
        "installed": list(installed()),
        "permits": permits.report(env),
    }


def platforms(family: str, libc: tuple[int, int], machine: str) -> list[str]:
    """Return the platform tags of a machine with this C library, the newest first (PEP 600, PEP 656)."""
    major, newest = libc
    if family == "musl":
        return [f"musllinux_{major}_{minor}_{machine}" for minor in range(newest, -1, -1)] + [f"linux_{machine}"]
    found = []
    for minor in range(newest, _OLDEST_GLIBC.get(machine, _OLDEST_ELSEWHERE) - 1, -1):
        found.append(f"manylinux_{major}_{minor}_{machine}")
        if minor in _ALIASES:
            found.append(f"{_ALIASES[minor]}_{machine}")
    return [*found, f"linux_{machine}"]


def compatible_tags(version: Sequence[int], abi: str, accepted: Sequence[str]) -> Iterator[str]:
    """Yield the wheel tags of a CPython in pip's order (PEP 425).

    `version` is its major and minor version, `abi` its SOABI without "cp" (`37m`), `accepted`
    its platform tags.
    """
    major, minor = version
    own = f"cp{major}{minor}"
    abis = [f"cp{abi}"]
    if abi.endswith("d") and minor >= 8:  # a debug build loads release modules, too
        abis.append(own)
    stable = [] if "t" in abi else ["abi3"]  # free threading has no stable ABI
    for each in [*abis, *stable, "none"]:
        yield from (f"{own}-{each}-{tag}" for tag in accepted)
    for older in range(minor - 1, 1, -1) if stable else ():
        yield from (f"cp{major}{older}-abi3-{tag}" for tag in accepted)
    generic = [f"py{major}{minor}", f"py{major}", *(f"py{major}{older}" for older in range(minor - 1, -1, -1))]
    for each in generic:
        yield from (f"{each}-none-{tag}" for tag in accepted)
    yield from (f"{each}-none-any" for each in [own, *generic])


def _marker_environment() -> dict[str, str]:
    """Return the values of PEP 508's markers."""
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


def installed(folders: Sequence[str] | None = None) -> Iterator[dict[str, object]]:
    """Yield the distributions in `folders` (default: `sys.path`); of two of one name, the first counts."""
    seen = set()
    for folder in sys.path if folders is None else folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:  # a zip file, or nothing
            continue
        for name in names:
            found = _distribution(f"{folder}/{name}") if name.endswith(_METADATA) else None
            if found and key(str(found["name"])) not in seen:
                seen.add(key(str(found["name"])))
                yield dict(found, location=folder)


def key(name: str) -> str:
    """Return the normalized name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(place: str) -> dict[str, object] | None:
    """Read the metadata (core metadata, or setuptools' egg-info) at `place`, None if there is none."""
    from email.parser import HeaderParser

    metadata = requires = ""
    for name in ("METADATA", "PKG-INFO", ""):
        metadata = metadata or _text(f"{place}/{name}" if name else place)
    requires = _text(f"{place}/requires.txt")
    fields = HeaderParser().parsestr(metadata)
    if not fields["Name"] or not fields["Version"]:
        return None
    needs = fields.get_all("Requires-Dist", []) or list(_of_requires_txt(requires))
    listed = _text(f"{place}/top_level.txt").split() or _modules(_text(f"{place}/RECORD"))
    return {
        "name": fields["Name"],
        "version": fields["Version"],
        "modules": sorted(set(listed)),
        "requires": [str(each) for each in needs],
    }


def _modules(record: str) -> Iterator[str]:
    """Yield the top-level modules and packages of a RECORD (PEP 376)."""
    for line in record.splitlines():
        top, inside, _ = line.partition(",")[0].partition("/")
        stem, dot, kind = top.partition(".")
        if stem.isidentifier() and ((inside and not dot) or kind.endswith(("py", "so"))):
            yield stem


def _of_requires_txt(text: str) -> Iterator[str]:
    """Yield setuptools' requires.txt as requirements (PEP 508): its sections are `[extra:marker]`."""
    condition = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            extra, _, marker = line.strip("[]").partition(":")
            both = [f"({marker})" if marker else "", f"extra == '{extra}'" if extra else ""]
            condition = " and ".join(filter(None, both))
        elif line:
            yield f"{line} ; {condition}" if condition else line


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
