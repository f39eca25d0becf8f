"""Lets the interpreter of a build answer for the target's machine and libc, where they are not those at hand.

`sysconfig` and distutils take their values from this module by way of `_PYTHON_SYSCONFIGDATA_NAME`, as CPython's own
cross builds do: the suffix of extension modules, for one. A line in a `.pth` calls `answer_for_target`. It runs under
the target's Python, 3.7 or newer, and imports nothing of airpack.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

_MACHINE, _TRIPLET = "AIRPACK_BUILD_MACHINE", "AIRPACK_BUILD_TRIPLET"


def answer_for_target() -> None:
    """Let `os.uname`, and thereby `platform.machine`, name the target's machine, if the build has another."""
    machine = os.environ.get(_MACHINE)
    if machine:
        here = os.uname()
        there = os.uname_result((*here[:4], machine))
        os.uname = lambda: there


def _variables() -> dict[str, Any]:
    own = "_sysconfigdata_{}_{}_{}".format(
        getattr(sys, "abiflags", ""), sys.platform, getattr(sys.implementation, "_multiarch", "")
    )
    variables = dict(importlib.import_module(own).build_time_vars)
    here, there = variables.get("MULTIARCH") or sys.implementation._multiarch, os.environ[_TRIPLET]
    for name in ("EXT_SUFFIX", "SO", "SOABI", "MULTIARCH"):
        if variables.get(name):
            variables[name] = variables[name].replace(here, there)
    return variables


if os.environ.get(_TRIPLET):
    build_time_vars = _variables()
