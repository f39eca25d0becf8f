"""The review of a new bundle: what each package was and is, in Markdown and in a browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack.report import review, review_page
from airpack.results.folder import Results
from playwright.sync_api import Browser
from support import browser as browsers
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel

pytestmark = pytest.mark.slow

ATTACK = "<script>document.title='owned'</script>|[x](javascript:alert(1)) @team `x` **b**"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a browser."""
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture
def packed(airpack: Airpack, wheels: Path, repeat: Repeat, tmp_path: Path) -> Path:
    """Return a folder with the results `old` and `new`: a package changed, one came, one went, one is the same."""

    def fill() -> None:
        words = ["-q", "--no-import", "--no-bytecode"]
        libraries: dict[str, str | bytes] = {"one/__init__.py": "", "one.libs/libblas-0123abcd.so.3.1": b"x"}
        build_wheel(wheels, "one", files=libraries, metadata=["License: MIT"])
        build_wheel(wheels, "one", "2.0", metadata=[f"License: {ATTACK}"])
        for name in ("same", "gone", "came"):
            build_wheel(wheels, name, metadata=["License-Expression: Apache-2.0"])
        assert airpack.pack(*words, "one==1.0", "same", "gone", "-o", tmp_path / "old") == 0, airpack.err
        assert airpack.pack(*words, "one==2.0", "same", "came", "-o", tmp_path / "new") == 0, airpack.err
        assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
        assert airpack("sign", "-q", tmp_path / "new", "--key", tmp_path / "team.key") == 0

    repeat(fill)
    return tmp_path


def _review(packed: Path) -> review.Review:
    return review.collect(Results.at(packed / "old"), Results.at(packed / "new"))


def test_a_row_has_a_package_before_and_after(packed: Path) -> None:
    """Version, licence, origin, the whole hash, size, libraries, who attests it; what is the same is named once."""
    told = _review(packed)
    assert [(row.name, row.kind) for row in told.rows] == [("came", "added"), ("gone", "removed"), ("one", "changed")]
    one = told.rows[2]
    assert one.old is not None
    assert one.new is not None
    assert (one.old.version, one.new.version) == ("1.0", "2.0")
    assert one.old.libraries == ("libblas 3.1",)
    assert (one.old.licence, one.old.origin, one.old.signed_by) == ("MIT", "local", ())
    assert len(one.old.sha256) == len(one.new.sha256) == 64
    assert one.files == {"added": 5, "removed": 6, "changed": 0}
    assert told.same == ["same 1.0"]
    assert told.old.signature == "none"
    assert re.fullmatch("names the key [0-9a-f]{16}", told.new.signature)


def test_publishers_that_the_manifest_has_are_shown(packed: Path) -> None:
    """Also where they are all that differs."""
    shutil.copytree(packed / "new", packed / "attested")
    manifest = json.loads((packed / "attested" / "manifest.json").read_text())
    entry = next(package for package in manifest["packages"] if package["name"] == "same")
    entry["publishers"] = [{"kind": "GitHub", "repository": "org/same"}]
    (packed / "attested" / "manifest.json").write_text(json.dumps(manifest))
    told = review.collect(Results.at(packed / "new"), Results.at(packed / "attested"))
    assert told.rows[0].new is not None
    assert (told.rows[0].name, told.rows[0].new.signed_by) == ("same", ("GitHub (repository org/same)",))


def test_markdown_has_a_row_for_each_package_and_nothing_of_a_bundle_is_markup(packed: Path) -> None:
    """One line each, with as many cells as there are headings."""
    text = review_page.markdown(_review(packed))
    rows = [line for line in text.splitlines() if line.startswith("| **")]
    heading = next(line for line in text.splitlines() if line.startswith("| package"))
    assert [row.split("**")[1] for row in rows] == ["came", "gone", "one"]
    assert {row.count(" | ") for row in rows} == {heading.count(" | ")}
    for wrong in ("<script", "[x](", "@team", "`x`", "**b**"):
        assert wrong not in text
    told = _review(packed).rows[2]
    assert told.old is not None
    assert told.new is not None
    assert f"`{told.old.sha256}`<br>→ `{told.new.sha256}`" in rows[2]
    assert "1.0 → 2.0" in rows[2]


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (400, "dark")])
def test_a_browser_shows_it_and_runs_nothing_of_it(
    airpack: Airpack, packed: Path, chromium: Browser, width: int, scheme: str
) -> None:
    """From a file, on a wide screen and a narrow one, without an error on the console; the figures are the review's."""
    path = packed / "review.html"
    assert airpack("diff", packed / "old", packed / "new", "--report", "html", "-o", path) == 1, airpack.err
    assert airpack.out == f"review    {path}, 3 packages differ\n"
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(path.as_uri())
    assert page.title() == "Review of a bundle for cp37-manylinux_2_27_x86_64"
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("[data-package]").count() == 3
    row = page.locator("[data-package=one]").inner_text()
    one = _review(packed).rows[2]
    assert one.new is not None
    assert one.new.sha256 in row
    assert ATTACK in row
    assert page.locator("script, img, a").count() == 0
    page.close()


def test_the_command_says_where_the_review_goes(airpack: Airpack, packed: Path) -> None:
    """To standard output by default; the status is diff's own; what is no report is not replaced."""
    both = ["diff", packed / "old", packed / "new"]
    assert airpack(*both, "--report", "md") == 1
    text = airpack.out
    assert airpack(*both, "--report", "md", "-o", packed / "review.md") == 1
    assert (packed / "review.md").read_text(encoding="utf-8") == text
    assert airpack("diff", packed / "new", packed / "new", "--report", "md", "-o", packed / "review.md") == 0
    assert "Both are the same bundle." in (packed / "review.md").read_text(encoding="utf-8")
    (packed / "mine.md").write_text("mine")
    assert airpack(*both, "--report", "md", "-o", packed / "mine.md") == 2
    assert "is not a report" in airpack.error
    assert airpack(*both, "-o", packed / "x") == 2
    assert "give --report md or --report html as well" in airpack.error
    assert airpack(*both, "--report", "md", "--json") == 2


def test_the_terminal_shows_the_requirements_that_differ_in_full(airpack: Airpack, packed: Path) -> None:
    """And none of those that are the same."""
    assert airpack("diff", packed / "old", packed / "new") == 1
    lines = airpack.out.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("requirements"))
    shown = [line[13:] for line in lines[start : start + 4]]
    assert shown == ["- gone", "- one==1.0", "+ came", "+ one==2.0"]
