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
_NEWEST = 10**6  # more than any release has
_OTHERS = ("manylinux2014", "manylinux_2_28", "windows", "macos14", "win_amd64", "macosx_12_0_arm64")
_OTHER_PYTHONS = re.compile(r"pp\d|pypy|graalpy|jython|ironpython")
_DEFAULT = DEFAULT_PLATFORM.removesuffix("_x86_64")
# What conda, uv, Rust and people call platforms, without the machine (patterns).
_WORDS = {
    r"|(?:unknown-)?linux(?:-gnu|-64)?|glibc|gnu|manylinux": _DEFAULT,
    r"(?:unknown-)?linux-musl|musl|musllinux": "musllinux_1_2",
    r"(?:apple-)?darwin|osx(?:-64)?|mac|macos|macosx": "macos14",
    r"(?:pc-)?windows(?:-msvc)?|win-\d+|windows\d+": "windows",
}
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


def is_of_another_python(text: str) -> bool:
    """Return whether a name begins with another Python than CPython."""
    return _OTHER_PYTHONS.match(text.lower()) is not None


def has_variant(text: str) -> bool:
    """Return whether a word of a name is one that images have in theirs: slim, minimal."""
    return any(word in _VARIANTS for word in text.lower().split("-"))


def nearest(text: str) -> str:
    """Return the name of a target that may be meant by `text`, which is none; empty if there is no similar one."""
    import difflib  # noqa: PLC0415 - only needed for a mistyped target

    text = text.lower().replace(" ", "-")
    if is_of_another_python(text):
        return ""  # the same for another Python is another target
    words = re.split(r"[-_:]", text)
    if _OTHER_MACHINES.intersection(words) - {"windows"}:
        return ""  # nor is the same for another machine
    python, _, rest = _python_in(text)
    if not python:
        inside = next((word for word in words if _PYTHON.fullmatch(word) and not word.isdecimal()), "")
        head = text.partition("-")[0]
        near = difflib.get_close_matches(head, _PYTHONS, 1, _ALIKE)
        python = _python_in(inside)[0] or next(iter(near), _EXAMPLE)
        rest = text.removeprefix(head).lstrip("-") if near else text.replace(inside, "").strip("-_:")
    first, _, rest = re.sub("^x86_64", "amd64", re.sub(r"^(?:cp\d+t?|abi3|none)-", "", rest)).partition("-")
    machine = _MACHINES.get(first, "")
    name, machine = (rest, machine) if machine else _machine_in(f"{first}-{rest}".rstrip("-"))
    near_name = _nearest_platform(name, machine) or _nearest_distribution(name)
    if not near_name or not (name or machine):
        return ""
    joint = "_" if near_name.startswith(("manylinux", "musllinux")) else "-"
    return f"{python}-{near_name}{machine and joint}{machine}"


def _nearest_platform(name: str, machine: str) -> str:
    """Return the platform that a word of another tool, or a tag, may mean, without its machine; empty for none."""
    if re.fullmatch(r"manylinux(1|2010)|macosx_10_\d+", name):  # which other machines have
        return "manylinux2014" if name.startswith("many") else "macos11"
    if platform := re.search(r"(manylinux|musllinux|glibc|musl)[-_]?([12])[-_.]?(\d{1,2})(?!\d)", name):
        family = "musllinux" if platform[1].startswith("mus") else "manylinux"
        major, oldest = platforms.oldest(family, machine or "x86_64")
        return f"{family}_{major}_{max(int(platform[3]), oldest)}"
    return next((platform for word, platform in _WORDS.items() if re.fullmatch(word, name)), "")


def _nearest_distribution(name: str) -> str:
    """Return the release of a distribution that may be meant, or else its name; empty for none.

    What is packed for an older release works in a newer one: the newest that is no newer is nearest.
    """
    import difflib  # noqa: PLC0415 - only needed for a mistyped target

    known = {**distributions.platforms(), **distributions.ALIASES}
    joined = _distribution(name)
    if joined in known or platforms.elsewhere(joined):
        return name
    family = _family(joined)
    version = joined[len(family) :]
    families = set(map(_family, distributions.platforms()))
    if family not in families:
        near = difflib.get_close_matches(joined, [*known, *_OTHERS], 1, _ALIKE)
        family = next(iter(difflib.get_close_matches(family, families, 1, _ALIKE)), "") if version else ""
        if near and (not family or near[0].startswith(family)):
            return near[0]
    releases = _releases(family)
    if not releases:
        return ""
    if family == "ubuntu":
        version = re.sub(r"^(\d\d)(\d\d)$", r"\1.\2", version)
    asked = _numbers(version) or [_NEWEST]
    within = [each for each in releases if _numbers(each[len(family) :])[: len(asked)] <= asked]
    return (within or releases[:1])[-1]


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
    names = [name for name in distributions.platforms() if _family(name) == family]
    return sorted(names, key=lambda name: _numbers(name[len(family) :]))


def _family(name: str) -> str:
    """Return a release's name without its version."""
    return name.rstrip("0123456789.")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part]


def _shorter(family: str, version: str) -> Iterator[str]:
    """Yield a distribution's name with its version, then with fewer parts of it: rhel8.6.1, rhel8.6, rhel8."""
    parts = version.split(".")
    for length in range(len(parts), 0, -1):
        yield family + ".".join(parts[:length])
