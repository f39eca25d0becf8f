"""What the tests of several processes share: the machine, by turns, and what is made once for all of them.

Runs under Python 3.7 as well, with nothing of the packager installed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

_TESTS = Path(__file__).resolve().parent.parent


class Machine:
    """The machine, which any number of tests share or one has to itself, whichever processes run them.

    Locks on two folders of this clone say who has it; the kernel frees them when a process ends.
    """

    def __init__(self) -> None:
        self._door, self._room = (os.open(path, os.O_RDONLY) for path in (_TESTS / "support", _TESTS))
        self.is_taken = False

    def take(self, *, alone: bool) -> None:
        """Wait until no other test runs, if `alone`, else until none has the machine to itself."""
        if not self.is_taken:
            fcntl.flock(self._door, fcntl.LOCK_EX)  # one who waits to be alone lets no further in
            fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            fcntl.flock(self._door, fcntl.LOCK_UN)
            self.is_taken = True

    def leave(self) -> None:
        """Let others have it."""
        fcntl.flock(self._room, fcntl.LOCK_UN)
        self.is_taken = False


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder `name` that `make` fills once, for all processes of this run."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with open(base / f"{name}.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_marked(lock):
            shutil.rmtree(base / name, ignore_errors=True)  # what another left that failed
            (base / name).mkdir()
            make(base / name)
            lock.write("made\n")
    return base / name


def _is_marked(lock: IO[str]) -> bool:
    lock.seek(0)
    return lock.read() == "made\n"
