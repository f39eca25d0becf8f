"""The licences and notices that wheels bring."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.inspection import licence_texts
from airpack.results.folder import Results
from airpack.target import prefix
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("lib/python3.7/site-packages/one-1.0.dist-info/licenses/deep/anything.txt", True),
        ("lib/python3.7/site-packages/one-1.0.dist-info/LICENSE", True),
        ("lib/python3.7/site-packages/one-1.0.dist-info/LICENSE.APACHE", True),
        ("lib/python3.7/site-packages/one-1.0.dist-info/LICENCE.md", True),
        ("lib/python3.7/site-packages/one/LICENSES_bundled.txt", True),
        ("lib/python3.7/site-packages/one/_vendor/two/COPYING.LESSER", True),
        ("lib/python3.7/site-packages/one-1.0.dist-info/NOTICE.txt", True),
        ("lib/python3.7/site-packages/one/UNLICENSE", True),
        ("lib/python3.7/site-packages/one-1.0.dist-info/METADATA", False),
        ("lib/python3.7/site-packages/one/license.py", False),
        ("lib/python3.7/site-packages/one/licenses.json", False),
        ("lib/python3.7/site-packages/one/__pycache__/license.cpython-37.pyc", False),
        ("lib/python3.7/site-packages/one/notices_of_change.txt", False),
    ],
)
def test_which_files_are_texts_of_licences(path: str, expected: bool) -> None:
    """By PEP 639's folder, or by their names; code that deals with licences is none."""
    assert licence_texts.is_text(path) is expected


def test_texts_of_more_than_64_mib_are_refused(airpack: Airpack, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some kilobytes can be gigabytes of them, all of which a file of notices would have."""
    monkeypatch.setattr(licence_texts, "_MOST", 10)
    build_wheel(wheels, "one", files={"one-1.0.dist-info/LICENSE": "abc", "one-1.0.dist-info/NOTICE": "def defg"})
    assert airpack.pack("one", "--no-bytecode", "--no-import") == 0, airpack.err
    assert airpack("licenses", airpack.output, "--notices", "-") == 1
    assert "its texts of licences are larger than 0 MiB; copy it again from where it was packed" in airpack.err


def test_texts_are_read_once_in_whatever_encoding(airpack: Airpack, wheels: Path) -> None:
    """A wheel's own comes first; older ones are in Latin-1, and end their lines otherwise."""
    files: dict[str, str | bytes] = {
        "one/LICENSE": "vendored",
        "one/__init__.py": "",
        "one-1.0.dist-info/LICENSE": "\N{COPYRIGHT SIGN} One".encode("latin-1"),
        "one-1.0.dist-info/licenses/COPYING": b"\xef\xbb\xbfa\r\nb\r\n",
    }
    build_wheel(wheels, "one", files=files)
    assert airpack.pack("one", "--no-bytecode", "--no-import") == 0, airpack.err
    with Results.at(airpack.output).open_bundle() as opened:
        (share,) = opened.toc.distributions
        found = licence_texts.texts_of(opened, share)
        texts = licence_texts.read(opened, found)
    assert [(prefix.shortened(each.path), texts[each.sha256]) for each in found] == [
        ("one-1.0.dist-info/LICENSE", "\N{COPYRIGHT SIGN} One"),
        ("one-1.0.dist-info/licenses/COPYING", "a\nb"),
        ("one/LICENSE", "vendored"),
    ]
