"""An image's profile: what it has installed already counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli
from airpack.target.target import Target
from support.airpack import Airpack
from support.wheels import build_wheel

RELEASE = "6.1.0-image"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """Return the path of a profile of an image with Python 3.7 and glibc 2.27."""
    path = tmp_path / "image.json"
    _write(path, [])
    return path


def _write(path: Path, installed: Sequence[dict[str, Any]]) -> None:
    data = Target.parse("cp37-manylinux_2_27_x86_64", python_version="3.7.9").to_dict()
    data["marker_environment"]["platform_release"] = RELEASE
    path.write_text(json.dumps({**data, "installed": installed}))


@pytest.mark.slow
def test_a_marker_on_the_kernel_needs_a_profile(airpack: Airpack, wheels: Path, profile: Path) -> None:
    """A target's name doesn't tell; the message says how to make what does."""
    build_wheel(wheels, "one", requires=[f"two; platform_release == '{RELEASE}'"])
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 1
    assert airpack.error == (
        f"airpack: error: the marker 'platform_release == \"{RELEASE}\"' needs platform_release, which a target's "
        "name does not determine: make a profile of the image (in it: python airpack-runtime.pyz probe > image.json), "
        "and give it with --target image.json"
    )
    assert airpack.pack("one", "--target", profile) == 0, airpack.err
    assert _packed(airpack) == ["one", "two"]


@pytest.mark.slow
def test_a_foreign_locks_marker_on_the_kernel_needs_a_profile(airpack: Airpack, wheels: Path, profile: Path) -> None:
    """It would else be answered by the machine that packs."""
    wheel = build_wheel(wheels, "one")
    lock = profile.with_name("pylock.toml")
    assert airpack("lock", "one", "--no-index", "--find-links", wheels, "-o", lock) == 0
    text = lock.read_text().partition("[tool.airpack]")[0]
    lock.write_text(text.replace('name = "one"\n', 'name = "one"\nmarker = "platform_release != \'x\'"\n', 1))
    assert airpack.pack("--lock", lock, "--target", "cp37-manylinux_2_27_x86_64") == 1
    assert "needs platform_release, which a target's name does not determine" in airpack.error
    assert airpack.pack("--lock", lock, "--target", profile) == 0, airpack.err
    assert wheel.exists()


@pytest.mark.slow
def test_what_the_image_has_is_left_out_on_request(airpack: Airpack, wheels: Path, profile: Path) -> None:
    """If its version satisfies, extras and what they need included; the lock and a later audit know."""
    build_wheel(wheels, "one", requires=["two[more]>=1", "three>=2"])
    build_wheel(wheels, "two", "2.0")
    build_wheel(wheels, "three", "2.0")
    build_wheel(wheels, "four")
    installed: list[dict[str, Any]] = [
        {"name": "Two", "version": "1.5", "requires": ["four; extra == 'more'", "not a (requirement"]},
        {"name": "three", "version": "1.0", "requires": []},
        {"name": "odd name/..", "version": "x"},
    ]
    _write(profile, installed)
    assert airpack.pack("one", "--target", profile, "--skip-installed") == 0, airpack.err
    assert _packed(airpack) == ["four", "one", "three"]
    lock = tomli.loads((airpack.output / "pylock.toml").read_text())
    assert lock["tool"]["airpack"]["provided"] == ["two==1.5"]
    assert "note: three 1.0 in the image is overridden: the bundle brings 2.0: check that" in airpack.err
    assert airpack("audit", airpack.output) == 0, airpack.out
    assert airpack("audit", airpack.output, "--target", profile) == 0
    assert airpack.pack("--lock", airpack.output / "pylock.toml", "--target", profile) == 0
    for left in (installed[1:], []):
        _write(profile, left)
        assert airpack("audit", airpack.output, "--target", profile) == 1
    assert "error: one 1.0 needs two>=1, the bundle has none: add two[more]>=1 to the requirements" in airpack.out


@pytest.mark.slow
def test_an_image_that_has_it_all_leaves_nothing_to_pack(airpack: Airpack, wheels: Path, profile: Path) -> None:
    """Said as such; and skipping needs a profile that tells what there is."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--skip-installed") == 2
    assert airpack.error.startswith("airpack: error: --skip-installed needs a profile of the image: make one ")
    _write(profile, [{"name": "one", "version": "1.0", "requires": []}])
    assert airpack.pack("one", "--skip-installed", "--target", profile) == 1
    assert airpack.error == "airpack: error: nothing is left to pack: the image has it all (one)"
    assert airpack.pack("one", "--target", profile) == 0


@pytest.mark.slow
def test_an_override_that_breaks_the_image_is_a_warning(airpack: Airpack, wheels: Path, profile: Path) -> None:
    """The package that breaks, what it needs and what it gets; what was broken before isn't blamed on the bundle."""
    build_wheel(wheels, "flask", "2.3.3")
    server = {
        "name": "azureml-inference-server-http",
        "version": "0.8.4.2",
        "requires": ["flask<2.3", "flask<1; extra == 'x'", "flask<1; python_version > '3.7'"],
    }
    broken = {"name": "broken", "version": "1", "requires": ["flask<1"]}
    _write(profile, [server, broken, {"name": "Flask", "version": "2.2.5", "requires": []}])
    assert airpack.pack("flask", "--target", profile) == 0
    warnings = [line for line in airpack.err.splitlines() if line.startswith(("warning", "note"))]
    broken_by = "azureml-inference-server-http 0.8.4.2 in the image needs flask<2.3; the bundle brings 2.3.3"
    overridden = "Flask 2.2.5 in the image is overridden: the bundle brings 2.3.3"
    assert warnings == [
        f"warning: {broken_by}: constrain flask with -c, or pack a version of {server['name']} that works with it",
        f"note: {overridden}: check that what runs in the image works with it",
    ]
    assert airpack("audit", airpack.output, "--target", profile, "--strict") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_the_image_alone_has_is_no_failure(airpack: Airpack, wheels: Path, profile: Path) -> None:
    """Its modules are known by the profile, whatever the distribution's name."""
    build_wheel(wheels, "one", files={"one.py": "import sklearn"}, requires=["scikit-learn"])
    build_wheel(wheels, "scikit-learn")
    _write(profile, [{"name": "scikit-learn", "version": "1.0", "modules": ["sklearn"]}])
    assert airpack.pack("one", "--target", profile, "--skip-installed", "--strict") == 0, airpack.err
    assert "the image has it, so that this can't be tried here" in airpack.err


def test_a_profile_that_contradicts_itself(airpack: Airpack, profile: Path) -> None:
    """Tags of one Python and markers of another would resolve for neither."""
    data = json.loads(profile.read_text())
    data["marker_environment"]["python_full_version"] = "3.9.1"
    profile.write_text(json.dumps(data))
    assert airpack("target", "show", profile) == 2
    assert "contradicts itself (tags of cp37-manylinux_2_27_x86_64, Python 3.9.1, python_version 3.7)" in airpack.error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"installed": [{"name": "x"}]}, "invalid is 'version'"),
        ({"installed": [{"name": 1, "version": "1"}]}, "invalid is the name of an installed package, 1"),
        ({"installed": ["x"]}, "invalid is "),
        ({"compatible_tags": ["cp37"]}, "invalid is the tag 'cp37'"),
    ],
)
def test_a_damaged_profile(airpack: Airpack, profile: Path, change: dict[str, Any], message: str) -> None:
    """One line, with how to make a good one."""
    profile.write_text(json.dumps({**json.loads(profile.read_text()), **change}))
    assert airpack("target", "show", profile) == 2
    assert airpack.error.startswith(f'airpack: error: image profile {profile} needs "marker_environment" and ')
    assert "`python airpack-runtime.pyz probe`" in airpack.error
    assert message in airpack.error


def _packed(airpack: Airpack) -> list[str]:
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    return [package["name"] for package in manifest["packages"]]


@pytest.mark.slow
def test_a_version_that_wins_in_the_image_is_a_warning(airpack: Airpack, wheels: Path, profile: Path) -> None:
    """As its profile says, whose Python was asked; what needs another than the bundle's is not broken then."""
    build_wheel(wheels, "flask", "2.3.3")
    server = {"name": "server", "version": "1", "requires": ["flask<2.3"]}
    legacy = {"name": "Flask", "version": "2.2.5", "location": "/opt/legacy", "requires": [], "wins": True}
    _write(profile, [server, legacy])
    assert airpack.pack("flask", "--target", profile) == 0
    warnings = [line for line in airpack.err.splitlines() if line.startswith(("warning", "note"))]
    assert warnings == [
        (
            "warning: Flask 2.2.5 from /opt/legacy wins over the bundle's 2.3.3: it is ahead on sys.path, or imported "
            "before: take it off PYTHONPATH, or out of the image"
        )
    ]
    assert airpack("audit", airpack.output, "--strict") == 1  # the manifest has it too
