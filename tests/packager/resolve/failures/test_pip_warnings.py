"""pip's warnings reach the user, each in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from airpack.resolve.failures.pip_warnings import Warnings
from support.airpack import Airpack
from support.index import Index, serve
from support.wheels import build_wheel


@pytest.mark.slow
def test_a_yanked_version_and_an_index_that_is_down(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """Both are told with their reasons, the index once for all its pages, and not with -q."""
    build_wheel(wheels, "one", requires=["two"])
    path = build_wheel(wheels, "two")
    index.yanked[path.name] = "loses data"
    words = ["lock", "one", "two==1.0", "-i", index.url, "--extra-index-url", "http://user:pw@127.0.0.1:9/simple"]
    words += ["-o", str(tmp_path / "pylock.toml")]
    assert airpack(*words) == 0, airpack.err
    warnings = [line for line in airpack.err.splitlines() if line.startswith("warning: ")]
    assert warnings[0] == "warning: two 1.0 was yanked from its index: loses data"
    (down,) = warnings[1:]
    assert re.fullmatch(
        r"warning: http://127\.0\.0\.1:9/simple/(one|two)/ can't be read \(Connection refused\): "
        "what this index has is passed over",
        down,
    )
    assert airpack(*words, "-q") == 0
    assert airpack.err == ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_an_index_that_answers_something_else(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, kind: str
) -> None:
    """It is not without the project: who has no valid token gets such an answer from many servers."""
    build_wheel(wheels, "one")
    told = {
        "text/html": "its answer is a page to sign in",
        "application/json": "its answer (application/json) is no page of an index",
    }[kind]
    with serve(tmp_path) as other:
        other.page = (kind, b"<html><form action=/login></form></html>")
        assert airpack("lock", "-i", other.url, "one", "-o", airpack.output) == 1
        assert airpack.error.startswith(f"airpack: error: {other.url}/one/ can't be read: {told}: ")
        words = ["-i", index.url, "--extra-index-url", other.url]
        assert airpack("lock", *words, "one", "-o", airpack.output) == 0, airpack.err
        assert f"warning: {other.url}/one/ can't be read ({told}): what this index has is passed over" in airpack.err


@pytest.mark.slow
def test_a_place_that_is_not_there(airpack: Airpack, index: Index, wheels: Path, tmp_path: Path) -> None:
    """An index in a folder that lacks a project is no reason to warn."""
    build_wheel(wheels, "one")
    (tmp_path / "simple").mkdir()
    words = ["lock", "one", "-i", index.url, "-f", "nowhere", "-o", tmp_path / "pylock.toml"]
    assert airpack(*words, "--extra-index-url", (tmp_path / "simple").as_uri()) == 0, airpack.err
    assert [line for line in airpack.err.splitlines() if "warning" in line.lower()] == [
        "warning: nowhere is not there: nothing is taken from it",
    ]


@pytest.mark.slow
def test_an_extra_that_a_package_does_not_have(airpack: Airpack, wheels: Path) -> None:
    """It is told of the version that is taken alone, whoever asks for it, with the extras that there are."""
    build_wheel(wheels, "one", metadata=["Provides-Extra: slow", "Provides-Extra: async"])
    build_wheel(wheels, "one", "2.0", metadata=["Requires-Python: >=3.9"])
    build_wheel(wheels, "two", requires=["three[all]"])
    build_wheel(wheels, "three")
    assert airpack.pack("one[fast]", "two") == 0, airpack.err
    assert [line for line in airpack.err.splitlines() if line.startswith("warning: ")] == [
        "warning: one 1.0 has no extra 'fast': its extras are async, slow",
        "warning: three 1.0 has no extra 'all': it has none",
    ]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"bytes": 1}, None),
        ({"warning": "DEPRECATION: pip 99 will"}, None),
        ({"warning": "two\nlines"}, "pip: two lines"),
        (
            {"warning": "The repository located at a.invalid is not a trusted or secure host and is being ignored. If"},
            "a.invalid is passed over, as plain http is not safe: name it by https, or give --trusted-host a.invalid",
        ),
        ({"yanked": "a 1", "reason": ""}, "a 1 was yanked from its index, and no reason is given"),
        ({"skipped": "https://a.invalid/x/", "status": 404, "reason": "404"}, None),
        (
            {"skipped": "https://u:p@a.invalid/x/", "status": 503, "reason": "503 Server Error: Busy for url: x"},
            "https://a.invalid/x/ can't be read (503 Server Error: Busy): what this index has is passed over",
        ),
    ],
)
def test_an_event_is_a_line_or_nothing(event: dict[str, object], text: str | None) -> None:
    """Credentials don't show, and an index without the project is none to warn of."""
    assert Warnings().text_of(event) == text
