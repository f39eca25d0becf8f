"""The head of a delta, and which frames need not be in it."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from airpack.delta.head import Head, shared
from airpack_runtime.format.toc import Frame
from support import machine


def test_the_head_of_the_page_is_one() -> None:
    """What docs/format.md shows is read, and written the same."""
    page = (machine.ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    text = re.findall(r"```text\n(airpack-delta 1\n.*?)```", page, re.DOTALL)[0].encode()
    head = Head.loads(text + b"what follows")
    assert head.dumps() == text
    assert (head.file_size, head.table_size, head.size) == (77697457, 84633, len(text) + head.table + head.frames)


def test_each_frame_of_the_old_bundle_stands_for_one() -> None:
    """Where the new one has the same frame twice, one of them is in the delta: nothing can be multiplied."""
    old: Any = SimpleNamespace(frames=[Frame(0, 5, 9, name * 64) for name in "aab"])
    new: Any = SimpleNamespace(frames=[Frame(0, 5, 9, name * 64) for name in "baaac"])
    assert shared(old, new) == [2, 0, 1, None, None]
