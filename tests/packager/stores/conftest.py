"""Stores of every kind: a folder, fsspec's memory, S3 (moto) and Azure Blob Storage (Azurite) on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import fsspec
import pytest
from support import machine
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel

# The key that every Azurite has built in, as its documentation states it: not a secret.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
# Those of the stores that a server of its own stands in for.
_PATIENCE = 300  # seconds, until a server accepts connections: the machine may be busy
_SERVERS = [pytest.param(scheme, marks=pytest.mark.slow) for scheme in ("s3", "az")]


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack."""

    def pack() -> None:
        build_wheel(wheels, "alpha", files={"alpha.py": "", "alpha.bin": os.urandom(300_000)})
        assert airpack.pack("--no-import", "alpha") == 0, airpack.err

    repeat(pack)
    return airpack.output


@contextmanager
def _serving(line: Sequence[str], port: int, cwd: Path) -> Iterator[None]:
    """Run a server until the block ends; it accepts connections on `port` when the block begins."""
    with subprocess.Popen(line, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(_PATIENCE * 10):
                if process.poll() is not None:
                    raise RuntimeError(f"{line[0]} ended with {process.returncode}")
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            else:
                raise RuntimeError(f"{line[0]} accepts no connections after {_PATIENCE} s")
            yield
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run an S3 server on loopback; return the environment that tells the libraries how to reach it."""
    port = _free_port()
    env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    line = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with _serving(line, port, tmp_path_factory.mktemp("s3")):
        yield {**env, "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run Azurite on loopback; return the environment that tells the libraries how to reach it."""
    program = machine.azurite()
    port, folder = _free_port(), tmp_path_factory.mktemp("az")
    account = f"AccountName=devstoreaccount1;AccountKey={AZURITE_KEY}"
    endpoint = f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1"
    line = [program, "--silent", "--skipApiVersionCheck", "--location", str(folder), "--blobPort", str(port)]
    with _serving(line, port, folder):
        yield {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{account};{endpoint};"}


@pytest.fixture
def s3(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a URL in a bucket of the S3 server."""
    return _prepared("s3", s3_server, monkeypatch)


@pytest.fixture
def az(azure_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a URL in a container of Azurite's."""
    return _prepared("az", azure_server, monkeypatch)


def _prepared(scheme: str, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Set the environment, and make the bucket or container unless it exists."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    system = fsspec.filesystem(scheme)
    if not system.exists("models"):
        system.mkdir("models")
    return f"{scheme}://models/{scheme}"


def _url_in(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    base = f"memory://{tmp_path.name}" if kind == "memory" else request.getfixturevalue(kind)
    return f"{base}/{tmp_path.name}/fraud"


@pytest.fixture(params=["memory", *_SERVERS])
def objects_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a URL at which nothing lies yet, in an object store of each kind."""
    return _url_in(request.param, request, tmp_path)


@pytest.fixture(params=["file", "memory", *_SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a URL at which nothing lies yet, in a store of each kind."""
    if request.param == "file":
        return (tmp_path / "a share" / "fraud").as_uri()
    return _url_in(request.param, request, tmp_path)
