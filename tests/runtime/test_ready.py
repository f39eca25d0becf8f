"""The tree that a boot has made ready: immutable, and found again by its notes."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from airpack_runtime.ready import Ready

FIELDS: Dict[str, Any] = {
    "bundle": "/models/my bundle.tar.zst",
    "key": "1-2-3",
    "target": "cp37-manylinux_2_27_x86_64",
    "digest": "ab" * 32,
    "tree": "/var/tmp/airpack-0/name",
    "signer": "",
}


def _values(ready: Ready) -> Any:
    return dict(vars(ready))


def test_it_can_not_be_changed() -> None:
    """A copy with other values is another one."""
    ready = Ready(**FIELDS, how="unpacked")
    with pytest.raises(AttributeError, match="signer can't be set: use replace"):
        ready.signer = "someone"
    with pytest.raises(AttributeError):
        ready.other = 1
    changed = ready.replace(signer="someone", created=True)
    assert _values(changed) == {**_values(ready), "signer": "someone", "created": True}
    assert (ready.signer, ready.created) == ("", False)


def test_phases_keep_their_order() -> None:
    """Each is added behind the others."""
    ready = Ready(**FIELDS, how="unpacked").timed("unpack", 0.5).timed("find", 0.25)
    assert ready.phases == (("unpack", 0.5), ("find", 0.25))


@pytest.mark.parametrize("signer", ["", "MCowBQYDK2VwAyEA"])
def test_a_child_reads_what_its_parent_has_noted(signer: str) -> None:
    """All that identifies the tree, and nothing of how it came to be."""
    ready = Ready(**{**FIELDS, "signer": signer}, how="unpacked", created=True, size=5)
    found = Ready.from_note(ready.to_note())
    assert found is not None
    assert _values(found) == _values(Ready(**{**FIELDS, "signer": signer}, how="inherited"))


@pytest.mark.parametrize("signer", ["", "MCowBQYDK2VwAyEA"])
def test_a_later_boot_reads_what_an_earlier_one_has_noted(signer: str) -> None:
    """In the cache folder, wherever that is mounted by then; the bundle is known by its key."""
    ready = Ready(**{**FIELDS, "signer": signer}, how="unpacked", created=True, size=5)
    found = Ready.from_seen(ready.to_seen(), "/cache", "/b", "9")
    assert found is not None
    expected = {**FIELDS, "signer": signer, "bundle": "/b", "key": "9", "tree": "/cache/name"}
    assert _values(found) == _values(Ready(**expected, how="cached"))


@pytest.mark.parametrize("text", ["", "x", "a b c", "a\tb\tc", "a b c d e", "a\tb\tc\td\te\tf\tg"])
def test_what_is_no_note_is_passed_over(text: str) -> None:
    """An empty file, a note of another version."""
    assert Ready.from_note(text) is None
    assert Ready.from_seen(text, "/cache", "/b", "9") is None
