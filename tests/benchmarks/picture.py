"""Draws the results, the same bytes for the same results and the same matplotlib."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from airpack.base import staging
from benchmarks.measure import median
from benchmarks.peers import AIRPACK, LIMIT, PEERS
from benchmarks.results import Results

_SHOWN = "science"
_OURS, _OTHERS, _LIMIT, _FAINT = "#1f6feb", "#b8c0cc", "#2da44e", "#6e7781"
_STYLE = {"svg.hashsalt": "airpack", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}


def draw(results: Results, path: Path) -> None:
    """Write an SVG: the cold boots of one workload as bars, and the cost of an unpack by size."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    section = results["workloads"].get(_SHOWN, {"measures": {}})
    boots = section["measures"].get("boot", {})
    with mpl.rc_context(_STYLE):
        figure, (bars, curve) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=[3, 2], layout="constrained")
        figure.patch.set_facecolor("white")
        _bars(bars, boots, section.get("program", ""))
        _curve(curve, results.get("curve"))
        content = io.StringIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    staging.write_text(path, content.getvalue())


def _bars(axes: Any, boots: dict[str, Any], program: str) -> None:
    """Draw each peer's time, with its spread, on a logarithmic scale, the fastest on top."""
    names = sorted((name for name in PEERS if name in boots), key=lambda name: -float(median(boots[name]["wall"])))
    walls = [boots[name]["wall"] for name in names]
    middle = [float(median(each)) for each in walls]
    spread = [
        [m - min(w) for m, w in zip(middle, walls, strict=True)],
        [max(w) - m for m, w in zip(middle, walls, strict=True)],
    ]
    colours = [_OURS if name.startswith(AIRPACK) else _LIMIT if name == LIMIT else _OTHERS for name in names]
    axes.barh(names, middle, color=colours, xerr=spread, ecolor=_FAINT, error_kw={"elinewidth": 0.8})
    for row, value in enumerate(middle):
        axes.annotate(f"{value:.2f}", (max(walls[row]), row), (4, 0), textcoords="offset points", va="center")
    if middle:
        axes.set_xscale("log")
        axes.set_xlim(min(map(min, walls)) / 2, max(map(max, walls)) * 2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    axes.set_title(f"cold boot until `{program}` is done, s", loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def _curve(axes: Any, curve: dict[str, Any] | None) -> None:
    """Draw each bundle's time against what the fit says of it: on the line, the cost is linear."""
    axes.set_title("unpack: measured against the fit, s", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if curve is None:
        return
    fit = curve["fit"]
    times = [float(median(each["wall"])) for each in curve["points"]]
    said = [
        fit["a_s"] + fit["b_s_per_byte"] * each["bytes"] + fit["c_s_per_file"] * each["files"]
        for each in curve["points"]
    ]
    ends = [min(times + said) * 0.8, max(times + said) * 1.25]
    axes.plot(ends, ends, color=_FAINT, linewidth=0.8)
    axes.scatter(said, times, s=14, color=_OURS)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"a + b·bytes + c·files (R² {fit['r2']:.3f})")
    axes.set_ylabel("measured")
