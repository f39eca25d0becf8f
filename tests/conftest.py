"""Fixtures that the tests of both packages share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# The runtime's tests run under Python 3.7 with nothing of the packager installed.
# An interpreter that this machine lacks is a reason to skip, not to download it; the tests of downloads lift this.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "runtime")]


def pytest_collection_modifyitems(config: Any, items: list[pytest.Item]) -> None:
    """Leave out the tests that look at the index of the day, unless `-m` names them."""
    if "live" not in config.option.markexpr:
        live = [item for item in items if item.get_closest_marker("live")]
        items[:] = [item for item in items if item not in live]
        config.hook.pytest_deselected(items=live)


@pytest.fixture(scope="session", autouse=True)
def index_of_the_moment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return the package index as it was at a moment (`support/moment.py`), which all tests use, None if none does."""
    if not any(item.get_closest_marker("network") for item in request.session.items):
        yield None
        return
    from support import moment

    with moment.entered(tmp_path_factory.mktemp("uv")) as index:
        yield index
