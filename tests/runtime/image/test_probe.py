"""The probe: what an image is, in the words of a profile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from airpack_runtime.errors import BootError
from airpack_runtime.image import probe

from ..conftest import RUNTIME

_PIPS_TAGS = """
import json
from pip._internal.utils.compatibility_tags import get_supported
from pip._vendor.packaging.markers import default_environment
print(json.dumps([[str(tag) for tag in get_supported()], default_environment()]))
"""


def test_tags_and_markers_are_those_of_this_interpreters_own_pip() -> None:
    """Every tag, in pip's order, and every marker's value."""
    answer = subprocess.run([sys.executable, "-c", _PIPS_TAGS], stdout=subprocess.PIPE, check=True)
    tags, environment = json.loads(answer.stdout.decode())
    found = probe.profile({})
    assert found["compatible_tags"] == tags
    environment.pop("extra", None)
    assert found["marker_environment"] == environment


def test_a_profile_lists_what_is_installed_as_json() -> None:
    """Each distribution with the members that profiles have had from the first."""
    profile = json.loads(json.dumps(probe.profile({})))
    pip = next(each for each in profile["installed"] if each["name"] == "pip")
    pip.pop("wins", None)  # where a test before has imported another
    assert list(pip) == ["name", "version", "modules", "requires", "location"]
    assert (pip["modules"], pip["requires"], pip["location"] in sys.path) == (["pip"], [], True)


def test_what_is_permitted_is_found_out_and_nothing_is_left(tmp_path: Path) -> None:
    """Each folder with the reason against it, mounting by a try in a child's own namespace."""
    (tmp_path / "file").write_text("")
    for given, expected in ((str(tmp_path / "new/deep"), "yes"), (str(tmp_path / "file"), "Not a directory")):
        folders = probe.permits({"AIRPACK_CACHE_DIR": given})["folders"]
        assert isinstance(folders, dict)
        assert next(iter(folders.values())) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    found = probe.permits({})
    assert probe.mounting().items() <= found.items()
    assert {"uid", "gid", "fuse", "mount", "mount_in_user_namespace"} < set(found)
    for each in ("mount", "mount_in_user_namespace"):
        assert found[each] in ("yes", "EPERM", "ENOSYS", "EACCES", "ENOSPC", "EUSERS", "EINVAL")


@pytest.mark.parametrize(
    ("abi", "first", "absent"),
    [
        ("37dm", ["cp37-cp37dm-p", "cp37-abi3-p"], "cp37-cp37m-p"),
        ("311d", ["cp311-cp311d-p", "cp311-cp311-p", "cp311-abi3-p"], "cp311-cp311t-p"),
        ("313t", ["cp313-cp313t-p", "cp313-none-p", "py313-none-p"], "cp313-abi3-p"),
    ],
)
def test_builds_for_debugging_and_without_the_gil(abi: str, first: list, absent: str) -> None:  # type: ignore[type-arg]
    """A debug build loads release modules from 3.8 on; free threading has no stable ABI."""
    digits = abi.rstrip("dmt")
    tags = list(probe.compatible_tags((3, int(digits[1:])), abi, ["p"]))
    assert tags[: len(first)] == first
    assert absent not in tags


def test_another_implementation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BootError, match="airpack knows CPython on Linux"):
        probe.profile({})


def test_the_command_prints_json() -> None:
    """And nothing else, under an interpreter without site-packages."""
    line = [sys.executable, "-S", "-m", "airpack_runtime", "probe"]
    answer = subprocess.run(line, cwd=str(RUNTIME), stdout=subprocess.PIPE, check=True)
    assert json.loads(answer.stdout.decode())["installed"] == []
