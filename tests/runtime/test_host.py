"""The host in a target's terms."""

from __future__ import annotations

import os
import sys

import pytest
from airpack_runtime import host


def test_this_python_is_its_own_target() -> None:
    """The tag is that of PEP 425."""
    assert host.python_tag() == "cp{}{}".format(*sys.version_info[:2])
    assert host.is_target_python(host.python_tag() + "-manylinux_2_17_x86_64")
    assert not host.is_target_python("cp27-manylinux_2_17_x86_64")


@pytest.mark.parametrize(
    ("platform", "objection"),
    [
        ("manylinux_2_5_{machine}", None),
        ("manylinux2014_{machine}", None),
        ("manylinux_2_99_{machine}", "a system with glibc 2."),
        ("manylinux_2_17_riscv64", "a {machine} machine"),
    ],
)
def test_what_does_not_fit_is_named(platform: str, objection: str) -> None:
    """A bundle for another machine or a newer glibc is refused in words."""
    machine = os.uname().machine
    found = host.objection("cp37-" + platform.format(machine=machine))
    if objection is None:
        assert found is None
    else:
        assert (found or "").startswith(objection.format(machine=machine))
