"""Libraries of the system that a bundle needs: who needs them, where they are missing, and what brings them."""

from __future__ import annotations

from collections.abc import Sequence

from airpack.audit.finding import WARNING
from airpack.audit.libraries import Needed, lacking, system_libraries
from airpack.resolve.lock import LockedWheel
from airpack_runtime.format.toc import Need


def _wheel(name: str) -> LockedWheel:
    return LockedWheel(name=name, version="1.0", filename=f"{name}-1.0-py3-none-any.whl", url="", sha256="")


def _needed(*needed: tuple[str, str, str]) -> list[Needed]:
    """Return libraries that wheels need for files, by the names of all three."""
    return [Needed(library=library, wheel=_wheel(name), path=path) for library, name, path in needed]


def _told(*needed: tuple[str, str, str], probed: bool = False) -> Sequence[str]:
    """Return the lines about libraries that an image lacks."""
    found = list(lacking(system_libraries(_needed(*needed), ()), probed=probed))
    assert {finding.severity for finding in found} <= {WARNING}
    return [finding.message for finding in found]


def test_a_library_is_one_line() -> None:
    """Whatever number of files and wheels need it."""
    needing = [
        ("libx.so.1", name, f"lib/python3.7/site-packages/{name}/{file}.so")
        for name in ("one", "two")
        for file in "abc"
    ]
    assert _told(*needing) == [
        (
            "one 1.0 needs libx.so.1 for lib/python3.7/site-packages/one/a.so and 5 more files, of two as well, "
            "which neither the bundle nor every image of the target has: add it to the image, or pack it "
            "--with-library libx.so.1"
        )
    ]


def test_the_line_says_what_brings_it() -> None:
    """Debian's package, and a project that does without."""
    assert _told(("libGL.so.1", "opencv-python", "lib/python3.7/site-packages/cv2/cv2.abi3.so")) == [
        (
            "opencv-python 1.0 needs libGL.so.1 for "
            "lib/python3.7/site-packages/cv2/cv2.abi3.so, which the bundle doesn't have, and "
            "many slim images don't: add it to the image, or pack it --with-library libGL.so.1; Debian's libgl1 has "
            "it; opencv-python-headless doesn't need it"
        )
    ]


def test_of_an_image_with_a_profile_it_is_known() -> None:
    """Whose loader was asked."""
    assert _told(("libgomp.so.1", "lightgbm", "lib/python3.7/site-packages/lightgbm/lib_lightgbm.so"), probed=True) == [
        (
            "lightgbm 1.0 needs libgomp.so.1 for "
            "lib/python3.7/site-packages/lightgbm/lib_lightgbm.so, which neither the bundle nor "
            "the image has: add it to the image, or pack it --with-library libgomp.so.1; Debian's libgomp1 has it"
        )
    ]


def test_a_bundle_lists_what_the_image_must_bring() -> None:
    """By the modules that need it, a wheel where no module's name is in the path; known libraries without a warning."""
    files = ("one/a.so", "two.cpython-37m-x86_64-linux-gnu.so", "four.libs/libfour.so", "five/b.so")
    needing = [("libgomp.so.1", "wheel", f"lib/python3.7/site-packages/{file}") for file in files]
    found = system_libraries(_needed(*needing, ("libz.so.1", "one", "bin/one")), ["libz.so.1"])
    assert [library.need() for library in found] == [
        Need("libgomp.so.1", "needed by one, two, wheel and 1 more; Debian's libgomp1 has it", False),
        Need("libz.so.1", "needed by one", True),
    ]
    assert [finding.sentence.split()[2] for finding in lacking(found, probed=False)] == ["libgomp.so.1"]
