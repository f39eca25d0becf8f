"""How often, and after how long, a failure is retried."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from airpack.base.console import Silent
from airpack.base.errors import RegistryError
from airpack.oci.layout import Layout
from airpack.registry.push import push
from airpack.registry.reference import Endpoint
from airpack.registry.retries import Passing, Patience, Stopped
from support.unreliable import Unreliable


def test_the_registry_says_how_long_to_wait(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, waits: list[float]
) -> None:
    """`Retry-After` counts where it is longer than the client's own wait; the seventh failure is the last."""
    registry.busy = 1
    registry.retry_after = "9"
    notes: list[str] = []
    with pytest.raises(RegistryError) as caught:
        push(oci_layout, replace(endpoint, patience=replace(endpoint.patience, note=notes.append)), progress=Silent())
    assert waits == [9, 9, 9, 9, 9, 16]
    assert notes[0] == f"{registry.address}/models/churn: the registry answers 429; again in 9 s"
    assert len(notes) == 6
    assert str(caught.value) == f"{registry.address}/models/churn: the registry answers 429, 7 times: try again later"


def test_nobody_waits_for_an_hour(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, waits: list[float]
) -> None:
    """The error states how long the registry asks to wait."""
    registry.busy = 1
    registry.retry_after = "3600"
    with pytest.raises(RegistryError) as caught:
        push(oci_layout, endpoint, progress=Silent())
    assert waits == []
    assert str(caught.value).endswith("the registry answers 429, and asks to wait 3600 s: try again then")


class _Work:
    """Work that fails once for each number, having got farther by that much; then it succeeds."""

    def __init__(self, *progress: int) -> None:
        self.progress = list(progress)
        self.reached = 0

    def step(self) -> str:
        """Take the next step."""
        if not self.progress:
            return "done"
        self.reached += self.progress.pop(0)
        raise Passing("registry.example/churn", "the connection was dropped", wait=0)


def _persist(work: _Work, *, tries: int = 3) -> tuple[str, list[float]]:
    waits: list[float] = []
    patience = Patience(tries=tries, sleep=lambda _, seconds: waits.append(seconds), chance=lambda: 1.0)
    return patience.persist(work.step, reached=lambda: work.reached, stop=threading.Event()), waits


def test_a_failure_after_progress_is_the_first_again() -> None:
    """Three tries are then enough for five failures, and the wait begins with half a second again."""
    assert _persist(_Work(0, 5, 0, 5, 0)) == ("done", [0.5, 0.5, 1.0, 0.5, 1.0])


def test_failures_without_progress_are_counted() -> None:
    """The last one is raised, with their number."""
    with pytest.raises(RegistryError) as caught:
        _persist(_Work(5, 0, 0, 0))
    problem = "the connection was dropped, 3 times: try again later"
    assert str(caught.value) == f"registry.example/churn: {problem}"
    assert not isinstance(caught.value, Passing)


def test_progress_by_a_byte_at_a_time_is_given_up() -> None:
    """Ten times as many failures are allowed, and one more for each 64 KiB that has come."""
    with pytest.raises(RegistryError, match=r"the connection was dropped, 30 times: try again later$"):
        _persist(_Work(*[1] * 100))
    assert _persist(_Work(*[1 << 16] * 100))[0] == "done"


def test_work_that_is_no_longer_wanted_is_given_up() -> None:
    """Another thread's work has failed meanwhile."""
    stop = threading.Event()
    patience = Patience(sleep=lambda event, _: event.set(), chance=lambda: 1.0)
    with pytest.raises(Stopped):
        patience.persist(_Work(0, 0).step, reached=lambda: 0, stop=stop)
