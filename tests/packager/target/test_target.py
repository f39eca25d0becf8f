"""Targets: names, profiles, and the tags of real interpreters."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base.errors import InvalidTarget
from airpack.target.target import DEFAULT, LAST_RELEASE, Target
from support import machine

# Asks a real interpreter's own pip for its tags; pip has carried `packaging` under these names since 20.
_TAGS = """
import json, os, platform
from pip._internal.utils.compatibility_tags import get_supported
libc = os.confstr("CS_GNU_LIBC_VERSION").split()
print(json.dumps([libc, platform.machine(), [str(tag) for tag in get_supported()]]))
"""


def _interpreters() -> list[int]:
    """Return the minor versions that this machine has an interpreter of; 3.7 is always wanted."""
    return [minor for _, minor in LAST_RELEASE if minor == 7 or machine.find_python(f"3.{minor}")]


@pytest.mark.parametrize("minor", _interpreters())
def test_the_tags_are_those_of_a_real_interpreter(minor: int, tmp_path: Path) -> None:
    """Every tag, in pip's order, for the glibc that the interpreter runs on.

    Tags of `linux_*`, which no index serves, come last, but for pip 26.3 first.
    """
    python = machine.python(f"cp3{minor}").path
    if subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode:
        subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)  # as Debian's, which comes without
        python = tmp_path / "venv" / "bin" / "python"
    answer = subprocess.run([python, "-c", _TAGS], capture_output=True, text=True, check=True)
    (_, glibc), architecture, tags = json.loads(answer.stdout)
    target = Target.parse(f"cp3{minor}-manylinux_{glibc.replace('.', '_')}_{architecture}")
    found = [str(tag) for tag in target.tags]
    assert set(found) == set(tags)
    ours, theirs = ([tag for tag in each if "-linux_" not in tag] for each in (found, tags))
    assert ours == theirs


def test_a_name_without_patch_version_takes_the_last_release() -> None:
    """3.7 means 3.7.17, not 3.7.0, and the target says that it assumed so."""
    target = Target.parse(DEFAULT)
    assert target.python_full_version == "3.7.17"
    assert target.assumed_release
    assert target.marker_environment["python_full_version"] == "3.7.17"
    assert "platform_release" not in target.marker_environment


@pytest.mark.parametrize(
    ("name", "first", "absent"),
    [
        ("cp37-manylinux2014_x86_64", "cp37-cp37m-manylinux_2_17_x86_64", "manylinux_2_18_x86_64"),
        ("cp312-manylinux_2_28_aarch64", "cp312-cp312-manylinux_2_28_aarch64", "manylinux2010_aarch64"),
        ("cp310-musllinux_1_2_x86_64", "cp310-cp310-musllinux_1_2_x86_64", "manylinux2014_x86_64"),
    ],
)
def test_platforms(name: str, first: str, absent: str) -> None:
    """Aliases stand for their glibc, and a musl system takes no glibc wheel."""
    target = Target.parse(name)
    assert str(target.tags[0]) == first
    assert absent not in {tag.platform for tag in target.tags}


@pytest.mark.parametrize(
    "name", ["cp37-x", "cp27-manylinux1_x86_64", "cp37-win_s390x", "cp37-manylinux_2_27_s390x", ""]
)
def test_a_name_that_is_none_says_how_to_write_one(name: str) -> None:
    """The message holds an example."""
    with pytest.raises(InvalidTarget, match="write cpXY-PLATFORM, such as cp37-manylinux_2_27_x86_64"):
        Target.parse(name)


def test_an_unknown_python_names_those_that_are_known() -> None:
    """CPython 3.6 is older than what the shim needs."""
    with pytest.raises(InvalidTarget, match=r"it knows cp37, cp38, .*, cp314"):
        Target.parse("cp36-manylinux2014_x86_64")


def test_a_profile_gives_exactly_its_tags_and_markers(tmp_path: Path) -> None:
    """The keys are those of a pex complete platform."""
    profile = tmp_path / "image.json"
    markers = {"python_full_version": "3.7.9", "python_version": "3.7", "platform_release": "5.4.0", "extra_key": "x"}
    tags = ["cp37-cp37m-manylinux_2_31_x86_64", "py3-none-any"]
    profile.write_text(json.dumps({"marker_environment": markers, "compatible_tags": tags}))
    target = Target.parse(str(profile))
    found = [str(tag) for tag in target.tags]
    assert set(found) == set(tags)
    ours, theirs = ([tag for tag in each if "-linux_" not in tag] for each in (found, tags))
    assert ours == theirs
    assert (target.name, target.python_full_version) == ("cp37-manylinux_2_31_x86_64", "3.7.9")
    assert target.marker_environment["platform_release"] == "5.4.0"
    assert not target.assumed_release


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not JSON"),
        (
            f'{{"marker_environment": {{"python_full_version": "3.7.{"1" * 5000}"}}}}',
            "a number of 1,000 digits or more",
        ),
        (f'{{"installed": [{{"name": "a", "version": "1.{"1" * 5000}"}}]}}', "a number of 1,000 digits or more"),
        ("{}", "invalid is 'marker_environment'"),
        ("[]", "invalid is"),
        ('{"marker_environment": {"python_full_version": "x"}, "compatible_tags": ["py3-none-any"]}', "invalid is"),
        ('{"marker_environment": {"python_full_version": 3}, "compatible_tags": ["py3-none-any"]}', "is not a string"),
        ('{"marker_environment": {"python_full_version": "3.7.9"}, "compatible_tags": ["py3"]}', "the tag 'py3'"),
        ('{"marker_environment": {"python_full_version": "3.7.9"}, "compatible_tags": []}', "has no compatible_tags"),
    ],
)
def test_a_bad_profile_is_named(tmp_path: Path, content: str, problem: str) -> None:
    """With its path and what is wrong in it."""
    profile = tmp_path / "image.json"
    profile.write_text(content)
    with pytest.raises(InvalidTarget) as caught:
        Target.parse(str(profile))
    assert str(profile) in str(caught.value)
    assert problem in str(caught.value)


def test_a_profile_may_list_the_images_libraries(tmp_path: Path) -> None:
    """And one of an older probe, or of pex, doesn't: then nothing is known of them."""
    profile, named = tmp_path / "image.json", Target.parse("cp37-manylinux_2_27_x86_64")
    for libraries in (None, frozenset({"libc.so.6", "libz.so.1"})):
        profile.write_text(json.dumps(replace(named, libraries=libraries).to_dict()))
        assert Target.parse(str(profile)).libraries == libraries
    profile.write_text(json.dumps({**named.to_dict(), "libraries": "libc.so.6"}))
    with pytest.raises(InvalidTarget, match="invalid is libraries, which is not a list of names"):
        Target.parse(str(profile))


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(InvalidTarget, match="can't be read: No such file or directory"):
        Target.parse(str(tmp_path / "none.json"))
