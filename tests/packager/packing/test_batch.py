"""Commands that run in processes of their own, several at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airpack.packing import batch
from airpack.packing.batch import Batch, BatchResult, Task
from airpack.requirements.requirements import Requirements
from airpack.resolve import pylock_writer
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import resolve
from airpack.target.target import Target
from support import machine
from support.index import Index
from support.wheels import build_wheel

# Says how many jobs it has, and which tasks have started; then waits for the tasks that it names.
_MEETING = """
import os, sys, time
name, *peers = sys.argv[1:-2]
open(name, "w").close()
print(sys.argv[-1], "jobs, started:", *sorted(os.listdir()), file=sys.stderr, flush=True)
end = time.monotonic() + 60
while not all(map(os.path.exists, peers)) and time.monotonic() < end:
    time.sleep(0.01)
"""


def _run(tasks: Sequence[Task], source: str, *, jobs: int, memory: int | None = None) -> tuple[BatchResult, list[str]]:
    """Run tasks as programs of that Python source; return their outcomes, and the lines that they wrote."""
    lines: list[str] = []
    result = Batch(
        jobs=jobs,
        memory=memory,
        on_line=lambda name, line: lines.append(f"{name}: {line}"),
        on_end=lambda name, outcome: lines.append(f"{name} ended with {outcome.status}"),
        program=[sys.executable, "-c", batch.ARGUMENTS + source.lstrip()],
    ).run(tasks)
    return result, lines


def _task(folder: Path, *words: str, group: str = "") -> Task:
    return Task(name=words[0], words=words, folder=folder, group=group)


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(None, 3), (4 * batch.USUAL_MEMORY, 3), (2 * batch.USUAL_MEMORY, 2), (batch.USUAL_MEMORY // 2, 1)],
)
def test_memory_limits_how_many_run_at_once(memory: int | None, expected: int) -> None:
    """Each is expected to take what a pack usually takes; one runs however little memory there is."""
    limited = Batch(jobs=3, memory=memory, on_line=lambda *_: None, on_end=lambda *_: None)
    assert limited.at_once() == expected


def test_what_a_pack_took_counts_for_the_next() -> None:
    """Two that need more than usual don't run together where there is room for one."""
    limited = Batch(jobs=2, memory=3 * batch.USUAL_MEMORY, on_line=lambda *_: None, on_end=lambda *_: None)
    assert limited.at_once() == 2
    limited.remember(2 * batch.USUAL_MEMORY)
    assert limited.at_once() == 1


def test_the_first_of_a_group_runs_alone_and_with_all_jobs(tmp_path: Path) -> None:
    """The others find its work in the cache; they run after it, together, and share the jobs."""
    tasks = [_task(tmp_path, "first"), _task(tmp_path, "second", "third"), _task(tmp_path, "third", "second")]
    result, lines = _run(tasks, _MEETING, jobs=4)
    assert [outcome.status for outcome in result.outcomes.values()] == [0, 0, 0]
    assert lines[:2] == ["first: 4 jobs, started: first", "first ended with 0"]
    assert {line.partition(",")[0] for line in lines if "jobs" in line} == {
        "first: 4 jobs",
        "second: 2 jobs",
        "third: 2 jobs",
    }


def test_groups_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Each of two tasks ends only after the other has started."""
    tasks = [_task(tmp_path, "one", "two", group="a"), _task(tmp_path, "two", "one", group="b")]
    result, lines = _run(tasks, _MEETING, jobs=2)
    assert sorted(result.outcomes) == ["one", "two"]
    assert sorted(line.partition(",")[0] for line in lines if "jobs" in line) == ["one: 1 jobs", "two: 1 jobs"]


def test_a_task_that_is_killed_has_a_message(tmp_path: Path) -> None:
    """As the kernel does where memory runs out; the others run on."""
    source = "import os, sys; sys.argv[1] == 'die' and os.kill(os.getpid(), 9)"
    result, lines = _run([_task(tmp_path, "die"), _task(tmp_path, "live")], source, jobs=1)
    assert {name: outcome.message for name, outcome in result.outcomes.items()} == {
        "die": "it was ended by SIGKILL: the machine may be out of memory",
        "live": "",
    }
    assert (result.interrupted, lines) == (False, ["die ended with -9", "live ended with 0"])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a note\nairpack: error: no wheel\n", "no wheel"),
        ("a note\n", "a note"),
        ("", "it ended without a message"),
    ],
)
def test_the_message_is_the_error_line_or_else_the_last(tmp_path: Path, written: str, message: str) -> None:
    """The error line is not passed on as a line of the log."""
    source = f"import sys; sys.stderr.write({written!r}); sys.exit(3)"
    result, lines = _run([_task(tmp_path, "task")], source, jobs=1)
    assert (result.outcomes["task"].status, result.outcomes["task"].message) == (3, message)
    assert lines == [*(["task: a note"] if written else []), "task ended with 3"]


_FETCH = """
import os, sys
from pathlib import Path
from airpack.resolve import pylock
from airpack.resolve.pip import Pip
from airpack.wheels import wheelhouse
lock_file = pylock.read(Path(sys.argv[1]))
lock = lock_file.for_target(lock_file.target())
wheelhouse.fetch(lock, Path(sys.argv[2]), Path(sys.argv[3]), pip=Pip(env=os.environ))
"""


@pytest.mark.slow
def test_packs_that_run_at_once_download_a_wheel_once(
    plain_env: None, wheels: Path, index: Index, target: Target, tmp_path: Path
) -> None:
    """Who comes second waits for the first's, and meanwhile downloads what only it needs."""
    names = [f"part{number}" for number in range(6)]
    for name in names:
        build_wheel(wheels, name)
    pip = Pip(env=os.environ, index_url=index.url)
    lines = []
    for number, chosen in enumerate((names[:4], names[2:], names[1:5])):
        lock = resolve(Requirements(specifications=chosen), target, pip=pip, cache=tmp_path / "c")
        (tmp_path / f"{number}.toml").write_text(pylock_writer.dumps(lock, tmp_path))
        words = [tmp_path / f"{number}.toml", tmp_path / f"house{number}", tmp_path / "cache"]
        lines.append([sys.executable, "-c", _FETCH, *map(str, words)])
    index.requests.clear()
    index.delay = 0.2  # the three are under way together
    with ThreadPoolExecutor(3) as executor:
        done = list(executor.map(machine.run, lines))
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 3
    assert sorted(index.requests) == [f"/files/{name}-1.0-py3-none-any.whl" for name in names]
    assert [len(list((tmp_path / f"house{number}").glob("*.whl"))) for number in range(3)] == [4, 4, 4]


def test_the_words_of_a_task_are_on_no_command_line(tmp_path: Path) -> None:
    """All users of the machine read those; a URL in a word may have a password. Any word arrives as it is."""
    words = ["task", "https://u:S3CRET@a.invalid", "", "a b", "\n", "\udcff"]
    source = "print(open('/proc/self/cmdline').read().count('S3' 'CRET'), ascii(sys.argv[1:-2]), file=sys.stderr)"
    _, lines = _run([_task(tmp_path, *words)], source, jobs=1)
    assert lines == [f"task: 0 {words!a}", "task ended with 0"]
