"""A package index out of wheels: what it holds, what is merged into it, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from airpack.base.errors import HashMismatch, InvalidWheel, OutputRefused
from airpack.index import write
from airpack.index.existing import DamagedIndex
from airpack.index.given import NoWheels
from airpack.index.write import DifferentFile
from airpack_runtime.errors import BundleDamaged
from support.airpack import Airpack
from support.sdists import build_sdist
from support.wheels import build_wheel


class _Links(HTMLParser):
    """The attributes of a page's links."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a link has."""
        if tag == "a":
            self.found.append(dict(attrs))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _state(folder: Path) -> dict[str, bytes]:
    """Return everything in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _page(folder: Path, project: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / project / "index.json").read_text(encoding="utf-8"))
    return data


def test_a_wheel_has_its_pages_its_metadata_and_its_hashes(wheels: Path, tmp_path: Path) -> None:
    """In HTML (PEP 503) and JSON (PEP 691); the metadata is the wheel's own, byte for byte (PEP 658)."""
    wheel = build_wheel(wheels, "Some.Thing", "1.0+local.1", metadata=["Requires-Python: >=3.7, <4"], requires=["two"])
    written = write.write([wheels], tmp_path / "simple")
    folder = tmp_path / "simple" / "some-thing"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))
    assert (folder / f"{wheel.name}.metadata").read_bytes() == metadata
    assert (folder / wheel.name).read_bytes() == wheel.read_bytes()
    shown = f"sha256={hashlib.sha256(metadata).hexdigest()}"
    attributes = {
        "href": f"{wheel.name.replace('+', '%2B')}#sha256={_sha256(wheel)}",
        "data-requires-python": ">=3.7, <4",
        "data-core-metadata": shown,
        "data-dist-info-metadata": shown,
    }
    assert _Links(folder / "index.html").found == [attributes]
    flat = {**attributes, "href": f"some-thing/{attributes['href']}"}
    assert _Links(tmp_path / "simple" / "files.html").found == [flat]
    assert _Links(tmp_path / "simple" / "index.html").found == [{"href": "some-thing/"}]
    page = _page(tmp_path / "simple", "some-thing")
    assert (page["meta"], page["name"], page["versions"]) == ({"api-version": "1.1"}, "some-thing", ["1.0+local.1"])
    assert page["files"] == [
        {
            "filename": wheel.name,
            "url": wheel.name.replace("+", "%2B"),
            "hashes": {"sha256": _sha256(wheel)},
            "size": wheel.stat().st_size,
            "requires-python": ">=3.7, <4",
            "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
            "dist-info-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
            "yanked": False,
        }
    ]
    root = json.loads((tmp_path / "simple" / "index.json").read_text(encoding="utf-8"))
    assert root["projects"] == [{"name": "some-thing"}]
    assert (written.projects, written.files, written.size, written.added) == (1, 1, wheel.stat().st_size, [wheel.name])


def test_the_same_wheels_give_the_same_index_in_whatever_order(wheels: Path, tmp_path: Path) -> None:
    """At once, one after the other, twice."""
    paths = [build_wheel(wheels, name, version) for name in ("one", "two") for version in ("1.0", "1.10", "1.9")]
    write.write(paths, tmp_path / "at once")
    for path in reversed(paths):
        write.write([path], tmp_path / "in turn")
    assert write.write(paths, tmp_path / "in turn").added == []
    assert _state(tmp_path / "in turn") == _state(tmp_path / "at once")
    assert _page(tmp_path / "at once", "one")["versions"] == ["1.0", "1.9", "1.10"]
    assert sorted(os.listdir(tmp_path / "in turn")) == ["files.html", "index.html", "index.json", "one", "two"]


def test_folders_of_results_bundles_and_sdists_are_taken(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Those of many packs below one folder; the wheels in a bundle; a single file."""
    build_wheel(wheels, "one")
    build_wheel(wheels, "two")
    assert airpack.pack("-q", "--no-import", "--no-bytecode", "one", "-o", tmp_path / "all" / "set" / "target") == 0
    assert airpack.pack("-q", "--no-import", "--no-bytecode", "two", "--with-wheelhouse") == 0, airpack.err
    sdist = build_sdist(tmp_path / "sdists", "three")
    places = [tmp_path / "all", airpack.output / "bundle.tar.zst", sdist]
    words = ["index", *places, "-o", tmp_path / "simple"]
    assert airpack(*words) == 0, airpack.err
    assert airpack.out.startswith(f"index     {tmp_path}/simple, 3 projects, 3 files, ")
    assert (tmp_path / "simple" / "two" / "two-1.0-py3-none-any.whl").read_bytes() == next(
        wheels.glob("two-*")
    ).read_bytes()
    assert _page(tmp_path / "simple", "three")["files"][0]["core-metadata"] is False
    assert airpack("index", tmp_path / "all" / "set" / "target" / "bundle.tar.zst") == 1
    assert "has no wheels in it, only what they install: name the folder of results" in airpack.error


def test_with_pins_only_the_wheels_of_that_bundle_are_taken(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """A wheel that somebody changed, or put beside them, is none of them."""
    build_wheel(wheels, "one")
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    assert airpack.pack("-q", "--no-import", "--no-bytecode", "one", "--sign", tmp_path / "team.key") == 0, airpack.err
    build_wheel(airpack.output / "wheelhouse", "evil")
    words = ["index", airpack.output, "-o", tmp_path / "simple", "--key", tmp_path / "team.pub"]
    assert airpack(*words) == 0, airpack.err
    assert "evil-1.0-py3-none-any.whl is passed over" in airpack.err
    assert sorted(path.name for path in (tmp_path / "simple").iterdir() if path.is_dir()) == ["one"]
    build_wheel(airpack.output / "wheelhouse", "one", files={"one.py": "evil"})
    assert airpack(*words[:3], tmp_path / "other", *words[4:]) == 1
    assert "one-1.0-py3-none-any.whl has SHA-256" in airpack.error
    assert airpack("index", airpack.output, "-o", tmp_path / "other", "--digest", "0" * 64) == 1
    assert "this is not the bundle that was asked for" in airpack.error
    assert not (tmp_path / "other").exists()


def test_a_wheel_that_is_not_the_one_of_the_manifest_is_refused(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Whoever wrote the folder of results said which bytes it has."""
    build_wheel(wheels, "one")
    assert airpack.pack("-q", "--no-import", "--no-bytecode", "one") == 0, airpack.err
    build_wheel(airpack.output / "wheelhouse", "one", files={"one.py": "other"})
    with pytest.raises(HashMismatch):
        write.write([airpack.output], tmp_path / "simple")
    assert not (tmp_path / "simple").exists()


@pytest.mark.parametrize("spelling", ["some_thing", "Some.Thing"])
@pytest.mark.parametrize("place", ["the index", "another place"])
def test_the_same_name_with_other_bytes_is_refused(wheels: Path, tmp_path: Path, spelling: str, place: str) -> None:
    """However the name is spelled; the index is as it was."""
    build_wheel(wheels, "some_thing")
    build_wheel(tmp_path / "more", spelling, files={"thing.py": "other"})
    build_wheel(tmp_path / "more", "more")
    write.write([wheels], tmp_path / "simple")
    before = _state(tmp_path / "simple")
    places = [tmp_path / "more"] if place == "the index" else [wheels, tmp_path / "more"]
    with pytest.raises(DifferentFile, match=r"an index can't have both; take one away"):
        write.write(places, tmp_path / "simple")
    assert _state(tmp_path / "simple") == before


def test_what_fails_in_the_middle_leaves_the_index_as_it_was(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the moves it is that fails."""
    build_wheel(wheels, "one")
    write.write([wheels], tmp_path / "simple")
    before = _state(tmp_path / "simple")
    build_wheel(wheels, "one", "2.0")
    build_wheel(wheels, "two")
    real, left = Path.replace, 0

    def replace(source: Path, destination: Path) -> Path:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(28, "No space left on device", str(destination))
        return real(source, destination)

    monkeypatch.setattr(Path, "replace", replace)
    failures = 0
    for number in range(1, 20):
        left = number
        try:
            written = write.write([wheels], tmp_path / "simple")
        except OSError:
            failures += 1
            assert _state(tmp_path / "simple") == before
        else:
            assert len(written.added) == 2
            break
    assert failures == 8  # a wheel, its metadata, two pages; a new project; three pages of the root


def test_each_page_is_there_at_every_moment(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two moves, each page is there, and each link of it leads to a file with its hash."""
    build_wheel(wheels, "one")
    write.write([wheels], tmp_path / "simple")
    build_wheel(wheels, "one", "2.0")
    build_wheel(wheels, "two")
    real, seen = Path.replace, 0

    def replace(source: Path, destination: Path) -> Path:
        nonlocal seen
        seen += 1
        moved = real(source, destination)
        for page in ("index.html", "files.html", "one/index.html"):
            for link in _Links(tmp_path / "simple" / page).found:
                href, _, sha256 = str(link["href"]).partition("#sha256=")
                target = (tmp_path / "simple" / page).parent / href
                assert target.is_dir() if not sha256 else _sha256(target) == sha256
        return moved

    monkeypatch.setattr(Path, "replace", replace)
    write.write([wheels], tmp_path / "simple")
    assert seen == 8


def test_what_a_killed_process_left_is_taken_up(wheels: Path, tmp_path: Path) -> None:
    """A project that the root's page doesn't list yet, and a file that no page lists yet."""
    build_wheel(wheels, "one")
    write.write([wheels], tmp_path / "simple")
    two, newer = build_wheel(wheels, "two"), build_wheel(wheels, "one", "2.0")
    write.write([two], tmp_path / "other")
    shutil.copytree(tmp_path / "other" / "two", tmp_path / "simple" / "two")
    shutil.copy(newer, tmp_path / "simple" / "one")
    assert write.write([wheels], tmp_path / "simple").added == [newer.name]
    write.write([wheels], tmp_path / "whole")
    assert _state(tmp_path / "simple") == _state(tmp_path / "whole")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("not an index", "is not an index that airpack wrote"),
        ("a file", "is not an index that airpack wrote"),
        ("another file", "is another file than the new one, and no page lists it"),
    ],
)
def test_what_is_not_its_own_is_not_replaced(wheels: Path, tmp_path: Path, name: str, message: str) -> None:
    """A folder of the user's, a file, a file of the user's in an index."""
    folder = tmp_path / "simple"
    if name == "a file":
        folder.write_text("mine")
    elif name == "not an index":
        folder.mkdir()
        (folder / "index.html").write_text("mine")
    else:
        write.write([build_wheel(tmp_path / "first", "one", "0.1")], folder)
        (folder / "one" / "one-1.0-py3-none-any.whl").write_text("mine")
    before = _state(tmp_path)
    build_wheel(wheels, "one")
    with pytest.raises(OutputRefused, match=message):
        write.write([wheels / "one-1.0-py3-none-any.whl"], folder)
    (wheels / "one-1.0-py3-none-any.whl").unlink()
    assert _state(tmp_path) == before


@pytest.mark.parametrize(
    ("page", "text", "message"),
    [
        ("index.json", '{"meta": {"_creator": "airpack 1", "api-version": "1.1"}}', "projects is missing"),
        ("index.json", '{"meta": {"_creator": "airpack 1"}, "projects": [{"name": "../x"}]}', "normalised name"),
        ("one/index.json", "{", "is damaged"),
        ("one/index.json", '{"files": [{"filename": "../evil-1.0.zip"}]}', "no wheel and no sdist"),
        (
            "one/index.json",
            '{"files": [{"filename": "two-1.0.zip", "size": 1, "hashes": {"sha256": ""}}]}',
            "isn't there",
        ),
        ("one/one-1.0-py3-none-any.whl", "cut", "isn't there as it says"),
    ],
)
def test_a_damaged_index_is_told_in_a_line(wheels: Path, tmp_path: Path, page: str, text: str, message: str) -> None:
    """By the page that is damaged; nothing is added to it."""
    build_wheel(wheels, "one")
    write.write([wheels], tmp_path / "simple")
    (tmp_path / "simple" / page).write_text(text)
    build_wheel(wheels, "two")
    with pytest.raises(DamagedIndex, match=message) as caught:
        write.write([wheels], tmp_path / "simple")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "simple" / "two").exists()


def test_nothing_to_index_is_an_error(tmp_path: Path, wheels: Path) -> None:
    """An empty folder, nothing at all, a wheel whose name is none, a link to elsewhere, a damaged wheel."""
    cases: list[tuple[Path, type[Exception], str]] = [
        (wheels, NoWheels, "holds no wheels: name a folder of results, a wheelhouse, or wheels"),
        (tmp_path / "none", FileNotFoundError, "No such file"),
    ]
    for name, content in (("wrong.whl", b""), ("one-1.0-py3-none-any.whl", b"PK"), ("bundle.tar.zst", b"none")):
        folder = tmp_path / f"with {name}"
        folder.mkdir()
        (folder / name).write_bytes(content)
        expected = BundleDamaged if name.startswith("bundle") else InvalidWheel
        cases.append((folder, expected, "wrong.whl" if name == "wrong.whl" else "is"))
    for place, kind, message in cases:
        with pytest.raises(kind, match=message):
            write.write([place], tmp_path / "simple")
        assert not (tmp_path / "simple").exists()


def test_names_from_elsewhere_do_nothing_in_a_page(tmp_path: Path) -> None:
    """What a wheel's name and its metadata hold is text there."""
    name = 'one-1.0-1<script>"x"-py3-none-any.whl'
    (tmp_path / "in").mkdir()
    build_wheel(tmp_path, "one", metadata=['Requires-Python: >=3"><script>x</script>']).rename(tmp_path / "in" / name)
    write.write([tmp_path / "in"], tmp_path / "simple")
    for page in (tmp_path / "simple").rglob("*.html"):
        assert "<script" not in page.read_text()
    link = _Links(tmp_path / "simple" / "one" / "index.html").found[0]
    assert str(link["href"]).startswith("one-1.0-1%3Cscript%3E%22x%22-py3-none-any.whl#sha256=")
    assert link["data-requires-python"] == '>=3"><script>x</script>'


def test_two_at_once_lose_nothing(start: Any, tmp_path: Path) -> None:
    """Each adds its own wheels to the index that the other makes."""
    for number in range(4):
        build_wheel(tmp_path / f"house{number}", f"name{number}")
        build_wheel(tmp_path / f"house{number}", "both", f"{number}.0")
    running = [start("index", tmp_path / f"house{number}", "-o", tmp_path / "simple") for number in range(4)]
    for process in running:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert _page(tmp_path / "simple", "both")["versions"] == ["0.0", "1.0", "2.0", "3.0"]
    root = json.loads((tmp_path / "simple" / "index.json").read_text())
    assert [row["name"] for row in root["projects"]] == ["both", *(f"name{number}" for number in range(4))]


def test_a_link_inside_a_folder_is_not_followed(wheels: Path, tmp_path: Path) -> None:
    """It may lead to a file of the reader's own, which an index would publish; one that is named is."""
    wheel = build_wheel(wheels, "one")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / wheel.name).symlink_to(wheel)
    with pytest.raises(OSError, match="symbolic link"):
        write.write([tmp_path / "in"], tmp_path / "simple")
    assert write.write([tmp_path / "in" / wheel.name], tmp_path / "simple").files == 1
