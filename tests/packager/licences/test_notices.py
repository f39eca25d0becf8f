"""`airpack licenses` on a bundle, and the notices that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packager.licences.test_wording import BSD_3, MIT
from support.airpack import Airpack, Repeat
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel

ESCAPE = "in its own words:\x1b there\n"


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack of three packages: of MIT, of a BSD by its text, and of which nothing is known."""

    def pack() -> None:
        build_wheel(
            wheels,
            "one",
            files={
                "one.py": "",
                "one-1.0.dist-info/LICENSE": MIT,
                "one/vendored/LICENSE": BSD_3,
                "one-1.0.dist-info/NOTICE": ESCAPE,
            },
            metadata=["License-Expression: MIT"],
        )
        files: dict[str, str | bytes] = {"two.py": "", "two-1.0.dist-info/licenses/LICENSE": BSD_3}
        build_wheel(wheels, "two", files=files, metadata=["License: BSD"])
        build_wheel(wheels, "three", metadata=["License: our own\x1b[31m"])
        words = ["-q", "--no-import", "--no-bytecode", "one", "two", "three"]
        assert airpack.pack(*words) == 0, airpack.err

    repeat(pack)
    return airpack.output


def test_each_licence_is_shown_with_what_tells_it(airpack: Airpack, dist: Path) -> None:
    """One line each, in which nothing acts on the terminal; without a demand, the status is 0."""
    assert airpack("licenses", dist) == 0, airpack.err
    assert airpack.out.splitlines() == [
        "  one 1.0    MIT  (expression)",
        "? three 1.0  not known for certain (our own?[31m)",
        "  two 1.0    BSD-3-Clause  (text)",
        "3 packages, 1 not known for certain",
    ]


def test_a_licence_that_is_not_allowed_ends_with_1(airpack: Airpack, dist: Path) -> None:
    """By --deny; by --allow, one that isn't known as well, unless the user says what it is."""
    assert airpack("licenses", dist, "--deny", "BSD-*") == 1
    assert airpack.error == "airpack: error: licences that are not allowed: two (BSD-3-Clause)"
    assert airpack.out.splitlines()[2].startswith("! two 1.0")
    assert airpack("licenses", dist, "--deny", "GPL-*") == 0
    assert airpack("licenses", dist, "--deny", "GPL-*", "--strict", "-q") == 1
    assert airpack.out == ""
    assert airpack("licenses", dist, "--allow", "MIT,BSD-3-Clause") == 1
    assert "licences that are not known for certain: three (our own" in airpack.error
    assert airpack("licenses", dist, "--allow", "MIT,BSD-3-Clause", "--assume", "three=MIT") == 0
    assert airpack("licenses", dist, "--assume", "four=MIT") == 2
    assert "--assume four=MIT: the bundle has no such package" in airpack.error
    assert airpack("licenses", dist, "--assume", "three") == 2


def test_the_demands_can_be_settings(airpack: Airpack, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a project, where they stand beside its code."""
    (dist.parent / "pyproject.toml").write_text('[tool.airpack.licenses]\ndeny = ["BSD-*", "GPL-*"]\n')
    monkeypatch.chdir(dist.parent)
    assert airpack("licenses", dist) == 1
    assert "not allowed: two (BSD-3-Clause)" in airpack.error


def test_the_document_has_every_package_and_the_error(airpack: Airpack, dist: Path) -> None:
    """Both, where it fails."""
    assert airpack("licenses", dist, "--deny", "MIT", "--json") == 1
    document = json.loads(airpack.out)
    assert document["error"]["type"] == "LicencesRefused"
    rows = {row["name"]: (row["licence"], row["basis"], row["verdict"]) for row in document["result"]["packages"]}
    assert rows == {
        "one": ("MIT", "expression", "refused"),
        "three": ("", "", "unknown"),
        "two": ("BSD-3-Clause", "text", "allowed"),
    }


def test_notices_have_every_text_once(airpack: Airpack, dist: Path, tmp_path: Path) -> None:
    """Also those of what is bundled; what has none is told; the same bundle gives the same file."""
    path = tmp_path / "NOTICES.txt"
    assert airpack("licenses", dist, "--notices", path) == 0
    assert airpack.err.splitlines() == ["note: no text of a licence is in the wheels of three"]
    text = path.read_text(encoding="utf-8")
    assert (text.count(BSD_3.strip()), text.count(MIT.strip())) == (1, 1)
    first, second = (
        f"{SITE_PACKAGES}/{path}" for path in ("one/vendored/LICENSE", "two-1.0.dist-info/licenses/LICENSE")
    )
    assert f"--- {second}: the same as {first}" in text
    assert "one 1.0\nlicence: MIT\nwheel: one-1.0-py3-none-any.whl\n" in text
    assert airpack("licenses", dist, "--notices", path, "-q") == 0
    assert path.read_text(encoding="utf-8") == text
    assert airpack("licenses", dist, "--notices", "-") == 0
    assert airpack.out == text
    assert "our own?[31m" in text
    assert "\x1b" not in text
    assert "in its own words:? there" in text


def test_what_is_no_file_of_notices_is_not_replaced(airpack: Airpack, dist: Path, tmp_path: Path) -> None:
    """Nor are both of them written to standard output."""
    (tmp_path / "mine").write_text("mine")
    assert airpack("licenses", dist, "--notices", tmp_path / "mine") == 1
    assert "holds no notices" in airpack.error
    assert (tmp_path / "mine").read_text() == "mine"
    assert airpack("licenses", dist, "--notices", "-", "--json") == 2
