"""Compiles modules in forks of itself, as its standard input asks; it runs in the target's Python, 3.7 or newer.

A request is a line with the number of bytes that follow: a folder, how many bytes of bytecode may be made of its
modules, and their paths in it. Modules that don't compile are left without bytecode, as pip leaves them: templates, and
code for other versions that is never imported.

An answer is told as it comes: the path of each module before it is compiled, then `/` and the size of its bytecode,
nothing for none, or `-` if that took too much memory; in the end `//`, the exit status of the fork and its seconds of
processor time. Everything is followed by NUL, but the line of a request.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.remove("")  # or the modules of this folder would be imported in place of the standard library's

import gc
import marshal
import os
import py_compile
import signal
from errno import ENAMETOOLONG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def serve() -> None:
    """Answer requests until there are no more."""
    gc.disable()  # neither a parser nor marshal leaves cycles to find
    for number in range(256):
        sys.intern(chr(number))
    # While `code` is there, a copy of it shares all of its names (interned strings), and nothing else, with another.
    module: Any = marshal
    write = module.dumps
    module.dumps = lambda code: write(module.loads(write(code)))  # which importlib calls
    for line in sys.stdin.buffer:
        folder, limit, *paths = os.fsdecode(sys.stdin.buffer.read(int(line))).split("\0")
        process = os.fork()
        if not process:
            os._exit(_carried_out(folder, int(limit), paths))
        _, status, usage = os.wait4(process, 0)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        print(f"//{code} {usage.ru_utime + usage.ru_stime}", end="\0", flush=True)


def _carried_out(folder: str, limit: int, paths: Iterable[str]) -> int:
    """Compile modules, and tell of each; return the exit status. Ends the process once they make more than `limit`."""
    try:
        os.chdir(folder)
        for path in paths:
            print(path, end="\0", flush=True)
            size = _compiled(path)
            limit -= size if isinstance(size, int) else 0
            print(f"/{size}", end="\0", flush=limit < 0)
            if limit < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - whatever it is, the fork must not go on as the server
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        return 1
    return 0


def _compiled(path: str) -> int | str:
    """Compile a module; return the size of its bytecode, or what the answer has in its place."""
    try:
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        made = py_compile.compile(path, dfile=path, doraise=True, invalidation_mode=mode)
        return os.stat(str(made)).st_size
    except py_compile.PyCompileError as error:
        return "-" if error.exc_type_name == "MemoryError" else ""
    except MemoryError:
        return "-"
    except (ValueError, RecursionError):
        return ""
    except OSError as error:
        if error.errno != ENAMETOOLONG:
            raise
        return ""


if __name__ == "__main__":
    serve()
