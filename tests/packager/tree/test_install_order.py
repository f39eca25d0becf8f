"""The order in which pip would install wheels."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from airpack.tree.install_order import install_order
from support import machine, trees
from support.wheels import build_wheel

_PYTHON = ["Requires-Python: >=3.6"]
_EXTRA = ["Provides-Extra: more"]
# Name: what it requires, and further lines of its METADATA.
WHEELS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "one": ((), ()),
    "two": ((), ()),
    "limited": ((), _PYTHON),
    "app": (("lib", "zeta; python_version < '3'"), ()),
    "lib": (("base[more]",), _PYTHON),
    "base": (("one", "tool; extra == 'more'"), _EXTRA),
    "tool": ((), ()),
    "zeta": (("app",), ()),
}


@pytest.fixture
def built(wheels: Path) -> Mapping[str, Path]:
    """Return the wheels by name."""
    return {
        name: build_wheel(wheels, name, requires=requires, metadata=metadata)
        for name, (requires, metadata) in WHEELS.items()
    }


def _ours(built: Mapping[str, Path], folder: Path) -> list[str]:
    parts = [trees.part(path, folder / name) for name, path in sorted(built.items())]
    return [part.wheel.name for part in install_order(parts, trees.TARGET)]


def test_what_a_wheel_requires_comes_before_it(built: Mapping[str, Path], tmp_path: Path) -> None:
    """With its extras, where its marker holds; of others, the last name comes first."""
    order = _ours(built, tmp_path / "parts")
    assert order == ["two", "tool", "one", "limited", "base", "lib", "app", "zeta"]


@pytest.mark.slow
def test_the_real_pip_has_the_same_order(built: Mapping[str, Path], wheels: Path, tmp_path: Path) -> None:
    """As it says itself."""
    line: list[str | Path] = [machine.python37().path, "-m", "pip", "install", "--no-index", "--find-links", wheels]
    done = subprocess.run([*line, "--target", tmp_path / "pip", *built], check=True, capture_output=True, text=True)
    (told,) = re.findall("Installing collected packages: (.*)", done.stdout)
    assert told.split(", ") == _ours(built, tmp_path / "parts")


def test_wheels_that_require_each_other_come_before_those_that_require_them(wheels: Path, tmp_path: Path) -> None:
    """And after what they require."""
    pairs = {"a": ["b"], "b": ["c", "z"], "c": ["b"], "z": []}
    built = {name: build_wheel(wheels, name, requires=requires) for name, requires in pairs.items()}
    assert _ours(built, tmp_path / "parts") == ["z", "c", "b", "a"]
