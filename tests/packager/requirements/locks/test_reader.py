"""Locks of other tools that aren't as these tools write them."""

from __future__ import annotations

import re

import pytest
from airpack.base.errors import InvalidLock
from airpack.requirements.locks import reader
from airpack.requirements.locks.pins import Choice, Pin
from airpack.requirements.recognise import recognise
from airpack.target.target import Target
from packaging.utils import NormalizedName
from support import locks

# A file, what is replaced in it, and by what.
DAMAGES = [
    ("uv/uv.lock", "marker = \"sys_platform == 'win32'\"", "marker = 1"),
    ("uv/uv.lock", 'source = { editable = "." }', "source = true"),
    ("uv/uv.lock", 'version = "0.6.2"', 'version = "newest"'),
    ("poetry/poetry.lock", 'groups = ["main"]', "groups = 1"),
    ("poetry/poetry.lock", 'python-versions = ">=3.7,<3.10"', 'python-versions = "a few"'),
    ("poetry-1.8/poetry.lock", 'idna = ">=2.5,<4"', 'idna = "a few"'),
    ("pipenv/Pipfile.lock", '"default": {', '"default": 1, "other": {'),
    ("pipenv/Pipfile.lock", '"==0.6.2"', '"==0.6.2\\n--index-url https://host/simple"'),
]


@pytest.mark.parametrize(("name", "old", "new"), DAMAGES)
def test_a_damaged_lock_ends_in_a_line(
    name: str, old: str, new: str, tmp_path_factory: pytest.TempPathFactory, target: Target
) -> None:
    """Which names the file and its tool; nothing in a lock becomes another line for pip."""
    folder = tmp_path_factory.mktemp("project")
    original = locks.LOCKS / name
    for other in original.parent.glob("pyproject.toml"):
        (folder / other.name).write_bytes(other.read_bytes())
    text = original.read_text()
    assert old in text
    path = folder / original.name
    path.write_text(text.replace(old, new))
    document = recognise(str(path))
    with pytest.raises(InvalidLock) as raised:
        reader.read(document, target, Choice())
    assert str(raised.value).startswith(f"{path}: ")
    assert str(raised.value).endswith(": lock again")


def test_a_pin_is_one_line() -> None:
    """A name, a version or a URL that is none would mean something else to pip."""
    name = NormalizedName("one")
    assert Pin(name=name, version="1.0", hashes=("sha256:aa",)).line == "one==1.0 --hash=sha256:aa"
    for version in ("1.0 --pre", ""):
        with pytest.raises(ValueError, match=re.escape(repr(version))):
            Pin(name=name, version=version)
    with pytest.raises(ValueError, match="a b"):
        Pin(name=name, url="https://host/a b")
    with pytest.raises(ValueError, match="-r x"):
        Pin(name=NormalizedName("-r x"), version="1")
