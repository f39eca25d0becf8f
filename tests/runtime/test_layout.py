"""The names and the note that both sides share."""

from __future__ import annotations

import json

import pytest
from airpack_runtime import layout


@pytest.mark.parametrize("content", ["", "cd" * 32])
def test_a_trees_note_is_json_and_read_without_json(content: str) -> None:
    """By `noted`, member by member; one that it hasn't is empty."""
    note = layout.tree_note("cp37-x", "ab" * 32, content)
    members = {"format": 1, "target": "cp37-x", "digest": f"sha256:{'ab' * 32}"}
    if content:
        members["content_digest"] = f"sha256:{content}"
    assert json.loads(note) == members
    assert list(json.loads(note)) == list(members)
    for name in ("target", "digest", "content_digest", "other"):
        assert layout.noted(note, name) == members.get(name, "")
