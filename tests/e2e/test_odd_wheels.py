"""Well-known wheels that aren't as the specifications have them: pip installs them, and so does airpack, the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.wheels.oddity import Kind
from benchmarks import wheels
from support import like_pip, trees

pytestmark = pytest.mark.network

ODD = {
    "ddtrace==2.9.6": {Kind.RECORD_ABSENT},
    "selenium==4.1.0": {Kind.RECORD_PATH},
    "furo==2022.12.7": {Kind.RECORD_CODING},
    "ptvsd==4.3.2": set(),
    "qtconsole==5.3.0": {Kind.SCRIPT_TWICE},
    "git-filter-repo==2.38.0": {Kind.SCRIPT_TWICE},
}


@pytest.mark.parametrize("requirement", ODD)
def test_a_well_known_odd_wheel_is_installed_as_pip_does(requirement: str, tmp_path: Path) -> None:
    """The same files, contents, modes and scripts; what is odd about it is told."""
    wheel = wheels.download(requirement, tmp_path)
    part = trees.installed(wheel, tmp_path / "airpack")
    assert {oddity.kind for oddity in part.oddities} == ODD[requirement]
    like_pip.install(wheel, tmp_path / "pip")
    assert like_pip.differences(tmp_path / "pip", part.prefix) == []
