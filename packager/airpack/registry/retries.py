"""Retries after failures that may pass: a dropped connection, an overloaded registry."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from airpack.base.errors import RegistryError

Result = TypeVar("Result")
_PIECE = 1 << 16  # bytes
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0  # seconds


class Passing(RegistryError):
    """A failure after which a retry may succeed; `wait` is how many seconds the registry asks to wait before it."""

    def __init__(self, place: str, problem: str, *, wait: float = 0) -> None:
        super().__init__(place, problem)
        self.wait = wait


class Refused(Passing):
    """Nothing accepts connections there: the registry is being started again, or there is none."""


class Stopped(Exception):
    """The work was given up, because something else has failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often a failure that may pass is retried, and after how long.

    Before a wait of a second or more, `note` is called with a line that says so.
    """

    tries: int = 7  # in a row without any progress; they take half a minute
    longest: float = 120.0  # seconds; a registry that asks for a longer wait is not waited for
    sleep: Callable[[threading.Event, float], object] = threading.Event.wait
    chance: Callable[[], float] = random.random
    note: Callable[[str], None] = lambda _: None

    def persist(self, step: Callable[[], Result], *, reached: Callable[[], int], stop: threading.Event) -> Result:
        """Call `step` until it succeeds, and return its result.

        `reached` returns how far the work has come: a failure after progress is counted as the first one, but for a
        piece of it, on average, of fewer than _PIECE bytes, after ten times as many failures. The wait
        doubles with each failure, up to half a minute, less a random share, so that many clients do not return at
        once. Raises RegistryError for the last failure when the tries are used up, or Stopped once `stop` is set.
        """
        failures, total, farthest = 0, 0, reached()
        while not stop.is_set():
            try:
                return step()
            except Passing as error:
                total += 1
                failures = 1 if reached() > farthest else failures + 1
                farthest = max(farthest, reached())
                if failures >= self.tries or total >= 10 * self.tries + farthest // _PIECE:
                    times = failures if failures >= self.tries else total
                    raise RegistryError(error.place, f"{error.problem}, {times} times: try again later") from error
                if error.wait > self.longest:
                    problem = f"{error.problem}, and asks to wait {error.wait:.0f} s: try again then"
                    raise RegistryError(error.place, problem) from error
                pause = min(_FIRST_WAIT * 2 ** (failures - 1), _LONGEST_WAIT)
                pause = max(error.wait, pause * (0.5 + self.chance() / 2))
                if pause >= 1:
                    self.note(f"{error}; again in {pause:.0f} s")
                self.sleep(stop, pause)
        raise Stopped
