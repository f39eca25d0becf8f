"""The figures in docs/benchmarks.md and the README are the committed results', and a regression of theirs is told."""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path

import pytest
from benchmarks import __main__ as benchmarks
from benchmarks import curve, measure, picture, regress, report, results
from benchmarks.coverage import page as coverage
from benchmarks.coverage.reasons import reason
from benchmarks.peers import AIRPACK
from support import machine


@pytest.fixture(scope="module")
def committed() -> results.Results:
    """Return the results of the last full run."""
    return results.load(results.COMMITTED)


def test_the_tables_are_rendered_from_the_committed_results(committed: results.Results) -> None:
    """No figure among them was typed; `python tests/benchmarks report` writes them anew."""
    assert report.shown(report.PAGE.read_text(encoding="utf-8")) == report.render(committed)
    covered = report.shown(report.PAGE.read_text(encoding="utf-8"), coverage.BEGIN, coverage.END)
    assert covered == report.covered(committed)
    assert report.DETAILS.read_text(encoding="utf-8") == report.details(committed)


@pytest.mark.slow
def test_the_pages_show_the_picture(committed: results.Results, tmp_path: Path) -> None:
    """It is drawn again, the same each time."""
    pytest.importorskip("matplotlib", reason="pip install --group bench")
    link = os.path.relpath(report.PICTURE, report.PAGE.parent)
    assert f"]({link})" in report.PAGE.read_text(encoding="utf-8")
    drawn = []
    for name in ("one.svg", "other.svg"):
        picture.draw(committed, tmp_path / name)
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1]


def test_the_readme_compares_what_was_measured(committed: results.Results) -> None:
    """Its row of cold starts has the medians of scikit-learn's and pandas' boots."""
    boots = committed["workloads"]["science"]["measures"]["boot"]
    peers = (AIRPACK, "pex", "uv, cold cache", "venv-pack", "pip --no-index")
    text = (machine.ROOT / "README.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| cold start until "))
    assert re.findall(r"\d+\.\d s", row) == [f"{measure.median(boots[peer]['wall']):.1f} s" for peer in peers]


def test_a_miss_is_shown_as_one(committed: results.Results) -> None:
    """Also where two digits are those of the bound."""
    found = copy.deepcopy(committed)
    tree = found["workloads"]["science"]["measures"]["tree"]
    for share, row in (
        (0.748, "≤ 0.75 | 0.75 | yes"),
        (0.752, "≤ 0.75 | 0.752 | **no**"),
        (0.77, "≤ 0.75 | 0.77 | **no**"),
    ):
        tree["cp -r"]["wall"] = [wall / share for wall in tree[AIRPACK]["wall"]]
        assert f"| tree, of `cp -r` | {row}" in report.render(found)


def test_a_ratio_that_rose_is_a_line_and_the_status_is_1(
    committed: results.Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seconds don't matter: a machine twice as slow for all has the same ratios."""
    slower = copy.deepcopy(committed)
    measured = slower["workloads"]["science"]["measures"]["boot"]
    for runs in measured.values():
        runs["wall"] = [wall * 2 for wall in runs["wall"]]
    assert regress.worse(slower, committed, tolerance=0.01) == []
    measured[AIRPACK]["wall"] = [wall * 1.5 for wall in measured[AIRPACK]["wall"]]
    results.save(slower, tmp_path / "results.json")
    assert benchmarks.main(["check", "--results", str(tmp_path / "results.json")]) == 1
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(measured) - 1
    assert all(line.startswith("science, boot: ") and "(+50%, tolerated +25%)" in line for line in told)


def test_the_fit_finds_the_terms_of_a_linear_cost() -> None:
    """Milliseconds to start, nanoseconds a byte, microseconds a file."""
    pytest.importorskip("numpy", reason="pip install --group bench")
    sizes = [(10**6, 5), (10**6, 500), (10**8, 100), (10**8, 9000), (10**9, 4000)]
    found = curve.fit([(size, files, 0.05 + 1e-9 * size + 3e-5 * files) for size, files in sizes])
    assert found["a_s"] == pytest.approx(0.05)
    assert found["b_s_per_byte"] == pytest.approx(1e-9)
    assert found["c_s_per_file"] == pytest.approx(3e-5)
    assert found["r2"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file or directory: measure first, by peers --results "),
        ("", "holds no results (Expecting value"),
        ("[]", "holds no results: give another --results"),
        ('{"workloads": {}}', "the results share no ratio with the committed ones"),
    ],
)
def test_a_check_that_would_compare_nothing_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, told: str
) -> None:
    """In one line."""
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    assert benchmarks.main(["check", "--results", str(path)]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("runs", ["0", "-1", "x"])
def test_no_run_is_refused(capsys: pytest.CaptureFixture[str], runs: str) -> None:
    """There would be no median."""
    with pytest.raises(SystemExit, match="2"):
        benchmarks.main(["peers", "--runs", runs])
    assert f"argument --runs: '{runs}' is no number of runs: give 1 or more" in capsys.readouterr().err


def test_what_is_missed_is_told_with_its_reason() -> None:
    """And what wasn't tried; a way without a step has no count of it."""
    fine = {"ok": True, "seconds": [1.0]}
    slow = {"ok": True, "seconds": [3.0, 5.0, 40.0], "cpu": [2.0, 2.0, 3.0]}
    lacking = {"ok": False, "seconds": [2.0], "why": "import b: a | b"}
    found = {
        "names": ["a", "b", "c", "d", "e"],
        "ways": {
            AIRPACK: {
                "a": {"lock": fine, "pack": fine, "import": fine},
                "b": {"lock": slow, "pack": fine, "import": lacking},
                "d": {"lock": fine, "pack": fine, "import": {**lacking, "why": "import d: no"}},
                "e": {"lock": {**fine, "ok": False, "why": "no such version"}},
            },
            "uv pip compile": {"a": {"lock": {**fine, "ok": False, "why": "none"}}},
        },
    }
    rows = [line for line in coverage.render(found).splitlines() if line.startswith(("|", "Not run"))]
    assert rows == [
        "| of 5 names | tried | lock | pack | import | seconds to lock, median | longest | CPU, longest |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| `airpack` | 4 | 3 | 3 | 1 | 1.0 | 5 (b) | 2 (b) |",
        "| `uv pip compile` | 1 | 0 | - | - | 1.0 | 1 (a) | - |",
        "| missed by `airpack` |   | why |",
        "| --- | --- | --- |",
        "| `b` | isn't imported | import b: a \\| b |",
        "| `d` | isn't imported | import d: no |",
        "| `e` | isn't locked | no such version |",
        "Not run: `c`.",
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("WARNING: x\nERROR: No matching distribution found for a\n", "ERROR: No matching distribution found for a"),
        ("error: No solution found\n  cause: Because a has no wheels\n\nhint: try b", "cause: Because a has no wheels"),
        ("resolve 1 wheels\nairpack: error: a fails: do b\n", "airpack: error: a fails: do b"),
        ("  cause: Because of:\n      a\n    b\n\nhint: try c", "cause: Because of: a b"),
        ("one\nimport b: no\n", "import b: no"),
        ("\n", "without a word"),
    ],
)
def test_the_reason_is_the_tools_own_line(said: str, why: str) -> None:
    """Not what else it wrote."""
    assert reason(said) == why
