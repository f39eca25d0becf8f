"""What nothing in a bundle brings: named by a list of well-known projects, and added."""

from __future__ import annotations

import hashlib
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
_TOLD = f"{_LACKING}add 'setuptools<81': gradio imports pkg_resources"
_NOT_ADDED = "note: 'setuptools<81' can't be added, so that gradio is packed as it is: "
_CHECK = "check its name, or say where it is with --index-url or --find-links"
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
    """As pydantic 2 did; the older release is required, for what an older version of the user can't mend."""
    moved = "class PydanticImportError(Exception): pass\nPydanticImportError.__module__ = 'pydantic.errors'\n"
    getter = f"{moved}def __getattr__(name): raise PydanticImportError('moved')\n"
    build_wheel(wheels, "pydantic", "1.10.1", files={"pydantic/__init__.py": "BaseSettings = 1"})
    build_wheel(wheels, "pydantic", "2.5.3", files={"pydantic/__init__.py": getter})
    build_wheel(wheels, "one", requires=["pydantic"], files={"one.py": "from pydantic import BaseSettings"})
    assert airpack.pack("one", "--no-add-missing") == 0
    (problem,) = _problems(airpack)
    assert problem == (
        "warning: one 1.0: import one fails here: pydantic.errors.PydanticImportError: moved: "
        "require 'pydantic<2': one 1.0 fails with a newer one"
    )
    assert airpack.pack("one", "--strict") == 0, airpack.err
    assert _problems(airpack) == ["note: added 'pydantic<2', and packing again: one 1.0 fails with a newer one"]
    assert pylock.read(airpack.output / "pylock.toml").requirements == ("one", "pydantic<2")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_the_warning_names_the_project(airpack: Airpack, wheels: Path) -> None:
    """Also where the bundle has the project in a version without the module; verify says the same."""
    _build_setuptools(wheels)
    build_wheel(wheels, "gradio", files=_NEEDY)
    for words in (["gradio"], ["gradio", "setuptools"]):
        assert airpack.pack("--no-add-missing", *words) == 0
        assert _problems(airpack) == [_TOLD]
    assert airpack("verify", "--json", airpack.output) == 0
    (finding,) = json.loads(airpack.out)
    assert set(finding) == {"severity", "package", "sentence", "remedy"}
    assert finding["remedy"] in _TOLD


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_is_missing_is_added(airpack: Airpack, wheels: Path) -> None:
    """On defaults, told in a line and recorded; what the addition itself lacks is added, too."""
    build_wheel(wheels, "gradio", files={"gradio.py": "import sklearn, pkg_resources"})
    build_wheel(wheels, "scikit-learn", files={"sklearn.py": "import pkg_resources"})
    _build_setuptools(wheels)
    assert airpack.pack("gradio", "--strict") == 0, airpack.err
    assert _problems(airpack) == [
        "note: added 'scikit-learn', and packing again: gradio imports sklearn",
        "note: added 'setuptools<81', and packing again: gradio imports pkg_resources",
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
    assert airpack.pack("one") == 0
    (problem,) = _problems(airpack)
    assert problem == (
        "warning: one 1.0: import one fails here: ModuleNotFoundError: No module named 'internal_helpers': "
        "no requirement of it brings internal_helpers: add what does; a project of that name may be another's"
    )
    assert "added" not in (airpack.output / "pylock.toml").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_an_addition_that_cannot_be_had_is_left_out(airpack: Airpack, wheels: Path) -> None:
    """With the reason and the warning; what else is missing is added all the same."""
    build_wheel(wheels, "gradio", files={**_NEEDY, "client.py": "import sklearn"})
    build_wheel(wheels, "scikit-learn", files={"sklearn.py": ""})
    assert airpack.pack("gradio") == 0, airpack.err
    assert _problems(airpack) == [
        "note: added 'scikit-learn', and packing again: gradio imports sklearn",
        f"{_NOT_ADDED}setuptools<81: no such distribution was found: {_CHECK}",
        _TOLD,
    ]
    assert pylock.read(airpack.output / "pylock.toml").added == ("scikit-learn",)


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_nothing_is_added_where_each_requirement_has_a_hash(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """A line without one would make pip refuse all of them."""
    _build_setuptools(wheels)
    wheel = build_wheel(wheels, "gradio", files=_NEEDY)
    file = tmp_path / "requirements.txt"
    file.write_text(f"gradio==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    assert airpack.pack("-r", file) == 0, airpack.err
    reason = "setuptools<81 has no hash, and where one line has one, each needs one"
    remedy = "write its version and hash, or leave out the hashes"
    assert _problems(airpack) == [f"{_NOT_ADDED}{reason}: {remedy}", _TOLD]


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
    assert airpack.pack("gradio", "--strict", "--target", profile) == 0, airpack.err
    (problem,) = _problems(airpack)
    assert problem.endswith(": the image has it, so that this can't be tried here")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_lock_is_packed_as_it_is(airpack: Airpack, wheels: Path) -> None:
    """With the warning, and a line on where to add what is missing; so is what --no-deps leaves alone."""
    _build_setuptools(wheels)
    build_wheel(wheels, "gradio", files=_NEEDY)
    assert airpack.pack("gradio", "--no-deps") == 0
    assert _problems(airpack) == [_TOLD]
    assert airpack.pack("--lock", airpack.output / "pylock.toml", "-o", airpack.output.with_name("locked")) == 0
    told = "note: the lock is packed as it is: add 'setuptools<81' to what it is made of, and lock again"
    assert _problems(airpack) == [_TOLD, told]


def test_a_lock_takes_no_additions(airpack: Airpack, tmp_path: Path) -> None:
    """It lists all there is; without the import, nothing could be found missing."""
    assert airpack.pack("--lock", tmp_path / "pylock.toml", "--add-missing") == 2
    assert airpack.error.endswith(
        "is a lock, and lists everything to pack: leave out --add-missing, or pack the requirements again"
    )
    assert airpack.pack("one", "--no-import", "--add-missing") == 2
