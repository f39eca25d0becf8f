"""Starts pip's process before the command is imported: on a second processor, pip's own imports take no time then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airpack.resolve.pip_process import PipProcesses

# The commands that ask pip first of all, and words with which they may not.
_ASKING = ("pack", "lock", "wheelhouse")
_OTHERWISE = ("-h", "--help", "-v", "--verbose", "--lock")


@contextmanager
def pip_for(words: Sequence[str], env: Mapping[str, str]) -> Iterator[PipProcesses | None]:
    """Give the processes of pip for the command line `words`, None where it hardly needs any.

    They are not verbose, and are ended when the block ends.
    """
    if not any(word in _ASKING for word in words[:1]) or any(word.partition("=")[0] in _OTHERWISE for word in words):
        yield None
        return
    from airpack.resolve.pip_process import PipProcesses  # noqa: PLC0415 - only these commands need it

    processes = PipProcesses(env, verbose=False)
    try:
        processes.start_ahead()
        yield processes
    finally:
        processes.close()
