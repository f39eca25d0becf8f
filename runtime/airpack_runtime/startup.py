"""What `sitecustomize` runs when an interpreter starts with the shim on its `PYTHONPATH`."""

from __future__ import annotations

import os
import sys

from airpack_runtime import boot, trust

# They would see the tree's packages as installed, and upgrade or remove them.
_INSTALLERS = (b"pip", b"conda", b"mamba")


class Environ(os._Environ):  # type: ignore[type-arg]  # Python 3.7 can't evaluate what it holds
    """The variables of this process, in which the shim's `folder` stays in front on a PYTHONPATH that is set.

    Programs that put a `sitecustomize` of their own there for another Python (opentelemetry-instrument, ddtrace-run)
    would hide the shim's, and that Python would run without the packages. The shim's runs theirs after it. So would the
    children of a program that sets a path of its own, which in a virtual environment find the packages all the same.
    """

    folder = ""

    def __setitem__(self, name: str, value: str) -> None:
        """Set a variable. Raises TypeError for what is no text."""
        if name == "PYTHONPATH" and isinstance(value, str):
            value = boot.in_front(self.folder, value)
        super().__setitem__(name, value)


def start(folder: str) -> None:
    """Activate the bundle in this process, unless it is pip, conda, or of another Python version than the bundle's.

    `folder` is the one on PYTHONPATH whose `sitecustomize` runs. A failure ends the process, unless AIRPACK_ON_ERROR is
    "continue". An exception would not end it: `site` prints it, and the program runs on without its packages.
    """
    if boot.is_disabled(os.environ) or _is_installer():
        return
    try:
        _tell(folder)
        ready = boot.activate(None, os.environ)
        if folder in sys.path and not os.path.isdir(folder):  # in a zip file: programs that look at each entry fail
            sys.path.remove(folder)
        _settle(folder)
        Environ.folder = folder
        os.environ.__class__ = Environ
        if "AIRPACK_BUNDLE" in os.environ:
            os.environ["AIRPACK_BUNDLE"] = ready.bundle  # absolute, for children that start in another folder
        if ready.created or os.environ.get("AIRPACK_LOG", "off") != "off":
            from airpack_runtime.care import log

            log.write(ready, os.environ)
    except KeyboardInterrupt:
        _say("airpack: interrupted")
        os._exit(boot.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - `site` would print it and run the program without its packages
        from airpack_runtime.errors import BootError, OtherPython, printable

        if isinstance(error, OtherPython):
            return
        message = printable(str(error))
        if not isinstance(error, BootError):
            message = "%s: %s (a bug in airpack)" % (type(error).__name__, message)
        if os.environ.get("AIRPACK_ON_ERROR") == "continue":
            _say("airpack: " + message)
        else:
            from airpack_runtime.care.log import with_doctor

            _say("airpack: " + with_doctor(message, boot.shim_root()))
            os._exit(BootError.status)


def _settle(folder: str) -> None:
    """Make the entry of PYTHONPATH that is `folder` absolute, for children that start in another folder."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if folder in entries:
        return
    try:
        entries = [folder if entry and os.path.abspath(entry) == folder else entry for entry in entries]
    except OSError:  # the current folder was deleted
        return
    if folder in entries:
        os.environ["PYTHONPATH"] = os.pathsep.join(entries)


def _tell(folder: str) -> None:
    """Write a line for each variable that nothing reads, and one if a `sitecustomize` ran before, without packages.

    The processes that this one starts don't write them again.
    """
    if boot.ACTIVE in os.environ:
        return
    for name in trust.unread(os.environ):
        from airpack_runtime import errors

        _say("airpack: " + errors.unread(name, trust.SETTINGS))
    other = getattr(sys.modules.get("sitecustomize"), "__file__", None)
    if other and os.path.dirname(os.path.abspath(other)) != folder:
        from airpack_runtime.errors import printable

        _say(printable("airpack: %s ran without the packages: name %s first in PYTHONPATH" % (other, folder)))


def _say(text: str) -> None:
    from airpack_runtime.care import log

    log.say(text)


def _is_installer() -> bool:
    """Return whether this process is pip, or another program that installs packages."""
    try:  # sys.argv is not set yet when sitecustomize runs
        with open("/proc/self/cmdline", "rb", buffering=0) as file:
            words = file.read(4096).split(b"\0")[1:]
    except OSError:
        return False
    while words and words[0].startswith(b"-"):
        option = words.pop(0)
        if option == b"--":
            break
        # Letters that take no value may stand before one that does.
        letters = option[1:] if option[1:2] != b"-" else b"X"
        letter = letters.lstrip(b"bBdEhiIOPqRsStuvVx?")[:1]
        value = letters.partition(letter)[2] if letter else b""
        if letter == b"c" or option == b"-":
            return False
        if letter and not value and words:
            value = words.pop(0)
        if letter == b"m":
            return value in _INSTALLERS
    program = os.path.basename(words[0]) if words else b""
    return program.rstrip(b"0123456789.") in _INSTALLERS
