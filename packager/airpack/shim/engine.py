"""A container engine of this machine, podman or docker: what it is asked ends in time, and answers in bounds."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from airpack.base.errors import AirpackError, PlaceFailed

ENGINES = ("podman", "docker")
# Of what an engine answers itself, in seconds. A pull takes as long as it takes.
_ANSWER = 60.0
# Bytes of each of the two streams: of a profile with 2,000 packages and 10,000 libraries half a megabyte.
_MOST_OUTPUT = 16 << 20
_AT_ONCE = 1 << 16
_PREFIXES = ("Error: ", "ERROR: ", "docker: ", "Error response from daemon: ")


class NoEngine(AirpackError):
    """A machine on which no container engine runs."""


class ProbeFailed(PlaceFailed):
    """An image that can't be had or probed; `problem` says why."""


class OutOfBounds(AirpackError):
    """A command of an engine that went on for too long, or printed too much; `problem` says which, as what it did."""

    def __init__(self, command: str, problem: str) -> None:
        super().__init__(f"{command} {problem}")
        self.problem = problem


class Ended(NamedTuple):
    """How a command ended: its status, and what it printed."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def reason(self) -> str:
        """The last line of what an engine said, without what every such line begins with."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip() and not _is_advice(line)]
        reason = lines[-1] if lines else f"it ended with status {self.returncode} and no message"
        for prefix in _PREFIXES:
            reason = reason.removeprefix(prefix)
        return reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A container engine by its program's name; `env` is what it runs with."""

    name: str
    env: Mapping[str, str]

    def run(self, *words: str, seconds: float | None = None) -> Ended:
        """Run it for at most so many seconds, None for as long as it takes. Raises OutOfBounds."""
        with (
            subprocess.Popen(
                [self.name, *words],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process,
            _killed_on_failure(process),
        ):
            deadline = None if seconds is None else time.monotonic() + seconds
            try:
                stdout, stderr = _read(process, deadline)
                status = process.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                raise OutOfBounds(f"{self.name} {words[0]}", f"did not end within {seconds:.0f} s") from error
            except OverflowError as error:
                problem = f"printed more than {_MOST_OUTPUT >> 20} MiB"
                raise OutOfBounds(f"{self.name} {words[0]}", problem) from error
        return Ended(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    def system_of(self, image: str) -> str | None:
        """Return the system and the processor of an image that it has here, such as `linux/amd64`, else None."""
        done = self.run("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image, seconds=_ANSWER)
        return None if done.returncode else done.stdout.strip()

    def pull(self, image: str) -> str:
        """Fetch an image from its registry and return by what name or ID it can be run. Raises ProbeFailed."""
        done = self.run("pull", "--quiet", image)
        if done.returncode:
            raise ProbeFailed(
                image,
                f"{self.name} can't pull it ({done.reason}): check the name, log in ({self.name} login), or load the "
                f"image from a file ({self.name} load)",
            )
        return (done.stdout.split() or [image])[-1]

    def run_container(self, name: str, *words: str, seconds: float) -> Ended:
        """Run a container with the arguments of `run`, and remove it. Raises OutOfBounds."""
        try:
            return self.run("run", "--rm", f"--name={name}", *words, seconds=seconds)
        except BaseException:  # its client is gone, and the container runs on
            for command in (("kill", name), ("rm", "--force", name)):
                with suppress(OutOfBounds):
                    self.run(*command, seconds=_ANSWER)
            raise


def running(names: Sequence[str], env: Mapping[str, str]) -> list[Engine]:
    """Return the engines that are installed and run. Raises NoEngine."""
    installed = [Engine(name=name, env=env) for name in names if shutil.which(name, path=env.get("PATH"))]
    if not installed:
        missing = " nor ".join(names)
        raise NoEngine(
            f"{'neither ' if len(names) > 1 else 'no '}{missing} is on PATH to run the image: install "
            f"{' or '.join(names)}, or probe in the image itself (python airpack-runtime.pyz probe > image.json)"
        )
    problems = [_problem_of(each) for each in installed]
    working = [each for each, problem in zip(installed, problems, strict=True) if not problem]
    if not working:
        reasons = "; ".join(f"{each.name}: {problem}" for each, problem in zip(installed, problems, strict=True))
        start = " or ".join(each.name for each in installed)
        raise NoEngine(f"no container engine runs here ({reasons}): start {start}")
    return working


def _problem_of(engine: Engine) -> str:
    """Return why an engine doesn't answer, empty if it does."""
    try:
        done = engine.run("images", "--quiet", seconds=_ANSWER)
    except OutOfBounds as error:
        return str(error)
    return done.reason if done.returncode else ""


@contextmanager
def _killed_on_failure(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process if the block fails: what leaves the block would wait for it."""
    try:
        yield
    except BaseException:
        process.kill()
        raise


def _read(process: subprocess.Popen[bytes], deadline: float | None) -> tuple[bytes, bytes]:
    """Return what a process prints on its two streams until both end.

    Raises TimeoutError when the time `deadline` is past, and OverflowError when either is too long.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    read = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in read:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            remaining = None if deadline is None else deadline - time.monotonic()
            ready = selector.select(remaining) if remaining is None or remaining > 0 else []
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                part = os.read(key.fd, _AT_ONCE)
                read[key.fd] += part
                if not part:
                    selector.unregister(key.fd)
                elif len(read[key.fd]) > _MOST_OUTPUT:
                    raise OverflowError
    stdout, stderr = read.values()
    return bytes(stdout), bytes(stderr)


def _is_advice(line: str) -> bool:
    return line.startswith("Run 'docker ")
