"""What starts a script of a tree: the shell finds the interpreter, as nobody knows its path before the boot."""

from __future__ import annotations

import ast
import re

from airpack_runtime import layout

_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=]")  # PEP 263, in one of the first two lines


def launched(body: bytes, python: str) -> bytes:
    """Return a script that runs Python source by `$AIRPACK_PYTHON` if that is set, else by `python` on PATH.

    For the shell, its second line replaces it by Python, for which the second and third are a string. So what has to
    come first in Python source (a docstring, a coding cookie, an import of `__future__`) is compiled apart, from bytes.
    """
    header = f'{layout.LAUNCHER}{python}}}" "$0" "$@"\n\' \'\'\'\n'.encode()
    return header + (body if _may_come_later(body) else _compiled_apart(body))


def _may_come_later(body: bytes) -> bool:
    """Return whether source means the same behind other statements."""
    if b"__future__" in body or any(map(_COOKIE.match, body.split(b"\n", 2)[:2])):
        return False
    try:
        return ast.get_docstring(ast.parse(body)) is None
    except (SyntaxError, ValueError):  # this Python's grammar may not be the target's
        return False


def _compiled_apart(body: bytes) -> bytes:
    """Return source that runs `body` as if it were the whole file, one line for each of its lines."""
    lines = [repr(line).encode() for line in body.splitlines(keepends=True)]
    return b"exec(compile(\n%b, __file__, 'exec'))\n" % b"\n".join(lines)
