"""A container engine of the test's own: podman with its storage in a folder, and images made of folders."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks import boxes

from support import machine

# podman asks for higher limits than a machine without CAP_SYS_RESOURCE may give.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
tmp_dir = "{folder}/tmp"
"""
_STORAGE = """
[storage]
driver = "vfs"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """podman, whose storage and settings lie in `folder`, and the root filesystem of an image with Python 3.7."""

    folder: Path
    box: boxes.Box

    @classmethod
    def make(cls, folder: Path) -> Engine:
        """Return an engine in `folder`, which must have a short path. Skips the test if it can't run here."""
        if os.getuid():
            machine.lacking("the right to make containers", "run the tests as root")
        machine.tool("podman")
        given = folder / "given"
        given.mkdir()
        for name, text in (("containers.conf", _CONTAINERS), ("storage.conf", _STORAGE)):
            (folder / name).write_text(text.format(folder=folder, runtime=machine.tool("runc")))
        return cls(folder=folder, box=boxes.build(folder, given, []))

    @property
    def settings(self) -> Mapping[str, str]:
        """The variables by which podman finds its settings and its storage."""
        paths = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
        return {name: str(self.folder / file) for name, file in paths.items()}

    def image(self, name: str, root: Path, *options: str) -> None:
        """Make an image of the folder `root`, without a registry; `options` are those of podman import."""
        with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
            self.podman(["import", "--quiet", *options, "-", name], stdin=tar.stdout)
        assert tar.returncode == 0

    def clear(self) -> None:
        """Remove all images, of which some files can't be removed otherwise."""
        self.podman(["rmi", "--all", "--force"])

    def podman(self, words: Sequence[str], *, stdin: IO[bytes] | None = None) -> str:
        """Run podman, which must succeed, and return what it prints."""
        line, env = [machine.tool("podman"), *words], {**os.environ, **self.settings}
        done = subprocess.run(line, env=env, stdin=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
