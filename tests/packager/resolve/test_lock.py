"""The lock as a value: its wheels, their origins, and what is known of the image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base import toml
from airpack.resolve.lock import IndexAccess, Lock, LockedWheel
from airpack.sources.source import Source
from airpack.target.installed import ImagePackage
from airpack.target.target import Target
from support.airpack import Airpack
from support.index import Index
from support.sdists import source_files
from support.wheels import build_wheel

WHEEL = LockedWheel(
    name="My.One",
    version="1.0",
    filename="my_one-1.0-py3-none-any.whl",
    url="https://user:secret@example.invalid/my_one-1.0-py3-none-any.whl",
    sha256="00",
    size=7,
)


@pytest.fixture
def lock(target: Target) -> Lock:
    """Return a lock of one wheel."""
    return Lock(target=target, requirements=("my-one",), wheels=(WHEEL,))


@pytest.mark.parametrize(
    ("wheel", "origin"),
    [
        (WHEEL, "https://example.invalid/my_one-1.0-py3-none-any.whl"),
        (replace(WHEEL, url="file:///home/me/my_one-1.0-py3-none-any.whl"), "local"),
        (replace(WHEEL, built_from="my_one-1.0.tar.gz sha256:11"), "built from my_one-1.0.tar.gz sha256:11"),
        (
            replace(
                WHEEL,
                built_from="my_one-1.0.tar.gz sha256:11",
                source=Source(url="https://me:hush@host.invalid/my_one-1.0.tar.gz?sig=hush", sha256="11"),
            ),
            "built from my_one-1.0.tar.gz sha256:11 of https://host.invalid/my_one-1.0.tar.gz",
        ),
        (
            replace(
                WHEEL,
                built_from="my_one-1.0.tar.gz sha256:11",
                source=Source(url="file:///home/me/my_one-1.0.tar.gz", sha256="11"),
            ),
            "built from my_one-1.0.tar.gz sha256:11",
        ),
    ],
    ids=["index", "folder", "build", "build of an index's sdist", "build of a local sdist"],
)
def test_the_origin_of_a_wheel(wheel: LockedWheel, origin: str) -> None:
    """Its source if it was built, else its URL without credentials."""
    assert wheel.origin == origin


def test_the_size_is_known_once_each_wheels_is(lock: Lock) -> None:
    """In bytes; an index doesn't tell it."""
    assert lock.size == 7
    assert replace(lock, wheels=(WHEEL, replace(WHEEL, size=None))).size is None


def test_a_lock_as_requirements_has_hashes(lock: Lock) -> None:
    """A line for each wheel, with its normalised name."""
    assert lock.to_requirements() == "my-one==1.0 --hash=sha256:00\n"


def test_the_image_has_what_its_profile_lists(lock: Lock, target: Target) -> None:
    """Without a profile, what was left out for it."""
    two, three = ImagePackage(name="two", version="2"), ImagePackage(name="three", version="3")
    left_out = replace(lock, provided=(two,))
    assert left_out.in_image == (two,)
    assert replace(left_out, target=replace(target, installed=(two, three))).in_image == (two, three)


def _pipfile_lock(path: Path, source: str, default: Mapping[str, object]) -> Path:
    meta = {"pipfile-spec": 6, "sources": [{"name": "own", "url": source, "verify_ssl": True}]}
    path.write_text(json.dumps({"_meta": meta, "default": default}))
    return path


def _entry(wheel: Path) -> dict[str, object]:
    """Return what a Pipfile.lock has of a wheel."""
    version = wheel.name.split("-")[1]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return {"version": f"=={version}", "hashes": [f"sha256:{digest}"], "index": "own"}


@pytest.mark.slow
def test_the_lock_of_another_tool_is_found_by_its_hashes(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """In the index that it names, though a newer version is there; a folder is built. -r and --lock do the same."""
    one = build_wheel(wheels, "one")
    build_wheel(wheels, "one", "2.0")
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, text in source_files("mine").items():
        (mine / name).write_text(text)
    default = {"one": _entry(one), "mine": {"path": "./mine", "editable": True}}
    path = _pipfile_lock(tmp_path / "Pipfile.lock", index.url, default)
    assert airpack("lock", "-r", path, "-o", tmp_path / "pylock.toml") == 0, airpack.err
    packages = toml.read(tmp_path / "pylock.toml")["packages"]
    assert [(package["name"], package["version"]) for package in packages] == [("mine", "1.0"), ("one", "1.0")]
    assert packages[1]["wheels"][0]["hashes"]["sha256"] == hashlib.sha256(one.read_bytes()).hexdigest()
    assert airpack("pack", "--lock", path, "-o", airpack.output, "--decoder", airpack.decoder) == 0, airpack.err
    assert sorted(wheel.name.split("-")[0] for wheel in (airpack.output / "wheelhouse").glob("*.whl")) == [
        "mine",
        "one",
    ]


def test_a_file_that_is_not_the_locked_one_is_refused(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """The index has another of that name and version."""
    one = build_wheel(wheels, "one")
    path = _pipfile_lock(tmp_path / "Pipfile.lock", index.url, {"one": _entry(one)})
    expected, actual = _entry(one)["hashes"], _entry(build_wheel(wheels, "one", files={"other.py": ""}))["hashes"]
    assert airpack("lock", "-r", path, "-o", tmp_path / "pylock.toml") == 1
    (before,), (after,) = (f"{expected}".split("'")[1::2], f"{actual}".split("'")[1::2])
    assert f"has SHA-256 {after.removeprefix('sha256:')}, but {before.removeprefix('sha256:')} was" in airpack.error
    assert not (tmp_path / "pylock.toml").exists()


@pytest.mark.slow
def test_the_users_index_replaces_that_of_the_lock(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """A mirror that serves the same files: the lock's own is asked too, and may be out of reach."""
    path = _pipfile_lock(
        tmp_path / "Pipfile.lock", "http://127.0.0.1:9/simple", {"one": _entry(build_wheel(wheels, "one"))}
    )
    assert airpack("lock", "-r", path, "-o", tmp_path / "pylock.toml") == 1
    assert airpack("lock", "-r", path, "-o", tmp_path / "pylock.toml", "-i", index.url) == 0, airpack.err


def test_access_that_is_joined_has_what_either_reaches() -> None:
    """By the later options; what both have is as the later one says."""
    one = IndexAccess(options=("-i", "a"), urls={"a": "1", "b": "1"}, provenance={"a": "1"}, sizes={"a": 1})
    two = IndexAccess(options=("-i", "b"), urls={"b": "2"}, provenance={"b": "2"}, sizes={"b": 2})
    assert one.joined(two) == IndexAccess(
        options=("-i", "b"), urls={"a": "1", "b": "2"}, provenance={"a": "1", "b": "2"}, sizes={"a": 1, "b": 2}
    )
