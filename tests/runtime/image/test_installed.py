"""What is installed in the image, by its metadata."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from airpack_runtime.image import installed


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Alpha", "alpha"), ("a_b.c", "a-b-c"), ("a-_.-b", "a-b"), ("zope.interface", "zope-interface")],
)
def test_names_are_compared_as_pep_503_says(name: str, expected: str) -> None:
    """Runs of dots, hyphens and underscores are one hyphen."""
    assert installed.normalized(name) == expected


def test_what_is_installed_is_read_from_each_form_of_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.dist-info`, setuptools' `.egg-info` folder, distutils' `.egg-info` file; the first of a name counts."""
    first, second = tmp_path / "first", tmp_path / "second"
    egg = first / "Four-4.0-py3.7.egg"
    for folder, name, text in (
        (first, "one-1.0.dist-info/METADATA", "Name: One\nVersion: 1.0\nRequires-Dist: two>=1 ; extra == 'x'\n\nHi\n"),
        (first, "two-2.0.egg-info/PKG-INFO", "Name: two\nVersion: 2.0\n"),
        (first, "two-2.0.egg-info/requires.txt", "a\n\n[:python_version < '3.8']\nb>1\n\n[x:os_name == 'posix']\nc\n"),
        (first, "two-2.0.egg-info/top_level.txt", "two\n_two\n"),
        (
            first,
            "one-1.0.dist-info/RECORD",
            "one/__init__.py,,\none/x.py,,\nsingle.py,,\na.so,,\n../../bin/x,,\nb.txt,,\n",
        ),
        (first, "three-3.0.egg-info", "Name: three\nVersion: 3.0\n"),
        (first, "Four-4.0-py3.7.egg/EGG-INFO/PKG-INFO", "Name: Four\nVersion: 4.0\n"),
        (first, "damaged-1.0.dist-info/METADATA", "no metadata"),
        (second, "one-0.9.dist-info/METADATA", "Name: one\nVersion: 0.9\n"),
    ):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(first), str(second), str(egg)])
    conditional = ["b>1 ; (python_version < '3.8')", "c ; (os_name == 'posix') and extra == 'x'"]
    assert installed.distributions() == {
        "one": ("One", "1.0", ("a", "one", "single"), ("two>=1 ; extra == 'x'",), str(first)),
        "three": ("three", "3.0", (), (), str(first)),
        "two": ("two", "2.0", ("_two", "two"), ("a", *conditional), str(first)),
        "four": ("Four", "4.0", (), (), str(egg)),
    }
    assert list(installed.distributions([str(second)])) == ["one"]
