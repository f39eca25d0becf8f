"""Failures as pip's process reports them, and the errors that a user reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from airpack.base.errors import AirpackError, Conflict, HashMismatch, IndexUnreachable, InvalidWheel, Unsatisfiable
from airpack.resolve.diagnosis import error_from


def _cause(requirement: str, candidates: Sequence[str] | None, *, by: str | None = None) -> dict[str, Any]:
    return {"requirement": requirement, "name": "one", "by": by, "candidates": candidates}


def _skipped(file: str, requires_python: str = "") -> dict[str, str]:
    return {"file": file, "requires_python": requires_python}


def _impossible(causes: Sequence[Mapping[str, Any]], **facts: Any) -> AirpackError:
    nothing: dict[str, Any] = {"skipped": [], "constraints": {}, "passed_over": [], "unreachable": []}
    failure = {"failure": "impossible", "causes": causes, "python": "3.7.17", **nothing, **facts}
    return error_from(failure)


@pytest.mark.parametrize(
    ("requirement", "candidates", "skipped", "reason"),
    [
        (
            "one",
            [],
            [],
            "no such distribution was found: check its name, or say where it is with --index-url or --find-links",
        ),
        (
            "one>=3",
            ["1.0", "2.0"],
            [_skipped("one-2.1.tar.gz")],
            "no such version; the newest is 2.1; the newest that the target can use is 2.0",
        ),
        (
            "one>=2",
            ["1.0"],
            [_skipped("one-2.0-py3-none-any.whl", ">=3.8"), _skipped("one-2.0.tar.gz", ">=3.8"), _skipped("two-9.zip")],
            "version 2.0 needs Python >=3.8, the target has 3.7.17; the newest that the target can use is 1.0",
        ),
        (
            "one",
            [],
            [_skipped("one-1.0.tar.gz"), _skipped("no file of a project")],
            "version 1.0 has no wheel, only an sdist, and --only-binary forbids building it",
        ),
        (
            "one",
            [],
            [
                _skipped(f"one-1.0-cp{minor}-cp{minor}-manylinux_2_28_aarch64.whl", "broken")
                for minor in (37, 38, 39, 310)
            ],
            (
                "version 1.0 has no wheel for the target, only for cp310-cp310-manylinux_2_28_aarch64, "
                "cp37-cp37-manylinux_2_28_aarch64, cp38-cp38-manylinux_2_28_aarch64, ..."
            ),
        ),
        (
            "one",
            [],
            [_skipped(f"one-1.0-cp37-cp37m-{platform}.whl") for platform in ("win32", "win_amd64")],
            "version 1.0 has wheels for Windows alone: delete the line, or add its marker: ; sys_platform == 'win32'",
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-cp37-cp37m-macosx_11_0_arm64.whl")],
            "version 1.0 has wheels for macOS alone: delete the line, or add its marker: ; sys_platform == 'darwin'",
        ),
        (
            "one",
            [],
            [{**_skipped("one-1.0-py3-none-any.whl"), "too_new": True}],
            "version 1.0 was uploaded too late for --exclude-newer: give a later moment",
        ),
    ],
)
def test_a_requirement_without_a_candidate(
    requirement: str, candidates: list[str], skipped: list[dict[str, Any]], reason: str
) -> None:
    """The message says what the newest version that fits lacks, and who requires it."""
    error = _impossible([_cause(requirement, candidates, by="two 1.0")], skipped=skipped)
    assert str(error) == f"{requirement} (required by two 1.0): {reason}"
    assert isinstance(error, Unsatisfiable)
    assert (error.requirement, error.required_by) == (requirement, ("two 1.0",))


def test_a_line_that_a_freeze_should_not_have() -> None:
    """No index has it; the message says whose mistake it is."""
    cause: dict[str, Any] = {
        "requirement": "pkg_resources==0.0.0",
        "name": "pkg-resources",
        "by": None,
        "candidates": [],
    }
    assert str(_impossible([cause])) == (
        "pkg_resources==0.0.0: Debian's and Ubuntu's pip freeze writes this line by mistake, no index has it: "
        "delete the line"
    )


def test_requirements_that_exclude_each_other() -> None:
    """Both sides are fields, the user's own and a constraint among them."""
    causes = [_cause("one<2", ["1.0", "2.0"]), _cause("one>=2", ["1.0", "2.0"], by="two 1.0")]
    error = _impossible(causes, constraints={"one": "!=1.5"})
    assert isinstance(error, Conflict)
    assert error.sides == (("", "one<2"), ("a constraint", "one!=1.5"), ("two 1.0", "one>=2"))


def test_a_distribution_for_another_python_is_no_conflict() -> None:
    """As wheels in a folder have it, whose metadata pip reads only when it tries them."""
    error = _impossible([_cause("Python >=3.9", None, by="flask 3.1.3")])
    assert isinstance(error, Unsatisfiable)
    assert str(error) == (
        "flask 3.1.3 requires Python >=3.9, the target has 3.7.17: "
        "require another version, or choose another target with --target"
    )


def test_an_index_without_an_answer_is_the_reason() -> None:
    """Whatever else is reported; an index that doesn't have the project has answered."""
    page = {"url": "https://example.invalid/one/", "status": 404, "reason": "404 Client Error: Not Found for url"}
    assert isinstance(_impossible([_cause("one", [])], unreachable=[page]), Unsatisfiable)
    error = _impossible(
        [_cause("one", [])], unreachable=[page, {**page, "status": 503, "reason": "503 Server Error: x"}]
    )
    assert isinstance(error, IndexUnreachable)
    assert str(error) == (
        "https://example.invalid/one/ can't be read: 503 Server Error: x: "
        "check the URL, the network, the proxy and the credentials"
    )


def test_a_wheel_that_pip_passed_over_is_named() -> None:
    """With what is wrong in it."""
    error = _impossible([_cause("one", [])], passed_over=[{"file": "one.whl", "problem": "its METADATA is another's"}])
    assert isinstance(error, InvalidWheel)
    assert str(error) == "one.whl: its METADATA is another's"


def test_a_hash_that_does_not_match() -> None:
    """Every hash that would do is told, and the one that arrived."""
    facts = {"requirement": "one==1.0", "expected": ["00", "11"], "actual": "22"}
    error = error_from({"failure": "mismatch", **facts})
    assert isinstance(error, HashMismatch)
    assert (error.filename, error.expected, error.actual) == ("one==1.0", "00 or 11", "22")


def test_a_full_disk_is_told_by_its_number() -> None:
    """The message adds what to do about it; any other reason stands alone."""
    facts = {"failure": "os", "path": "/cache"}
    full = error_from({**facts, "errno": 28, "message": "No space left on device"})
    assert str(full) == ("/cache: No space left on device; nothing was changed: free disk space, then try again")
    assert str(error_from({**facts, "errno": 13, "message": "Permission denied"})) == (
        "/cache: Permission denied; nothing was changed"
    )
