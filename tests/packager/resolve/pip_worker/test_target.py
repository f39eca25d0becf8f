"""pip takes the tags and the markers of the target; here in a process of its own, as it is changed for good."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from airpack.target.target import Target

LINKS = """
import json, sys
from airpack.resolve.pip_worker.target import pass_over_early
from pip._internal.models.link import Link

passed_over = []
pass_over_early(["cp37-cp37m-linux_x86_64", "py3-none-any"], passed_over.append)
page = "https://host.invalid/simple/one/"
links = [Link.from_json({"url": url, "requires-python": ">=3.7"}, page) for url in sys.argv[1:]]
links += [Link.from_element({"href": url}, page, page) for url in sys.argv[1:]]
print(json.dumps([[link.filename for link in links if link], passed_over]))
"""
CHANGED = """
import json, sys
from airpack.resolve.pip_worker.events import Failure
from airpack.resolve.pip_worker.target import prepare
from pip._internal.models.target_python import TargetPython
from pip._vendor.packaging.markers import Marker

prepare(json.loads(sys.argv[1]))
answers = []
for text in sys.argv[2:]:
    try:
        answers.append(Marker(text).evaluate())
    except Failure as failure:
        answers.append(failure.facts)
tags = [str(tag) for tag in TargetPython().get_sorted_tags()]
print(json.dumps({"answers": answers, "tags": tags}))
"""


def _changed(target: Target, *markers: str) -> dict[str, Any]:
    """Return what a changed pip answers for the target: its tags, and whether the markers hold."""
    request = {
        "tags": [str(tag) for tag in target.tags],
        "marker_environment": dict(target.marker_environment),
        "installed": None,
    }
    line = [sys.executable, "-c", CHANGED, json.dumps(request), *markers]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_tags_and_markers_are_the_targets(target: Target) -> None:
    """Not those of the Python that pip runs under."""
    markers = ["python_version == '3.7'", "python_version >= '3.8'", "extra == 'test'", "python_version < '3.8.*'"]
    assert _changed(target, *markers) == {
        "answers": [True, False, False, True],
        "tags": [str(tag) for tag in target.tags],
    }


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("platform_release == '5' and python_version < '3.7'", False),
        ("platform_release == '5' or python_version == '3.7'", True),
        ("(platform_release == '5' or os_name == 'posix') and platform_version in 'x' and os_name == 'nt'", False),
    ],
    ids=["false in any case", "true in any case", "two unknown variables"],
)
def test_a_variable_that_does_not_matter_may_be_unknown(target: Target, marker: str, expected: bool) -> None:
    """The marker holds, or not, whatever its value."""
    assert _changed(target, marker)["answers"] == [expected]


def test_a_variable_that_matters_must_be_known(target: Target) -> None:
    """The failure names it, and the whole marker."""
    marker = 'platform_release == "5" and python_version == "3.7"'
    assert _changed(target, marker)["answers"] == [
        {"failure": "marker", "variable": "platform_release", "marker": marker}
    ]


def test_a_wheel_for_another_platform_is_passed_over_early() -> None:
    """As it is on either form of a page; what can't be told by the name alone is left to pip."""
    fitting = [
        "one-1.0-py2.py3-none-any.whl",
        "one-1.0-CP37-cp37m-Linux_x86_64.whl",
        "one-1.0+local-1build-cp36.cp37-cp37m-linux_aarch64.linux_x86_64.whl",
        "one-1.0.tar.gz",
        "one-1.0%2Bx-cp38-cp38-win32.whl",
        "odd.whl",
    ]
    other = ["one-1.0-cp38-cp38-linux_x86_64.whl", "one-1.0-2-cp37-cp37m-win32.whl"]
    urls = [f"https://files.invalid/a-b/{name}#sha256=00" for name in [*fitting, *other]]
    done = subprocess.run([sys.executable, "-c", LINKS, *urls], capture_output=True, text=True, check=True)
    kept, passed_over = json.loads(done.stdout)
    assert [name.replace("+x", "%2Bx") for name in kept] == 2 * fitting
    assert [(link["file"], link["why"]) for link in passed_over] == 2 * [(name, "platform_mismatch") for name in other]
    assert [link["requires_python"] for link in passed_over] == [*2 * [">=3.7"], *2 * [""]]
