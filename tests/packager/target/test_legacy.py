"""Requirements that only older pips read mean what they mean to those pips."""

from __future__ import annotations

import json
import subprocess

import pytest
from airpack.target.legacy import (
    current_requirement,
    current_specifiers,
    marker_holds,
    read_requirement,
    read_specifiers,
)
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.specifiers import InvalidSpecifier
from support import machine

# Versions that these pips compared part by part.
_VERSIONS = (
    "dev alpha v1.x 1.9.* 1.9.0.* 1.x 1.9.x 1.9+x 1.9-final 1.9-foo 1.9beta-foo 2004d 1.9.dev-x 1.9.0.RELEASE "
    "1.0-SNAPSHOT 1.9.*.* 1.9_x 1.9! 1.9. 1..9 1.9<2"
)
_TEXTS = [
    f"one{operator}{version}" for operator in ("==", "!=", ">=", "<=", ">", "<", "~=") for version in _VERSIONS.split()
]
_TEXTS += ["one (>=1.9.*)", "one (>=1.9.*, <3.*) ; python_version < '4'", "one[two]>dev", "one (two)", "one >=1.9.* <2"]
# Without a pre-release, local version or post-release of a number in _VERSIONS: today's operators treat them apart.
_RELEASES = "0.1 1.0 1.0.1 1.8.9 1.9 1.9.1 1.10 2.0 2.0.post1 2003.2 2004 2004.1 2005"
_OLD_PIP = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
texts, versions = json.load(sys.stdin)
accepted = {}
for text in texts:
    try:
        specifier = Requirement(text).specifier
    except InvalidRequirement:
        accepted[text] = None
    else:
        accepted[text] = [version for version in versions if specifier.contains(version)]
print(json.dumps(accepted))
"""


def _accepted(text: str) -> list[str] | None:
    """Return the versions that a requirement accepts here, None if it can't be read."""
    try:
        specifier = read_requirement(text).specifier
    except InvalidRequirement:
        return None
    return [version for version in _RELEASES.split() if specifier.contains(version)]


def test_each_means_what_it_means_to_the_images_own_pip() -> None:
    """The pip of a real Python 3.7 takes the same versions, and refuses the same texts."""
    line = [str(machine.python37().path), "-c", _OLD_PIP]
    done = subprocess.run(
        line, input=json.dumps([_TEXTS, _RELEASES.split()]), capture_output=True, text=True, check=True
    )
    assert {text: _accepted(text) for text in _TEXTS} == json.loads(done.stdout)


@pytest.mark.parametrize(
    ("text", "current"),
    [
        ("pytz>dev", "pytz"),
        ("pytz (>dev) ; extra == 'x'", "pytz ; extra == 'x'"),
        ("torch (>=1.9.*)", "torch>=1.9"),
        ("torch>=1.9.0+cu111,<2", "torch>=1.9.0,<2"),
        ("one[two] < 3.*", "one[two]<3"),
        ("one (two)", None),
        ("one~=1.*", None),
        ("one>=", None),
        ("one==2004d", "one<0.dev0"),
        ("one @ https://example.invalid/one-1.whl", None),
        ("one>=1.0", None),
        ("!", None),
    ],
)
def test_what_they_are_today(text: str, current: str | None) -> None:
    """The name, extras and marker stay; what no pip reads has no other form."""
    assert current_requirement(text) == current


@pytest.mark.parametrize(
    ("text", "current"),
    [
        (">=3.6.*", ">=3.6"),
        (">=2.7, !=3.0.*, ", None),
        (">=3.6.*,<4.*", ">=3.6,<4"),
        ("3.7", None),
        ("", None),
    ],
)
def test_specifiers(text: str, current: str | None) -> None:
    """As `Requires-Python` has them."""
    assert current_specifiers(text) == current


_MARKERS = [
    f"python_version {operator} '{version}'"
    for operator in ("<", "<=", ">", ">=", "==", "!=")
    for version in ("3.8.*", "3.7.*", "3.6.*", "3.x", "dev", "3.8", "3.10.*")
]
_OLD_MARKERS = """
import json, sys
from pip._vendor.packaging.markers import Marker
print(json.dumps([Marker(text).evaluate({"python_version": "3.7"}) for text in json.load(sys.stdin)]))
"""


def test_markers_mean_what_they_mean_to_the_images_own_pip() -> None:
    """Also where they compare with what is no version today, which packaging 26 takes for false."""
    line = [str(machine.python37().path), "-c", _OLD_MARKERS]
    done = subprocess.run(line, input=json.dumps(_MARKERS), capture_output=True, text=True, check=True)
    environment = {"python_version": "3.7", "os_name": "posix"}
    holds = [marker_holds(Marker(text), environment) for text in _MARKERS]
    assert dict(zip(_MARKERS, holds, strict=True)) == dict(zip(_MARKERS, json.loads(done.stdout), strict=True))


def test_what_is_valid_today_is_read_as_today() -> None:
    """And what no pip reads raises what `packaging` raises."""
    assert str(read_requirement("one>=1.0rc1")) == "one>=1.0rc1"
    assert str(read_specifiers(">=2.7, !=3.0.*, ")) == "!=3.0.*,>=2.7"
    with pytest.raises(InvalidSpecifier):
        read_specifiers("3.7")
