"""Metadata is read without the wheel where that can be; wheels that pip passes over are named."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

import pytest
from airpack.base import cache
from airpack.resolve.pip_worker.wheels import passed_over
from airpack.wheels import known_metadata
from pip._internal.exceptions import MetadataInconsistent, UnsupportedWheel
from pip._internal.models.link import Link
from pip._internal.req.constructors import install_req_from_line
from support import forged
from support.airpack import Airpack
from support.forged import INFO, NAME, Forged
from support.index import Index
from support.wheels import build_wheel


@pytest.fixture
def large(index: Index, wheels: Path) -> Path:
    """Return a wheel on the index of a megabyte, which requires another."""
    build_wheel(wheels, "two")
    files: dict[str, str | bytes] = {"one/__init__.py": "", "one/data.bin": os.urandom(1 << 20)}
    return build_wheel(wheels, "one", files=files, requires=["two"])


def _lock(airpack: Airpack, index: Index, folder: Path) -> tuple[list[str], int]:
    """Return the packages that are locked for the larger wheel, and how many bytes of files the index sent for that."""
    before = index.sent
    assert airpack("lock", "--index-url", index.url, "-o", folder / "pylock.toml", "one") == 0, airpack.err
    packages = re.findall(r'\[\[packages\]\]\nname = "(\w+)"', (folder / "pylock.toml").read_text())
    return packages, index.sent - before


def test_metadata_is_read_by_itself(airpack: Airpack, index: Index, large: Path, tmp_path: Path) -> None:
    """A server that sends ranges sends less than the wheel, and nothing once its metadata is known."""
    index.ranges = True
    packages, sent = _lock(airpack, index, tmp_path)
    assert (packages, sent < large.stat().st_size) == (["one", "two"], True)
    assert _lock(airpack, index, tmp_path) == (["one", "two"], 0)


def test_metadata_at_the_beginning_of_a_wheel_is_read_by_itself(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """As it is where some other tool has zipped it; and a directory that is longer than one range."""
    path = build_wheel(wheels, "one", requires=["two"])
    build_wheel(wheels, "two")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("one/data.bin", os.urandom(1 << 20))
        for number in range(1000):
            archive.writestr(f"one/{'long' * 20}{number}.py", "")
    index.ranges = True
    packages, sent = _lock(airpack, index, tmp_path)
    assert (packages, sent < path.stat().st_size / 2) == (["one", "two"], True)


def test_metadata_that_is_unpacked_as_a_whole_is_not_read_by_itself(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """Nor by pip: of bzip2, a few bytes become gigabytes, whatever size the directory tells."""
    wheel = Forged()
    forged.compressed(zipfile.ZIP_BZIP2, f"{INFO}/METADATA")(wheel)
    wheel.write(wheels)
    index.ranges = True
    assert airpack("lock", "--index-url", index.url, "-o", tmp_path / "pylock.toml", "one") == 1
    problem = f"'{INFO}/METADATA' is compressed by method 12: wheels are stored or deflated"
    assert airpack.error == f"airpack: error: {NAME}: {problem}"
    assert not cache.folder(os.environ).joinpath(cache.METADATA).exists()


def test_a_server_without_ranges_sends_a_wheel_once(
    airpack: Airpack, index: Index, large: Path, tmp_path: Path
) -> None:
    """Its metadata is kept, as the wheel was checked by its hash; what is damaged in the cache is asked for again."""
    sizes = sum(wheel.stat().st_size for wheel in index.folder.iterdir())
    sizes += large.stat().st_size  # until it was asked, nobody knew
    assert _lock(airpack, index, tmp_path) == (["one", "two"], sizes)
    assert _lock(airpack, index, tmp_path) == (["one", "two"], 0)
    kept = [path for path in cache.folder(os.environ).joinpath(cache.METADATA).rglob("*") if path.is_file()]
    assert len(kept) == 2
    for path in kept:
        path.write_bytes(path.read_bytes()[:-1])
    assert _lock(airpack, index, tmp_path) == (["one", "two"], sizes)


def test_a_range_is_believed_of_its_own_url_alone(tmp_path: Path) -> None:
    """Another index may have a file of that hash: what a range said of it was not checked."""
    known_metadata.keep(b"of a range", tmp_path, "00", "https://host.invalid/one.whl")
    assert known_metadata.read(tmp_path, "00", "https://host.invalid/one.whl") == b"of a range"
    assert known_metadata.read(tmp_path, "00", "https://other.invalid/one.whl") is None
    known_metadata.keep(b"of a wheel", tmp_path, "00")
    assert known_metadata.read(tmp_path, "00", "https://other.invalid/one.whl") == b"of a wheel"


def test_a_wheel_that_names_another_version_was_passed_over() -> None:
    """With what its metadata says, and its file name; a wheel that failed for another reason is not listed."""
    requirement = install_req_from_line("one")
    one, two = (Link(f"https://host.invalid/{name}-1.0-py3-none-any.whl#sha256=00") for name in ("one", "two"))
    failures = {one: MetadataInconsistent(requirement, "version", "1.0", "2.0"), two: UnsupportedWheel("odd")}
    assert passed_over(failures) == [
        {"file": "one-1.0-py3-none-any.whl", "problem": "its METADATA has the version '2.0', not '1.0'"}
    ]
