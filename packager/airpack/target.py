"""The image that packages are resolved for: its Python, its wheel tags, its markers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging import tags
from packaging.tags import Tag
from packaging.version import InvalidVersion, Version

from airpack.errors import InvalidTarget
from airpack.image import ImagePackage

DEFAULT = "cp37-manylinux_2_27_x86_64"
# Stands for the machine that airpack runs on.
HERE = "here"

# The last release of each minor version; `Requires-Python: >=3.7.1` is common, 3.7.0 is not.
LAST_RELEASE = {
    (3, 7): "3.7.17",
    (3, 8): "3.8.20",
    (3, 9): "3.9.25",
    (3, 10): "3.10.19",
    (3, 11): "3.11.14",
    (3, 12): "3.12.12",
    (3, 13): "3.13.9",
    (3, 14): "3.14.0",
}

# PEP 600: each alias is the glibc minor version it stands for.
_LEGACY = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
# packaging and pip look no further back than these, the first glibc of each machine's policies.
_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}

_NAME = re.compile(r"cp(?P<major>3)(?P<minor>\d{1,2})-(?P<platform>[a-z0-9_]+)")
_PLATFORM = re.compile(
    r"(?:(?P<legacy>manylinux1|manylinux2010|manylinux2014)|(?P<libc>manylinux_2|musllinux_1)_(?P<minor>\d{1,2}))"
    r"_(?P<machine>x86_64|aarch64)"
)
_KNOWN_MARKERS = frozenset(
    (
        "implementation_name",
        "implementation_version",
        "os_name",
        "platform_machine",
        "platform_python_implementation",
        "platform_release",
        "platform_system",
        "platform_version",
        "python_full_version",
        "python_version",
        "sys_platform",
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One image's Python as a resolver has to know it.

    `name` is its short form (`cp37-manylinux_2_27_x86_64`), `python_full_version`
    a complete version, `tags` every wheel tag it accepts (PEP 425), the preferred
    first, `marker_environment` the values of PEP 508's markers; one that is absent
    is unknown, and whatever depends on it is an error. `assumed_release` says that
    the patch version is not the user's but the minor version's last. `installed` is
    what the image has already, None where no profile tells it.
    """

    name: str
    python_full_version: str
    tags: tuple[Tag, ...]
    marker_environment: Mapping[str, str]
    assumed_release: bool = False
    installed: tuple[ImagePackage, ...] | None = None

    @classmethod
    def parse(cls, text: str, *, python_version: str | None = None) -> Target:
        """Read a target's name, or the path of an image profile (`*.json`).

        `python_version` is the full version behind a name, such as `3.7.9`;
        without it, it is the minor version's last. Raises InvalidTarget.
        """
        if text.endswith(".json") or "/" in text:
            if python_version is not None:
                raise InvalidTarget(f"the profile {text} says which Python the image has: leave --python-version out")
            return cls.from_profile(Path(text))
        return cls.from_name(text, python_version=python_version)

    @classmethod
    def of_machine(cls, version: str, *, python_version: str | None = None) -> Target:
        """Return the target that is this machine's platform with a CPython of the full `version`, or `python_version`.

        The platform is the newest that its C library supports (PEP 600, PEP 656). Raises InvalidTarget.
        """
        platform = next((each for each in tags.platform_tags() if _PLATFORM.fullmatch(each)), None)
        if platform is None:
            raise InvalidTarget(
                f"--target {HERE}: airpack knows Linux with glibc or musl on x86_64 and aarch64, and this machine is "
                f"{next(iter(tags.platform_tags()), 'unknown')}: name a target, such as {DEFAULT}"
            )
        minor = "".join(version.split(".")[:2])
        return cls.from_name(f"cp{minor}-{platform}", python_version=python_version or version)

    @classmethod
    def from_name(cls, name: str, *, python_version: str | None = None) -> Target:
        """Read `cpXY-PLATFORM`, such as `cp37-manylinux2014_x86_64`. Raises InvalidTarget."""
        match = _NAME.fullmatch(name)
        platform = match and _PLATFORM.fullmatch(match["platform"])
        if not match or not platform:
            raise InvalidTarget(
                f"target {name!r} is not understood: write cpXY-PLATFORM, such as {DEFAULT}, where PLATFORM is "
                "manylinux_2_N, manylinux2014 or musllinux_1_N for x86_64 or aarch64; or a profile's path (*.json); "
                f"or {HERE} for this machine"
            )
        version = (int(match["major"]), int(match["minor"]))
        if version not in LAST_RELEASE:
            known = ", ".join(f"cp{major}{minor}" for major, minor in LAST_RELEASE)
            raise InvalidTarget(f"target {name!r} names a Python that airpack doesn't know; it knows {known}")
        full_version = python_version or LAST_RELEASE[version]
        if re.fullmatch(rf"3\.{version[1]}\.\d+", full_version) is None:
            raise InvalidTarget(
                f"--python-version {full_version} is no 3.{version[1]}.PATCH, as target {name} needs it"
            )
        return cls(
            name=name,
            python_full_version=full_version,
            tags=tuple(_supported(version, tuple(_platforms(platform)))),
            marker_environment=_marker_environment(full_version, platform["machine"]),
            assumed_release=python_version is None,
        )

    @classmethod
    def from_profile(cls, path: Path) -> Target:
        """Read an image profile, as `airpack-runtime.pyz probe` prints it: JSON with the `marker_environment`
        and `compatible_tags` of a pex complete platform, and what is `installed`. Raises InvalidTarget.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidTarget(f"image profile {path} can't be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise InvalidTarget(f"image profile {path} is no JSON: {error}") from error
        try:
            markers = _string_map(dict(data)["marker_environment"])
            accepted = tuple(_tag(text) for text in data["compatible_tags"])
            full_version = markers["python_full_version"]
            full_version = str(Version(full_version + "local" if full_version.endswith("+") else full_version))
            listed = data.get("installed")
            installed = None if listed is None else tuple(ImagePackage.from_dict(each) for each in listed)
        except (AttributeError, KeyError, TypeError, ValueError, InvalidVersion) as error:
            raise InvalidTarget(
                f'image profile {path} needs "marker_environment" and "compatible_tags", as '
                f"`python airpack-runtime.pyz probe` prints them in the image; wrong is {error}"
            ) from error
        if not accepted:
            raise InvalidTarget(f"image profile {path} has no compatible_tags")
        names = (f"{tag.interpreter}-{tag.platform}" for tag in accepted)
        name = next((each for each in names if _is_name(each)), None)
        if name is None:
            raise InvalidTarget(
                f"image profile {path} is of {accepted[0]}; airpack knows CPython on x86_64 and aarch64"
            )
        _check_agreement(path, name, full_version, markers)
        return cls(
            name=name,
            python_full_version=full_version,
            tags=accepted,
            marker_environment=markers,
            installed=installed,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the target as JSON takes it: the inverse of `from_profile`."""
        return {
            "marker_environment": dict(self.marker_environment),
            "compatible_tags": [str(tag) for tag in self.tags],
            **({"installed": [each.to_dict() for each in self.installed]} if self.installed is not None else {}),
        }

    @property
    def unknown_markers(self) -> tuple[str, ...]:
        """The marker variables whose values the target doesn't know, sorted."""
        return tuple(sorted(_KNOWN_MARKERS - self.marker_environment.keys()))

    @property
    def python_tag(self) -> str:
        """The interpreter's tag, such as `cp37`."""
        return self.name.partition("-")[0]

    @property
    def platform(self) -> str:
        """The newest platform tag that the target accepts, such as `manylinux_2_27_x86_64`."""
        return self.name.partition("-")[2]

    @property
    def python_version(self) -> str:
        """The minor version, such as `3.7`."""
        return ".".join(self.python_full_version.split(".")[:2])

    @property
    def newest_manylinux(self) -> str:
        """The newest `manylinux_2_N_*` that the target accepts, empty for musl."""
        platforms = (tag.platform for tag in self.tags)
        return next((platform for platform in platforms if platform.startswith("manylinux_2_")), "")

    @property
    def machine(self) -> str:
        """The machine, such as `x86_64`."""
        return next(machine for machine in _OLDEST_GLIBC if self.platform.endswith(machine))


def _check_agreement(path: Path, name: str, full_version: str, markers: Mapping[str, str]) -> None:
    """Raise InvalidTarget if a profile's tags and markers speak of different Pythons."""
    minor = ".".join(full_version.split(".")[:2])
    expected = {"python_version": minor, "sys_platform": "linux", "implementation_name": "cpython"}
    wrong = [f"{key} {markers.get(key)}" for key, value in expected.items() if markers.get(key, value) != value]
    if wrong or not name.startswith(f"cp{minor.replace('.', '')}-"):
        said = ", ".join([f"tags of {name}", f"Python {full_version}", *wrong])
        raise InvalidTarget(
            f"image profile {path} contradicts itself ({said}): "
            "make it anew in the image, with airpack-runtime.pyz probe"
        )


def _is_name(text: str) -> bool:
    match = _NAME.fullmatch(text)
    return bool(match and _PLATFORM.fullmatch(match["platform"]))


def _platforms(match: re.Match[str]) -> Iterator[str]:
    """Yield every platform tag that the matched one can run, newest first, as pip orders them."""
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


def _supported(version: tuple[int, int], platforms: tuple[str, ...]) -> Iterator[Tag]:
    """Yield the tags of a CPython, in the order of `packaging.tags.sys_tags` on that interpreter."""
    interpreter = f"cp{version[0]}{version[1]}"
    abi = f"{interpreter}m" if version < (3, 8) else interpreter
    yield from tags.cpython_tags(version, [abi], platforms)
    yield from tags.compatible_tags(version, interpreter, platforms)


def _marker_environment(full_version: str, machine: str) -> dict[str, str]:
    # platform_release and platform_version belong to a kernel, which a name can't know.
    return {
        "implementation_name": "cpython",
        "implementation_version": full_version,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": full_version,
        "python_version": ".".join(full_version.split(".")[:2]),
        "sys_platform": "linux",
    }


def _string_map(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("marker_environment, which is no object")
    markers = {key: value[key] for key in sorted(_KNOWN_MARKERS) if value.get(key) is not None}
    for key, each in markers.items():
        if not isinstance(each, str):
            raise TypeError(f"marker_environment.{key}, which is no text")
    return markers


def _tag(text: Any) -> Tag:
    parts = str(text).split("-")
    if len(parts) != 3:
        raise ValueError(f"the tag {text!r}")
    return Tag(*parts)
