"""What several end-to-end tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.cli.app import main
from support import machine


@pytest.fixture(scope="session")
def science(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of packing the fixture `science`, and the shim in both forms."""
    folder = tmp_path_factory.mktemp("science") / "dist"
    requirements = str(machine.FIXTURES / "science" / "requirements.txt")
    assert main(["pack", "-q", "-r", requirements, "-o", str(folder)]) == 0
    assert main(["shim", "-q", "-o", str(folder / "airpack-runtime.pyz")]) == 0
    assert main(["shim", "-q", "-o", str(folder / "dropin")]) == 0
    return folder


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of a pack with an older pandas."""
    folder = tmp_path_factory.mktemp("older") / "dist"
    assert main(["pack", "-q", "pandas==1.3.4", "scikit-learn==1.0.2", "-o", str(folder), "--no-import"]) == 0
    return folder
