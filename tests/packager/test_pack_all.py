"""`airpack pack-all`: targets x requirement sets of one file, several packs at once, by the shared caches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airpack import batch, pylock
from airpack.batch import Batch, Outcome, Task
from airpack.pip_process import Pip
from airpack.resolve import Requirements, resolve
from airpack.target import Target
from support import machine
from support.index import Index
from support.wheels import build_wheel

from .conftest import Airpack

TWO_TARGETS = """
[targets.new]
target = "cp37-manylinux_2_27_x86_64"

[targets.old]
target = "cp37-manylinux2014_x86_64"
"""


@pytest.fixture
def fleet(airpack: Airpack, wheels: Path, tmp_path: Path) -> Path:
    """Return where a file of packs is to be written; wheels `alpha`, `beta` and `gamma` can be had."""
    build_wheel(wheels, "alpha", requires=["beta"])
    build_wheel(wheels, "beta")
    build_wheel(wheels, "gamma")
    return tmp_path / "fleet.toml"


def _write(fleet: Path, airpack: Airpack, text: str) -> None:
    """Write the file, whose packs take wheels from the folder beside it."""
    options = f'no-index = true\nfind-links = "wheels"\ndecoder = "{airpack.decoder}"\nno-import = true\n'
    fleet.write_text(f"[defaults]\n{options}{text}")


def _digest(folder: Path) -> str:
    return str(json.loads((folder / "manifest.json").read_text())["bundle"]["digest"])


@pytest.mark.slow
def test_each_set_is_packed_for_each_target(airpack: Airpack, fleet: Path, tmp_path: Path) -> None:
    """Into a folder of its own, with a lock of its own, the same bundle as `pack` makes; a set may choose targets."""
    text = TWO_TARGETS + '[sets.one]\nrequirements = ["alpha"]\nno-bytecode = true\n'
    text += '[sets.two]\nrequirement = "two.txt"\ntargets = ["new"]\nlevel = 3\n'
    _write(fleet, airpack, text)
    (tmp_path / "two.txt").write_text("gamma\n")
    assert airpack("pack-all", fleet, "-o", tmp_path / "all") == 0, airpack.err
    made = sorted(str(path.parent.relative_to(tmp_path / "all")) for path in tmp_path.glob("all/**/bundle.tar.zst"))
    assert made == ["one/new", "one/old", "two/new"]
    assert pylock.target_of(tmp_path / "all" / "one" / "old" / "pylock.toml")[0] == "cp37-manylinux2014_x86_64"
    assert airpack.pack("gamma", "--level", "3", "--no-import") == 0
    assert _digest(tmp_path / "all" / "two" / "new") == _digest(airpack.output)


@pytest.mark.slow
def test_the_summary_fits_the_screen(airpack: Airpack, fleet: Path, tmp_path: Path) -> None:
    """A line for each pack, in the file's order, with the beginning of its digest; each line of a log says whose."""
    _write(fleet, airpack, '[sets.a-set]\nrequirements = ["alpha"]\n[sets.b]\nrequirements = ["gamma"]\n')
    assert airpack("pack-all", fleet, "-o", tmp_path / "all") == 0, airpack.err
    head, *rows, end = airpack.out.splitlines()
    assert head == "pack   wheels     bundle     time  digest"
    assert [row.split()[0] for row in rows] == ["a-set", "b"]
    assert [row[-19:] for row in rows] == [_digest(tmp_path / "all" / name)[:19] for name in ("a-set", "b")]
    assert end.startswith(f"2 of 2 packs in {tmp_path / 'all'}, ")
    assert max(map(len, [head, *rows])) <= 80
    assert {line.partition(" | ")[0] for line in airpack.err.splitlines()[:-1]} == {"a-set", "b    "}


def test_a_failure_stops_no_other(airpack: Airpack, fleet: Path, tmp_path: Path) -> None:
    """It is told in its log, in the summary, and by the exit status; its folder is as it was."""
    text = '[sets.wrong]\nrequirements = ["nosuch"]\n[sets.right]\nrequirements = ["alpha"]\n'
    _write(fleet, airpack, text + '[sets.odd]\nrequirements = ["alpha", "beta==7"]\n')
    assert airpack("pack-all", fleet, "-o", tmp_path / "all") == 1
    reason = "nosuch: no such distribution is to be found: "
    assert airpack.error.startswith(f"airpack: error: 2 of 3 packs failed (and 1 more): wrong: {reason}")
    assert f"wrong | error: {reason}" in airpack.err
    rows = airpack.out.splitlines()
    assert rows[1].startswith(f"wrong  failed: {reason}")
    assert max(map(len, rows[:-1])) <= 80
    assert rows[-1].startswith("1 of 3 packs in ")
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["right"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "made"),
    [("one", ["one/new", "one/old"]), ("new", ["one/new", "two/new"]), ("two/new", ["two/new"])],
)
def test_only_some_are_packed(airpack: Airpack, fleet: Path, tmp_path: Path, name: str, made: list[str]) -> None:
    """`--only` takes a set, a target, or one pack."""
    options = 'no-bytecode = true\nrequirements = ["gamma"]\n'
    _write(fleet, airpack, f"{TWO_TARGETS}[sets.one]\n{options}[sets.two]\n{options}")
    assert airpack("pack-all", "-q", fleet, "-o", tmp_path / "all", "--only", name) == 0, airpack.err
    assert (airpack.out, airpack.err) == ("", "")
    folders = [path.parent.relative_to(tmp_path / "all") for path in tmp_path.glob("all/**/bundle.tar.zst")]
    assert sorted(map(str, folders)) == made


def test_an_unknown_name_is_answered_with_the_known(airpack: Airpack, fleet: Path) -> None:
    """A usage error."""
    _write(fleet, airpack, TWO_TARGETS + "[sets.one]\nslim = true\n")
    assert airpack("pack-all", fleet, "--only", "three") == 2
    assert airpack.error == "airpack: error: --only three names no entry: the sets and targets are one, new, old"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[sets.a", "is no TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("", '[sets] is empty: write a table [sets.NAME] with requirement = ["FILE"]'),
        ("level = 3\n[sets.a]\n", "[level] is not among [defaults], [targets.NAME] and [sets.NAME]"),
        ("sets = 3", "[sets] is no table: write [sets] above its options"),
        ("[sets]\na = 3", "[sets.a] is no table: write [sets.a] above its options"),
        ('[sets."../a"]', "[sets.../a] is no name for a folder: use letters, digits, '.', '_' and '-'"),
        ("[sets.a]\nrequirments = []", "[sets.a] requirments is no option of pack: is it requirements?"),
        ("[sets.a]\nxyz = 1", "[sets.a] xyz is no option of pack: airpack pack --help lists them"),
        ("[defaults]\njobs = 3", "[defaults] jobs: give it on the command line: it holds for all packs"),
        ("[sets.a]\nslim = 'yes'", "[sets.a] slim: write true or false, not 'yes'"),
        ("[sets.a]\nlevel = 99", "[sets.a] level: '99' is no level: give a number from 1 to 19"),
        ("[sets.a]\nlevel = [3]", "[sets.a] level: write a string, not [3]"),
        ("[sets.a]\nexclude = [1.5]", "[sets.a] exclude: write a string, or a list of strings, not [1.5]"),
        ("[sets.a]\nimage = 'iso'", "[sets.a] image: invalid choice: 'iso' (choose from {choices})"),
        (
            "[sets.a]\nrequirements = ['-r x']",
            "[sets.a] requirements: '-r x' is an option: write it as a key of its own",
        ),
        ("[sets.a]\ntargets = 'x'", "[sets.a] targets: write a list of names, not 'x'"),
        ("[sets.a]\ntargets = ['x']", "[sets.a] targets: there is no [targets.x]; there is none"),
        ("[targets.x]\n[sets.a]\ntargets = []", "[sets.a] targets: the list is empty: leave it out for all of them"),
        (
            "[targets.x]\n[targets.y]\n[sets.a]\ntree = 'tree'",
            "[sets.a] tree: a/x and a/y would both write tree: give each its own",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_named(airpack: Airpack, tmp_path: Path, text: str, problem: str) -> None:
    """File, table, key; and nothing is packed."""
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(text)
    choices = "squashfs, erofs" if sys.version_info >= (3, 12) else "'squashfs', 'erofs'"
    assert airpack("pack-all", fleet, "-o", tmp_path / "all") == 1
    assert airpack.error.partition(" (at line")[0] == f"airpack: error: {fleet}: {problem}".replace(
        ": is no TOML", " is no TOML"
    ).format(choices=choices)
    assert not (tmp_path / "all").exists()


_FETCH = """
import os, sys
from pathlib import Path
from airpack import pylock, wheelhouse
from airpack.pip_process import Pip
from airpack.target import Target
lock = pylock.load(Path(sys.argv[1]), Target.parse(pylock.target_of(Path(sys.argv[1]))[0]))
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
        (tmp_path / f"{number}.toml").write_text(pylock.dumps(lock))
        words = [tmp_path / f"{number}.toml", tmp_path / f"house{number}", tmp_path / "cache"]
        lines.append([sys.executable, "-c", _FETCH, *map(str, words)])
    index.requests.clear()
    index.delay = 0.2  # the three are under way together
    with ThreadPoolExecutor(3) as executor:
        done = list(executor.map(machine.run, lines))
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 3
    assert sorted(index.requests) == [f"/files/{name}-1.0-py3-none-any.whl" for name in names]
    assert [len(list((tmp_path / f"house{number}").glob("*.whl"))) for number in range(3)] == [4, 4, 4]


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_every_pack(airpack: Airpack, fleet: Path, tmp_path: Path, signal_number: int) -> None:
    """What was packed stays, the others' folders are as they were, and no process is left."""
    text = '[sets.first]\nrequirements = ["gamma"]\n'
    for number in range(4):
        files = {f"p{number}/m{each}.py": f"X = {os.urandom(2000)!r}\n" for each in range(300)}
        build_wheel(tmp_path / "wheels", f"p{number}", files=files)
        text += f'[sets.p{number}]\nrequirements = ["p{number}"]\nlevel = 19\n'
    _write(fleet, airpack, text)
    line = [sys.executable, "-m", "airpack", "pack-all", str(fleet), "-o", str(tmp_path / "all"), "--jobs", "2"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None and process.stdout is not None
        for text in process.stderr:
            if "| install" in text and not text.startswith("first"):
                break
        process.send_signal(signal_number)
        rest, out = process.stderr.read(), process.stdout.read()
        assert process.wait(timeout=60) == 130
    message = "airpack: error: interrupted: 1 of 5 packs were made, of the others nothing was changed"
    assert rest.splitlines()[-1] == message
    assert out.splitlines()[-1].startswith("1 of 5 packs in ")
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["first"]
    assert str(tmp_path) not in machine.processes()


def _batch(tasks: Sequence[Task], outcomes: dict[str, Outcome], *, jobs: int, memory: int | None) -> list[str]:
    """Run tasks, and return the lines they wrote."""
    lines: list[str] = []
    Batch(
        jobs=jobs, memory=memory, on_line=lambda name, line: lines.append(f"{name} {line}"), on_end=outcomes.__setitem__
    ).run(tasks)
    return lines


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(None, 3), (4 * batch.USUAL_MEMORY, 3), (2 * batch.USUAL_MEMORY, 2), (batch.USUAL_MEMORY // 2, 1)],
)
def test_memory_bounds_how_many_run_at_once(memory: int | None, expected: int) -> None:
    """By what a pack usually takes; one runs however little there is."""
    bounded = Batch(jobs=3, memory=memory, on_line=lambda *_: None, on_end=lambda *_: None)
    assert bounded.at_once() == expected


def test_what_a_pack_took_counts_for_the_next() -> None:
    """Two that need more than usual don't run together where there is room for one."""
    bounded = Batch(jobs=2, memory=3 * batch.USUAL_MEMORY, on_line=lambda *_: None, on_end=lambda *_: None)
    assert bounded.at_once() == 2
    bounded.remember(2 * batch.USUAL_MEMORY)
    assert bounded.at_once() == 1


@pytest.mark.slow
def test_the_first_of_a_target_runs_alone_and_with_all_jobs(
    airpack: Airpack, fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the others share with it is then in the cache; after it they share the jobs."""
    started: list[tuple[str, int, int]] = []
    start = Batch._start

    def noted(self: Batch, task: Task, jobs: int) -> None:
        start(self, task, jobs)
        started.append((task.name, jobs, len(self._running)))

    monkeypatch.setattr(Batch, "_start", noted)
    _write(
        fleet, airpack, "".join(f'[sets.{name}]\nrequirements = ["{name}"]\n' for name in ("alpha", "beta", "gamma"))
    )
    assert airpack("pack-all", fleet, "-o", tmp_path / "all", "--jobs", "4") == 0, airpack.err
    assert started == [("alpha", 4, 1), ("beta", 2, 1), ("gamma", 2, 2)]


def test_a_pack_that_is_killed_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel does where memory runs out; the others run on."""
    monkeypatch.setattr(batch, "_PROGRAM", "import os, sys; sys.argv[1] == 'die' and os.kill(os.getpid(), 9)")
    outcomes: dict[str, Outcome] = {}
    tasks = [Task(name=name, words=[name], folder=tmp_path, group="") for name in ("die", "live")]
    assert _batch(tasks, outcomes, jobs=1, memory=None) == []
    told: Mapping[str, str] = {name: each.message for name, each in outcomes.items()}
    assert told == {"die": "SIGKILL ended it: the machine may be out of memory", "live": ""}
