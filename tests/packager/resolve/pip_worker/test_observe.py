"""Impossible resolves of real wheels: the line names the true cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

Failing = Callable[..., str]


@pytest.fixture
def failing(airpack: Airpack, index: Index, tmp_path: Path) -> Failing:
    """Return a function that locks lines of a file, which must fail, and returns the message."""

    def lock(*lines: str, words: tuple[object, ...] = ()) -> str:
        file = tmp_path / "r.txt"
        file.write_text("".join(f"{line}\n" for line in lines))
        assert airpack("lock", "-o", airpack.output, "--index-url", index.url, "-r", file, *words) == 1, airpack.out
        assert len(airpack.err.splitlines()) == 1 or not airpack.err.splitlines()[-2].startswith("airpack: error")
        return airpack.error.removeprefix("airpack: error: ").replace(f"{tmp_path}/", "")

    return lock


@pytest.mark.slow
def test_yanked(failing: Failing, index: Index, wheels: Path) -> None:
    """A requirement of the user's, and one of a package; a file that is not yanked makes the version usable."""
    build_wheel(wheels, "one", "0.1")
    index.yanked[build_wheel(wheels, "one", "1.0").name] = "it lost data"
    build_wheel(wheels, "two", requires=["one>0.1"])
    reason = "the only version that fits, 1.0, is yanked (it lost data): require one==1.0 to take it all the same"
    assert failing("one>0.1") == f"one>0.1 (line 1 of r.txt): {reason}, or accept 0.1, the newest that is not"
    assert failing("three; python_version < '3'", "two") == (
        f"one>0.1 (required by two 1.0, line 2 of r.txt): {reason}, or drop two"
    )
    index.yanked[build_wheel(wheels, "one", "0.1").name] = ""
    assert failing("one").startswith("one (line 1 of r.txt): all versions that fit are yanked (it lost data): require")


@pytest.mark.slow
def test_who_led_to_a_missing_package(failing: Failing, wheels: Path) -> None:
    """The package that has the requirement, and the line that led to that."""
    build_wheel(wheels, "one", requires=["two"])
    build_wheel(wheels, "two", requires=["absent>=2"])
    assert failing("# first", "one").startswith(
        "absent>=2 (required by two 1.0, for one, line 2 of r.txt): no such distribution was found"
    )


@pytest.mark.slow
def test_what_holds_who_requires_a_missing_package(failing: Failing, wheels: Path) -> None:
    """A newer version of it does without, but others of the user's packages hold it; that works once they are gone."""
    build_wheel(wheels, "one", requires=["absent"])
    build_wheel(wheels, "one", "2.0")
    for version in ("1.0", "2.0"):
        build_wheel(wheels, "two", version, requires=["one==1.0"])
    found = "no such distribution was found: say where it is with --index-url or --find-links"
    assert failing("one", "two") == (
        "absent (required by one 1.0, itself required by two 1.0, two 2.0, line 1 of r.txt): "
        f"{found}, or drop one or two"
    )
    assert failing("one<2") == (
        f"absent (required by one 1.0, line 1 of r.txt): {found}, or require another version of one, such as 2.0"
    )


def test_a_conflict_with_what_leaves_no_way_out(failing: Failing, wheels: Path) -> None:
    """The version that would do, and that the user excluded it."""
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(wheels, "one", version, requires=[f"two=={version}"])
        build_wheel(wheels, "two", version)
    assert failing("one!=2.0", "two==2.0") == (
        "these requirements conflict: you asked for one!=2.0 (line 1 of r.txt); "
        "you asked for two==2.0 (line 2 of r.txt); one 1.0 requires two==1.0; one 3.0 requires two==3.0: "
        "loosen or drop one of them"
    )


def test_what_tried_packages_require_of_a_side(failing: Failing, wheels: Path) -> None:
    """Their versions exclude the one that would do."""
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(wheels, "one", version, requires=[f"two=={version}"])
        build_wheel(wheels, "two", version)
    build_wheel(wheels, "three", "1.0", requires=["one<2.0", "one>9; python_version < '3'"])
    build_wheel(wheels, "three", "2.0", requires=["one>=3.0"])
    assert failing("one", "two==2.0", "three").endswith(
        "one 1.0 requires two==1.0; one 3.0 requires two==3.0; "
        "three 1.0 requires one<2.0; three 2.0 requires one>=3.0: loosen or drop one of them"
    )


@pytest.mark.slow
def test_a_constraint(failing: Failing, wheels: Path, tmp_path: Path) -> None:
    """Its line is told, whether it excludes a requirement or asks for a version that is not there."""
    for version in ("1.0", "2.0"):
        build_wheel(wheels, "one", version)
    limits = tmp_path / "limits.txt"
    limits.write_text("\none==1.0\n")
    assert failing("one>1", words=("-c", limits)) == (
        "these requirements conflict: you asked for one>1 (line 1 of r.txt); a constraint requires one==1.0 (line 2 of "
        "limits.txt): loosen or drop one of them"
    )
    limits.write_text("one==9\n")
    assert failing("one", words=("-c", limits)) == (
        "one==9 (a constraint, line 1 of limits.txt): no such version; there are 1.0, 2.0: loosen it, or name the "
        "index that has it with --extra-index-url"
    )


def test_metadata_that_no_pip_reads(failing: Failing, wheels: Path) -> None:
    """The version is named, and the text."""
    build_wheel(wheels, "one", "1.0", requires=["two (three)"])
    build_wheel(wheels, "one", "0.9")
    message = failing("one==1.0")
    assert message.startswith("one==1.0 (line 1 of r.txt): version 1.0 has metadata that no pip reads ('two (three)': ")
    assert message.endswith("): accept 0.9, the newest that is not")


def test_forms_that_are_forbidden(failing: Failing, wheels: Path) -> None:
    """Only wheels under `--no-binary`, and how to let one pass; it does pass then."""
    build_wheel(wheels, "one")
    assert failing("--no-binary :all:", "one") == (
        "one (line 2 of r.txt): version 1.0 has only wheels, and --no-binary forbids them: "
        "give --only-binary one after it"
    )


def test_an_egg(failing: Failing, wheels: Path) -> None:
    """A project with files that no pip installs is there, and that is said."""
    (wheels / "one-1.0-py2.7.egg").write_bytes(b"")
    assert "it has only files that pip doesn't install, such as one-1.0-py2.7.egg" in failing("one")
