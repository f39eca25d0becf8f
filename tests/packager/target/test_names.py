"""Targets by what people know of an image: its Python and its distribution."""

from __future__ import annotations

import platform
import re

import pytest
from airpack.base.errors import InvalidTarget
from airpack.cli.app import main
from airpack.target import distributions
from airpack.target.target import Target
from airpack_runtime import layout
from support import machine

# What pep600_compliance's table of x86-64 says, read in August 2026: an account that is not airpack's own.
_SEEN = {
    17: "centos7 oraclelinux7 ubi7",
    19: "debian8",
    24: "debian9",
    26: "amazonlinux2",
    27: "ubuntu18.04",
    28: "almalinux8 debian10 oraclelinux8 ubi8 rocky8",
    31: "debian11 opensuse15.5 ubuntu20.04",
    32: "photon4",
    34: "almalinux9 amazonlinux2023 centos9 oraclelinux9 ubi9 rocky9",
    35: "ubuntu22.04",
    36: "debian12 photon5",
    38: "fedora39 opensuse15.6 ubuntu23.10",
    39: "almalinux10 centos10 fedora40 oraclelinux10 ubi10 rocky10 ubuntu24.04",
    40: "fedora41 opensuse16.0 ubuntu24.10",
    41: "debian13 fedora42 ubuntu25.04",
    42: "fedora43 ubuntu25.10",
    43: "fedora44 ubuntu26.04",
}


@pytest.mark.parametrize("glibc", _SEEN)
def test_the_table_agrees_with_what_was_seen_on_each_distribution(glibc: int) -> None:
    """By those who installed each and asked it for its glibc."""
    known = distributions.platforms()
    assert {known[name] for name in _SEEN[glibc].split()} == {f"manylinux_2_{glibc}"}


def test_the_table_agrees_with_this_machine() -> None:
    """If it is one of the distributions, its glibc is the one that Python finds here."""
    release = platform.freedesktop_os_release()
    name = f"{release['ID']}{release.get('VERSION_ID', '')}"
    libc, version = platform.libc_ver()
    if libc != "glibc" or name not in distributions.platforms():
        pytest.skip(f"{name} is not in the table")
    assert distributions.platforms()[name] == f"manylinux_{version.replace('.', '_')}"


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("cp310-ubuntu22.04", "cp310-manylinux_2_35_x86_64"),
        ("cp310-ubuntu22.04-aarch64", "cp310-manylinux_2_35_aarch64"),
        ("CP310-Ubuntu-22.04", "cp310-manylinux_2_35_x86_64"),
        ("py310-jammy", "cp310-manylinux_2_35_x86_64"),
        ("cp38-focal-amd64", "cp38-manylinux_2_31_x86_64"),
        ("cp312-debian12", "cp312-manylinux_2_36_x86_64"),
        ("cp312-debian-12.5-arm64", "cp312-manylinux_2_36_aarch64"),
        ("python:3.12-slim-bookworm", "cp312-manylinux_2_36_x86_64"),
        ("cp39-rhel8", "cp39-manylinux_2_28_x86_64"),
        ("cp39-rhel8.6", "cp39-manylinux_2_28_x86_64"),
        ("cp39-el8", "cp39-manylinux_2_28_x86_64"),
        ("cp39-ubi9-minimal", "cp39-manylinux_2_34_x86_64"),
        ("cp39-rockylinux9.3", "cp39-manylinux_2_34_x86_64"),
        ("cp311-amazonlinux2023", "cp311-manylinux_2_34_x86_64"),
        ("cp37-amzn2", "cp37-manylinux_2_26_x86_64"),
        ("cp312-alpine3.20", "cp312-musllinux_1_2_x86_64"),
        ("3.12-alpine3.20.3-aarch64", "cp312-musllinux_1_2_aarch64"),
        ("cp310-mariner2", "cp310-manylinux_2_35_x86_64"),
        ("py3.10", "cp310-manylinux_2_27_x86_64"),
        ("cp310", "cp310-manylinux_2_27_x86_64"),
        ("3.10", "cp310-manylinux_2_27_x86_64"),
        ("cp310-manylinux_2_28", "cp310-manylinux_2_28_x86_64"),
        ("cp310-musllinux_1_2-arm64", "cp310-musllinux_1_2_aarch64"),
        ("cp37-manylinux2014_x86_64", "cp37-manylinux2014_x86_64"),
        ("docker.io/library/python:3.12-slim-bookworm", "cp312-manylinux_2_36_x86_64"),
        ("arm64v8/python:3.12-bookworm", "cp312-manylinux_2_36_aarch64"),
        ("registry.access.redhat.com/ubi9/python-311:latest", "cp311-manylinux_2_34_x86_64"),
        ("mcr.microsoft.com/azureml/minimal-ubuntu22.04-py310-cpu-inference:latest", "cp310-manylinux_2_35_x86_64"),
        ("azureml/minimal-ubuntu-20.04-py38-cpu-inference", "cp38-manylinux_2_31_x86_64"),
    ],
)
def test_a_name_means_its_platform(name: str, means: str) -> None:
    """The same tags and markers; the target is called by its platform."""
    assert Target.parse(name) == Target.parse(means)
    assert Target.parse(name).name == means


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("cp310-ubunto22.04", "cp310-ubuntu22.04"),
        ("cp310-ubuntu2204", "cp310-ubuntu22.04"),
        ("cp312-debain12", "cp312-debian12"),
        ("cp312-debian14-arm64", "cp312-debian13-aarch64"),
        ("cp312-bookwrm", "cp312-bookworm"),
        ("cp39-rehl8", "cp39-rhel8"),
        ("cp311-amazonlinux2024", "cp311-amazonlinux2023"),
        ("cp312-alpin3.20", "cp312-alpine3.20"),
        ("cp310-manylinux228", "cp310-manylinux_2_28"),
        ("ubuntu22.04", "cp310-ubuntu22.04"),
        ("cb310-debian12", "cp310-debian12"),
        ("cp310-debian", "cp310-debian13"),
        ("python:3.11-alpine", "cp311-alpine3.23"),
        ("cp312-alpine3", "cp312-alpine3.23"),
        ("cp312-alpine3.24", "cp312-alpine3.23"),
        ("cp312-alpine3.8", "cp312-alpine3.9"),
        ("ubuntu22.10", "cp310-ubuntu22.04"),
        ("cp312-ubuntu24.4", "cp312-ubuntu24.04"),
        ("cp312-fedora99", "cp312-fedora44"),
        ("cp39-centos6", "cp39-centos7"),
        ("cp312-amazonlinux", "cp312-amazonlinux2023"),
        ("ubuntu22.04-py310", "cp310-ubuntu22.04"),
        ("cp312 ubuntu24.04", "cp312-ubuntu24.04"),
        ("cp312-linux", "cp312-manylinux_2_27"),
        ("cp312-linux_x86_64", "cp312-manylinux_2_27_x86_64"),
        ("cp312-aarch64", "cp312-manylinux_2_27_aarch64"),
        ("cp312-glibc2.28", "cp312-manylinux_2_28"),
        ("cp312-musl", "cp312-musllinux_1_2"),
        ("manylinux_2_28_x86_64", "cp310-manylinux_2_28_x86_64"),
        ("cp312-abi3-manylinux_2_28_x86_64", "cp312-manylinux_2_28_x86_64"),
        ("x86_64-unknown-linux-gnu", "cp310-manylinux_2_27_x86_64"),
        ("aarch64-unknown-linux-musl", "cp310-musllinux_1_2_aarch64"),
        ("aarch64-apple-darwin", "cp310-macos14-aarch64"),
        ("linux-64", "cp310-manylinux_2_27"),
        ("osx-arm64", "cp310-macos14-aarch64"),
        ("win-64", "cp310-windows"),
        ("cp312-windows11", "cp312-windows"),
        ("cp312-darwin", "cp312-macos14"),
        # Older than any image, or any Mac with that processor.
        ("cp312-musllinux_1_0_x86_64", "cp312-musllinux_1_1_x86_64"),
        ("cp37-manylinux_2_4_x86_64", "cp37-manylinux_2_5_x86_64"),
        ("cp310-manylinux_2_16_aarch64", "cp310-manylinux_2_17_aarch64"),
        ("cp310-manylinux2010_aarch64", "cp310-manylinux2014_aarch64"),
        ("cp312-macosx_10_9_arm64", "cp312-macos11-aarch64"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    """Which is a name itself."""
    with pytest.raises(InvalidTarget, match=re.escape(f"is not understood (is it {nearest}?): write cpXY-PLATFORM")):
        Target.parse(name)
    assert Target.parse(nearest).tags


@pytest.mark.parametrize("name", ["pp310-manylinux_2_28_x86_64", "pypy3.10", "graalpy311-ubuntu22.04"])
def test_another_python_is_told_as_that(name: str) -> None:
    """A CPython of that version is another target."""
    with pytest.raises(InvalidTarget, match=r"is of another Python: bundles and wheelhouses are for CPython"):
        Target.parse(name)


@pytest.mark.parametrize(
    "name", ["cp310-manylinux1", "cp39-musllinux_1_1", "cp312-macosx_10_9_x86_64", "cp313-macos10.15"]
)
def test_what_no_bundle_is_for_has_wheels(name: str) -> None:
    """CentOS 5 and 6, Alpine 3.12, and macOS before 11 have images and Pythons, and wheels are made for them."""
    assert Target.parse(name).tags


@pytest.mark.parametrize("name", ["cp37-solaris", "cp312-qnx", "shwo", "cp310-ubuntu22.04-s390x"])
def test_a_name_of_nothing_similar_names_none(name: str) -> None:
    """It only says how names are written."""
    with pytest.raises(InvalidTarget, match="is not understood: write cpXY-PLATFORM"):
        Target.parse(name)


@pytest.mark.parametrize(
    "name",
    [
        "mcr.microsoft.com/azureml/minimal-py310-inference",
        "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
        "python:3.10-slim",
        "acme/model:3.10.4-ubuntu22.04",
        "acme/debian12-or-ubuntu22.04-py310",
        "s390x/python:3.12-bookworm",
        "balenalib/armv7hf-debian-python:3.10-bookworm",
        "acme/python3.10-windows-bookworm",
    ],
)
def test_an_image_whose_name_tells_too_little_can_be_probed(name: str) -> None:
    """Nothing is guessed; the line has the command."""
    with pytest.raises(InvalidTarget) as caught:
        Target.parse(name)
    assert str(caught.value) == (
        f"target {name!r} is an image's name that doesn't tell one Python and one distribution that airpack knows: "
        f"write them, such as cp310-ubuntu22.04, or have the image tell them: airpack probe {name} -o image.json"
    )


def test_a_patch_version_in_a_name_is_the_targets() -> None:
    """As --python-version gives it; that comes first."""
    assert Target.parse("3.11.4-debian12").python_full_version == "3.11.4"
    assert not Target.parse("3.11.4-debian12").assumed_release
    assert Target.parse("3.11.4-debian12", python_version="3.11.5").python_full_version == "3.11.5"
    assert Target.parse("cp311-debian12", python_version="3.11").assumed_release
    assert Target.parse("library/python:3.11.4-slim-bookworm").python_full_version == "3.11.4"


@pytest.mark.parametrize(
    ("words", "means"),
    [
        ("--python-version 3.10", "cp310-manylinux_2_27_x86_64"),
        ("--python-version 3.10.4", "cp310-manylinux_2_27_x86_64 3.10.4"),
        ("cp310-ubuntu22.04 --python-version 3.10", "cp310-manylinux_2_35_x86_64"),
    ],
)
def test_a_version_alone_names_the_target(capsys: pytest.CaptureFixture[str], words: str, means: str) -> None:
    """With the default platform; where a target is named, it must be of that version."""
    assert main(["target", "show", *words.split()]) == 0
    name, *version = means.split()
    shown = capsys.readouterr().out
    assert shown.startswith(f"target    {name}\n")
    assert not version or f"python    {version[0]}\n" in shown


def test_python_takes_a_version_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    """For a resolve it names the target; a bundle has one already, which it must not contradict."""
    assert main(["lock", "--python", "3.10", "--no-index", "nothing-is-here"]) == 1
    assert capsys.readouterr().err.startswith("target    cp310-manylinux_2_27_x86_64, assuming Python 3.10.")
    golden = str(machine.FIXTURES / "golden" / layout.BUNDLE_NAME)
    assert main(["run", golden, "--python", "3.12", "--", "true"]) == 1
    assert capsys.readouterr().err == ("airpack: error: --python 3.12 is not the target's Python 3.7: leave it out\n")


def test_the_list_has_every_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    """And each Python, within 80 columns."""
    assert main(["target", "list"]) == 0
    shown = capsys.readouterr().out
    assert set(distributions.platforms()) | {"cp37", "cp314", "bookworm"} <= set(re.findall(r"[\w.]+", shown))
    assert max(map(len, shown.splitlines())) <= 80
