"""Probes an image on this machine: the shim's probe in a container of podman's or docker's, without a network."""

from __future__ import annotations

import platform
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airpack.base import jsons
from airpack.base.console import Progress
from airpack.shim import write
from airpack.shim.engine import ENGINES, Ended, Engine, OutOfBounds, ProbeFailed, running

_PYTHONS = ("python3", "python")
_SHIM = "/airpack-runtime.pyz"
# The statuses of a container whose command can't be started, or isn't in the image (podman-run(1), docker-run(1)).
_NOT_STARTED, _NOT_THERE = 126, 127
_ENGINE_FAILED = 125
# For what takes an instant: some engines copy the image first, and qemu is slow.
_SECONDS = 300.0
# What an image's profile can't have from here: the kernel's values are this machine's, and who runs the image where,
# with what rights, is decided at its deployment.
_OF_THIS_MACHINE = ("platform_release", "platform_version")
_OF_THIS_CONTAINER = ("permits",)
_ANOTHER = "is it a Python that starts by itself? name another with --python"
_FOREIGN = "exec format error"  # the text of ENOEXEC, which the kernel gives for a program of another processor


def probe(
    image: str, *, engine: str | None, python: str | None, env: Mapping[str, str], progress: Progress
) -> dict[str, Any]:
    """Return the profile of an image, pulled if it isn't here, as JSON has it.

    `engine` is podman or docker, None for the one that has the image, or else the first that runs here; `python` is the
    image's interpreter, a name on its PATH or a path, None for `python3` or `python`. What this machine decides, not
    the image, is left out. The container has no network and can't write to the image;
    it ends within five minutes, and what it prints is bounded. Raises NoEngine, OutOfBounds or ProbeFailed.
    """
    engines = running([engine] if engine else ENGINES, env)
    chosen, name = next((each for each in engines if each.system_of(image)), None), image
    if chosen is None:
        chosen = engines[0]
        with progress.waiting(f"{chosen.name} pulls {image}"):
            name = chosen.pull(image)
    profile = _answer(chosen, image, name, (python,) if python else _PYTHONS)
    markers = profile.get("marker_environment")
    if isinstance(markers, dict):  # else `Target.from_profile` says what is wrong
        profile["marker_environment"] = {key: value for key, value in markers.items() if key not in _OF_THIS_MACHINE}
    return {key: value for key, value in profile.items() if key not in _OF_THIS_CONTAINER}


def _answer(engine: Engine, image: str, name: str, pythons: Sequence[str]) -> dict[str, Any]:
    """Return what the shim prints under the first of the `pythons` that the image has. Raises ProbeFailed."""
    with tempfile.TemporaryDirectory(prefix="airpack-probe-") as folder:
        shim = Path(folder, "shim.pyz")
        write.write_zipapp(shim, None)
        for python in pythons:
            # Without SELinux's labels, which would have to be changed for the container to read the shim.
            options = ["--network=none", "--read-only", "--security-opt=label=disable", f"--volume={shim}:{_SHIM}:ro"]
            container = f"airpack-probe-{secrets.token_hex(8)}"
            words = [*options, f"--entrypoint={python}", name, _SHIM, "probe"]
            try:
                done = engine.run_container(container, *words, seconds=_SECONDS)
            except OutOfBounds as error:
                raise ProbeFailed(image, f"{python} {error.problem} there: {_ANOTHER}") from error
            if done.returncode != _NOT_THERE:
                break
    if done.returncode:
        raise ProbeFailed(image, _problem(engine, name, done, pythons))
    try:
        return dict(jsons.loads(done.stdout))
    except (TypeError, ValueError) as error:
        raise ProbeFailed(image, f"{python} printed no profile there ({error}): {_ANOTHER}") from error


def _problem(engine: Engine, name: str, done: Ended, pythons: Sequence[str]) -> str:
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
        return f"{engine.name} can't run {pythons[-1]} there: {done.reason}"
    return f"the probe failed there: {done.reason.removeprefix('airpack: ')}"
