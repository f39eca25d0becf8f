"""A requirements file is read in the encodings in which pip reads it."""

from __future__ import annotations

import codecs

import pytest
from airpack_runtime.image.requirements import decoded

TEXT = "zzone==1.0  # caf\xe9\r\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-8"])
def test_a_mark_says_which(encoding: str) -> None:
    """As PowerShell writes it; without one it is UTF-8."""
    assert decoded(TEXT.encode(encoding)) == TEXT


def test_the_other_order_of_bytes() -> None:
    """Of UTF-16 and UTF-32, each with its mark."""
    assert decoded(codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be")) == TEXT
    assert decoded(codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be")) == TEXT


def test_a_coding_line_says_which() -> None:
    """In the first two lines (PEP 263), not later, and only in a comment."""
    for lines in ("# -*- coding: latin-1 -*-\n", "# first\n# vim: set fileencoding=latin-1 :\n"):
        assert decoded((lines + TEXT).encode("latin-1")) == lines + TEXT
    with pytest.raises(LookupError):
        decoded(b"# coding: no-such\n")


def test_else_the_locale_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither UTF-8 nor marked is read by the locale's encoding; where that is UTF-8, not at all."""
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "latin-1")
    assert decoded(TEXT.encode("latin-1")) == TEXT
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "UTF-8")
    with pytest.raises(UnicodeDecodeError):
        decoded(TEXT.encode("latin-1"))
