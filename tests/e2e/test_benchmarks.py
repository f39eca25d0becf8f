"""The short form of the benchmarks: few peers, few runs, the smallest workload."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from benchmarks import __main__ as benchmarks
from benchmarks import race, report, results
from benchmarks.peers import AIRPACK, LIMIT, PEERS
from support import machine, moment

_NAMES = [AIRPACK, "pip --no-index", "tar xzf", "unsquashfs", "squashfs mount", "cp -r", LIMIT]
_RUNS = 2


@pytest.mark.alone
@pytest.mark.network
def test_the_harness_measures_and_the_ratios_are_sane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every measure of every peer, and nothing left mounted; a boot beats pip, and none beats a tree that is there."""
    fresh = tmp_path / "fresh"  # of its own: another run's file systems on this machine are not this one's
    fresh.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(fresh))
    for name in _NAMES:
        for command, package in PEERS[name].needs:
            machine.tool(command, package)
    path = tmp_path / "results.json"
    options = [word for name in _NAMES for word in ("--peer", name)]
    options += [word for name in ("tree", "boot") for word in ("--measure", name)]
    options += ["--workload", "small", "--runs", str(_RUNS), "--work", str(tmp_path / "work"), "--results", str(path)]
    assert benchmarks.main(["peers", *options]) == 0
    assert str(fresh) not in Path("/proc/mounts").read_text()
    assert not list(fresh.iterdir())
    found = results.load(path)
    section = found["workloads"]["small"]
    measured = set(_NAMES) - set(section["skipped"])
    assert {name: set(section["measures"][name]) for name in race.PASSES["boot"]} == dict.fromkeys(
        race.PASSES["boot"], measured
    )
    for runs in section["measures"]["boot"].values():
        assert [len(runs[quantity]) for quantity in ("wall", "cpu", "peak", "written")] == [_RUNS] * 4
    ratios = results.ratios(found)
    assert ratios["small", "tree", "pip --no-index"] < 0.5
    assert ratios["small", "boot", "pip --no-index"] < 1
    assert ratios["small", "warm", LIMIT] < 2
    assert "pip --no-index" in report.details(found)


@pytest.mark.network
def test_coverage_tells_what_imports_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name: one that imports in the sandbox, one that isn't on the index; what is known isn't tried again."""
    machine.tool("bwrap", "bubblewrap")
    names, path = tmp_path / "names.txt", tmp_path / "results.json"
    words = ["coverage", "--way", AIRPACK, "--names", str(names), "--results", str(path), "--work", str(tmp_path)]
    with moment.index(os.environ) as index:
        for name in ("PIP_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT"):
            if name in index.env:
                monkeypatch.setenv(name, index.env[name])
        for text, tried in (("click\n", 1), ("click\nno-such-project-of-airpacks\n", 1)):
            names.write_text(text)
            capsys.readouterr()
            assert benchmarks.main(words) == 0
            assert f"airpack: {tried} of {len(text.splitlines())} names to try" in capsys.readouterr().err
    found = results.load(path)["coverage"]["ways"][AIRPACK]
    assert {step: each["ok"] for step, each in found["click"].items()} == dict.fromkeys(
        ("lock", "pack", "import"), True
    )
    lost = found["no-such-project-of-airpacks"]
    assert list(lost) == ["lock"]
    assert "no-such-project-of-airpacks" in lost["lock"]["why"]
