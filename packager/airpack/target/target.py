"""The image that packages are resolved for: its Python, its wheel tags, its markers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging import tags
from packaging.markers import Marker
from packaging.tags import Tag
from packaging.version import InvalidVersion, Version

from airpack.base.errors import InvalidTarget
from airpack.target import names, platforms, prefix, profile
from airpack.target.installed import ImagePackage

DEFAULT = f"cp37-{names.DEFAULT_PLATFORM}"
# The name for the machine that airpack runs on.
HERE = "here"

# The last release of each minor version: the version of a target whose name has no patch version.
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

_NAME = re.compile(r"cp(?P<major>3)(?P<minor>\d{1,2})(?P<threads>t?)-(?P<platform>[a-z0-9_]+)")
# The first with a build whose threads run at once (PEP 703): its ABI, and its name here, has a `t`.
_FREE_THREADED = (3, 13)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """An image's Python and platform, as a resolve needs to know them.

    `name` is the short form, such as `cp37-manylinux_2_27_x86_64`; `python_full_version` is a complete version; `tags`
    are all wheel tags that the image accepts (PEP 425), the preferred ones first. `marker_environment` has the values
    of the variables of markers (PEP 508); one that is missing is unknown, and a requirement that depends on it is an
    error. `assumed_release` says that the patch version is not the user's but the last of the minor version.
    `installed` are the packages of the image, `libraries` the names by which its loader finds libraries; each is None
    if that is unknown, as without a profile.
    """

    name: str
    python_full_version: str
    tags: tuple[Tag, ...]
    marker_environment: Mapping[str, str]
    assumed_release: bool = False
    installed: tuple[ImagePackage, ...] | None = None
    libraries: frozenset[str] | None = None

    @classmethod
    def parse(cls, text: str, *, python_version: str | None = None) -> Target:
        """Return the target of a name, as `names.read` reads it, or of an image profile: `*.json`, or a path.

        `python_version` is the full version for a name, such as `3.7.9`; None, or the minor version alone, for the last
        of it. Raises InvalidTarget.
        """
        if text.endswith(".json") or ("/" in text and (text[0] in "./" or os.path.exists(text))):
            if python_version is not None:
                raise InvalidTarget(f"the profile {text} has the image's Python version: leave --python-version out")
            return cls.from_profile(Path(text))
        named = names.read(text)
        return cls.from_name(named.name, python_version=python_version or named.python_full_version)

    @classmethod
    def of_machine(cls, version: str, *, python_version: str | None = None) -> Target:
        """Return the target that has this machine's platform and the minor version of the CPython `version`.

        `python_version` replaces the full version. The platform is the newest that the machine's C library supports
        (PEP 600, PEP 656). Raises InvalidTarget.
        """
        platform = next(filter(platforms.parse, tags.platform_tags()), None)
        if platform is None:
            raise InvalidTarget(
                f"--target {HERE}: airpack knows Linux with glibc or musl on x86_64 and aarch64, and this machine is "
                f"{next(iter(tags.platform_tags()), 'unknown')}: name a target, such as {DEFAULT}"
            )
        minor = "".join(version.split(".")[:2])
        return cls.from_name(f"cp{minor}-{platform}", python_version=python_version or version)

    @classmethod
    def from_name(cls, name: str, *, python_version: str | None = None) -> Target:
        """Return the target of a name `cpXY-PLATFORM`, such as `cp37-manylinux2014_x86_64`.

        `python_version` is the full version, None for the last of the minor version. Raises InvalidTarget.
        """
        match = _NAME.fullmatch(name)
        platform = match and platforms.parse(match["platform"])
        if not match or not platform:
            raise InvalidTarget(_not_understood(name))
        version = (int(match["major"]), int(match["minor"]))
        if version not in LAST_RELEASE or (match["threads"] and version < _FREE_THREADED):
            known = ", ".join(f"cp{major}{minor}" for major, minor in LAST_RELEASE)
            raise InvalidTarget(
                f"target {name!r} names a Python that airpack doesn't know; it knows {known}, cp313t and cp314t"
            )
        if python_version == f"3.{version[1]}":
            python_version = None
        full_version = python_version or LAST_RELEASE[version]
        if re.fullmatch(rf"3\.{version[1]}\.\d+", full_version) is None:
            raise InvalidTarget(
                f"--python-version {full_version} is not a version 3.{version[1]}.PATCH, which target {name} needs"
            )
        return cls(
            name=name,
            python_full_version=full_version,
            tags=tuple(_supported(version, platform.tags, threads=match["threads"])),
            marker_environment=_marker_environment(full_version, platform),
            assumed_release=python_version is None,
        )

    @classmethod
    def from_profile(cls, path: Path) -> Target:
        """Return the target of an image profile, a JSON file as `airpack-runtime.pyz probe` prints it.

        It has the `marker_environment` and `compatible_tags` of a pex complete platform, and the packages that are
        `installed`. Raises InvalidTarget.
        """
        return cls.from_dict(profile.read(path), named=f"image profile {path}")

    @classmethod
    def from_dict(cls, data: Any, *, named: str) -> Target:
        """Return the target of an image profile's JSON; errors call the profile `named`. Raises InvalidTarget."""
        try:
            markers = profile.markers_in(dict(data)["marker_environment"])
            accepted = tuple(profile.tag_of(text) for text in data["compatible_tags"])
            full_version = markers["python_full_version"]
            full_version = str(Version(full_version + "local" if full_version.endswith("+") else full_version))
            listed = data.get("installed")
            installed = None if listed is None else tuple(ImagePackage.from_dict(entry) for entry in listed)
            libraries = profile.libraries_in(data)
        except (AttributeError, KeyError, TypeError, ValueError, InvalidVersion) as error:
            raise InvalidTarget(
                f'{named} needs "marker_environment" and "compatible_tags", as '
                f"`python airpack-runtime.pyz probe` prints them in the image; invalid is {error}"
            ) from error
        if not accepted:
            raise InvalidTarget(f"{named} has no compatible_tags")
        candidates = (f"{tag.interpreter}{'t' * tag.abi.endswith('t')}-{tag.platform}" for tag in accepted)
        name = next(filter(_is_name, candidates), None)
        if name is None:
            raise InvalidTarget(
                f"{named} is for {accepted[0]}; airpack knows CPython on x86_64 and aarch64, and on Windows and macOS"
            )
        _check_agreement(named, name, full_version, markers)
        return cls(
            name=name,
            python_full_version=full_version,
            tags=accepted,
            marker_environment=markers,
            installed=installed,
            libraries=libraries,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the target as a profile, as JSON takes it: the inverse of `from_profile`."""
        return {
            "marker_environment": dict(self.marker_environment),
            "compatible_tags": [str(tag) for tag in self.tags],
            **({} if self.installed is None else {"installed": [package.to_dict() for package in self.installed]}),
            **({} if self.libraries is None else {"libraries": sorted(self.libraries)}),
        }

    @property
    def unknown_markers(self) -> tuple[str, ...]:
        """The variables of markers (PEP 508) whose values are unknown, sorted."""
        return tuple(sorted(profile.KNOWN_MARKERS - self.marker_environment.keys()))

    def unknown_variable(self, marker: Marker) -> str | None:
        """Return the first variable in `marker` whose value is unknown, or None."""
        return next((variable for variable in self.unknown_markers if variable in str(marker)), None)

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
    def site_packages(self) -> str:
        """The folder of the modules in a prefix for this Python, such as `lib/python3.7/site-packages`."""
        return prefix.site_packages(self.python_version + ("t" if self.python_tag.endswith("t") else ""))

    @property
    def newest_manylinux(self) -> str:
        """The newest `manylinux_2_N_*` that the target accepts, empty for musl."""
        platforms = (tag.platform for tag in self.tags)
        return next((platform for platform in platforms if platform.startswith("manylinux_2_")), "")

    @property
    def machine(self) -> str:
        """The machine, such as `x86_64`."""
        return self._platform.machine

    @property
    def system(self) -> str:
        """The system: `linux`, `win32` or `darwin`, as sys_platform has it (PEP 508)."""
        return self._platform.system

    @property
    def boots(self) -> bool:
        """Whether bundles are for it: the shim boots on Linux."""
        return self.system == platforms.LINUX

    @property
    def _platform(self) -> platforms.Platform:
        found = platforms.parse(self.platform)
        assert found is not None, self.name
        return found


def _not_understood(name: str) -> str:
    if names.is_of_another_python(name):
        return f"target {name!r} is of another Python: bundles and wheelhouses are for CPython, such as {DEFAULT}"
    near = "" if "/" in name else names.nearest(name)
    if not near and ("/" in name or ":" in name or names.has_variant(name)):
        return (
            f"target {name!r} is an image's name that doesn't tell one Python and one distribution that airpack knows: "
            f"write them, such as cp310-ubuntu22.04, or have the image tell them: airpack probe {name} -o image.json"
        )
    hint = f" (is it {near}?)" if near not in ("", name) else ""
    return (
        f"target {name!r} is not understood{hint}: write cpXY-PLATFORM, such as "
        f"{DEFAULT}, where PLATFORM is manylinux_2_N, manylinux2014 or musllinux_1_N for x86_64 or aarch64, or "
        "a distribution such as ubuntu22.04 (airpack target list), or win_amd64 or macosx_12_0_arm64 for a wheelhouse; "
        f"or a profile's path (*.json); or {HERE} for this machine"
    )


def _check_agreement(named: str, name: str, full_version: str, markers: Mapping[str, str]) -> None:
    """Raise InvalidTarget if the tags and the markers of a profile are not of one Python."""
    minor = ".".join(full_version.split(".")[:2])
    platform = platforms.parse(name.partition("-")[2])
    system = platform and platform.system
    expected = {"python_version": minor, "sys_platform": system, "implementation_name": "cpython"}
    wrong = [f"{key} {markers.get(key)}" for key, value in expected.items() if markers.get(key, value) != value]
    if wrong or name.partition("-")[0].rstrip("t") != f"cp{minor.replace('.', '')}":
        contents = ", ".join([f"tags of {name}", f"Python {full_version}", *wrong])
        raise InvalidTarget(
            f"{named} contradicts itself ({contents}): make a new one in the image, with airpack-runtime.pyz probe"
        )


def _is_name(text: str) -> bool:
    match = _NAME.fullmatch(text)
    return bool(match and platforms.parse(match["platform"]))


def _supported(version: tuple[int, int], accepted: tuple[str, ...], *, threads: str) -> Iterator[Tag]:
    """Yield the tags that a CPython accepts, in the order of `packaging.tags.sys_tags` under that interpreter.

    `threads` is `t` for a free-threaded build.
    """
    interpreter = f"cp{version[0]}{version[1]}"
    abi = f"{interpreter}m" if version < (3, 8) else interpreter + threads
    yield from tags.cpython_tags(version, [abi], accepted)
    yield from tags.compatible_tags(version, interpreter, accepted)


def _marker_environment(full_version: str, platform: platforms.Platform) -> dict[str, str]:
    # Without platform_release and platform_version: they are those of a kernel, which a name doesn't tell.
    return {
        "implementation_name": "cpython",
        "implementation_version": full_version,
        "platform_python_implementation": "CPython",
        "python_full_version": full_version,
        "python_version": ".".join(full_version.split(".")[:2]),
        **platform.markers,
    }
