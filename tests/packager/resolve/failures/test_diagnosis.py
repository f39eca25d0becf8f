"""Failures as pip's process reports them, and the errors that a user reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from airpack.base.errors import AirpackError, Conflict, HashMismatch, IndexUnreachable, InvalidWheel, Unsatisfiable
from airpack.resolve.failures.diagnosis import error_from

TAGS = ["cp37-cp37m-manylinux_2_27_x86_64", "cp37-cp37m-manylinux_2_17_x86_64", "py3-none-any"]


def _cause(
    requirement: str, candidates: Sequence[str] | None, *, by: str | None = None, **facts: Any
) -> dict[str, Any]:
    nothing: dict[str, Any] = {"origin": None, "place": None, "yanked": {}}
    return {"requirement": requirement, "name": "one", "by": by, "candidates": candidates, **nothing, **facts}


def _side(requirement: str, *, by: str | None = None, place: str | None = None) -> dict[str, Any]:
    return {"requirement": requirement, "by": by, "place": place}


def _skipped(file: str, requires_python: str = "", why: str = "") -> dict[str, str]:
    return {"file": file, "requires_python": requires_python, "why": why}


def _impossible(causes: Sequence[Mapping[str, Any]], **facts: Any) -> AirpackError:
    lists = ("skipped", "constraints", "passed_over", "unreachable", "limits", "unread")
    nothing: dict[str, Any] = {name: [] for name in lists} | {"prereleases": {}, "alternatives": {}}
    failure = {"failure": "impossible", "causes": causes, "python": "3.7.17", "tags": TAGS, **nothing, **facts}
    return error_from(failure)


@pytest.mark.parametrize(
    ("requirement", "candidates", "skipped", "reason"),
    [
        (
            "one",
            [],
            [],
            "no such distribution was found: say where it is with --index-url or --find-links, or drop two",
        ),
        (
            "one>=3",
            ["1.0", "2.0"],
            [_skipped("one-2.1.tar.gz")],
            (
                "no such version; the target can use 1.0, 2.0; the newest of all, 2.1, is not for the target: "
                "drop two, or name the index that has it with --extra-index-url"
            ),
        ),
        (
            "one>=2",
            ["1.0"],
            [_skipped("one-2.0-py3-none-any.whl", ">=3.8"), _skipped("one-2.0.tar.gz", ">=3.8"), _skipped("two-9.zip")],
            (
                "version 2.0 needs Python >=3.8, the target has 3.7.17; the newest that the target can use is 1.0: "
                "drop two, or choose another --target"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-1.0.tar.gz"), _skipped("no file of a project")],
            (
                "version 1.0 has no wheel, only an sdist, and --only-binary forbids building it: "
                "give --no-binary one after it"
            ),
        ),
        (
            "one",
            [],
            [_skipped(f"one-1.0-cp3{minor}-cp3{minor}-any.whl", "broken") for minor in (6, 8, 9, 10)],
            (
                "version 1.0 has no wheel for the target, only for Python 3.6, Python 3.8, Python 3.9, ...: "
                "drop two, or give a wheel of it for the target with --find-links"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-cp310-cp310-win32.whl"), _skipped("one-1.0-cp37-cp37m-win_amd64.whl")],
            (
                "version 1.0 has wheels for Windows alone: delete the line of two, or add its marker: ; "
                "sys_platform == 'win32'"
            ),
        ),
        (
            "one>=1",
            ["0.9"],
            [_skipped("one-1.0-cp37-cp37m-manylinux_2_28_x86_64.whl"), _skipped("one-1.0-cp38-cp38-win32.whl")],
            (
                "version 1.0 has no wheel for the target, only for glibc 2.28 and newer, the target has 2.27; "
                "the newest that the target can use is 0.9: drop two, or give a wheel of it for the target with "
                "--find-links"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-cp37-cp37m-manylinux_2_17_aarch64.whl")],
            (
                "version 1.0 has no wheel for the target, only for manylinux_2_17_aarch64: "
                "drop two, or give a wheel of it for the target with --find-links"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-graalpy37-none-any.whl")],
            (
                "version 1.0 has no wheel for the target, only for graalpy37-none-any: "
                "drop two, or give a wheel of it for the target with --find-links"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-py3-none-any.whl", why="format_unsupported")],
            "version 1.0 has only wheels, and --no-binary forbids them: give --only-binary one after it",
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-py3-none-any.whl", why="upload_too_late")],
            "version 1.0 was uploaded too late for --exclude-newer: give a later moment",
        ),
        (
            "one!=1.0",
            ["1.0"],
            [],
            "no such version; the only one is 1.0: drop two, or name the index that has it with --extra-index-url",
        ),
        (
            "one==3",
            [],
            [_skipped("one-1.0.tar.gz", ">=3.8"), _skipped("one-2.0.tar.gz", ">=3.8")],
            (
                "no such version, and the target can use none: the newest, 2.0, needs Python >=3.8, "
                "the target has 3.7.17: drop two, or choose another --target"
            ),
        ),
        (
            "one>1.0",
            ["1.0.post1"],
            [],
            (
                "no such version; the only one is 1.0.post1, which >1.0 leaves out (PEP 440): "
                "drop two, or name the index that has it with --extra-index-url"
            ),
        ),
        (
            "one<1.1",
            ["1.1a1"],
            [],
            (
                "no such version; the only one is 1.1a1, a pre-release, which <1.1 leaves out (PEP 440): "
                "drop two, or name the index that has it with --extra-index-url"
            ),
        ),
        (
            "one==1.4",
            [f"1.{minor}" for minor in (0, 1, 2, 3, 5, 6)],
            [],
            (
                "no such version; there are 6 from 1.0 to 1.6, the nearest 1.3 and 1.5: "
                "drop two, or name the index that has it with --extra-index-url"
            ),
        ),
        (
            "one==2.*",
            ["1.0", "3.0"],
            [_skipped("one-4.0.tar.gz")],
            (
                "no such version; the target can use 1.0, 3.0; the newest of all, 4.0, is not for the target: "
                "drop two, or name the index that has it with --extra-index-url"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-py2.7.egg", why="format_unsupported")],
            "it has only files that pip doesn't install, such as one-1.0-py2.7.egg: require another version or project",
        ),
    ],
)
def test_a_requirement_without_a_candidate(
    requirement: str, candidates: list[str], skipped: list[dict[str, str]], reason: str
) -> None:
    """The message says what the newest version that fits lacks, and who requires it."""
    error = _impossible([_cause(requirement, candidates, by="two 1.0")], skipped=skipped)
    assert str(error) == f"{requirement} (required by two 1.0): {reason}"
    assert isinstance(error, Unsatisfiable)
    assert (error.requirement, error.required_by) == (requirement, ("two 1.0",))


@pytest.mark.parametrize(
    ("requirement", "candidates", "skipped", "reason"),
    [
        (
            "one>1.0",
            ["1.0.post1"],
            [],
            ("no such version; the only one is 1.0.post1, which >1.0 leaves out (PEP 440): write >=1.0 or ==1.0.post1"),
        ),
        (
            "one==3",
            ["1.0", "2.0"],
            [],
            (
                "no such version; there are 1.0, 2.0: require one of them, or name the index that has it with "
                "--extra-index-url"
            ),
        ),
        (
            "one>=2",
            ["1.0"],
            [_skipped("one-2.0.tar.gz", ">=3.8")],
            (
                "version 2.0 needs Python >=3.8, the target has 3.7.17; the newest that the target can use is 1.0: "
                "require that, or choose another --target"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-2.0.tar.gz", ">=3.7.18")],
            (
                "version 2.0 needs Python >=3.7.18, the target has 3.7.17: name the image's own with --python-version, "
                "if it is another"
            ),
        ),
        (
            "one>=1",
            [],
            [_skipped("one-2.0-cp310-cp310-win32.whl", ">=3.8"), _skipped("one-1.0-cp37-cp37m-win32.whl")],
            "version 1.0 has wheels for Windows alone: delete the line, or add its marker: ; sys_platform == 'win32'",
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-cp37-cp37m-manylinux_2_28_x86_64.whl")],
            (
                "version 1.0 has no wheel for the target, only for glibc 2.28 and newer, the target has 2.27: choose "
                "another --target, or give a wheel of it for the target with --find-links"
            ),
        ),
        (
            "one==1.0+cu117",
            ["1.0", "2.0"],
            [],
            (
                "no such version: builds with +cu117 are on an index of their own: give it with --extra-index-url URL, "
                "or require one==1.0"
            ),
        ),
        (
            "one==1.6.5+ubuntu0.7",
            ["0.9"],
            [],
            (
                "no such version: the version is of a package that apt installed: delete the line, or pin a version of "
                "the index"
            ),
        ),
        (
            "one===1.1build1",
            ["1.0"],
            [],
            (
                "no such version: the version is of a package that apt installed: delete the line, or pin a version of "
                "the index"
            ),
        ),
        (
            "one===0.18ubuntu0.18.04.1",
            [],
            [],
            (
                "no such distribution was found: the version is of a package that apt installed: delete the line, or "
                "pin a version of the index"
            ),
        ),
        (
            "one",
            [],
            [_skipped("one-1.0-cp310-cp310-win32.whl"), _skipped("one-1.0-cp37-cp37m-win_amd64.whl")],
            "version 1.0 has wheels for Windows alone: delete the line, or add its marker: ; sys_platform == 'win32'",
        ),
    ],
)
def test_what_the_user_can_change_is_told(
    requirement: str, candidates: list[str], skipped: list[dict[str, str]], reason: str
) -> None:
    """Of the user's own requirement, unlike one of a distribution's."""
    assert str(_impossible([_cause(requirement, candidates)], skipped=skipped)) == f"{requirement}: {reason}"


@pytest.mark.parametrize(
    ("project", "reason"),
    [
        (
            "pkg_resources",
            "Debian's and Ubuntu's pip freeze writes this line by mistake, no index has it: delete the line",
        ),
        ("pil", "no such distribution was found: the module of this name is pillow's: require pillow"),
        (
            "python",
            "no such distribution was found: it is Python itself, which the image has: delete it, and give --target",
        ),
        (
            "ubuntu_advantage_tools",
            "no such distribution was found: it is a program of Debian's or Ubuntu's own: delete the line",
        ),
        ("json", "no such distribution was found: it is a module of Python's own library: delete it"),
    ],
)
def test_what_is_no_project(project: str, reason: str) -> None:
    """Though files that people have name it; the line that does is told."""
    cause = {**_cause(f"{project}==0.0.0", []), "name": project, "place": "-r lists/a.txt (line 7)"}
    assert str(_impossible([cause])) == f"{project}==0.0.0 (line 7 of lists/a.txt): {reason}"


@pytest.mark.parametrize(
    ("requirement", "candidates", "yanked", "reason"),
    [
        (
            "one>0.1",
            ["0.1", "1.0", "1.0"],
            {"1.0": "it lost data"},
            (
                "the only version that fits, 1.0, is yanked (it lost data): require one==1.0 to take it all the same, "
                "or accept 0.1, the newest that is not"
            ),
        ),
        (
            "one",
            ["1.0", "2.0"],
            {"1.0": "", "2.0": ""},
            "all versions that fit are yanked: require one==2.0 to take it all the same",
        ),
    ],
)
def test_only_yanked_versions(requirement: str, candidates: list[str], yanked: dict[str, str], reason: str) -> None:
    """They are no conflict: which they are, the reason given, and how to have one all the same (PEP 592)."""
    error = _impossible([_cause(requirement, candidates, yanked=yanked)])
    assert isinstance(error, Unsatisfiable)
    assert str(error) == f"{requirement}: {reason}"


def test_metadata_that_no_pip_reads() -> None:
    """The version that has it, and the text."""
    unread = [{"file": "one-1.0-py3-none-any.whl", "problem": "Expected end: two (three)"}]
    error = _impossible([_cause("one==1.0", ["0.9", "1.0"], place="-c c.txt (line 2)")], unread=unread)
    assert str(error) == (
        "one==1.0 (line 2 of c.txt): version 1.0 has metadata that no pip reads (Expected end: two (three)): "
        "accept 0.9, the newest that is not"
    )


def test_who_led_to_a_requirement_is_told() -> None:
    """The distributions that have it, and the line of the user's that led to them."""
    causes = [
        _cause("one>2", ["1.0"], by=f"two {number}.0", origin="three", place="-r r.txt (line 1)") for number in "1234"
    ]
    assert str(_impossible(causes)) == (
        "one>2 (required by two 1.0, two 2.0, two 3.0, ..., for three, line 1 of r.txt): "
        "no such version; the only one is 1.0: drop three, or name the index that has it with --extra-index-url"
    )


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ([], "(required by two 1.0): {}, or require another version of two, such as 3.0"),
        (
            [_side("two<2", by="four 1.0"), _side("two<3", by="four 2.0"), _side("two!=1.5", by="five 1.0")],
            "(required by two 1.0, itself required by four 1.0, four 2.0): {}, or drop four or two",
        ),
    ],
)
def test_another_version_of_who_requires_it_is_named(limits: list[dict[str, Any]], message: str) -> None:
    """As the user rules it out; where a distribution does, both that may be dropped."""
    error = _impossible([_cause("one", [], by="two 1.0")], limits=limits, alternatives={"two": ["3.0"]})
    found = "no such distribution was found: say where it is with --index-url or --find-links"
    assert str(error) == f"one {message.format(found)}"


def test_a_build_of_what_has_wheels_for_another_system() -> None:
    """It is not worth mending: the line is for that system."""
    facts: dict[str, Any] = {"required_by": None, "source": "", "place": "-r r.txt (line 2)", "wheels": []}
    skipped = [_skipped("one-1.0-cp37-none-win_amd64.whl")]
    error = error_from(
        {"failure": "build", "name": "one", "version": "1.0", "reason": "x", "skipped": skipped, **facts}
    )
    assert str(error) == (
        "one 1.0 (line 2 of r.txt) has no wheel for the target and can't be built from its source: x; its wheels are "
        "for Windows alone: delete the line, or add its marker: ; sys_platform == 'win32'"
    )


def test_a_constraint_that_nothing_meets() -> None:
    """It alone is the cause, whoever requires the project."""
    constraint = _side("one==9", place="-c limits.txt (line 3)")
    error = _impossible([_cause("one", ["1.0"], by="two 1.0")], constraints=[constraint])
    assert str(error) == (
        "one==9 (a constraint, line 3 of limits.txt): no such version; the only one is 1.0: loosen it, or name the "
        "index that has it with --extra-index-url"
    )


def test_requirements_that_exclude_each_other() -> None:
    """Both sides are fields, the user's own and a constraint among them."""
    causes = [_cause("one<2", ["1.0", "2.0"]), _cause("one>=2", ["1.0", "2.0"], by="two 1.0")]
    error = _impossible(causes, constraints=[_side("one!=1.5")])
    assert isinstance(error, Conflict)
    assert error.sides == (("", "one<2"), ("a constraint", "one!=1.5"), ("two 1.0", "one>=2"))


def test_what_leaves_no_way_out_of_a_conflict_is_told() -> None:
    """Other versions of the projects in it, and why they can't be had; one sentence for several of a project."""
    causes = [
        _cause("one==2.0", ["1.0", "2.0"], place="-r r.txt (line 2)"),
        *(_cause("one==1.0", ["1.0", "2.0"], by=f"two {number}.0") for number in (1, 2)),
        {**_cause("never", [], by="two 3.0"), "name": "never"},
        _cause("one<1.0; extra == 'more'", ["1.0", "2.0", "0.5"], by="two[more] 4.0"),
    ]
    limits = [_side("two!=5.0", place="-r r.txt (line 1)"), *(_side("two<6", by=f"four {patch}") for patch in range(4))]
    assert str(_impossible(causes, limits=limits)) == (
        "these requirements conflict: you asked for one==2.0 (line 2 of r.txt); "
        "you asked for two!=5.0 (line 1 of r.txt); 4 versions of four require two<6; "
        "two 1.0, two 2.0 require one==1.0; two 3.0 requires never, of which there is no distribution; "
        "two[more] 4.0 requires one<1.0 for its extra more: loosen or drop one of them"
    )


@pytest.mark.parametrize(
    ("causes", "remedy"),
    [
        ([("one<1", "two 1.0"), ("one>1", "two 1.0")], "require another version of two"),
        (
            [("one<1; extra == 'a'", "two[a,b] 1.0"), ("one>1; extra == 'b'", "two[a,b] 1.0")],
            "drop one of these extras of two",
        ),
        ([("one<1", "two 1.0"), ("one>1", "three 1.0")], "loosen or drop one of them"),
    ],
    ids=["two requirements", "two extras", "two projects"],
)
def test_a_conflict_within_one_project(causes: list[tuple[str, str]], remedy: str) -> None:
    """There is nothing that the user could loosen."""
    error = _impossible([_cause(requirement, ["0.5", "1.5"], by=by) for requirement, by in causes])
    assert str(error).endswith(f": {remedy}")


def test_a_conflict_that_a_yanked_version_would_solve() -> None:
    """It is named, with the reason given."""
    versions, yanked = ["1.0", "1.5", "2.0"], {"1.5": "broken"}
    causes = [_cause("one>1", versions, yanked=yanked), _cause("one<2", versions, yanked=yanked, by="two 1.0")]
    assert str(_impossible(causes)) == (
        "these requirements conflict: you asked for one>1; two 1.0 requires one<2; one 1.5, which meets all, is yanked "
        "(broken): loosen or drop one of them"
    )


def test_who_led_to_a_conflict_is_told() -> None:
    """The user's requirement and its line, of each side."""
    both: dict[str, Any] = {"origin": "three", "place": "-r r.txt (line 4)"}
    causes = [
        _cause("one<2", ["1.0", "2.0"], by="three 1.0", **both),
        _cause("one>=2", ["1.0", "2.0"], by="two 1.0", **both),
    ]
    assert str(_impossible(causes)) == (
        "these requirements conflict: three 1.0 requires one<2; "
        "two 1.0 (for three, line 4 of r.txt) requires one>=2: loosen or drop one of them"
    )


def test_a_conflict_that_a_pre_release_may_solve() -> None:
    """It is named, with the option that allows it."""
    causes = [_cause("one>1", ["0.5", "1.5"]), _cause("one<1", ["0.5", "1.5"], by="two 1.0")]
    assert str(_impossible(causes, prereleases={"two": "2.0b1"})).endswith(
        "two 1.0 requires one<1; two 2.0b1 is a pre-release, which --pre allows: loosen or drop one of them"
    )


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
        "the server failed: try again later, or name another index"
    )


def test_a_wheel_that_pip_passed_over_is_named() -> None:
    """With what is wrong in it."""
    error = _impossible([_cause("one", [])], passed_over=[{"file": "one.whl", "problem": "its METADATA is another's"}])
    assert isinstance(error, InvalidWheel)
    assert str(error) == "one.whl: its METADATA is another's"


def test_a_hash_that_does_not_match() -> None:
    """Every hash that would do is told, and the one that arrived."""
    facts = {"requirement": "one==1.0", "expected": ["0" * 64, "1" * 64], "actual": "2" * 64}
    error = error_from({"failure": "mismatch", **facts})
    assert isinstance(error, HashMismatch)
    expected = f"{'0' * 64} or {'1' * 64}"
    assert (error.filename, error.expected, error.actual) == ("one==1.0", expected, "2" * 64)


def test_a_hash_by_another_algorithm_that_does_not_match() -> None:
    """As an index gives it that has no SHA-256."""
    facts = {"requirement": "one==1.0", "algorithm": "md5", "expected": ["0" * 32], "actual": "2" * 32}
    assert str(error_from({"failure": "mismatch", **facts})) == (
        f"one==1.0 has MD5 {'2' * 32}, but {'0' * 32} was expected: the file was changed or damaged; check the index "
        "it came from"
    )


@pytest.mark.parametrize(
    ("oddity", "text", "told"),
    [
        (
            "extras",
            "one[a,b]==1.0; python_version < '4'",
            (
                "\"one[a,b]==1.0; python_version < '4'\" is a constraint with extras, which pip doesn't take, "
                "line 2 of c.txt: write one==1.0; python_version < '4'"
            ),
        ),
        (
            "editable",
            "./one",
            (
                "'-e ./one' is an editable constraint, which pip doesn't take, line 2 of c.txt: put it into the "
                "requirements, or delete the line"
            ),
        ),
        (
            "nameless",
            "/one",
            (
                "'/one' is a constraint without a name, which pip doesn't take, line 2 of c.txt: put it into the "
                "requirements, or write NAME @ URL"
            ),
        ),
    ],
)
def test_a_constraint_that_pip_does_not_take(oddity: str, text: str, told: str) -> None:
    """Which, where, and what to write, of which pip says nothing."""
    facts = {"oddity": oddity, "text": text, "place": "-c c.txt (line 2)"}
    assert str(error_from({"failure": "constraint", **facts})) == told


def test_a_build_for_cuda_is_on_pytorchs_index() -> None:
    """Its URL is named."""
    cause = {**_cause("torch==1.13.1+cu117", ["1.0"]), "name": "torch"}
    assert str(_impossible([cause])) == (
        "torch==1.13.1+cu117: no such version: builds with +cu117 are on an index of their own: give it with "
        "--extra-index-url https://download.pytorch.org/whl/cu117"
    )


def test_a_hash_that_was_cut_off() -> None:
    """The file is not to blame."""
    facts = {"requirement": "one==1.0", "expected": ["abc"], "actual": "2" * 64}
    assert str(error_from({"failure": "mismatch", **facts})) == (
        f"--hash=sha256:abc of one==1.0 is no SHA-256, which has 64 digits: the file has {'2' * 64}"
    )


def test_a_full_disk_is_told_by_its_number() -> None:
    """The message adds what to do about it; any other reason stands alone."""
    facts = {"failure": "os", "path": "/cache"}
    full = error_from({**facts, "errno": 28, "message": "No space left on device"})
    assert str(full) == ("/cache: No space left on device; nothing was changed: free disk space, then try again")
    assert str(error_from({**facts, "errno": 13, "message": "Permission denied"})) == (
        "/cache: Permission denied; nothing was changed"
    )


def test_a_line_with_a_wrong_option() -> None:
    """What pip says of it, without the name that it gives itself; its message repeats the line."""
    problem = "Invalid requirement: -r\nUsage: -c [options]\n\n-c: error: -r option requires 1 argument\n"
    error = error_from({"failure": "line", "text": "-r", "place": "line 2 of r.txt", "problem": problem})
    assert str(error) == "'-r', line 2 of r.txt: -r option requires 1 argument"
