"""The boot side of airpack: puts a bundle's packages on `sys.path`, offline.

Standard library only, Python >= 3.7. Nothing heavy is imported here: every
Python process of a deployment may load this package when it starts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import MutableMapping

__version__ = "0.1.0"


def activate(bundle: str | None = None, env: MutableMapping[str, str] | None = None) -> str:
    """Make the packages of `bundle` importable in this process, and in the Pythons that it starts.

    `bundle` is a path; without it, the bundle is looked for as
    `airpack_runtime.boot.find_bundle` says. `env` is the environment to read
    settings from (default `os.environ`).

    Returns the folder that was put on `sys.path`. Raises
    `airpack_runtime.errors.BootError` if the bundle can't be found, is
    damaged or of another target, or if no folder can hold its tree: its
    message is one line for the log.
    """
    import os
    import sys

    from airpack_runtime import activation, boot

    env = os.environ if env is None else env
    ready = boot.activate(bundle, env)
    if "airpack_runtime.startup" in sys.modules:  # they start as this process did, by a `sitecustomize` or a .pth file
        env["AIRPACK_BUNDLE"] = ready.bundle
    elif os.pathsep not in boot.dropin():  # which can't stand in PYTHONPATH
        boot.pass_on(ready, env)
    return activation.site_of(ready.tree)
