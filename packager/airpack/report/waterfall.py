"""The imports of a proof as a waterfall: when each began, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airpack.results.proof import TriedImport

_NARROWEST = 0.3  # per cent
_MOST = 24  # lines that are shown at once
_TICKS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """An import, with its place on the line of time in per cent."""

    tried: TriedImport
    start: float
    length: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A place on the line of time in per cent, and the seconds there in words."""

    place: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Waterfall:
    """The imports in the order in which they began: those that failed and the longest, and the others.

    `total` is in milliseconds.
    """

    shown: Sequence[Bar]
    others: Sequence[Bar]
    total: int
    ticks: Sequence[Tick]


def draw(imports: Sequence[TriedImport]) -> Waterfall:
    """Return the waterfall of at least one import."""
    total = max(1, *(each.started + each.took for each in imports))
    failed = sum(1 for each in imports if each.error)
    ordered = sorted(imports, key=lambda each: (not each.error, -each.took))
    most = {each.module for each in ordered[: max(failed, _MOST)]}
    times = range(0, total + 1, _step(total))
    return Waterfall(
        shown=_bars((each for each in imports if each.module in most), total),
        others=_bars((each for each in imports if each.module not in most), total),
        total=total,
        ticks=[Tick(place=round(time / total * 100, 2), label=f"{time / 1000:g} s") for time in times],
    )


def _bars(imports: Iterable[TriedImport], total: int) -> list[Bar]:
    return [
        Bar(
            tried=each,
            start=round(min(each.started / total * 100, 100 - _NARROWEST), 2),
            length=round(max(each.took / total * 100, _NARROWEST), 2),
        )
        for each in sorted(imports, key=lambda each: (each.started, each.module))
    ]


def _step(total: int) -> int:
    """Return a round number of milliseconds, 1, 2 or 5 with zeros, that divides `total` into some ticks."""
    step = 1
    while total / step > _TICKS:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return step
