"""`airpack pack-all`: the packs of one file, several at once, and the summary of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from airpack.resolve import pylock
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

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
    assert pylock.read(tmp_path / "all" / "one" / "old" / "pylock.toml").target_name == "cp37-manylinux2014_x86_64"
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


@pytest.mark.slow
def test_a_failure_stops_no_other(airpack: Airpack, fleet: Path, tmp_path: Path) -> None:
    """It is told in its log, in the summary, and by the exit status; its folder is as it was."""
    text = '[sets.wrong]\nrequirements = ["nosuch"]\n[sets.right]\nrequirements = ["alpha"]\n'
    _write(fleet, airpack, text + '[sets.odd]\nrequirements = ["alpha", "beta==7"]\n')
    assert airpack("pack-all", fleet, "-o", tmp_path / "all") == 1
    reason = "nosuch: no such distribution was found: "
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


def test_packs_of_one_folder_are_refused(airpack: Airpack, fleet: Path, tmp_path: Path) -> None:
    """Two packs that would write the same tree are named, and nothing is packed."""
    fleet.write_text("[targets.x]\n[targets.y]\n[sets.a]\ntree = 'tree/.'")
    assert airpack("pack-all", fleet, "-o", tmp_path / "all") == 1
    reason = "[sets.a] tree: a/x and a/y would both write tree: give each its own"
    assert airpack.error == f"airpack: error: {fleet}: {reason}"
    assert not (tmp_path / "all").exists()


@pytest.mark.slow
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
            if "| install" in text and not text.startswith(("first", "p0")):  # the third, once one of two has ended
                break
        process.send_signal(signal_number)
        rest, out = process.stderr.read(), process.stdout.read()
        assert process.wait(timeout=60) == 130
    packed = len(list((tmp_path / "all").iterdir()))
    assert 1 <= packed < 5
    message = f"airpack: error: interrupted: {packed} of 5 packs are done; for the others, nothing was changed"
    assert rest.splitlines()[-1] == message
    assert out.splitlines()[-1].startswith(f"{packed} of 5 packs in ")
    assert str(tmp_path) not in machine.processes()
