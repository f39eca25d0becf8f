"""The layout of the waterfall of imports."""

from __future__ import annotations

import pytest
from airpack.report import waterfall
from airpack.results.proof import TriedImport


def _tried(module: str, started: int, took: int, error: str = "") -> TriedImport:
    return TriedImport(module=module, package="one", started=started, took=took, error=error)


def test_bars_lie_where_the_imports_ran() -> None:
    """In per cent of all of the time; the shortest can still be seen."""
    drawn = waterfall.draw([_tried("b", 500, 1500), _tried("a", 0, 1000), _tried("c", 2000, 0)])
    assert [(bar.tried.module, bar.start, bar.length) for bar in drawn.shown] == [
        ("a", 0.0, 50.0),
        ("b", 25.0, 75.0),
        ("c", 99.7, 0.3),
    ]
    assert (drawn.total, drawn.others) == (2000, [])


def test_the_longest_imports_come_first_where_there_are_many() -> None:
    """In the order in which they began."""
    drawn = waterfall.draw([_tried(f"m{number}", number, 1 + number % 50) for number in range(100)])
    assert len(drawn.shown) == 24
    assert min(bar.tried.took for bar in drawn.shown) >= max(bar.tried.took for bar in drawn.others)
    starts = [bar.tried.started for bar in drawn.shown]
    assert starts == sorted(starts)


def test_no_failure_is_folded_away() -> None:
    """However short the import was, and however many failed."""
    failed = [_tried(f"bad{number}", number, 1, "ImportError") for number in range(30)]
    drawn = waterfall.draw([*(_tried(f"m{number}", number, 50) for number in range(50)), *failed])
    assert [bar.tried.module for bar in drawn.shown] == [each.module for each in failed]


@pytest.mark.parametrize(
    ("total", "labels"),
    [
        (0, ["0 s", "0.001 s"]),
        (600, ["0 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s", "0.5 s", "0.6 s"]),
        (13_500, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s"]),
    ],
)
def test_ticks_are_round_numbers_of_seconds(total: int, labels: list[str]) -> None:
    """Some, however long it took."""
    assert [tick.label for tick in waterfall.draw([_tried("a", 0, total)]).ticks] == labels
