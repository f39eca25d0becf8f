"""The golden bundle: what an earlier airpack wrote, today's shim reads, and today's airpack writes alike."""

from __future__ import annotations

from pathlib import Path

from airpack_runtime import layout, reader, toc
from contract import make_golden
from support.machine import FIXTURES

GOLDEN = FIXTURES / "golden" / layout.BUNDLE_NAME
DIGEST = "48d5c74b8a55687bb4d2ddb6f5159c5c2a8bda89da815e6768f8272cd1389614"


def test_the_golden_bundle_was_not_regenerated() -> None:
    """Its digest stands here."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        assert bundle.digest == DIGEST


def _entries(contents: toc.Toc) -> dict[str, tuple[int, int]]:
    """Return mode and size of each path; what is a link has become another question since."""
    files = {file.path: (file.mode, file.size) for file in contents.files}
    return {**files, **{link.path: files[link.target] for link in contents.links}}


def test_todays_bundle_holds_the_same_files(tmp_path: Path) -> None:
    """Paths, modes and sizes; the compressed bytes depend on libzstd's version."""
    make_golden.make(tmp_path)
    with reader.open_bundle(str(GOLDEN)) as golden, reader.open_bundle(str(tmp_path / layout.BUNDLE_NAME)) as today:
        then, now = golden.toc(), today.toc()
    assert _entries(now) == _entries(then)
    assert sorted(now.directories) == sorted(then.directories)
    assert now.target == then.target
