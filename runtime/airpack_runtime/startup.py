"""What `sitecustomize` does when an interpreter starts with the shim on its `PYTHONPATH`."""

from __future__ import annotations

import os
import sys

from airpack_runtime import activation, boot
from airpack_runtime.errors import BootError, OtherPython

# The status with which Azure ML's images end a start whose packages are missing.
FAILED = 97
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def start() -> None:
    """Activate the bundle in this process; leave one of another Python version as it is.

    A failure ends the process: an exception would not (`site` prints it and the
    program runs on without its packages).
    """
    try:
        path = boot.find_bundle(os.environ)
        activation.activate(boot.tree_of(path, os.environ), os.environ)
        if "AIRPACK_BUNDLE" in os.environ:
            os.environ["AIRPACK_BUNDLE"] = path  # absolute, for children that start elsewhere
    except OtherPython:
        return
    except BootError as error:
        _end(str(error), FAILED)
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - `site` would print it and run the program without its packages
        _end(f"{type(error).__name__}: {error} (a fault of airpack itself)", FAILED)


def _end(message: str, status: int) -> None:
    try:
        sys.stderr.write(f"airpack: {message}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # standard error is closed: the status must do
        pass
    os._exit(status)
