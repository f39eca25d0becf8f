"""Probes an image on this machine: the shim's probe in a container of podman's or docker's, without a network."""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack.base import jsons
from airpack.base.console import Progress
from airpack.base.errors import AirpackError, PlaceFailed
from airpack.shim import write

ENGINES = ("podman", "docker")
_PYTHONS = ("python3", "python")
_SHIM = "/airpack-runtime.pyz"
# The statuses of a container whose command can't be started, or isn't in the image (podman-run(1), docker-run(1)).
_NOT_STARTED, _NOT_THERE = 126, 127
_ENGINE_FAILED = 125
_PREFIXES = ("Error: ", "ERROR: ", "docker: ", "Error response from daemon: ")
# What an image's profile can't have from here: the kernel's values are this machine's, and who runs the image where,
# with what rights, is decided at its deployment.
_OF_THIS_MACHINE = ("platform_release", "platform_version")
_OF_THIS_CONTAINER = ("permits",)
_FOREIGN = "exec format error"  # the text of ENOEXEC, which the kernel gives for a program of another processor


class NoEngine(AirpackError):
    """A machine on which no container engine runs."""


class ProbeFailed(PlaceFailed):
    """An image that can't be had or probed; `problem` says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Engine:
    """A container engine by its program's name; `env` is what it runs with."""

    name: str
    env: Mapping[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it and return how it ended."""
        line = [self.name, *words]
        return subprocess.run(
            line, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )

    def system_of(self, image: str) -> str | None:
        """Return the system and the processor of an image that it has here, such as `linux/amd64`, else None."""
        done = self.run("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image)
        return None if done.returncode else done.stdout.strip()

    def pull(self, image: str) -> str:
        """Fetch an image from its registry and return by what name or ID it can be run. Raises ProbeFailed."""
        done = self.run("pull", "--quiet", image)
        if done.returncode:
            raise ProbeFailed(
                image,
                f"{self.name} can't pull it ({_reason(done)}): check the name, log in ({self.name} login), or load the "
                f"image from a file ({self.name} load)",
            )
        return (done.stdout.split() or [image])[-1]


def probe(
    image: str, *, engine: str | None, python: str | None, env: Mapping[str, str], progress: Progress
) -> dict[str, Any]:
    """Return the profile of an image, pulled if it isn't here, as JSON has it.

    `engine` is podman or docker, None for the one that has the image, or else the first that runs here; `python` is the
    image's interpreter, a name on its PATH or a path, None for `python3` or `python`. What this machine decides, not
    the image, is left out. The container has no network and can't write to the image. Raises NoEngine, ProbeFailed.
    """
    running = _running([engine] if engine else ENGINES, env)
    chosen, name = next((each for each in running if each.system_of(image)), None), image
    if chosen is None:
        chosen = running[0]
        with progress.waiting(f"{chosen.name} pulls {image}"):
            name = chosen.pull(image)
    profile = _answer(chosen, image, name, (python,) if python else _PYTHONS)
    markers = profile.get("marker_environment") or {}
    profile["marker_environment"] = {key: value for key, value in markers.items() if key not in _OF_THIS_MACHINE}
    return {key: value for key, value in profile.items() if key not in _OF_THIS_CONTAINER}


def _running(names: Sequence[str], env: Mapping[str, str]) -> list[_Engine]:
    """Return the engines that are installed and run. Raises NoEngine."""
    installed = [_Engine(name=name, env=env) for name in names if shutil.which(name, path=env.get("PATH"))]
    if not installed:
        missing = " nor ".join(names)
        raise NoEngine(
            f"{'neither ' if len(names) > 1 else 'no '}{missing} is on PATH to run the image: install "
            f"{' or '.join(names)}, or probe in the image itself (python airpack-runtime.pyz probe > image.json)"
        )
    answers = [each.run("images", "--quiet") for each in installed]
    running = [each for each, done in zip(installed, answers, strict=True) if not done.returncode]
    if not running:
        reasons = [f"{each.name}: {_reason(done)}" for each, done in zip(installed, answers, strict=True)]
        start = " or ".join(each.name for each in installed)
        raise NoEngine(f"no container engine runs here ({'; '.join(reasons)}): start {start}")
    return running


def _answer(engine: _Engine, image: str, name: str, pythons: Sequence[str]) -> dict[str, Any]:
    """Return what the shim prints under the first of the `pythons` that the image has. Raises ProbeFailed."""
    with tempfile.TemporaryDirectory(prefix="airpack-probe-") as folder:
        shim = Path(folder, "shim.pyz")
        write.write_zipapp(shim, None)
        for python in pythons:
            # Without SELinux's labels, which would have to be changed for the container to read the shim.
            options = ["--network=none", "--read-only", "--security-opt=label=disable", f"--volume={shim}:{_SHIM}:ro"]
            done = engine.run("run", "--rm", *options, f"--entrypoint={python}", name, _SHIM, "probe")
            if done.returncode != _NOT_THERE:
                break
    if done.returncode:
        raise ProbeFailed(image, _problem(engine, name, done, pythons))
    try:
        return dict(jsons.loads(done.stdout))
    except (TypeError, ValueError) as error:
        raise ProbeFailed(
            image, f"{python} printed no profile there ({error}): is it a Python? name another"
        ) from error


def _problem(engine: _Engine, name: str, done: subprocess.CompletedProcess[str], pythons: Sequence[str]) -> str:
    """Return what to tell of a container that failed."""
    if _FOREIGN in done.stderr.lower():
        return (
            f"it is for {engine.system_of(name)}, whose programs this machine ({platform.machine()}) doesn't run: "
            "probe it on such a machine, or install qemu-user-static"
        )
    if done.returncode == _NOT_THERE:
        return (
            f"it has no {' and no '.join(pythons)} on its PATH: name its interpreter, such as "
            "--python /opt/conda/bin/python"
        )
    if done.returncode in (_ENGINE_FAILED, _NOT_STARTED):
        return f"{engine.name} can't run {pythons[-1]} there: {_reason(done)}"
    return f"the probe failed there: {_reason(done).removeprefix('airpack: ')}"


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of what an engine said, without what every such line begins with."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and not _is_advice(line)]
    reason = lines[-1] if lines else f"it ended with status {done.returncode} and no message"
    for prefix in _PREFIXES:
        reason = reason.removeprefix(prefix)
    return reason


def _is_advice(line: str) -> bool:
    return line.startswith("Run 'docker ")
