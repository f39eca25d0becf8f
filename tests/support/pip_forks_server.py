"""Forks processes of pip's for `pip_forks.py`, which asks by the socket that is standard input, until that ends.

The libraries that a resolve imports are imported before. Not pip's own modules, nor airpack's that replace things in
them: what these read of the environment as they are imported, each process reads itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

_NUMBER = 8  # bytes of a number that is sent
_MOST = 16  # descriptors of a request
_OWN = ("pip._internal", "airpack.resolve.pip_worker")


def main() -> None:
    """Fork a process for each request."""
    del sys.path[0]  # this folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the tests, and they this
    for name in _libraries():
        importlib.import_module(name)
    gc.freeze()
    with socket.socket(fileno=0) as asking:
        while True:
            head, fds, _, _ = socket.recv_fds(asking, _NUMBER, _MOST)
            if not head:
                return
            text = asking.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
            if not os.fork():
                _watch(json.loads(text), *fds)
            for fd in fds:
                os.close(fd)
            _reap()


def _libraries() -> list[str]:
    """Return what a process imports before its first request, as one tells that has done it."""
    reading, writing = os.pipe()
    if not os.fork():
        import airpack.sources.source  # noqa: F401 - with a request
        from airpack.resolve.pip_worker.__main__ import import_ahead

        import_ahead()
        names = [name for name in sys.modules if not name.startswith((*_OWN, "__main__"))]
        with os.fdopen(writing, "w") as told:
            told.write(" ".join(names))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        return told.read().split()


def _watch(request: dict[str, Any], folder: int, told: int, *fds: int) -> None:
    """Fork the process, tell its number and then its status, and end."""
    process = os.fork()
    if not process:
        os.fchdir(folder)
        os.close(folder)
        os.close(told)
        _run(request, *fds)
    for fd in (0, folder, *fds):
        os.close(fd)
    try:
        os.write(told, process.to_bytes(_NUMBER, "big"))
        os.write(told, os.waitpid(process, 0)[1].to_bytes(_NUMBER, "big"))
    finally:
        os._exit(0)


def _run(request: dict[str, Any], out: int, errors: int, *pipes: int) -> None:
    """Run the code of the request as a new interpreter would, and end."""
    status = Path(f"/proc/{request['for']}/status").read_text(encoding="utf-8")
    umask = re.search(r"^Umask:\s*([0-7]+)$", status, re.MULTILINE)
    if umask is not None:
        os.umask(int(umask[1], 8))
    os.environ.clear()
    os.environ.update(request["env"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, place in ((nothing, 0), (out, 1), (errors, 2)):
        os.dup2(fd, place)
        os.close(fd)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # PYTHON -c CODE PIPE ... WORD ...
    code, words = request["line"][2], request["line"][3 + len(pipes) :]
    sys.argv = ["-c", *map(str, pipes), *words]
    try:
        exec(code, {"__name__": "__main__"})  # noqa: S102 - airpack's own, which ends the process
    except BaseException:  # noqa: BLE001 - as an interpreter does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _reap() -> None:
    """Let go of those that have told how their process ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
