"""The short form of the benchmarks: few peers, few runs, the smallest workload."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from benchmarks import __main__ as benchmarks
from benchmarks import race, report, results
from benchmarks.peers import AIRPACK, LIMIT, PEERS
from support import machine

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
