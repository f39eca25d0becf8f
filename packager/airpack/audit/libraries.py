"""Libraries of the system that a bundle needs and an image may lack -> Findings: one line for each library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airpack.audit.finding import WARNING, Finding
from airpack.resolve.lock import LockedWheel

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
# Projects that come without a window system as well, each with the one that does.
_HEADLESS = {
    "opencv-contrib-python": "opencv-contrib-python-headless",
    "opencv-python": "opencv-python-headless",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """A library that a file of a wheel needs; `path` is the file's, in the tree."""

    library: str
    wheel: LockedWheel
    path: str


def lacking_libraries(lacking: Iterable[Lacking], *, probed: bool) -> Iterator[Finding]:
    """Yield one finding for each library, with the first file that needs it, and the wheels that do.

    `probed` says that the image is known not to have them, by its profile.
    """
    needing: dict[str, list[Lacking]] = {}
    for each in lacking:
        needing.setdefault(each.library, []).append(each)
    for library, files in needing.items():
        first, wheels = files[0], list(dict.fromkeys(each.wheel.key for each in files))
        more = f" and {len(files) - 1:,} more files" if len(files) > 1 else ""
        others = f", of {', '.join(wheels[1:])} as well" if wheels[1:] else ""
        sentence = (
            f"{first.wheel.version} needs {library} for {first.path}{more}{others}, which {_where(library, probed)}"
        )
        yield Finding(severity=WARNING, package=first.wheel.key, sentence=sentence, remedy=_remedy(library, wheels))


def _where(library: str, probed: bool) -> str:
    if probed:
        return "neither the bundle nor the image has"
    if library in NOT_IN_SLIM:
        return "the bundle doesn't have, and many slim images don't"
    return "neither the bundle nor every image of the target has"


def _remedy(library: str, wheels: Iterable[str]) -> str:
    package = _DEBIAN.get(library)
    adding = f"add it to the image; Debian's {package} has it" if package else "add it to the image"
    return adding + "".join(
        f"; {_HEADLESS[wheel]} is {wheel} without windows" for wheel in wheels if wheel in _HEADLESS
    )
