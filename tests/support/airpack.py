"""The command `airpack`, run in the test's own process."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from airpack.cli import main

# Fills a test's folder by a function, which is called once for a module; its other tests get a copy.
Repeat = Callable[[Callable[[], None]], None]
# Starts the command in a new process.
Start = Callable[..., "subprocess.Popen[str]"]


class Airpack:
    """Runs the command line in this process and keeps what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], wheels: Path, decoder: Path, output: Path) -> None:
        self._capsys = capsys
        self._wheels = wheels
        self.decoder = decoder
        self.output = output
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        """Run `airpack WORDS` and return its exit status."""
        self._capsys.readouterr()
        status = main([str(word) for word in words])
        self.out, self.err = self._capsys.readouterr()
        return status

    def pack(self, *words: object) -> int:
        """Run `airpack pack` on the test's own wheels, without any index."""
        index = ["--no-index", "--find-links", self._wheels, "--decoder", self.decoder]
        return self("pack", "-o", self.output, *index, *words)

    def findings(self, *words: object, status: int = 1) -> list[str]:
        """Run `airpack verify --no-import WORDS`, which must exit with `status`; return its findings, one a line."""
        assert self("verify", "--no-import", *words) == status, self.out + self.err
        return self.out.splitlines()[:-1]

    @property
    def error(self) -> str:
        """The last line on standard error: the message."""
        return self.err.splitlines()[-1]
