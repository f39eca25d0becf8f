"""`airpack target show`: what the name of a target means."""

from __future__ import annotations

from pathlib import Path

from airpack.target.target import Target
from support.airpack import Airpack


def test_target_show_tells_what_a_name_means(airpack: Airpack, tmp_path: Path) -> None:
    """As text, and as JSON that serves as a profile."""
    assert airpack("target", "show", "cp37-manylinux2014_x86_64", "--python-version", "3.7.9") == 0
    assert "python    3.7.9\n" in airpack.out
    assert "unknown   platform_release, platform_version" in airpack.out
    assert airpack("target", "show", "cp37-manylinux2014_x86_64", "--json") == 0
    (tmp_path / "image.json").write_text(airpack.out)
    profile, name = Target.parse(str(tmp_path / "image.json")), Target.parse("cp37-manylinux2014_x86_64")
    assert (profile.tags, profile.marker_environment) == (name.tags, name.marker_environment)
    assert airpack("target", "show", "cp37-manylinux2014_x86_64", "--python-version", "3.8.1") == 2
    assert "is not a version 3.7.PATCH" in airpack.error
