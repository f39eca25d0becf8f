"""`airpack pack` as a whole, on wheels built here, without any network."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import pyzstd
from airpack_runtime import layout
from airpack_runtime.format import reader
from packaging.pylock import Pylock
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture
def packed(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack of two distributions."""

    def pack() -> None:
        build_wheel(wheels, "first", requires=["second>=1"], scripts={"first-script": "first:main"})
        build_wheel(wheels, "second", files={"second/__init__.py": "X = 1\n", "second/data.bin": os.urandom(1000)})
        assert airpack.pack("first") == 0, airpack.err

    repeat(pack)
    return airpack.output


@pytest.mark.slow
def test_the_wheelhouse_installs_with_plain_pip(packed: Path, tmp_path: Path) -> None:
    """With hashes required, and no index."""
    house = packed / "wheelhouse"
    words: list[str | Path] = [
        "install",
        "-q",
        "--no-index",
        "--find-links",
        house,
        "--require-hashes",
        "-r",
        house / "requirements.txt",
    ]
    subprocess.run([sys.executable, "-m", "pip", *words, "--target", tmp_path / "site"], check=True)
    assert (tmp_path / "site" / "second" / "data.bin").stat().st_size == 1000


def test_the_lock_is_a_valid_pylock(packed: Path) -> None:
    """PEP 751, by packaging's own reader; what came from a folder is found by a relative path."""
    lock = Pylock.from_dict(tomllib.loads((packed / "pylock.toml").read_text()))
    assert [(package.name, str(package.version)) for package in lock.packages] == [("first", "1.0"), ("second", "1.0")]
    wheel = (lock.packages[0].wheels or [])[0]
    assert (packed / (wheel.path or "")).stat().st_size == wheel.size
    assert (lock.tool or {})["airpack"]["target"] == "cp37-manylinux_2_27_x86_64"
    assert (lock.tool or {})["airpack"]["requirements"] == ["first"]


@pytest.mark.slow
def test_source_date_epoch_sets_the_times(airpack: Airpack, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As reproducible-builds.org specifies; what is no number is refused."""
    build_wheel(wheels, "one")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert airpack.pack("one") == 0
    raw = pyzstd.decompress((airpack.output / layout.BUNDLE_NAME).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert {member.mtime for member in archive} == {1700000000}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    assert airpack.pack("one") == 2
    assert airpack.error == "airpack: error: SOURCE_DATE_EPOCH is 'today': set it to seconds since 1970, or unset it"


@pytest.mark.slow
def test_without_bytecode(airpack: Airpack, wheels: Path) -> None:
    """`--no-bytecode` leaves the wheel's files alone."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-bytecode") == 0
    with reader.open_bundle(str(airpack.output / layout.BUNDLE_NAME)) as bundle:
        assert not [file.path for file in bundle.toc().files if file.path.endswith(".pyc")]


@pytest.mark.slow
def test_the_last_lines_say_what_was_made_and_how_to_boot_it(airpack: Airpack, wheels: Path) -> None:
    """On standard output; with -q there is nothing."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    lines = airpack.out.splitlines()
    assert lines[0].startswith("wheels    1 in ")
    assert lines[1].startswith(f"bundle    {airpack.output}/bundle.tar.zst, ")
    assert lines[2].startswith("digest    sha256:")
    assert lines[3].startswith("largest   one ")
    assert lines[-1].endswith("airpack-runtime.pyz exec --bundle bundle.tar.zst -- python3.7 YOUR_PROGRAM.py")
    assert airpack.pack("one", "-q") == 0
    assert (airpack.out, airpack.err) == ("", "")


@pytest.mark.slow
def test_the_last_lines_fit_a_screen(airpack: Airpack, wheels: Path) -> None:
    """However many packages and findings there are: the largest are named, findings counted, each told above."""
    for number in range(6):
        names = {f"part{number}{each}.py": "import absent_one\n" for each in range(4)}
        build_wheel(wheels, f"p{number}", files={**names, f"data{number}.txt": "x" * 20_000 * number})
    assert airpack.pack(*(f"p{number}" for number in range(6)), "--no-bytecode") == 0
    lines = airpack.out.splitlines()
    assert len(lines) <= 10
    assert re.fullmatch(r"largest   p5 0.1 MB, p4 8\d.\d kB, p3 6\d.\d kB \+3", lines[3])
    assert lines[4] == "findings  24 warnings: told above"
    assert airpack.err.count("warning: p") == 24
