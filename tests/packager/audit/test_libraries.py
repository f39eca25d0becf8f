"""Libraries of the system that a bundle needs: who needs them, where they are missing, and what brings them."""

from __future__ import annotations

from collections.abc import Sequence

from airpack.audit.finding import WARNING
from airpack.audit.libraries import Lacking, lacking_libraries
from airpack.resolve.lock import LockedWheel


def _wheel(name: str) -> LockedWheel:
    return LockedWheel(name=name, version="1.0", filename=f"{name}-1.0-py3-none-any.whl", url="", sha256="")


def _told(*lacking: tuple[str, str, str], probed: bool = False) -> Sequence[str]:
    """Return the lines about libraries that wheels need for files."""
    found = list(
        lacking_libraries(
            [Lacking(library=library, wheel=_wheel(name), path=path) for library, name, path in lacking], probed=probed
        )
    )
    assert {finding.severity for finding in found} <= {WARNING}
    return [finding.message for finding in found]


def test_a_library_is_one_line() -> None:
    """Whatever number of files and wheels need it."""
    needing = [("libx.so.1", name, f"site-packages/{name}/{file}.so") for name in ("one", "two") for file in "abc"]
    assert _told(*needing) == [
        (
            "one 1.0 needs libx.so.1 for site-packages/one/a.so and 5 more files, of two as well, "
            "which neither the bundle nor every image of the target has: add it to the image"
        )
    ]


def test_the_line_says_what_brings_it() -> None:
    """Debian's package, and a project that does without."""
    assert _told(("libGL.so.1", "opencv-python", "site-packages/cv2/cv2.abi3.so")) == [
        (
            "opencv-python 1.0 needs libGL.so.1 for site-packages/cv2/cv2.abi3.so, which the bundle doesn't have, and "
            "many slim images don't: add it to the image; Debian's libgl1 has it; "
            "opencv-python-headless is opencv-python without windows"
        )
    ]


def test_of_an_image_with_a_profile_it_is_known() -> None:
    """Whose loader was asked."""
    assert _told(("libgomp.so.1", "lightgbm", "site-packages/lightgbm/lib_lightgbm.so"), probed=True) == [
        (
            "lightgbm 1.0 needs libgomp.so.1 for site-packages/lightgbm/lib_lightgbm.so, which neither the bundle nor "
            "the image has: add it to the image; Debian's libgomp1 has it"
        )
    ]
