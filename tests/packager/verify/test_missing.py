"""What nothing in a bundle brings: named by a list of well-known projects, and added."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack.resolve import pylock
from airpack.target.target import DEFAULT, Target
from airpack.verify.missing import older_for, requirement_for
from packaging.utils import canonicalize_name
from support.airpack import Airpack
from support.wheels import build_wheel

_LACKING = "warning: gradio 1.0: import gradio fails here: ModuleNotFoundError: No module named 'pkg_resources': "
_TOLD = f"{_LACKING}add 'setuptools<81': gradio imports pkg_resources (pack --add-missing adds it)"
_NEEDY = {"gradio.py": "import pkg_resources"}


def _build_setuptools(wheels: Path) -> None:
    build_wheel(wheels, "setuptools", "68.0.0", files={"setuptools/__init__.py": "", "pkg_resources/__init__.py": ""})
    build_wheel(wheels, "setuptools", "82.0.0", files={"setuptools/__init__.py": ""})


def _problems(airpack: Airpack) -> list[str]:
    return [line for line in airpack.err.splitlines() if line.startswith(("warning", "note", "error"))]


@pytest.mark.parametrize(
    ("module", "target", "expected"),
    [
        ("pkg_resources", DEFAULT, "setuptools<81"),
        ("pkg_resources.extern", DEFAULT, "setuptools<81"),
        ("distutils", DEFAULT, None),
        ("distutils.core", "cp312-manylinux_2_28_x86_64", "setuptools"),
        ("google.protobuf", DEFAULT, "protobuf"),
        ("google", DEFAULT, None),
        ("cv2", DEFAULT, "opencv-python-headless"),
        ("internal_helpers", DEFAULT, None),
    ],
)
def test_which_requirement_brings_a_module(module: str, target: str, expected: str | None) -> None:
    """By the list alone, for the targets that need it; a name that isn't listed is never guessed."""
    assert requirement_for(module, Target.parse(target), {}) == expected


def test_a_project_that_is_there_is_named_only_for_another_version() -> None:
    """An old setuptools has pkg_resources, 82 hasn't; an attrs that lacks `attrs` wouldn't gain it."""
    target = Target.parse(DEFAULT)
    assert requirement_for("pkg_resources", target, {canonicalize_name("setuptools"): "82.0.0"}) == "setuptools<81"
    assert requirement_for("attrs", target, {canonicalize_name("attrs"): "20.1.0"}) is None


def test_a_removal_is_the_cause_only_where_it_may_be() -> None:
    """Numpy 1.24 has no `bool`; 1.23 had, so that something else is wrong where it is there; nor where numpy isn't."""
    error = "AttributeError: module 'numpy' has no attribute 'bool'"
    assert str(older_for(error, {canonicalize_name("numpy"): "1.26.4"})) == "numpy<1.24"
    assert older_for(error, {canonicalize_name("numpy"): "1.23.5"}) is None
    assert older_for(error, {}) is None
    assert older_for("AttributeError: module 'numpy' has no attribute 'x'", {canonicalize_name("numpy"): "2.0"}) is None


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_project_whose_newest_release_removed_something_is_named(airpack: Airpack, wheels: Path) -> None:
    """As pydantic 2 did; --add-missing requires the older release, for what an older version of the user can't mend."""
    moved = "class PydanticImportError(Exception): pass\nPydanticImportError.__module__ = 'pydantic.errors'\n"
    getter = f"{moved}def __getattr__(name): raise PydanticImportError('moved')\n"
    build_wheel(wheels, "pydantic", "1.10.1", files={"pydantic/__init__.py": "BaseSettings = 1"})
    build_wheel(wheels, "pydantic", "2.5.3", files={"pydantic/__init__.py": getter})
    build_wheel(wheels, "one", requires=["pydantic"], files={"one.py": "from pydantic import BaseSettings"})
    assert airpack.pack("one") == 0
    (problem,) = _problems(airpack)
    assert problem == (
        "warning: one 1.0: import one fails here: pydantic.errors.PydanticImportError: moved: "
        "require 'pydantic<2': what fails is written for it (pack --add-missing requires it)"
    )
    assert airpack.pack("one", "--add-missing", "--strict") == 0, airpack.err
    assert pylock.read(airpack.output / "pylock.toml").requirements == ("one", "pydantic<2")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_warning_names_the_project(airpack: Airpack, wheels: Path) -> None:
    """Also where the bundle has the project in a version without the module; verify says the same."""
    _build_setuptools(wheels)
    build_wheel(wheels, "gradio", files=_NEEDY)
    for words in (["gradio"], ["gradio", "setuptools"]):
        assert airpack.pack(*words) == 0
        assert _problems(airpack) == [_TOLD]
    assert airpack("verify", "--json", airpack.output) == 0
    (finding,) = json.loads(airpack.out)
    assert set(finding) == {"severity", "package", "sentence", "remedy"}
    assert finding["remedy"] in _TOLD


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_is_missing_is_added(airpack: Airpack, wheels: Path) -> None:
    """In one pack, told in a line and recorded; what the addition itself lacks is added, too."""
    build_wheel(wheels, "gradio", files={"gradio.py": "import sklearn, pkg_resources"})
    build_wheel(wheels, "scikit-learn", files={"sklearn.py": "import pkg_resources"})
    _build_setuptools(wheels)
    assert airpack.pack("gradio", "--add-missing", "--strict") == 0, airpack.err
    error = "fails here: ModuleNotFoundError: No module named"
    assert _problems(airpack) == [
        f"note: added 'scikit-learn', and packing again: gradio 1.0: import gradio {error} 'sklearn'",
        f"note: added 'setuptools<81', and packing again: gradio 1.0: import gradio {error} 'pkg_resources'",
    ]
    lock = airpack.output / "pylock.toml"
    read = pylock.read(lock)
    assert read.requirements == ("gradio", "scikit-learn", "setuptools<81")
    assert read.added == ("scikit-learn", "setuptools<81")
    assert [(each.name, str(each.version)) for each in read.pylock.packages] == [
        ("gradio", "1.0"),
        ("scikit-learn", "1.0"),
        ("setuptools", "68.0.0"),
    ]
    again = airpack.output.with_name("again")
    assert airpack.pack("--lock", lock, "-o", again) == 0
    assert pylock.read(again / "pylock.toml").added == read.added
    assert (again / "bundle.tar.zst").read_bytes() == (airpack.output / "bundle.tar.zst").read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_nothing_is_added_where_nothing_is_known(airpack: Airpack, wheels: Path) -> None:
    """The index may have a project of the module's name; it could be anybody's."""
    build_wheel(wheels, "one", files={"one.py": "import internal_helpers"})
    build_wheel(wheels, "internal_helpers")
    assert airpack.pack("one", "--add-missing") == 0
    (problem,) = _problems(airpack)
    assert problem == (
        "warning: one 1.0: import one fails here: ModuleNotFoundError: No module named 'internal_helpers': "
        "no requirement of it brings internal_helpers: add what does; a project of that name may be another's"
    )
    assert "added" not in (airpack.output / "pylock.toml").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_an_addition_that_cannot_be_had_leaves_nothing(airpack: Airpack, wheels: Path) -> None:
    """The error is that of the resolve, after the line that told of the addition."""
    build_wheel(wheels, "gradio", files=_NEEDY)
    assert airpack.pack("gradio", "--add-missing") == 1
    assert "note: added 'setuptools<81', and packing again: gradio 1.0" in airpack.err
    assert "setuptools" in airpack.error
    assert not airpack.output.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
@pytest.mark.parametrize("modules", [["pkg_resources", "setuptools"], []])
def test_an_image_that_has_it_is_no_warning(airpack: Airpack, wheels: Path, tmp_path: Path, modules: list[str]) -> None:
    """By its profile, also by one that doesn't list the modules of its packages; nothing is added then."""
    build_wheel(wheels, "gradio", files=_NEEDY)
    data = Target.parse(DEFAULT).to_dict()
    profile = tmp_path / "image.json"
    installed = [{"name": "setuptools", "version": "68.0.0", "modules": modules}]
    profile.write_text(json.dumps({**data, "installed": installed}))
    assert airpack.pack("gradio", "--add-missing", "--strict", "--target", profile) == 0, airpack.err
    (problem,) = _problems(airpack)
    assert problem.endswith(": the image has it, so that this can't be tried here")


def test_a_lock_takes_no_additions(airpack: Airpack, tmp_path: Path) -> None:
    """It lists all there is; without the import, nothing could be found missing."""
    assert airpack.pack("--lock", tmp_path / "pylock.toml", "--add-missing") == 2
    assert airpack.error.endswith(
        "is a lock, and lists everything to pack: leave out --add-missing, or pack the requirements again"
    )
    assert airpack.pack("one", "--no-import", "--add-missing") == 2
