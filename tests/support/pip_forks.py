"""Processes of pip's, forked from one that has imported its libraries, which takes a quarter of a second each time.

Each has an environment, a folder, a umask, streams and pipes of its own, and runs the code that a new interpreter would
run. What a test replaces in `subprocess.Popen`, and `airpack` in a process of its own, start new interpreters.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airpack.resolve import pip_process

_SERVER = Path(__file__).with_name("pip_forks_server.py")
_NUMBER = 8  # bytes of a number that is sent
_OF_INTERPRETER = ("PYTHON", "LANG", "LC_")  # how variables begin that are read as it starts


class Forks:
    """Starts processes by a server, which is started with the first of them, in the environment `env`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def use(self) -> None:
        """Let airpack start pip's processes here, in this process."""
        vars(pip_process)["subprocess"] = SimpleNamespace(**{**vars(subprocess), "Popen": self.start})

    def start(self, line: Sequence[str], **how: Any) -> Forked | subprocess.Popen[bytes]:
        """Start a process as `Popen` does, as far as `PipProcess` uses that."""
        if _of_interpreter(how["env"]) != _of_interpreter(self._env):
            return subprocess.Popen(line, **how)
        request = json.dumps({"line": list(line), "env": dict(how["env"]), "for": os.getpid()}).encode()
        streams = [how["stdout"].fileno() if how["stdout"] else 1, how["stderr"].fileno() if how["stderr"] else 2]
        folder = os.open(".", os.O_RDONLY)
        telling, told = os.pipe()
        try:
            with self._lock:
                server = self._socket = self._socket or self._serve()
                fds = [folder, told, *streams, *how["pass_fds"]]
                socket.send_fds(server, [len(request).to_bytes(_NUMBER, "big")], fds)
                server.sendall(request)
        finally:
            os.close(folder)
            os.close(told)
        return Forked(telling)

    def _serve(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen([sys.executable, _SERVER], stdin=theirs.fileno(), env=self._env, cwd="/")
        return ours

    def end(self) -> None:
        """End the server."""
        if self._socket is not None and self._server is not None:
            self._socket.close()
            self._server.wait()


class Forked:
    """A process that was forked, as far as `PipProcess` uses a Popen: the pipe `told` tells its number and its end."""

    def __init__(self, told: int) -> None:
        self._told = os.fdopen(told, "rb", 0)
        self.pid = self._number()
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its status. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("pip", timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(self._number())
            self._told.close()
        return self.returncode

    def terminate(self) -> None:
        """Send it SIGTERM, unless it has ended."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL, unless it has ended."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.returncode is None and not select.select([self._told], [], [], 0)[0]:
            os.kill(self.pid, number)

    def _number(self) -> int:
        told = self._told.read(_NUMBER)
        assert len(told) == _NUMBER, "the server that forks pip's processes has ended"
        return int.from_bytes(told, "big")


def _of_interpreter(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_OF_INTERPRETER)}
