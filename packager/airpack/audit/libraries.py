"""Libraries of the system that a bundle needs: who needs each, whether the image has it, what else would bring it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airpack_runtime.format.toc import Need

from airpack.audit.finding import WARNING, Finding
from airpack.resolve.lock import LockedWheel
from airpack.target import prefix

# The parts of glibc itself, which the platform's name promises.
_GLIBC = frozenset(
    f"{name}.so.{number}"
    for number, names in {
        1: ("libBrokenLocale", "libanl", "libnsl", "libpthread", "librt", "libthread_db", "libutil"),
        2: ("libdl", "libresolv"),
        6: ("libc", "libm"),
    }.items()
    for name in names
)

# What manylinux promises (PEP 600) and the slim images of Debian, Ubuntu and Red Hat don't have.
NOT_IN_SLIM = frozenset(
    (
        "libGL.so.1",
        "libICE.so.6",
        "libSM.so.6",
        "libX11.so.6",
        "libXext.so.6",
        "libXrender.so.1",
        "libatomic.so.1",
        "libglib-2.0.so.0",
        "libgobject-2.0.so.0",
        "libgthread-2.0.so.0",
    )
)
# The package of Debian that has a library.
_DEBIAN = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",
    "libOpenCL.so.1": "ocl-icd-libopencl1",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
    "libasound.so.2": "libasound2",
    "libatomic.so.1": "libatomic1",
    "libcairo.so.2": "libcairo2",
    "libcurl.so.4": "libcurl4",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libfuse.so.2": "libfuse2",
    "libgfortran.so.5": "libgfortran5",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "liblttng-ust.so.0": "liblttng-ust0",
    "liblzma.so.5": "liblzma5",
    "libnuma.so.1": "libnuma1",
    "libodbc.so.2": "unixodbc",
    "libportaudio.so.2": "libportaudio2",
    "libpq.so.5": "libpq5",
    "libquadmath.so.0": "libquadmath0",
    "libsndfile.so.1": "libsndfile1",
    "libssl.so.1.1": "libssl1.1",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libxcb.so.1": "libxcb1",
    "libxml2.so.2": "libxml2",
}
# Projects that need a window system, each with the one of its kind that doesn't.
_HEADLESS = {
    "opencv-contrib-python": "opencv-contrib-python-headless",
    "opencv-python": "opencv-python-headless",
}
_SHOWN = 3  # modules that need a library, in a line


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """A library that a file of a wheel needs; `path` is the file's, in the tree."""

    library: str
    wheel: LockedWheel
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemLibrary:
    """A library that is not in the bundle, with all that need it; `known` says that the image is known to have it."""

    name: str
    needed: tuple[Needed, ...]
    known: bool

    def finding(self, *, probed: bool) -> Finding:
        """Return the warning that the image may lack it; `probed` says that it does, by its profile."""
        first, wheels = self.needed[0], self._wheels
        more = f" and {len(self.needed) - 1:,} more files" if len(self.needed) > 1 else ""
        others = f", of {', '.join(wheels[1:])} as well" if wheels[1:] else ""
        needing = f"{first.wheel.version} needs {self.name} for {first.path}{more}{others}"
        adding = f"add it to the image, or pack it --with-library {self.name}"
        remedy = "; ".join([adding, *self._sources])
        sentence = f"{needing}, which {_where(self.name, probed)}"
        return Finding(severity=WARNING, package=first.wheel.key, sentence=sentence, remedy=remedy)

    def need(self) -> Need:
        """Return how the bundle lists it, for the image's own tools."""
        modules = list(dict.fromkeys(map(_module, self.needed)))
        more = f" and {len(modules) - _SHOWN} more" if len(modules) > _SHOWN else ""
        return Need(
            library=self.name,
            about="; ".join([f"needed by {', '.join(modules[:_SHOWN])}{more}", *self._sources]),
            known=self.known,
        )

    @property
    def _wheels(self) -> list[str]:
        return list(dict.fromkeys(each.wheel.key for each in self.needed))

    @property
    def _sources(self) -> list[str]:
        """What brings it, or does without it, in words."""
        package = _DEBIAN.get(self.name)
        without = [f"{_HEADLESS[wheel]} doesn't need it" for wheel in self._wheels if wheel in _HEADLESS]
        return [f"Debian's {package} has it"] * bool(package) + without


def is_of_glibc(library: str) -> bool:
    """Return whether a library is a part of glibc itself, such as the loader: every image of a platform has it."""
    return library in _GLIBC or library.startswith("ld-linux")


def system_libraries(needed: Iterable[Needed], known: Iterable[str]) -> list[SystemLibrary]:
    """Return each library once, sorted by name; `known` are those that the image is known to have."""
    needing: dict[str, list[Needed]] = {}
    for each in needed:
        needing.setdefault(each.library, []).append(each)
    there = frozenset(known)
    return [
        SystemLibrary(name=name, needed=tuple(files), known=name in there) for name, files in sorted(needing.items())
    ]


def lacking(libraries: Iterable[SystemLibrary], *, probed: bool) -> Iterator[Finding]:
    """Yield a warning for each library that the image isn't known to have.

    `probed` says that the image is known not to have them, by its profile.
    """
    return (library.finding(probed=probed) for library in libraries if not library.known)


def _module(needed: Needed) -> str:
    """Return the top-level module or package with a file that needs a library, as far as its path tells it."""
    top = prefix.shortened(needed.path).partition("/")[0].partition(".")
    return top[0] if top[0] and top[2] != "libs" else str(needed.wheel.key)


def _where(library: str, probed: bool) -> str:
    if probed:
        return "neither the bundle nor the image has"
    if library in NOT_IN_SLIM:
        return "the bundle doesn't have, and many slim images don't"
    return "neither the bundle nor every image of the target has"
