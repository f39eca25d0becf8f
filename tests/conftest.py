"""What the tests of both packages share: how they are spread over the processors."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# The runtime's tests run under Python 3.7 with nothing of the packager installed.
# An interpreter that this machine lacks is a reason to skip, not to download it; the tests of downloads lift this.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "runtime")]

from support.places import Machine  # noqa: E402 - found by the line above

_MACHINE = Machine()


def pytest_configure(config: pytest.Config) -> None:
    """Let tests, and what they start, find interpreters by PATH; let airpack fork pip's processes here."""
    if find_spec("airpack") is not None:  # not where the runtime's tests run under Python 3.7
        from support import machine, pip_forks

        machine.show_pythons()
        forks = pip_forks.Forks(os.environ)
        forks.use()
        config.add_cleanup(forks.end)


def pytest_collection_modifyitems(config: Any, items: list[pytest.Item]) -> None:
    """Leave out what is live or long, unless `-m` names it; order the rest.

    What runs alone comes last: each waits until no other test runs, one after the other they wait once. Before it come
    the files without a slow test, so that no processor is idle while another has a long file to end.
    """
    unasked = [name for name in ("live", "long") if name not in config.option.markexpr]
    left_out = [item for item in items if any(map(item.get_closest_marker, unasked))]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    long_files = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.get_closest_marker("alone") is not None, item.path not in long_files))


@pytest.fixture(scope="session", autouse=True)
def index_of_the_moment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return the package index as it was at a moment (`support/moment.py`), which all tests use, None if none does."""
    if not any(item.get_closest_marker("network") for item in request.session.items):
        yield None
        return
    from support import moment

    with moment.entered(tmp_path_factory.mktemp("uv")) as index:
        yield index


@pytest.fixture(scope="session")
def target_python() -> None:
    """Skip the tests that pack with bytecode, build or import, where there is no Python 3.7."""
    from support import machine

    machine.python37()


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run each file's tests in one of several processes: one more than processors, since tests also wait for a network.

    Not where the command line names files, shows what tests print, or says itself how to spread them (`-n 0`).
    """
    option = config.option
    given = getattr(option, "numprocesses", 0)  # without pytest-xdist, as under Python 3.7, there is no such option
    is_plain = given is None and option.dist == "no" and not hasattr(config, "workerinput")
    if is_plain and not option.usepdb and option.capture != "no" and not any(".py" in word for word in config.args):
        option.numprocesses = len(os.sched_getaffinity(0)) + 1
        option.dist, option.loadscopereorder = "loadfile", False


@pytest.hookimpl(optionalhook=True, tryfirst=True)  # no such hook without pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return how the tests are spread, unless the command line says so."""
    if config.option.dist != "loadfile":
        return None
    from support.spread import Spread

    return Spread(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let a test that is marked `alone` wait for the others, and the others for it.

    One that is marked `outer` takes no part: what it runs are tests that do.
    """
    if item.get_closest_marker("outer"):
        return (yield)
    alone = _is_alone(item)
    _MACHINE.take(alone=alone)
    try:
        return (yield)
    finally:
        if not (alone and nextitem is not None and _is_alone(nextitem)):
            _MACHINE.leave()


def _is_alone(item: pytest.Item) -> bool:
    """Return whether a test wants the machine to itself: those that one marked `outer` runs ask for it themselves."""
    return item.get_closest_marker("alone") is not None and item.get_closest_marker("outer") is None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what a test told of the tests that it ran."""
    for report in terminalreporter.getreports("passed"):
        for text in (text for name, text in report.user_properties if name == "told"):
            terminalreporter.write_line(str(text))
