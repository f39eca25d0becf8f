"""What compiled files need, held against what a manylinux platform promises (PEP 600)."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.audit import elf
from airpack.audit.manylinux import Needs, Policy, needs_of, policy_for, unmet


def _needs(machine: str = "EM_X86_64", libraries: tuple[str, ...] = (), **versions: tuple[int, ...]) -> Needs:
    families = {family: frozenset([version]) for family, version in versions.items()}
    return Needs(machine=machine, versions=families, libraries=libraries)


POLICY = Policy(machine="EM_X86_64", newest={"GLIBC": (2, 27), "GLIBCXX": (3, 4, 24)}, libraries=frozenset(["libc.so"]))


def test_needs_are_versions_as_numbers(library: Path) -> None:
    """By family, so that 2.34 counts as newer than 2.5."""
    needs = needs_of((library / "new.so").read_bytes())
    assert needs is not None
    assert needs.machine == "EM_X86_64"
    assert (2, 34) in needs.versions["GLIBC"]
    assert needs.libraries == ("libother.so", "libc.so.6")
    assert needs_of(b"#!/bin/sh\n") is None


def test_a_damaged_file_is_an_elf_error(library: Path) -> None:
    """The audit reports it as a finding."""
    with pytest.raises(elf.ELFError):
        needs_of((library / "new.so").read_bytes()[:200])


def test_a_version_without_plain_digits_is_no_number(library: Path) -> None:
    """`GLIBC_PRIVATE` is one; a superscript two is a digit to `str.isdigit` and none to `int`."""
    content = (library / "new.so").read_bytes()
    for text in ("PRIV", "²²"):
        changed = content.replace(b"GLIBC_2.34\0", b"GLIBC_" + text.encode() + b"\0")
        assert changed != content
        needs = needs_of(changed)
        assert needs is not None
        assert (2, 34) not in needs.versions.get("GLIBC", frozenset())


@pytest.mark.parametrize("number", ["9" * 5000, "2." + "9" * 5000, "2" + ".9" * 5000])
def test_a_version_of_many_digits_is_no_number(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    """No release has one, and to read it takes the square of its digits; the names of a file may have megabytes."""
    requested = elf.Requested(machine="EM_X86_64", versions=(f"GLIBC_{number}", "GLIBC_2.17"))
    monkeypatch.setattr(elf, "read", lambda *_: requested)
    needs = needs_of(b"")
    assert needs is not None
    assert needs.versions == {"GLIBC": frozenset({(2, 17)})}


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        (_needs(GLIBC=(2, 27), GLIBCXX=(3, 4, 5)), []),
        (_needs("EM_AARCH64", GLIBC=(2, 99)), ["is for another machine (EM_AARCH64)"]),
        (_needs(GLIBC=(2, 100)), ["needs GLIBC_2.100, the target has GLIBC_2.27"]),
        (
            _needs(GLIBC=(3,), GLIBCXX=(3, 4, 25)),
            ["needs GLIBC_3, the target has GLIBC_2.27", "needs GLIBCXX_3.4.25, the target has GLIBCXX_3.4.24"],
        ),
        (_needs(OPENSSL=(3, 0)), []),
    ],
)
def test_what_is_missing_is_said(needs: Needs, expected: list[str]) -> None:
    """The machine, and the newest version of each family that the policy knows."""
    assert list(unmet(needs, POLICY)) == expected


def test_a_policy_is_the_nearest_that_asks_no_more() -> None:
    """Of manylinux_2_28 and 2_31 the older for 2_30, but with the platform's own glibc."""
    policy, older, newer = (policy_for(f"manylinux_2_{minor}_x86_64") for minor in (30, 28, 31))
    assert policy is not None and older is not None and newer is not None
    assert (policy.machine, policy.newest["GLIBC"]) == ("EM_X86_64", (2, 30))
    assert policy.libraries == older.libraries
    assert policy.newest["GLIBCXX"] == older.newest["GLIBCXX"] < newer.newest["GLIBCXX"]
    assert "libc.so.6" in policy.libraries
    other = policy_for("manylinux_2_28_aarch64")
    assert other is not None
    assert (other.machine, other.newest["GLIBC"]) == ("EM_AARCH64", (2, 28))


@pytest.mark.parametrize("platform", ["musllinux_1_2_x86_64", "manylinux_2_4_x86_64", "linux_x86_64"])
def test_some_platforms_have_no_policy(platform: str) -> None:
    """Musl's symbols have no versions, and nothing is promised before manylinux_2_5."""
    assert policy_for(platform) is None
