"""Where a command writes its one file: a path, standard output, or a pipe or device that exists already."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout

from airpack.base import lines, staging

STANDARD = "-"
# Names of open descriptors: they lead to whatever was opened, and must never be replaced by a file.
_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin", "/dev/stdout", "/dev/stderr")
_STDOUT = 1
_FILES = (".gz", ".pex", ".pyz", ".tar", ".tgz", ".whl", ".zip", ".zst")  # the ends of names that no folder has


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """Where a command writes one file, as the user named it.

    `path` is a place for a regular file, None for standard output (`-`) and for what is open already, such as
    `/dev/stdout` or a named pipe: that is written as it is, and nothing of it is read or replaced.
    """

    name: str
    path: Path | None

    @classmethod
    def parse(cls, text: str) -> Output:
        """Return the place called `text`. For argparse."""
        is_stream = text == STANDARD or text.startswith(_DESCRIPTORS) or _is_special(text)
        return cls(name=text, path=None if is_stream else Path(text))

    def write(self, text: str) -> None:
        """Write `text`, in UTF-8 whatever the locale: a file is replaced in one step. Raises OSError or WriteFailed.

        On a terminal, nothing of it acts: it may have been taken from a bundle.
        """
        if self.path is None:
            self.send((lines.harmless(text) if self._is_terminal() else text).encode())
        else:
            staging.write_text(self.path, text)

    def send(self, content: bytes) -> None:
        """Write `content` where `path` is None. Raises OSError."""
        if self.name == STANDARD or self._is_standard():
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
            return
        # Neither created nor cut: it is there, and a file behind a descriptor may be written by others as well.
        with open(os.open(self.name, os.O_WRONLY | os.O_CLOEXEC), "wb") as file:
            file.write(content)

    def _is_terminal(self) -> bool:
        if self.name == STANDARD or self._is_standard():
            return sys.stdout.isatty()
        if not stat.S_ISCHR(os.stat(self.name).st_mode):  # a pipe: its reader would see an end
            return False
        descriptor = os.open(self.name, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            return os.isatty(descriptor)
        finally:
            os.close(descriptor)

    def _is_standard(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.name), os.fstat(_STDOUT))
        except OSError:
            return False


def several(text: str) -> Path:
    """Return the place of several files, a folder or a name without a suffix. For argparse: `-` can't hold them."""
    if text == STANDARD:
        raise argparse.ArgumentTypeError("'-' is standard output, and several files are written: give another name")
    return Path(text)


def results_folder(text: str) -> Path:
    """Return the place of a folder of results. For argparse: what is named like one file is to be one."""
    path = several(text)
    if path.suffix in _FILES and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is to be a folder: the one file in it is {layout.BUNDLE_NAME}")
    return path


def _is_special(text: str) -> bool:
    """Return whether something lies at `text` that is neither a regular file nor a folder."""
    try:
        mode = os.stat(text).st_mode
    except (OSError, ValueError):  # ValueError for a NUL in the path
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
