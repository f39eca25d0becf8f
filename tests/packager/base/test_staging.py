"""Results are put in place all together, or not at all."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from airpack.base import staging
from airpack.base.errors import WriteFailed


def test_an_interrupt_waits_whichever_thread_gets_it(
    interrupt: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A progress bar's thread may get it, whose mask lets it through; the main thread is then told."""
    ask, sent = threading.Event(), threading.Event()

    def send() -> None:
        ask.wait(60)
        signal.raise_signal(interrupt)
        sent.set()

    def replace(source: Path, destination: Path) -> None:
        ask.set()
        assert sent.wait(60)
        os.replace(source, destination)

    monkeypatch.setattr(Path, "replace", replace)
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        staging.place({tmp_path / name: tmp_path / f"{name}.placed" for name in ("one", "two")}, aside=tmp_path)
    thread.join()
    assert sorted(os.listdir(tmp_path)) == ["one.placed", "two.placed"]


def test_results_of_two_packs_are_not_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits until all of the first is in place, and then replaces all of it."""
    begun, names = threading.Event(), ("a", "b")

    def place(whose: str) -> None:
        with staging.scratch_in(tmp_path) as scratch:
            for name in names:
                (scratch / name).write_text(whose)
            staging.place({scratch / name: tmp_path / name for name in names}, aside=scratch)

    def replace(source: Path, destination: Path) -> None:
        os.replace(source, destination)
        if not begun.is_set():
            begun.set()
            time.sleep(0.1)  # without a lock, the second has placed both meanwhile

    monkeypatch.setattr(Path, "replace", replace)
    second = threading.Thread(target=lambda: place("second") if begun.wait(60) else None)
    second.start()
    place("first")
    second.join()
    assert [(tmp_path / name).read_text() for name in names] == ["second", "second"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_lock_that_another_process_keeps_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each user who may read a folder may lock it."""
    monkeypatch.setattr(staging, "PATIENCE", 0.1)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(WriteFailed, match="another process keeps the folder locked"), staging.scratch_in(tmp_path):
        pass
    os.close(descriptor)
    with staging.scratch_in(tmp_path) as scratch:
        assert scratch.is_dir()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder that is a link"])
def test_what_lies_in_a_locks_place_does_no_harm(tmp_path: Path, kind: str) -> None:
    """Nothing outside is removed or locked, and nothing is waited for."""
    place, outside = tmp_path / "place", tmp_path / "outside"
    place.mkdir()
    outside.mkdir()
    (outside / "lock").write_text("mine")
    if kind == "folder that is a link":
        (place / ".airpack-old").symlink_to(outside)
    else:
        (place / ".airpack-old").mkdir()
        lock = place / ".airpack-old" / "lock"
        lock.symlink_to(outside / "lock") if kind == "link" else os.mkfifo(lock)
    with staging.scratch_in(place) as scratch:
        assert scratch.is_dir()
    assert (outside / "lock").read_text() == "mine"
    assert (place / ".airpack-old").exists() is (kind != "pipe")
