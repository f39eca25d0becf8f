"""Compiles a wheel's modules with the target's interpreter, so that no boot has to.

The bytecode is unchecked-hash (PEP 552): it is valid wherever and whenever the
tree is unpacked. Its bytes must not depend on anything but the source and the
interpreter: `marshal` writes shared constants by reference count, so that each
wheel gets a fresh process, an empty environment, and relative names in order.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from airpack.errors import NoInterpreter
from airpack.interpreter import Interpreter

# Runs in the target's interpreter (Python >= 3.7). Files that don't compile are left without
# bytecode, as pip leaves them: templates, and code for other versions that is never imported.
_COMPILER = """
import sys
sys.path.remove("")  # or the wheel's modules would be imported in place of the standard library's
from errno import ENAMETOOLONG
from py_compile import PycInvalidationMode, PyCompileError, compile
for path in sys.stdin.read().split("\\0"):
    if path:
        try:
            compile(
                path,
                dfile=path,
                doraise=True,
                optimize=int(sys.argv[1]),
                invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
            )
        except (PyCompileError, ValueError, RecursionError):
            pass
        except OSError as error:
            if error.errno != ENAMETOOLONG:
                raise
"""


def compile_modules(folder: Path, sources: Sequence[str], interpreter: Interpreter, *, optimize: int = -1) -> None:
    """Write `__pycache__` beside each of `sources`, paths relative to `folder`, in this order.

    `optimize` is that of `py_compile`: 2 leaves docstrings out. Raises NoInterpreter if the
    interpreter fails as a whole, on a full disk for one.
    """
    if not sources:
        return
    process = subprocess.run(
        [interpreter.path, "-S", "-c", _COMPILER, str(optimize)],
        cwd=folder,
        env={"PYTHONHASHSEED": "0"},
        input="\0".join(sources),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if process.returncode:
        last = process.stderr.strip().rpartition("\n")[2]
        raise NoInterpreter(f"{interpreter.path} can't compile modules: {last}")
