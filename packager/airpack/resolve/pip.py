"""Starts pip in a subprocess and turns what it reports into values and errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from airpack.resolve import diagnosis
from airpack.resolve.sources import Built

# pip's settings by which it would not be the resolver, or not for an image.
_UNUSABLE = ("PIP_USE_DEPRECATED", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REPORT", "PIP_UPGRADE")

# Not `-m`, which would import from the folder that the user happens to stand in.
# Nor does it tear the interpreter down, which takes as long as a small download.
_WORKER = (
    "import os, sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "from airpack.resolve.pip_worker.__main__ import main; status = main(); "
    "sys.stdout.flush(); sys.stderr.flush(); os._exit(status)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pip:
    """The pip that airpack runs, and where it looks beyond what its own configuration says.

    `env` is the environment it gets: pip.conf, proxies, certificates and keyrings
    work as the user has them. It never prompts. `verbose` lets its log through.
    """

    env: Mapping[str, str]
    index_url: str | None = None
    extra_index_urls: Sequence[str] = ()
    find_links: Sequence[str] = ()
    no_index: bool = False
    verbose: bool = False

    def run(
        self,
        request: Mapping[str, Any],
        options: Sequence[str] = (),
        *,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> Answer:
        """Carry out `request` (see `pip_worker`) with these options of pip's command line.

        `on_bytes` is called with each number of bytes that arrived. Raises what
        `diagnosis.error_from` makes of a failure.
        """
        with tempfile.TemporaryDirectory(prefix="airpack-pip-") as folder:
            file, log = Path(folder, "request.json"), Path(folder, "log")
            arguments = [*self._options(), *options]
            file.write_text(json.dumps({**request, "options": arguments}), encoding="utf-8")
            with open(log, "w", encoding="utf-8") as errors:
                process, events = self._start(file, None if self.verbose else errors)
                try:
                    with events:
                        answer = _read(events, on_bytes)
                    status = process.wait()
                finally:
                    # After an error or Ctrl-C here; killing an ended process does nothing.
                    process.kill()
                    process.wait()
            if answer.failure is not None:
                raise diagnosis.error_from(answer.failure)
            if status:
                raise diagnosis.error_from({"failure": "pip", "message": log.read_text(encoding="utf-8")})
        return answer

    def _start(self, request: Path, errors: IO[str] | None) -> tuple[subprocess.Popen[bytes], IO[str]]:
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(request), str(writing)],
                pass_fds=[writing],
                env={name: value for name, value in self.env.items() if name not in _UNUSABLE},
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        finally:
            os.close(writing)
        return process, os.fdopen(reading, encoding="utf-8")

    def _options(self) -> list[str]:
        quiet = [] if self.verbose else ["--quiet"]
        return ["--no-input", "--disable-pip-version-check", *quiet, *self.index_options()]

    def index_options(self) -> list[str]:
        """Return where to look, as options of pip's command line."""
        options = ["--no-index"] if self.no_index else []
        if self.index_url:
            options += ["--index-url", self.index_url]
        for url in self.extra_index_urls:
            options += ["--extra-index-url", url]
        for place in self.find_links:
            options += ["--find-links", place]
        return options


@dataclass(kw_only=True, slots=True)
class Answer:
    """What pip reported.

    `requirements` are those asked for, as it read them, `hashed` is (SHA-256, size) of files by URL, `built` the
    wheels built, `provided` the (name, version) of what the image has and the result needs; `index_options` are where
    pip looked in the end, `urls` the real URLs behind those of the result that hide credentials.
    """

    requirements: tuple[str, ...] = ()
    hashed: dict[str, tuple[str, int]] = field(default_factory=dict)
    built: list[Built] = field(default_factory=list)
    provided: tuple[tuple[str, str], ...] = ()
    index_options: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    failure: dict[str, Any] | None = None


def _read(events: IO[str], on_bytes: Callable[[int], None]) -> Answer:
    answer = Answer()
    for line in events:
        event = json.loads(line)
        if "bytes" in event:
            on_bytes(event["bytes"])
        elif "hashed" in event:
            answer.hashed[event["hashed"]] = (event["sha256"], event["size"])
        elif "built" in event:
            answer.built.append(Built(path=Path(event["built"]), by_host=event["by_host"], settings=event["settings"]))
        elif "provided" in event:
            answer.provided = tuple((name, version) for name, version in event["provided"])
        elif "index_options" in event:
            answer.index_options = tuple(event["index_options"])
        elif "urls" in event:
            answer.urls = event["urls"]
        elif "requirements" in event:
            answer.requirements = tuple(event["requirements"])
        else:
            answer.failure = event
    return answer
