"""Blocks that Ctrl-C and SIGTERM wait for, and threads that end with their block."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from airpack.base.interrupts import cores, threads, uninterrupted


def test_cores_counts_what_this_process_may_use() -> None:
    """Not those of the machine: a container or `taskset` may allow fewer."""
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert cores() == len(allowed)


def _send_from_a_thread(interrupt: signal.Signals, ask: threading.Event) -> threading.Thread:
    """Return a started thread that receives the signal itself once it is asked for it."""

    def send() -> None:
        ask.wait(60)
        signal.raise_signal(interrupt)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_an_interrupt_waits_for_the_end_of_the_block(interrupt: signal.Signals) -> None:
    """Then it is raised; the handler and the mask are as before."""
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted():
            signal.raise_signal(interrupt)  # `os.kill` may reach another thread, and at a time of its own
            steps.append("the block went on")
        steps.append("not reached")
    assert steps == ["the block went on"]
    assert signal.getsignal(interrupt) is signal.default_int_handler
    assert interrupt not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_an_interrupt_that_another_thread_receives_waits_as_well(interrupt: signal.Signals) -> None:
    """Such as a progress bar's thread, which was started before the block and is not covered by its mask."""
    steps, ask = [], threading.Event()
    thread = _send_from_a_thread(interrupt, ask)
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        ask.set()
        thread.join()
        steps.append("the block went on")
    assert steps == ["the block went on"]


def test_an_interrupt_is_not_lost_where_the_block_fails(interrupt: signal.Signals) -> None:
    """It is raised with the block's own error as its context."""
    with pytest.raises(KeyboardInterrupt) as raised, uninterrupted():
        signal.raise_signal(interrupt)
        raise ValueError("of the block")
    assert str(raised.value.__context__) == "of the block"


def test_blocks_may_lie_in_each_other(interrupt: signal.Signals) -> None:
    """The interrupt waits for the outer one."""
    steps = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        with uninterrupted():
            signal.raise_signal(interrupt)
        steps.append("between")
    assert steps == ["between"]


def test_a_block_that_fails_cancels_what_has_not_started() -> None:
    """And waits for what has: no thread is left."""
    before, started, ran = threading.active_count(), threading.Event(), []

    def work(number: int) -> None:
        started.set()
        time.sleep(0.2)
        ran.append(number)

    with pytest.raises(ValueError, match="of the block"), threads(1) as executor:
        futures = [executor.submit(work, number) for number in range(5)]
        assert started.wait(60)
        raise ValueError("of the block")
    assert ran == [0]
    assert [future.cancelled() for future in futures] == [False, True, True, True, True]
    assert threading.active_count() == before


def test_a_block_that_ends_waits_for_all_its_work() -> None:
    """On as many threads as were asked for, all at once."""
    together = threading.Barrier(3)
    with threads(3) as executor:
        futures = [executor.submit(together.wait, 60) for _ in range(3)]
    assert sorted(future.result() for future in futures) == [0, 1, 2]
