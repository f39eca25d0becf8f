"""A bundle of three small wheels, whose files and folders are shared in every way that matters to layers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from airpack.cli.app import main
from support import layouts
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory, decoder_wheel: Path) -> Path:
    """Return the results of packing three wheels that have folders, a large file and small ones in common."""
    folder = tmp_path_factory.mktemp("three")
    wheels, same = folder / "wheels", {"alike/one.txt": "alike", "alike/two.txt": "alike"}
    build_wheel(wheels, "alpha", files={"alpha.py": "", "space/alpha.py": "A = 1\n", "lib/shared.bin": layouts.SHARED})
    build_wheel(
        wheels, "beta", files={"beta.py": "", "space/beta.py": "B = 1\n", "blib/shared.bin": layouts.SHARED, **same}
    )
    build_wheel(wheels, "gamma", files={"gamma.py": "G = 1\n"}, scripts={"gamma": "gamma:G"})
    words = ["--no-index", "--find-links", str(wheels), "--decoder", str(decoder_wheel), "-o", str(folder / "dist")]
    assert main(["pack", "-q", "--no-import", *words, "alpha", "beta", "gamma"]) == 0
    return folder


@pytest.fixture
def packed(airpack: Airpack, three: Path, wheels: Path) -> Path:
    """Return a copy of those results, and have the wheels at hand."""
    shutil.copytree(three / "wheels", wheels, dirs_exist_ok=True)
    shutil.copytree(three / "dist", airpack.output)
    return airpack.output


@pytest.fixture
def team(airpack: Airpack, tmp_path: Path) -> Path:
    """Return the path of a new key."""
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    return tmp_path / "team.key"
