"""The names of targets by what people know of an image: `cp310-ubuntu22.04`, `py3.10`, `3.12-slim-bookworm`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from airpack.target import distributions, platforms

DEFAULT_PLATFORM = "manylinux_2_27_x86_64"
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "x64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
# What else images are made for, by the words of their names, and of their repositories (arm64v8/python).
_IMAGE_MACHINES = {**_MACHINES, "arm64v8": "aarch64"}
_OTHER_MACHINES = {
    *("386", "i386", "i686", "arm", "armel", "armhf", "arm32v5", "arm32v6", "arm32v7", "armv5", "armv6", "armv6hf"),
    *("armv7", "armv7hf", "armv7l", "loong64", "mips64el", "mips64le", "ppc64le", "riscv64", "s390x", "windows"),
}
_PYTHON = re.compile(r"(?:cp|py|python|cpython)?[:-]?3\.?(?P<minor>\d{1,2})(?:\.(?P<patch>\d+))?(?P<threads>t?)")
_DISTRIBUTION = re.compile(r"(?P<family>[a-z]+)(?P<version>\d+(?:\.\d+)*)?")
_PLATFORM = re.compile(r"manylinux_2_\d+|manylinux(?:1|2010|2014)|musllinux_1_\d+")
_VARIANTS = ("slim", "minimal", "base")  # of an image: what else is in it, but not another C library
_EXAMPLE = "cp310"
_PYTHONS = [*(f"cp3{minor}" for minor in range(7, 15)), "cp313t", "cp314t"]
_PLATFORMS = ("manylinux2014", "manylinux_2_28", "windows", "macos14", "win_amd64", "macosx_12_0_arm64")
_ALIKE = 0.6  # the least similarity of a name that may be meant, as difflib measures it


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What a target's name says: the form `cpXY-PLATFORM`, and the full version of its Python if it has one."""

    name: str
    python_full_version: str | None = None


def read(text: str) -> Named:
    """Return the target that is named by its Python and its distribution.

    `text` is a Python (`cp310`, `py3.10`, `3.10.4`, `3.13t`), which alone has the default platform, with a distribution
    (`ubuntu22.04`, `debian-12`, `bookworm`, `rhel8.6`) or a platform, and a machine (`aarch64`, `arm64`; default:
    `x86_64`); or with Windows or macOS (`windows`, `macos14`); or an image's reference, with a `/`, whose words tell
    both (`mcr.microsoft.com/azureml/minimal-ubuntu22.04-py310-cpu-inference`). What is none of this is returned as it
    is.
    """
    if "/" in text:
        return _of_image(text.lower()) or Named(name=text)
    python, full_version, rest = _python_in(text)
    platform = platforms.elsewhere(rest) or _linux_in(rest or DEFAULT_PLATFORM)
    if not python or platform is None or text.endswith(("-", "_", ":")):
        return Named(name=text)
    return Named(name=f"{python}-{platform}", python_full_version=full_version)


def _linux_in(text: str) -> str | None:
    """Return the platform of a distribution, or of a platform without its machine, None if `text` names none."""
    name, machine = _machine_in(text)
    platform = name if _PLATFORM.fullmatch(name) else distributions.platforms().get(_distribution(name))
    return platform and f"{platform}_{machine or 'x86_64'}"


def _of_image(reference: str) -> Named | None:
    """Return the target that the words of an image's reference tell, None if they tell none, or more than one.

    A bare version is a Python's only after that word: that of `model:3.10.4-ubuntu22.04` is the model's.
    """
    words = re.split(r"[-_:/@]", re.sub(r"\bpython[-:](?=3)", "python", reference.replace("x86_64", "amd64")))
    pythons = {_python_in(word)[:2] for word in words if not word[:1].isdigit()} - {("", None)}
    known = distributions.platforms()
    pairs = [f"{one}-{two}" for one, two in itertools.pairwise(words)]  # debian-12
    accepted = {known[name] for name in map(_distribution, [*words, *pairs]) if name in known}
    machines = {_IMAGE_MACHINES[word] for word in words if word in _IMAGE_MACHINES} or {"x86_64"}
    if not len(pythons) == len(accepted) == len(machines) == 1 or _OTHER_MACHINES.intersection(words):
        return None
    python, full_version = pythons.pop()
    return Named(name=f"{python}-{accepted.pop()}_{machines.pop()}", python_full_version=full_version)


def nearest(text: str) -> str:
    """Return the name of a target that may be meant by `text`, which is none; empty if there is no similar one."""
    import difflib  # noqa: PLC0415 - only needed for a mistyped target

    python, _, rest = _python_in(text)
    known = {**distributions.platforms(), **distributions.ALIASES}
    if not python and _distribution(_machine_in(text)[0]) in known:
        return f"{_EXAMPLE}-{text}"  # of the image, but not of its Python
    if not python:
        head, _, rest = text.partition("-")
        python = next(iter(difflib.get_close_matches(head, _PYTHONS, 1, _ALIKE)), "")
    name, machine = _machine_in(rest)
    if _OTHER_MACHINES.intersection(re.split("[-_]", name)):
        return ""  # the same for another machine is another target
    near = difflib.get_close_matches(_distribution(name), [*known, *_PLATFORMS], 1, _ALIKE)
    near = _releases(_distribution(name))[-1:] or near
    return f"{python}-{near[0]}{machine and '-'}{machine}" if python and near else ""


def _python_in(text: str) -> tuple[str, str | None, str]:
    """Return the Python that `text` begins with, as `cp310`, its full version if that is given, and what follows.

    All are empty if it begins with none.
    """
    match = _PYTHON.match(text.lower())
    if match is None or text[match.end() : match.end() + 1] not in ("", "-", "_", ":"):
        return "", None, ""
    minor, patch = int(match["minor"]), match["patch"]
    return f"cp3{minor}{match['threads']}", patch and f"3.{minor}.{patch}", text.lower()[match.end() + 1 :]


def _machine_in(text: str) -> tuple[str, str]:
    """Return `text` without the machine at its end, and the machine, empty if it names none."""
    for word, machine in _MACHINES.items():
        if text.endswith(("-" + word, "_" + word)):
            return text[: -len(word) - 1], machine
    return text, ""


def _distribution(text: str) -> str:
    """Return a distribution's name as the table has it: of `slim-bookworm` debian12, of `rhel-8.6` rhel8."""
    words = [word for word in re.split(r"[-_:]", text) if word and word not in _VARIANTS]
    joined = "".join(words)
    joined = distributions.ALIASES.get(joined, joined)
    match = _DISTRIBUTION.fullmatch(joined)
    if match is None:
        return joined
    family = distributions.FAMILIES.get(match["family"], match["family"])
    known = distributions.platforms()
    return next(
        (name for name in _shorter(family, match["version"] or "") if name in known),
        family + joined[match.end("family") :],
    )


def _releases(family: str) -> list[str]:
    """Return the names of a distribution's releases, the newest last, none for what is no distribution's name."""
    names = [name for name in distributions.platforms() if name.rstrip("0123456789.") == family]
    return sorted(names, key=lambda name: [int(part) for part in name[len(family) :].split(".")])


def _shorter(family: str, version: str) -> Iterator[str]:
    """Yield a distribution's name with its version, then with fewer parts of it: rhel8.6.1, rhel8.6, rhel8."""
    parts = version.split(".")
    for length in range(len(parts), 0, -1):
        yield family + ".".join(parts[:length])
