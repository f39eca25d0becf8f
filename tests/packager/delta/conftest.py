"""Two bundles that differ in one distribution, and what is between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.delta import make
from airpack.results.folder import Results
from support import layouts
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel


@pytest.fixture
def bundles(airpack: Airpack, wheels: Path, repeat: Repeat, tmp_path: Path) -> Path:
    """Return a folder with the results `old` and `new`, the delta between them, and a key that signed the new ones."""

    def fill() -> None:
        for name, size in (("kept", 5_000_000), ("other", 100_000)):
            files: dict[str, str | bytes] = {f"{name}/__init__.py": "", f"{name}/data.bin": layouts.content(size, name)}
            build_wheel(wheels, name, files=files)
        words = ["-q", "--no-import", "--no-bytecode", "--level", "1", "kept", "other"]
        for version in ("1.0", "2.0"):
            files = {"changed.py": version, "changed.bin": layouts.content(300_000, version)}
            build_wheel(wheels, "changed", version, files=files)
            where = tmp_path / ("old" if version == "1.0" else "new")
            assert airpack.pack(*words, f"changed=={version}", "-o", where) == 0, airpack.err
        assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
        assert airpack("sign", "-q", tmp_path / "new", "--key", tmp_path / "team.key") == 0
        make.write(Results.at(tmp_path / "old"), Results.at(tmp_path / "new"), tmp_path / "bundle.delta")

    repeat(fill)
    return tmp_path
