"""Bundles of scikit-learn and pandas in a real registry: what moves, by the registry's own account."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.results.folder import Results
from airpack_runtime import layout
from support import registry as real

pytestmark = pytest.mark.network

CHANGED = "pandas"


def _frames(folder: Path, name: str) -> int:
    """Return how many bytes of a bundle are a distribution's own frames."""
    with Results.at(folder).open_bundle() as opened:
        sizes = zip(opened.toc.distributions, opened.packed_sizes(), strict=True)
        return next(size for each, size in sizes if each.name == name)


def test_after_one_changed_pin_little_more_than_its_own_frames_moves(
    science: Path, older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most 1.2 times as many bytes, by the access log; what is pulled is byte for byte what was pushed."""
    with real.serve(tmp_path / "registry") as registry:
        name = f"{registry.address}/models/churn"
        assert main(["push", "-q", "--split", str(science), f"{name}:1"]) == 0
        first = registry.uploaded()
        assert main(["push", "--split", str(older), f"{name}:2"]) == 0
        moved = {digest: size for digest, size in registry.uploaded().items() if digest not in first}
        assert sum(first.values()) > 5 * sum(moved.values())
        assert _frames(older, CHANGED) < sum(moved.values()) <= 1.2 * _frames(older, CHANGED)
        told = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("sent"))
        assert told == f"sent      {len(moved)} blobs, {sum(moved.values()) / 1e6:.1f} MB"
        for tag, packed in (("1", science), ("2", older)):
            assert main(["pull", "-q", f"{name}:{tag}", "-o", str(tmp_path / tag)]) == 0
            again, pushed = (folder / layout.BUNDLE_NAME for folder in (tmp_path / tag, packed))
            assert subprocess.run(["cmp", again, pushed], check=False).returncode == 0


def test_a_pull_boots(science: Path, tmp_path: Path) -> None:
    """As its own folder, by `airpack run`: what a node does that has no image volumes."""
    with real.serve(tmp_path / "registry") as registry:
        name = f"{registry.address}/models/churn"
        assert main(["push", "-q", str(science), name]) == 0
        assert main(["pull", "-q", name, "-o", str(tmp_path / "got")]) == 0
    program = "import pandas, sklearn; print(pandas.__version__, sklearn.__version__)"
    line = [sys.executable, "-m", "airpack", "run", str(tmp_path / "got"), "--", "python", "-c", program]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "1.3.5 1.0.2\n", done.stderr
