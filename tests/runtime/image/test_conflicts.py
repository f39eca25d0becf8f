"""What a tree breaks in the image, told when it is activated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Sequence

import pytest
from airpack_runtime.image import conflicts


def _install(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> None:
    metadata = folder / f"{name}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata.write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]) + "\n")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return an image's site-packages: a server that limits what it uses."""
    _install(tmp_path / "image", "Server_App", "1.0", ["Some.Lib[fast]>=2,<3", "other", 'old; python_version < "3"'])
    for name, version in {"some_lib": "2.5", "other": "1.0", "old": "1.0"}.items():
        _install(tmp_path / "image", name, version)
    return tmp_path / "image"


@pytest.mark.parametrize(
    ("brought", "expected"),
    [
        ({"some-lib": "3.0"}, ["Server_App 1.0 needs Some.Lib<3,>=2, and gets 3.0"]),
        ({"some_lib": "2.6", "other": "9", "old": "9"}, []),
        ({"some_lib": "2.5"}, []),
        ({"some_lib": "3.0", "server.app": "2.0"}, []),
        ({"new": "1"}, []),
    ],
    ids=["breaks", "fits", "the same", "the server is brought as well", "not in the image"],
)
def test_what_gets_a_version_that_it_does_not_take_is_named(
    tmp_path: Path, image: Path, brought: dict[str, str], expected: Sequence[str]
) -> None:
    """By what the image's packages say that they need, whichever way a name is written."""
    for name, version in brought.items():
        _install(tmp_path / "site", name, version)
    found = conflicts.broken(str(tmp_path / "site"), [str(tmp_path / "site"), str(image), "/nowhere"])
    assert found == expected


def test_metadata_that_the_images_pip_does_not_read_is_passed_over(tmp_path: Path, image: Path) -> None:
    """As pip itself does; the other packages are still judged."""
    _install(image, "legacy", "1.0", ["some-lib (fast)", "some-lib>=2.*", "some-lib>dev"])
    _install(image, "limited", "1.0", ["old<2"])
    _install(tmp_path / "site", "some_lib", "2004d")
    _install(tmp_path / "site", "old", "2.0")
    found = conflicts.broken(str(tmp_path / "site"), [str(image)])
    assert "limited 1.0 needs old<2, and gets 2.0" in found


def test_what_was_broken_before_is_not_the_trees_doing(tmp_path: Path, image: Path) -> None:
    """The image's own version did not fit either."""
    _install(image, "stale", "1.0", ["other>=5"])
    _install(tmp_path / "site", "other", "2.0")
    assert conflicts.broken(str(tmp_path / "site"), [str(image)]) == []


def test_the_program_does_not_find_pip_imported(tmp_path: Path, image: Path) -> None:
    """Pip's `packaging` is borrowed; a program may bring a pip of its own."""
    _install(tmp_path / "site", "some_lib", "3.0")
    before = {name for name in sys.modules if name.partition(".")[0] == "pip"}
    assert conflicts.broken(str(tmp_path / "site"), [str(image)])
    assert {name for name in sys.modules if name.partition(".")[0] == "pip"} == before
