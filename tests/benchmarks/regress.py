"""Compares the ratios of two results: a time belongs to its machine, a ratio less so."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results import NoResults, Results, ratios


def worse(found: Results, committed: Results, *, tolerance: float) -> list[str]:
    """Return a line for each ratio that rose by more than `tolerance`, a share of the committed one.

    Raises NoResults if there is none that both have: nothing would be compared.
    """
    ours, theirs = ratios(found), ratios(committed)
    if not ours.keys() & theirs.keys():
        raise NoResults("the results share no ratio with the committed ones: measure what those have")
    return list(_worse(ours, theirs, tolerance))


def _worse(
    found: dict[tuple[str, str, str], float], committed: dict[tuple[str, str, str], float], tolerance: float
) -> Iterator[str]:
    for key in sorted(found.keys() & committed.keys()):
        if found[key] > committed[key] * (1 + tolerance):
            workload, measure, peer = key
            rise = found[key] / committed[key] - 1
            yield (
                f"{workload}, {measure}: {found[key]:.3g} of {peer}'s time, {committed[key]:.3g} before "
                f"({rise:+.0%}, tolerated {tolerance:+.0%})"
            )
