"""pip and uv, as they are, install from an index that airpack wrote: in a folder, a web server, an object store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote

import pytest
from airpack.index import write
from support.airpack import Airpack
from support.servers import running
from support.wheels import build_wheel

PIP = (sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-compile", "--disable-pip-version-check")
UV = ("uv", "pip", "install", "--no-cache", "--python", sys.executable)
INSTALLERS = pytest.mark.parametrize("installer", [PIP, UV], ids=["pip", "uv"])

pytestmark = pytest.mark.slow


@pytest.fixture
def simple(airpack: Airpack, wheels: Path, tmp_path: Path) -> Path:
    """Return an index of a pack, into which a second wheelhouse was merged, with a newer wheel and one of its own."""
    build_wheel(wheels, "one", requires=["two>=1.0"])
    build_wheel(wheels, "two", "1.0+local")
    assert airpack.pack("-q", "--no-import", "--no-bytecode", "one") == 0, airpack.err
    build_wheel(tmp_path / "more", "two", "3.0", metadata=["Requires-Python: >=99"])
    build_wheel(tmp_path / "more", "Other.Thing", requires=["one"])
    for place in (airpack.output, tmp_path / "more"):
        assert airpack("index", place, "-o", tmp_path / "simple") == 0, airpack.err
    return tmp_path / "simple"


@contextmanager
def _web_server(folder: Path, requests: list[str]) -> Iterator[str]:
    """Serve a folder by Python's own server; give its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, _: str, *about: object) -> None:
            requests.append(str(about[0]))

    with running(partial(Handler, directory=str(folder))) as address:  # type: ignore[arg-type]
        yield f"http://{address}"


@contextmanager
def _object_store(folder: Path) -> Iterator[str]:
    """Serve each file by its exact name alone, as S3's own address does; a plus sign in an address is a space."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = self.path.replace("+", " ").replace("%2B", "+").removeprefix("/bucket/")
            found = (folder / key).is_file()
            kind = "text/html" if key.endswith(".html") else "binary/octet-stream"
            body = (folder / key).read_bytes() if found else b"NoSuchKey"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running(Handler) as address:
        yield f"http://{address}/bucket"


def _install(installer: Sequence[str], place: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Install into the folder `place`, with no setting of this machine's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env.update(PIP_CONFIG_FILE=os.devnull, UV_NO_CONFIG="1", PATH=f"{Path(sys.executable).parent}:{env['PATH']}")
    line = [*installer, "--target", place, *words]
    return subprocess.run([*map(str, line)], check=False, capture_output=True, text=True, env=env)


def _installed(place: Path) -> list[str]:
    return sorted(path.name.removesuffix(".dist-info") for path in place.glob("*.dist-info"))


@INSTALLERS
@pytest.mark.parametrize("over", ["file", "http"])
def test_a_project_is_installed_with_what_it_requires(
    simple: Path, tmp_path: Path, installer: Sequence[str], over: str
) -> None:
    """By the index alone: also what the second wheelhouse brought, and not what is for another Python."""
    requests: list[str] = []
    with _web_server(tmp_path, requests) as server:
        url = simple.as_uri() if over == "file" else f"{server}/simple/"
        done = _install(installer, tmp_path / "site", "--index-url", url, "other-thing")
    assert done.returncode == 0, done.stderr
    assert _installed(tmp_path / "site") == ["Other.Thing-1.0", "one-1.0", "two-1.0+local"]
    if over == "http":  # the metadata is asked for, so that no wheel is fetched that isn't installed (PEP 658)
        assert any(request.startswith("GET /simple/one/one-1.0-py3-none-any.whl.metadata") for request in requests)


@INSTALLERS
@pytest.mark.parametrize("over", ["file", "http"])
def test_hashes_hold(airpack: Airpack, simple: Path, tmp_path: Path, installer: Sequence[str], over: str) -> None:
    """The pack's own requirements file with hashes is installed; a wheel that was changed afterwards isn't."""
    requirements = airpack.output / "wheelhouse" / "requirements.txt"
    with _web_server(tmp_path, []) as server:
        words = ["--index-url", simple.as_uri() if over == "file" else f"{server}/simple", "--require-hashes", "-r"]
        done = _install(installer, tmp_path / "site", *words, requirements)
        assert done.returncode == 0, done.stderr
        assert _installed(tmp_path / "site") == ["one-1.0", "two-1.0+local"]
        changed = build_wheel(tmp_path / "changed", "one", requires=["two>=1.0"], files={"one.py": "evil"})
        changed.replace(simple / "one" / changed.name)
        done = _install(installer, tmp_path / "other", *words, requirements)
    assert done.returncode != 0
    assert "hash" in done.stderr.lower()
    assert _installed(tmp_path / "other") == []


@INSTALLERS
def test_an_object_store_without_pages_for_folders_serves_it(
    simple: Path, tmp_path: Path, installer: Sequence[str]
) -> None:
    """`files.html` is one page with everything, at an address of its own."""
    with _object_store(tmp_path) as store:
        words = ["--no-index", "--find-links", f"{store}/simple/files.html", "other-thing"]
        done = _install(installer, tmp_path / "site", *words)
    assert done.returncode == 0, done.stderr
    assert _installed(tmp_path / "site") == ["Other.Thing-1.0", "one-1.0", "two-1.0+local"]


@INSTALLERS
def test_an_index_that_was_copied_elsewhere_is_one(simple: Path, tmp_path: Path, installer: Sequence[str]) -> None:
    """Its links are relative; its own folder is gone, and the new one's name needs quoting."""
    simple.rename(tmp_path / "a folder+ü")
    words = ["--index-url", (tmp_path / "a folder+ü").as_uri(), "one"]
    done = _install(installer, tmp_path / "site", *words)
    assert done.returncode == 0, done.stderr
    assert _installed(tmp_path / "site") == ["one-1.0", "two-1.0+local"]


def test_airpack_packs_from_it(airpack: Airpack, simple: Path, tmp_path: Path) -> None:
    """On the other side of a gap, where it is the only index."""
    words = ["--index-url", simple.as_uri(), "--decoder", airpack.decoder, "--no-import", "--no-bytecode"]
    assert airpack("pack", "-q", "other-thing", "-o", tmp_path / "again", *words) == 0, airpack.err
    before = (airpack.output / "wheelhouse" / "one-1.0-py3-none-any.whl").read_bytes()
    assert (tmp_path / "again" / "wheelhouse" / "one-1.0-py3-none-any.whl").read_bytes() == before


def test_a_pages_json_is_what_pip_takes_of_it(simple: Path, tmp_path: Path) -> None:
    """Where a server answers with it, as PEP 691 describes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = simple / unquote(self.path).strip("/").removeprefix("simple").strip("/")
            page = path.is_dir()
            body = (path / "index.json" if page else path).read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json" if page else "binary/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with running(Handler) as address:
        done = _install(PIP, tmp_path / "site", "--index-url", f"http://{address}/simple", "one")
    assert done.returncode == 0, done.stderr
    assert _installed(tmp_path / "site") == ["one-1.0", "two-1.0+local"]


def test_what_is_merged_is_written_once(simple: Path, tmp_path: Path) -> None:
    """Both wheelhouses again change nothing."""
    assert write.write([tmp_path / "more"], simple).added == []
