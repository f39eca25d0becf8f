"""Windows and macOS as targets: their tags by packaging's own rules for these systems, their markers, their names."""

from __future__ import annotations

import json
import sys

import pytest
from airpack.base.errors import InvalidTarget
from airpack.target.target import Target
from packaging.tags import parse_tag
from support import machine

# What packaging says of the tags of a machine, once the standard library speaks for that machine.
_TAGS = """
import json, platform, sys, sysconfig
system, machine, release, name = sys.argv[1:]
sysconfig.get_platform = lambda: name
platform.system = lambda: system
platform.mac_ver = lambda: (release, ("", "", ""), machine)
from packaging import tags
if system == "Windows":
    sysconfig.get_config_var = dict(Py_GIL_DISABLED=0).get
print(json.dumps([str(tag) for tag in tags.sys_tags()]))
"""
_MACHINES = {
    "win_amd64": ("Windows", "AMD64", "", "win-amd64"),
    "win32": ("Windows", "x86", "", "win32"),
    "win_arm64": ("Windows", "ARM64", "", "win-arm64"),
    "macosx_12_0_arm64": ("Darwin", "arm64", "12.6", "macosx-11.0-arm64"),
    "macosx_15_0_x86_64": ("Darwin", "x86_64", "15.1", "macosx-10.9-universal2"),
    "macosx_10_15_x86_64": ("Darwin", "x86_64", "10.15.7", "macosx-10.9-x86_64"),
}


@pytest.mark.parametrize("platform", _MACHINES)
def test_the_tags_are_those_that_packaging_gives_there(platform: str) -> None:
    """Each tag, in its order, where Python says that it runs on such a machine."""
    minor = sys.version_info[1]
    line = [sys.executable, "-c", _TAGS, *_MACHINES[platform]]
    done = machine.run(line)
    assert done.returncode == 0, done.stderr
    target = Target.parse(f"cp3{minor}-{platform}")
    assert [str(tag) for tag in target.tags] == json.loads(done.stdout)


@pytest.mark.parametrize(
    ("target", "takes", "leaves"),
    [
        ("cp311-win_amd64", "cp311-cp311-win_amd64 cp38-abi3-win_amd64 py3-none-win_amd64 py3-none-any", "win32 linux"),
        ("cp37-win32", "cp37-cp37m-win32 py2.py3-none-win32", "win_amd64"),
        ("cp313-win_arm64", "cp313-cp313-win_arm64", "win_amd64"),
        (
            "cp312-macosx_12_0_arm64",
            "cp312-cp312-macosx_11_0_arm64 cp312-cp312-macosx_12_0_universal2 cp39-abi3-macosx_10_9_universal2",
            "cp312-macosx_13_0_arm64 macosx_10_9_x86_64",
        ),
        ("cp310-macosx_13_0_x86_64", "cp310-cp310-macosx_10_9_x86_64 cp310-cp310-macosx_10_9_intel", "arm64"),
        ("cp312-macosx_12_0_universal2", "cp312-cp312-macosx_11_0_universal2", "arm64 x86_64"),
        ("cp313t-win_amd64", "cp313-cp313t-win_amd64", "abi3-"),
        ("cp314t-manylinux_2_28_x86_64", "cp314-cp314t-manylinux_2_17_x86_64", "cp314-cp314-"),
    ],
)
def test_which_wheels_a_target_takes(target: str, takes: str, leaves: str) -> None:
    """As pip there would: an older macOS, both processors in one; a Mac of either kind takes the other's for none."""
    accepted = frozenset(Target.parse(target).tags)
    for wheel in takes.split():
        assert not parse_tag(wheel).isdisjoint(accepted), wheel
    assert not [tag for tag in map(str, accepted) for words in leaves.split() if words in tag]


def test_the_markers_are_those_of_the_system() -> None:
    """What platform.machine() says there; on both processors of Macs at once, it is unknown."""
    keys = ("os_name", "sys_platform", "platform_system", "platform_machine", "platform_python_implementation")
    said = {name: Target.parse(f"cp312-{name}").marker_environment for name in (*_MACHINES, "macosx_12_0_universal2")}
    assert [said["win_amd64"][key] for key in keys] == ["nt", "win32", "Windows", "AMD64", "CPython"]
    assert [said["win_arm64"][key] for key in keys] == ["nt", "win32", "Windows", "ARM64", "CPython"]
    assert [said["macosx_12_0_arm64"][key] for key in keys] == ["posix", "darwin", "Darwin", "arm64", "CPython"]
    assert [said["macosx_15_0_x86_64"][key] for key in keys] == ["posix", "darwin", "Darwin", "x86_64", "CPython"]
    assert said["win32"]["platform_machine"] == "x86"
    both = Target.parse("cp312-macosx_12_0_universal2")
    assert both.unknown_markers == ("platform_machine", "platform_release", "platform_version")


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("cp311-windows", "cp311-win_amd64"),
        ("python:3.11-windows-arm64", "cp311-win_arm64"),
        ("3.10-win32", "cp310-win32"),
        ("cp311-win64", "cp311-win_amd64"),
        ("cp312-macos14", "cp312-macosx_14_0_arm64"),
        ("cp312-macos-14.2-x86_64", "cp312-macosx_14_0_x86_64"),
        ("cp312-macosx_12_3_arm64", "cp312-macosx_12_0_arm64"),
        ("cp39-macos10.15", "cp39-macosx_10_15_x86_64"),
        ("3.13t", "cp313t-manylinux_2_27_x86_64"),
        ("python3.14t-bookworm-arm64", "cp314t-manylinux_2_36_aarch64"),
    ],
)
def test_what_people_call_them(name: str, means: str) -> None:
    """Without a processor, Windows is on x86-64 and macOS on arm64, but for releases older than that."""
    assert Target.parse(name).name == means


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("cp311-windws", "cp311-windows"), ("cp311-win_amd46", "cp311-win_amd64"), ("cp312-macos", "cp312-macos14")],
)
def test_a_misspelt_one_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    """Which is a name itself."""
    with pytest.raises(InvalidTarget, match=rf"is not understood \(is it {nearest}\?\)"):
        Target.parse(name)
    assert Target.parse(nearest).tags


def test_only_newer_pythons_are_free_threaded() -> None:
    """3.13 is the first (PEP 703)."""
    with pytest.raises(InvalidTarget, match="names a Python that airpack doesn't know"):
        Target.parse("cp312t-win_amd64")


def test_only_linux_boots() -> None:
    """Whatever the processor."""
    names = [f"cp312-{name}" for name in (*_MACHINES, "manylinux_2_28_aarch64", "musllinux_1_2_x86_64")]
    assert [name for name in names if Target.parse(name).boots] == names[-2:]


def test_a_profile_of_windows() -> None:
    """As pex makes one there: its tags and its markers must be of one system."""
    profile = Target.parse("cp311-win_amd64").to_dict()
    assert Target.from_dict(profile, named="it").name == "cp311-win_amd64"
    profile["marker_environment"]["sys_platform"] = "linux"
    with pytest.raises(InvalidTarget, match="it contradicts itself"):
        Target.from_dict(profile, named="it")
