"""Renders the results: docs/benchmarks.md's tables of ratios, RESULTS.md with medians and command lines, a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from airpack.base import staging
from benchmarks.coverage import page as coverage
from benchmarks.measure import median
from benchmarks.peers import AIRPACK, LIMIT, PEERS, STEPS
from benchmarks.results import Results, ratio
from benchmarks.tables import NONE, table
from benchmarks.thresholds import Figure, fastest_peer, figures, memory
from support import machine, pages

PAGE = machine.ROOT / "docs" / "benchmarks.md"
DETAILS = Path(__file__).with_name("RESULTS.md")
PICTURE = Path(__file__).with_name("results.svg")
BEGIN, END = "<!-- figures: written by `python tests/benchmarks report` -->", "<!-- end of figures -->"

_MEASURES = {
    "tree": "the tree",
    "boot": "cold boot",
    "uncached": "page cache cold",
    "together": "four at once",
    "warm": "warm boot",
    "build": "build",
    "again": "the same again",
    "rebuild": "rebuild",
}
_SHOWN = "science"


def write(results: Results) -> None:
    """Put the tables into the page, and write RESULTS.md and the picture."""
    from benchmarks import picture

    staging.write_text(PAGE, with_figures(PAGE.read_text(encoding="utf-8"), results))
    staging.write_text(DETAILS, details(results))
    picture.draw(results, PICTURE)


def with_figures(text: str, results: Results) -> str:
    """Return the page with what stands between its comments rendered from the results."""
    text = pages.put(text, BEGIN, END, render(results))
    return pages.put(text, coverage.BEGIN, coverage.END, covered(results))


def covered(results: Results) -> str:
    """Return the tables of what can be had, by name."""
    return coverage.render(results["coverage"]) if "coverage" in results else "Not measured yet.\n"


def render(results: Results) -> str:
    """Return the tables of the page."""
    parts = [_conditions(results)]
    if _SHOWN in results["workloads"]:
        parts.append(_shares(results["workloads"][_SHOWN]))
    parts += [_by_workload(results), _start(results), _bounds(figures(results))]
    if "curve" in results:
        parts.append(_curve(results["curve"]))
    return "\n".join(parts)


def details(results: Results) -> str:
    """Return RESULTS.md: every median with its spread, every command line."""
    parts = ["# Results\n\nWritten by `python tests/benchmarks report` from `results.json`, which has every sample.\n"]
    parts.append(_conditions(results))
    memory_note = "Peak memory is the largest process's; docs/benchmarks.md counts it once for each processor.\n"
    parts.append(memory_note)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results["versions"].items()))
    parts.append(f"Versions: {versions}.\n")
    for name, section in results["workloads"].items():
        parts.append(_section(name, section))
    if "curve" in results:
        parts.append("## The cost of an unpack by bytes and files\n")
        parts.append(_curve(results["curve"]))
        rows = [
            (each["label"], f"{each['bytes'] / 1e6:.1f}", f"{each['files']:,}", *_spread(each["wall"]))
            for each in results["curve"]["points"]
        ]
        parts.append(table(("bundle", "MB", "files", "median s", "min - max s"), rows))
    if "coverage" in results:
        parts.append("## Coverage\n")
        parts.append(coverage.details(results["coverage"]))
    return "\n".join(parts)


def _conditions(results: Results) -> str:
    facts = results["machine"]
    where = "a fresh tmpfs for each" if facts["fresh_file_system"] else "a new folder for each, without root"
    counts = {name: max(map(_runs, section["measures"].values())) for name, section in results["workloads"].items()}
    runs = ", ".join(f"{number} of {name}" for name, number in counts.items())
    return (
        f"Medians of runs in turn ({runs}; of a few measures fewer, as RESULTS.md tells), {where}; "
        f"{facts['cores']} cores ({facts['cpu']}),\nLinux {facts['kernel']}, Python {facts['python_of_the_image']}.\n"
    )


def _runs(measured: dict[str, Any]) -> int:
    return max(len(each["wall"]) for each in measured.values())


def _shares(section: dict[str, Any]) -> str:
    measures = section["measures"]
    shown = {name: title for name, title in _MEASURES.items() if name in measures}
    own = section["peers"][AIRPACK]["artifact"]
    rows = []
    for peer in _peers(section):
        if peer == AIRPACK or not any(peer in measures[name] for name in shown):
            continue
        size = section["peers"][peer]["artifact"]
        rows.append((f"`{peer}`", *(_number(ratio(measures[name], peer)) for name in shown), _number(own / size)))
    mine = [_seconds(measures[name].get(AIRPACK)) for name in shown]
    rows.append(("*airpack itself*", *mine, f"{own / 1e6:.1f} MB"))
    wheels, tree = section["wheels"], section["tree"]
    text = (
        f"airpack's share of each peer's time for `{section['program']}`, and of its artifact's size "
        f"({wheels['count']} wheels, {wheels['bytes'] / 1e6:.0f} MB; tree {tree['bytes'] / 1e6:.0f} MB, "
        f"{tree['files']:,} files):\n\n"
    )
    return text + table((" ", *shown.values(), "size"), rows)


def _by_workload(results: Results) -> str:
    rows = []
    for name in sorted(results["workloads"], key=lambda each: results["workloads"][each]["wheels"]["bytes"]):
        section = results["workloads"][name]
        boot = section["measures"].get("boot", {})
        fastest, share = fastest_peer(boot)
        peak = memory(section, results)
        rows.append(
            (
                name,
                f"{section['tree']['bytes'] / 1e6:.0f} MB, {section['tree']['files']:,} files",
                _seconds(boot.get(AIRPACK)),
                _number(ratio(boot, LIMIT)),
                f"{_number(share)} (`{fastest}`)",
                _number(ratio(boot, "pip --no-index")),
                NONE if peak is None else f"{peak:.0f} MB",
            )
        )
    head = (
        "workload",
        "tree",
        "cold boot",
        "of the limit",
        "of the fastest peer",
        "of pip",
        "memory of an unpack, at most",
    )
    return table(head, rows)


def _start(results: Results) -> str:
    """Return what a start costs that finds its tree, beside one that has nothing to find."""
    started = [each["measures"]["start"] for each in results["workloads"].values() if "start" in each["measures"]]
    added = [
        ours - theirs
        for each in started
        for ours, theirs in zip(each[AIRPACK]["wall"], each[LIMIT]["wall"], strict=True)
    ]
    text = f"A start that finds its tree adds {median(added) * 1e3:.1f} ms to `python3.7 -c pass`. " if added else ""
    return f"{text}The shim as a `.pyz` has {results['shim_bytes'] / 1e3:.1f} kB.\n"


def _bounds(found: Iterable[Figure]) -> str:
    rows = []
    for each in found:
        sign = "<" if each.below else "≤"
        rows.append((each.what, f"{sign} {_number(each.wanted)}{each.unit}", _reached(each), each.verdict))
    return table(("airpack's share", "wanted", "reached", " "), rows)


def _reached(figure: Figure) -> str:
    """Return what was reached; where the rounding would hide a miss, with three digits."""
    if figure.reached is None:
        return NONE
    text = _number(figure.reached)
    if figure.missed and text == _number(figure.wanted):
        text = f"{figure.reached:.3f}"
    return f"{text}{figure.unit}"


def _curve(curve: dict[str, Any]) -> str:
    fit = curve["fit"]
    return (
        f"An unpack takes {fit['a_s'] * 1e3:.0f} ms + {fit['b_s_per_byte'] * 1e9:.2f} ms per MB + "
        f"{fit['c_s_per_file'] * 1e6:.0f} ms per 1,000 files (least squares of the relative error over "
        f"{len(curve['points'])} bundles; "
        f"R² {fit['r2']:.3f},\nno point further off than {fit['largest_error']:.0%}).\n"
    )


def _section(name: str, section: dict[str, Any]) -> str:
    wheels, tree = section["wheels"], section["tree"]
    made_of = (
        f"`{section['requirements']}`; {wheels['count']} wheels, {wheels['bytes'] / 1e6:.1f} MB; tree "
        f"{tree['bytes'] / 1e6:.1f} MB, {tree['files']:,} files. A rebuild has `{section['changed']}` instead.\n"
    )
    parts = [f"## {name}: `{section['program']}`\n", made_of]
    head = ("", "median s", "min - max s", "CPU s", "peak MB", "written MB", "airpack's share")
    for measure, measured in section["measures"].items():
        parts.append(f"### {_MEASURES.get(measure, measure)}, {_runs(measured)} runs\n")
        parts.append(table(head, _rows(measured)))
    parts.append("### Artifacts and command lines\n")
    for peer in _peers(section):
        about = section["peers"][peer]
        why = f" ({about['why']})" if about["why"] else ""
        parts.append(f"**{peer}**, {about['artifact'] / 1e6:.1f} MB{why}\n")
        lines = [(step, about["commands"][step]) for step in STEPS if step in about["commands"]]
        parts.append("".join(f"    # {step}\n    {line}\n" for step, line in lines))
    missing = "".join(f"- {what}: {reason}\n" for what, reason in section["skipped"].items())
    return "\n".join([*parts, *([f"Not measured:\n\n{missing}"] if missing else [])])


def _rows(measured: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for peer in (name for name in PEERS if name in measured):
        found = measured[peer]
        middle = found["median"]
        share = _number(ratio(measured, peer))
        sizes = (f"{max(found['peak']) / 1e6:.0f}", f"{middle['written'] / 1e6:.1f}")
        yield (f"`{peer}`", *_spread(found["wall"]), f"{middle['cpu']:.2f}", *sizes, share)


def _spread(walls: Sequence[float]) -> tuple[str, str]:
    return f"{median(walls):.3f}", f"{min(walls):.3f} - {max(walls):.3f}"


def _peers(section: dict[str, Any]) -> list[str]:
    """Return the peers of a section as they are listed."""
    return [name for name in PEERS if name in section["peers"]]


def _seconds(measured: dict[str, Any] | None) -> str:
    return f"{measured['median']['wall']:.2f} s" if measured else NONE


def _number(value: float | None) -> str:
    """Return a ratio with as many digits as it means."""
    if value is None:
        return NONE
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def shown(text: str, begin: str = BEGIN, end: str = END) -> str:
    """Return what the page shows between two comments."""
    found = re.search(re.escape(begin) + r"\n\n(.*?)\n" + re.escape(end), text, re.DOTALL)
    return found[1] if found else ""
