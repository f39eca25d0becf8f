"""The host in a target's terms."""

from __future__ import annotations

import os
import sys

import pytest
from airpack_runtime import host
from airpack_runtime.errors import OtherPython, WrongTarget


def test_this_python_is_its_own_target() -> None:
    """The tag is that of PEP 425."""
    assert host.python_tag() == "cp{}{}".format(*sys.version_info[:2])
    assert host.is_target_python(host.python_tag() + "-manylinux_2_17_x86_64")
    assert not host.is_target_python("cp27-manylinux_2_17_x86_64")


def test_a_free_threaded_python_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its extension modules have another ABI (PEP 703)."""
    tag = host.python_tag()
    monkeypatch.setattr(sys, "abiflags", "t")
    assert host.python_tag() == f"{tag}t"
    assert not host.is_target_python(f"{tag}-manylinux_2_17_x86_64")


@pytest.mark.parametrize(
    ("platform", "reason"),
    [
        ("manylinux_2_5_{machine}", None),
        ("manylinux2014_{machine}", None),
        ("manylinux_2_99_{machine}", "a system with glibc 2."),
        ("manylinux_2_17_riscv64", "a {machine} machine"),
    ],
)
def test_what_does_not_fit_is_named(platform: str, reason: str) -> None:
    """A bundle for another machine or a newer glibc is refused in words."""
    machine = os.uname().machine
    found = host.reason_against("cp37-" + platform.format(machine=machine))
    if reason is None:
        assert found is None
    else:
        assert (found or "").startswith(reason.format(machine=machine))


def test_a_target_must_name_this_python_and_machine() -> None:
    """Another Python version is an error of its own, since the drop-in form leaves such a process as it is."""
    machine = os.uname().machine
    host.check("bundle", f"{host.python_tag()}-manylinux_2_5_{machine}")
    with pytest.raises(OtherPython, match=f"bundle was packed for cp27-x, but this is Python {host.python_tag()}: run"):
        host.check("bundle", "cp27-x")
    with pytest.raises(
        WrongTarget, match=r"but this is a .* machine: pack it with the --target of this image"
    ) as caught:
        host.check("bundle", f"{host.python_tag()}-manylinux_2_5_riscv64")
    assert not isinstance(caught.value, OtherPython)
