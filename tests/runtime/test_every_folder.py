"""Shared folders of every mode, owner and group, and two users: what the kernel lets another do decides what is right.

No rule is repeated here: for each folder above a cache, the others really try to put their own in its place.
"""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import Iterator, Tuple

import pytest
from airpack_runtime import cache
from airpack_runtime.provide import storage

from .users import THEM, US, as_root, by, square

pytestmark = as_root
__all__ = ["square"]

NOBODY = 65534
MODES = [
    sticky | 0o700 | group << 3 | others
    for sticky, group, others in itertools.product((0, 0o1000, 0o2000), (0, 5, 7), (1, 5, 7))
]


def _ways(square: Path) -> Iterator[Tuple[Path, Path]]:
    """Make a cache of US in a folder `above`, and in one of ours below that; yield `above` and the cache."""
    for inner in ("", "between"):
        above = square / "above"
        (above / inner).mkdir(parents=True)
        folder = above / inner / f"airpack-{US}"
        folder.mkdir(mode=0o700)
        for place in {above / inner, folder} - {above}:
            os.chown(str(place), US, US)
        yield above, folder
        shutil.rmtree(str(above))


def _replace(above: Path, folder: Path) -> str:
    """Try to put a folder of one's own into the cache's place, as whoever calls it; return `yes` if that works."""
    name = folder.relative_to(above).parts[0]
    for attempt in (lambda: None, lambda: above.chmod(0o777), lambda: above.rename(above.with_name("gone"))):
        try:
            attempt()
            (above / name).rename(above / "taken")
            (above / "taken").rename(above / name)
            return "yes"
        except OSError:
            pass
    return "no"


@pytest.mark.slow
@pytest.mark.parametrize("owner", [0, US, THEM, NOBODY])
@pytest.mark.parametrize("group", [0, US, THEM])
def test_a_cache_is_used_if_nobody_else_could_replace_it(square: Path, owner: int, group: int) -> None:
    """And only then, whether it is there or still to be made."""
    wrong = []
    for mode in MODES:
        for above, folder in _ways(square):
            os.chown(str(above), owner, group)
            above.chmod(mode)
            ours = by(US, lambda: (cache.reason_against(str(folder)), storage.prepare(str(folder), 0, 0)))  # noqa: B023
            replaced = [by(uid, lambda: _replace(above, folder)).message for uid in (THEM, NOBODY)]  # noqa: B023
            entered = by(US, lambda: os.listdir(str(folder))).kind == ""  # noqa: B023
            if (ours.message == "(None, None)") != (entered and "yes" not in replaced):
                wrong.append((oct(mode), str(folder.relative_to(square)), ours, replaced, entered))
    assert wrong == []
