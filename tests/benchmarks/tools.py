"""The peers' programs: fetched in the pinned versions, and told by name and version."""

from __future__ import annotations

import functools
import os
import platform
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack_runtime import __version__
from benchmarks.measure import can_mount
from benchmarks.peers import PEERS, SLIM, Peer
from benchmarks.process import execute
from support import machine

PINS = Path(__file__).with_name("requirements.txt")
_ALWAYS = ("pip", "setuptools")
_HOST = 'python_version >= "3.8"'
_PACKAGES = ("coreutils", "tar", "gzip", "zstd", "squashfs-tools", "squashfuse", "erofs-utils")
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """Where the programs are that a peer's steps name."""

    airpack: str
    python: str
    tools: str
    uv: str


def fetch(work: Path, names: Sequence[str]) -> Tools:
    """Install what these peers are of the pinned ones from PyPI into `work`, unless it is there."""
    python = str(machine.python37().path)
    steps = "\n".join(line for name in names for line in PEERS[name].steps().values())
    wanted = [name for name in _pinned_versions() if name in _ALWAYS or name in steps]
    target = environment(work / "peers-python3.7", python, pins(*wanted, on_host=False))
    host = environment(work / "peers-host", sys.executable, pins(*wanted, on_host=True))
    airpack = shlex.join([sys.executable, "-m", "airpack"])
    return Tools(airpack=airpack, python=python, tools=str(target), uv=str(host / "uv"))


def _pins() -> list[str]:
    return [line for line in PINS.read_text().splitlines() if not line.startswith("#")]


def _pinned_versions() -> dict[str, str]:
    pinned = (pin.partition(";")[0].partition("==") for pin in _pins())
    return {name.strip(): version.strip() for name, _, version in pinned}


def pins(*names: str, on_host: bool) -> list[str]:
    """Return the pins of projects that are installed under the packager's Python, or under the image's."""
    return [pin for pin in _pins() if pin.endswith(_HOST) == on_host and pin.partition("==")[0] in names]


def environment(folder: Path, python: str, pins: Sequence[str]) -> Path:
    """Return the folder of programs of a virtual environment with these pins at least."""
    stamp = folder / "pins"
    if pins and not (stamp.exists() and set(pins) <= set(stamp.read_text().splitlines())):
        shutil.rmtree(folder, ignore_errors=True)
        execute([python, "-m", "venv", str(folder)])
        execute([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *pins])
        stamp.write_text("\n".join(pins))
    return folder / "bin"


def lacking(name: str) -> str | None:
    """Return why a peer can't be measured on this machine, None if it can."""
    peer: Peer = PEERS[name]
    for command, package in peer.needs:
        if shutil.which(command) is None:
            return f"{command} is missing: apt-get install {package}"
    if peer.root and not can_mount():
        return "nothing may be mounted here"
    if name == SLIM and not _has_slim():
        return "this airpack has no --slim"
    return None


@functools.cache
def _has_slim() -> bool:
    return "--slim" in execute([sys.executable, "-m", "airpack", "pack", "--help"])


def drop_caches() -> None:
    """Empty the page cache, written back before."""
    os.sync()
    _DROP_CACHES.write_text("3\n")


def can_drop_caches() -> bool:
    """Return whether the page cache can be emptied here."""
    try:
        drop_caches()
    except OSError:
        return False
    return True


def machine_facts() -> dict[str, Any]:
    """Return what the figures depend on, for the results."""
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": memory,
        "kernel": platform.release(),
        "python_of_the_image": execute([str(machine.python37().path), "-V"]).split()[1],
        "python_of_the_packager": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of all that is measured, Debian's as installed."""
    return {"airpack": __version__, **_pinned_versions(), **_debian()}


def shim_bytes() -> int:
    """Return the size of the shim as a zipapp."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "airpack-runtime.pyz")
        execute([sys.executable, "-m", "airpack", "shim", "-q", "-o", str(path)])
        return path.stat().st_size


def _debian() -> dict[str, str]:
    if shutil.which("dpkg-query") is None:
        return {}
    found = {}
    for name in _PACKAGES:
        done = machine.run(["dpkg-query", "-W", "-f", "${Version}", name])
        if done.returncode == 0:
            found[name] = done.stdout
    return found
