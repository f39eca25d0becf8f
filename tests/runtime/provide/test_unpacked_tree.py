"""An unpacked tree, compared with its bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest
from airpack_runtime import layout
from airpack_runtime.format import reader
from airpack_runtime.provide import unpack, unpacked_tree

from ..conftest import needs_target

pytestmark = needs_target
MODULE = f"{layout.SITE_PACKAGES}/alpha/__init__.py"


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (os.fspath, None),
        (lambda path: path.write_bytes(path.read_bytes() + b" "), f"{MODULE} has another content"),
        (lambda path: path.chmod(0o755), f"{MODULE} has another type or mode"),
        (lambda path: path.unlink(), f"{MODULE}: No such file or directory"),
        (lambda path: path.with_name("more.py").write_text(""), None),
    ],
    ids=["whole", "content", "mode", "absent", "one more"],
)
def test_what_differs_is_named(
    tmp_path: Path, golden: Path, harm: Callable[[Path], Any], expected: "str | None"
) -> None:
    """Its path, and how; files that the bundle doesn't have don't count."""
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    scratch.mkdir()
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack(bundle, str(tree))
        harm(tree / MODULE)
        assert unpacked_tree.difference(bundle, str(tree), str(scratch)) == expected
