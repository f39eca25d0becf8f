"""Shows the progress of a command, as tqdm bars on a terminal and as lines in a log, and makes text safe to show."""

from __future__ import annotations

import io
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from typing import IO, TextIO

from airpack.base.lines import without_commands
from airpack.base.urls import redacted

Advance = Callable[[int], None]
BYTES = "B"
# less ends at once where all fits the screen, keeps colours, and leaves the text on the screen.
_LESS = "FRX"
_START = time.monotonic()  # about when the command began
_quiet: list[bool] = []  # not empty once a command is to print errors only
ERROR_PREFIX = "airpack: error: "  # begins the line with a command's error message; `packing.batch` looks for it


def plain(text: str) -> str:
    """Return `text` as it may be shown: without what gives access in its URLs, with `?` for what is unprintable.

    Names in a bundle may hold escape sequences, and what a CI takes for a command where it stands in a log.
    """
    text = without_commands(redacted(text))
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def put(stream: IO[str], text: str = "") -> None:
    """Write a text to standard output or error, and all that was kept back there. Raises OSError, which names it."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(
            error.errno, error.strerror, f"standard {'error' if stream is sys.stderr else 'output'}"
        ) from error


def tell(line: str) -> None:
    """Write a line on standard error, which may be closed; none with `--quiet`."""
    if sys.stderr is not None and not _quiet:
        sys.stderr.write(f"{plain(line)}\n")


def be_quiet(quiet: bool) -> None:
    """Say whether `tell` is to print anything (`--quiet`)."""
    _quiet[:] = [True] if quiet else []


class Progress(ABC):
    """Shows the user which stage of the work is running, and how far it is."""

    @abstractmethod
    def stage(self, name: str, unit: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Return a context manager for one stage of the work; it gives a function to call with each amount done.

        Amounts are in `unit`. `total` is the amount of the whole stage, None if it is not known in advance.
        """

    def waiting(self, text: str) -> AbstractContextManager[None]:
        """Return a context that shows `text` while it lasts, on a terminal only."""
        return nullcontext()

    @abstractmethod
    def note(self, text: str) -> None:
        """Show a line that the user should know."""

    def total(self) -> None:
        """Show how long the command has run: stages run at the same time, and what is between them is in none."""
        self.show(f"{'total':<9} {'':>14}  {time.monotonic() - _START:5.1f} s")

    def show(self, line: str) -> None:  # noqa: B027 - what is silent has nothing to override
        """Show a line about the progress, which is no note."""


class Silent(Progress):
    """Shows nothing (`--quiet`)."""

    @contextmanager
    def stage(self, name: str, unit: str, total: int | None = None) -> Iterator[Advance]:
        """See Progress."""
        yield lambda _: None

    def note(self, text: str) -> None:
        """See Progress."""


class Recorded(Progress):
    """Shows what another does, and keeps the notes."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self.notes: list[str] = []

    def stage(self, name: str, unit: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """See Progress."""
        return self._shown.stage(name, unit, total)

    def waiting(self, text: str) -> AbstractContextManager[None]:
        """See Progress."""
        return self._shown.waiting(text)

    def note(self, text: str) -> None:
        """See Progress."""
        self.notes.append(text)
        self._shown.note(text)

    def show(self, line: str) -> None:
        """See Progress."""
        self._shown.show(line)


class Lines(Progress):
    """Writes a line at the end of each stage: for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, unit: str, total: int | None = None) -> Iterator[Advance]:
        """See Progress."""
        start, done = time.monotonic(), 0

        def advance(amount: int) -> None:
            nonlocal done
            done += amount

        yield advance
        self.note(f"{name:<9} {amount_of(done, unit):>14}  {time.monotonic() - start:5.1f} s")

    def note(self, text: str) -> None:
        """See Progress."""
        print(plain(text), file=self._stream, flush=True)

    def show(self, line: str) -> None:
        """See Progress."""
        self.note(line)


class Bars(Progress):
    """Draws a bar for each stage: for terminals."""

    def __init__(self, stream: TextIO) -> None:
        from tqdm import tqdm  # noqa: PLC0415 - without a terminal it is not needed

        self._stream = stream
        self._tqdm = tqdm

    @contextmanager
    def stage(self, name: str, unit: str, total: int | None = None) -> Iterator[Advance]:
        """See Progress."""
        scale = unit == BYTES
        unit = unit if scale else f" {unit}"
        with self._tqdm(
            desc=f"{name:<9}", total=total, unit=unit, unit_scale=scale, file=self._stream, dynamic_ncols=True
        ) as bar:

            def advance(amount: int) -> None:
                bar.update(amount)

            yield advance

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """See Progress."""
        with self._tqdm(desc=plain(text), bar_format="{desc} ...", file=self._stream, leave=False):
            yield

    def note(self, text: str) -> None:
        """See Progress."""
        self._tqdm.write(plain(text), file=self._stream)

    def show(self, line: str) -> None:
        """See Progress."""
        self.note(line)


def amount(size: int) -> str:
    """Return a size in bytes as `77.7 MB`, a small one as `12.3 kB` or `420 B`."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:.1f} kB" if size < 100_000 else f"{size / 1e6:,.1f} MB"


def amount_of(number: int, unit: str) -> str:
    """Return an amount with its unit as text: `91.2 MB`, `11 wheels`, `1 wheel`."""
    if unit == BYTES:
        return f"{number / 1e6:,.1f} MB"
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


@contextmanager
def paged(env: MutableMapping[str, str]) -> Iterator[None]:
    """Show what is printed meanwhile by the reader's pager, as `git help` does; do nothing where there is no terminal.

    It is that of MANPAGER or PAGER in `env`, which gets LESS unless it has it; else `less`, or `more`.
    """
    if not sys.stdout.isatty():
        yield
        return
    text = io.StringIO()
    try:
        with redirect_stdout(text):
            yield
    finally:
        if text.getvalue():
            env.setdefault("LESS", _LESS)
            _page(text.getvalue(), env)


def _page(text: str, env: Mapping[str, str]) -> None:
    """Show a text by the reader's pager; print it where that fails, and may have shown nothing."""
    import pydoc  # noqa: PLC0415 - only needed for a long help
    import subprocess  # noqa: PLC0415

    own = env.get("MANPAGER") or env.get("PAGER")
    if not own or env.get("TERM") in ("dumb", "emacs"):
        pydoc.pager(text)
    elif subprocess.run(own, shell=True, input=text, text=True, check=False).returncode > 0:  # noqa: S602 - as they say
        sys.stdout.write(text)
