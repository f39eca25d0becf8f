"""What `sitecustomize` does when an interpreter starts with the shim on its `PYTHONPATH`."""

from __future__ import annotations

import os
import sys

from airpack_runtime import boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from airpack_runtime.ready import Ready

# The status with which Azure ML's images end a start whose packages are missing.
FAILED = 97
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def start() -> None:
    """Activate the bundle in this process; leave one of another Python version, or pip, as it is.

    A failure ends the process, unless AIRPACK_ON_ERROR is "continue": an exception
    would not (`site` prints it and the program runs on without its packages).
    """
    if boot.is_disabled(os.environ) or _is_pip():
        return
    try:
        ready = boot.activate(None, os.environ)
        if "AIRPACK_BUNDLE" in os.environ:
            os.environ["AIRPACK_BUNDLE"] = ready.bundle  # absolute, for children that start elsewhere
        if ready.made or os.environ.get("AIRPACK_LOG", "off") != "off":
            log(ready)
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - `site` would print it and run the program without its packages
        from airpack_runtime.errors import BootError, OtherPython

        if isinstance(error, BootError):
            if not isinstance(error, OtherPython):
                _end(str(error), FAILED)
        else:
            _end(f"{type(error).__name__}: {error} (a fault of airpack itself)", FAILED)


def log(ready: Ready, *, always: bool = False) -> None:
    """Write the boot's line to standard error, if there is any to write and something to write to."""
    from airpack_runtime.care import log as record

    text = record.text(ready, os.environ, always=always)
    if text:
        _say(text)


def _is_pip() -> bool:
    """Tell whether this process is pip, to which the tree would be packages to upgrade and remove."""
    try:
        with open("/proc/self/cmdline", "rb", buffering=0) as file:
            words = file.read(4096).split(b"\0")[1:]
    except OSError:
        return False
    while words and words[0].startswith(b"-"):
        option = words.pop(0)
        if option in (b"-", b"-c"):
            return False
        if option.startswith(b"-m"):
            return (option[2:] or b"".join(words[:1])) == b"pip"
        if option in (b"-W", b"-X"):
            words = words[1:]
    program = os.path.basename(words[0]) if words else b""
    return program.startswith(b"pip") and program[3:4] in (b"", b"3", b".")


def _end(message: str, status: int) -> None:
    _say(f"airpack: {message}")
    if os.environ.get("AIRPACK_ON_ERROR") == "continue" and status == FAILED:
        return
    os._exit(status)


def _say(text: str) -> None:
    if sys.stderr is None:  # it is closed, and its descriptor may be another file's by now
        return
    try:  # noqa: SIM105 - contextlib takes longer to import
        # Not through its buffer: what can't be written would fail again when the program ends, and change its status.
        os.write(2, f"{text}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass
