"""What several end-to-end tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base import toml
from airpack.cli.app import main
from support import machine
from support.places import once

PACK = ("pack", "-q", "--level", "3")  # how well it compresses is no matter here, and takes a minute


def locked(path: Path) -> list[str]:
    """Return the names and versions in a lock, sorted."""
    return sorted(f"{each['name']}=={each['version']}" for each in toml.read(path)["packages"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder as slow."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def science(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of packing the fixture `science`, and the shim in both forms.

    Beside that folder lie what `--drop-in` and `--tree` write: `extras` and `tree`.
    """

    def pack(folder: Path) -> None:
        dist, requirements = folder / "dist", str(machine.FIXTURES / "science" / "requirements.txt")
        forms = ["--drop-in", str(folder / "extras"), "--tree", str(folder / "tree")]
        assert main([*PACK, "-r", requirements, "-o", str(dist), *forms]) == 0
        assert main(["shim", "-q", "-o", str(dist / "airpack-runtime.pyz")]) == 0
        assert main(["shim", "-q", "-o", str(dist / "dropin")]) == 0

    return once(tmp_path_factory, "science", pack) / "dist"


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of a pack with an older pandas."""

    def pack(folder: Path) -> None:
        words = ["pandas==1.3.4", "scikit-learn==1.0.2", "-o", str(folder / "dist"), "--no-import"]
        assert main([*PACK, *words]) == 0

    return once(tmp_path_factory, "older", pack) / "dist"
