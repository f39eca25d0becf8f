"""Fixtures of the tests of the lowest folder."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def interrupt(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """Give a signal that raises KeyboardInterrupt, as the command line installs it."""
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)
