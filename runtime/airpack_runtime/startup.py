"""What `sitecustomize` does when an interpreter starts with the shim on its `PYTHONPATH`."""

from __future__ import annotations

import os
import sys

from airpack_runtime import activation, boot, host
from airpack_runtime.errors import BootError

# The status with which Azure ML's images end a start whose packages are missing.
FAILED = 97


def start(own_folder: str) -> None:
    """Activate the bundle in this process, then run the image's own `sitecustomize`.

    Leaves an interpreter of another version than the target's as it is.
    A failure ends the process: an exception would not (site prints it and the
    program runs on without its packages).
    """
    try:
        _activate()
    except BootError as error:
        _end(str(error), FAILED)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except Exception as error:  # noqa: BLE001 - `site` would print it and run the program without its packages
        _end(f"{type(error).__name__}: {error} (a fault of airpack itself)", FAILED)
    _run_next_sitecustomize(own_folder)


def _activate() -> None:
    path = boot.find_bundle(os.environ)
    seen = boot.look_up(path, os.environ)
    target = seen[0] if seen else boot.target_of(path)
    if host.is_target_python(target):
        activation.activate(boot.tree_of(path, os.environ), os.environ)


def _end(message: str, status: int) -> None:
    sys.stderr.write(f"airpack: {message}\n")
    sys.stderr.flush()
    os._exit(status)


def _run_next_sitecustomize(own_folder: str) -> None:
    """Run the `sitecustomize` that the shim's hides, if there is one."""
    path = [entry for entry in sys.path if os.path.abspath(entry) != own_folder]
    for finder in sys.meta_path:
        spec = finder.find_spec("sitecustomize", path)
        if spec is not None and spec.loader is not None:
            module = type(sys)("sitecustomize")
            module.__spec__, module.__file__, module.__loader__ = spec, spec.origin, spec.loader
            sys.modules["sitecustomize"] = module
            spec.loader.exec_module(module)
            return
