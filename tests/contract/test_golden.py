"""The golden bundle: what an earlier airpack wrote, today's shim reads, and today's airpack writes alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack_runtime import layout
from airpack_runtime.format import reader, toc
from contract import make_golden
from support.machine import FIXTURES

GOLDEN = FIXTURES / "golden" / layout.BUNDLE_NAME
DIGEST = "a617a282b200b781c1a1e1c0e525022fb84e8c24b0f81a990126e618dea636d8"


def test_the_golden_bundle_was_not_regenerated() -> None:
    """Its digest stands here."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        assert bundle.digest == DIGEST


def _entries(contents: toc.Toc) -> dict[str, tuple[int, int]]:
    """Return mode and size of each path; what is a link has become another question since.

    How a script starts has changed as well: of `bin/`, and of the RECORD with its size, the modes are compared.
    """
    files = {file.path: (file.mode, 0 if _is_of_scripts(file.path) else file.size) for file in contents.files}
    return {**files, **{link.path: files[link.target] for link in contents.links}}


def _is_of_scripts(path: str) -> bool:
    return path.startswith(f"{layout.BIN}/") or path.endswith("alpha-1.0.dist-info/RECORD")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_todays_bundle_holds_the_same_files(tmp_path: Path) -> None:
    """Paths, modes and sizes; the compressed bytes depend on libzstd's version."""
    make_golden.make(tmp_path)
    with reader.open_bundle(str(GOLDEN)) as golden, reader.open_bundle(str(tmp_path / layout.BUNDLE_NAME)) as today:
        then, now = golden.toc(), today.toc()
    assert _entries(now) == _entries(then)
    assert sorted(now.directories) == sorted(then.directories)
    assert now.target == then.target
