"""Results are put in place all together, or not at all."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from airpack.base import staging


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
