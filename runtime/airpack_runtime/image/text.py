"""Decodes a requirements file as pip does: by a byte order mark, by a coding line (PEP 263), else as UTF-8."""

from __future__ import annotations

import codecs
import locale
import re
import sys

# The marks of UTF-32 come first: that of UTF-16 (little endian) is the beginning of one of them.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")


def decoded(content: bytes) -> str:
    """Return the text of a file. Raises LookupError for an encoding that Python doesn't know, UnicodeDecodeError."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n")[:2]:
        coding = _CODING.search(line) if line.startswith(b"#") else None
        if coding:
            return content.decode(coding.group(1).decode("ascii"))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        local = locale.getpreferredencoding(False) or sys.getdefaultencoding()
        if codecs.lookup(local).name == "utf-8":
            raise
        return content.decode(local)
