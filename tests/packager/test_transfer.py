"""`airpack upload` and `download`: object stores and folders, all of it or nothing, checked by SHA-256."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fsspec
import pytest
from airpack import store
from airpack.errors import StoreFailed
from support import machine
from support.wheels import build_wheel

from .conftest import Airpack, Repeat

NAMES = ["SHA256SUMS", "bundle.tar.zst", "manifest.json", "pylock.toml"]
# What Azurite has built in (its documentation): no secret.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


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
    """Run a server until the block ends; it answers on `port` when the block begins."""
    with subprocess.Popen(line, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                if process.poll() is not None:
                    raise RuntimeError(f"{line[0]} ended with {process.returncode}")
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return a URL of an S3 bucket on loopback, which the environment says how to reach."""
    port = _free_port()
    env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    env["AWS_DEFAULT_REGION"] = "us-east-1"
    line = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with pytest.MonkeyPatch.context() as patch, _serving(line, port, tmp_path_factory.mktemp("s3")):
        for name, value in env.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3").mkdir("models")
        yield "s3://models/s3"


@pytest.fixture(scope="module")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return a URL of a container of Azurite's on loopback."""
    program = machine.azurite()
    port, folder = _free_port(), tmp_path_factory.mktemp("az")
    account = f"AccountName=devstoreaccount1;AccountKey={AZURITE_KEY}"
    endpoint = f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1"
    connection = f"DefaultEndpointsProtocol=http;{account};{endpoint};"
    line = [program, "--silent", "--skipApiVersionCheck", "--location", str(folder), "--blobPort", str(port)]
    with pytest.MonkeyPatch.context() as patch, _serving(line, port, folder):
        patch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        fsspec.filesystem("az").mkdir("models")
        yield "az://models/az"


@pytest.fixture(params=["file", "memory", *(pytest.param(each, marks=pytest.mark.slow) for each in ("s3", "az"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a URL where nothing lies yet, in a store of each kind."""
    if request.param == "file":
        return (tmp_path / "a share" / "fraud").as_uri()
    base = f"memory://{tmp_path.name}" if request.param == "memory" else request.getfixturevalue(request.param)
    return f"{base}/{tmp_path.name}/fraud"


def _opened(url: str) -> tuple[Any, str]:
    """Return a file system of fsspec's that has seen nothing yet, and the path within it."""
    system, root = fsspec.core.url_to_fs(unquote(url), skip_instance_cache=True)
    return system, root


def _names(url: str) -> list[str]:
    system, root = _opened(url)
    return sorted(path.rpartition("/")[2] for path in system.find(root))


def _replace(url: str, name: str, content: bytes) -> None:
    system, root = _opened(url)
    system.pipe_file(f"{root}/{name}", content)


def test_what_is_uploaded_comes_back(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """Byte for byte, by any store; `sha256sum -c` checks it as well."""
    assert airpack("upload", dist, url) == 0, airpack.err
    assert airpack.out.splitlines()[0].startswith(f"uploaded  {url}, 3 files, ")
    digest = airpack.out.splitlines()[1].split()[1]
    assert airpack.out.splitlines()[2] == f"fetch it  airpack download {url} --digest {digest}"
    assert _names(url) == NAMES
    assert airpack("download", url, "--digest", digest, "-o", tmp_path / "back") == 0, airpack.err
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == NAMES[1:]
    for name in NAMES[1:]:
        assert (tmp_path / "back" / name).read_bytes() == (dist / name).read_bytes()
    assert airpack("verify", "-q", "--no-import", tmp_path / "back") == 0
    system, root = _opened(url)
    (dist / "list").write_bytes(system.cat_file(f"{root}/SHA256SUMS"))
    check = [machine.tool("sha256sum", "coreutils"), "--check", "--quiet", "list"]
    subprocess.run(check, cwd=dist, check=True)


def test_again_is_no_error(airpack: Airpack, dist: Path, url: str) -> None:
    """A job that is run again finds its upload, and reads it back."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    assert airpack("upload", dist, url) == 0, airpack.err
    assert airpack.out.splitlines()[0].endswith(" MB, which were there already; each read back")


def test_nothing_is_replaced(airpack: Airpack, dist: Path, wheels: Path, url: str) -> None:
    """Who downloads meanwhile never gets half of each."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    build_wheel(wheels, "beta")
    assert airpack.pack("--no-import", "beta") == 0
    assert airpack("upload", dist, url) == 1
    assert airpack.error == f"airpack: error: {url}: holds another upload: give another URL, or remove it"
    _replace(url, "manifest.json", b"damaged")
    assert airpack("upload", "-q", dist, url) == 1


def test_a_file_that_was_changed_there_is_noticed(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """And nothing of it is kept."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    _replace(url, "pylock.toml", b"another")
    assert airpack("download", url, "-o", tmp_path / "back") == 1
    assert airpack.error.startswith(f"airpack: error: {url}: pylock.toml has the SHA-256 ")
    assert airpack.error.endswith(" was uploaded: remove all of it, and upload again")
    assert not (tmp_path / "back").exists()


def test_a_list_that_leads_elsewhere_is_refused(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """A name with a path in it would be written outside of the folder."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    line = f"{'0' * 64}  ../evil"
    _replace(url, "SHA256SUMS", line.encode())
    assert airpack("download", url, "-o", tmp_path / "back") == 1
    assert airpack.error == f"airpack: error: {url}: SHA256SUMS is not an upload's: it says {line!r}"


def test_another_digest_is_refused(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """The list is as anybody may write it; the digest is what was pinned elsewhere."""
    assert airpack("upload", dist, url) == 0, airpack.err
    digest = airpack.out.splitlines()[1].split()[1]
    assert airpack("download", url, "--digest", "0" * 64, "-o", tmp_path / "back") == 1
    problem = f"holds the bundle {digest}, not sha256:{'0' * 64}: correct the URL or --digest"
    assert airpack.error == f"airpack: error: {url}: {problem}"
    assert not (tmp_path / "back").exists()


def test_where_nothing_was_uploaded(airpack: Airpack, url: str, tmp_path: Path) -> None:
    """It is said what was looked for."""
    assert airpack("download", url, "-o", tmp_path / "back") == 1
    problem = "holds no SHA256SUMS, which an upload ends with: correct the URL, or upload again"
    assert airpack.error == f"airpack: error: {url}: {problem}"


def test_what_an_upload_that_was_killed_left_is_not_replaced(airpack: Airpack, dist: Path, url: str) -> None:
    """It might be somebody's."""
    system, root = _opened(url)
    system.makedirs(root, exist_ok=True)
    _replace(url, "bundle.tar.zst", b"half")
    assert airpack("upload", dist, url) == 1
    problem = "holds bundle.tar.zst without SHA256SUMS: an upload that was killed, or somebody else's"
    assert airpack.error == f"airpack: error: {url}: {problem}; remove it, or give another URL"
    assert _names(url) == ["bundle.tar.zst"]


@pytest.mark.parametrize("what", ["wrong", "broken"])
def test_a_failure_leaves_nothing(
    airpack: Airpack, dist: Path, url: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a store gives other bytes back than it got, or breaks off after some files."""

    def read(_: object, name: str) -> Iterator[bytes]:
        if what == "broken" and name == "manifest.json":
            raise StoreFailed(url, "the connection ended")
        yield b"other bytes"

    for kind in (store._Folder, store._Objects):
        monkeypatch.setattr(kind, "chunks", read)
    assert airpack("upload", dist, url) == 1
    assert airpack.error.startswith(f"airpack: error: {url}: ")
    assert _names(url) == []


_INTERRUPTED = """
import asyncio, os, signal, sys, time
import fsspec.asyn, s3fs.core
from airpack import store
from airpack.cli import main
update = store._Watch.relative_update
def interrupt(self, amount=1):
    os.kill(os.getpid(), signal.SIGINT)
    while not self.stopped:  # the main thread has got it
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)  # whoever pressed it can't wait
    update(self, amount)
store._Watch.relative_update = interrupt
s3fs.core.calculate_chunksize = lambda size, chunksize=None: 100_000  # several parts of a small bundle
call = s3fs.S3FileSystem._call_s3
async def call_later(self, *args, PartNumber=None, **kwargs):
    if PartNumber:
        await asyncio.sleep(10 * (PartNumber > 1))  # the first part is there before the others
        kwargs["PartNumber"] = PartNumber
    return await call(self, *args, **kwargs)
s3fs.S3FileSystem._call_s3 = call_later
status = main(["upload", *sys.argv[1:]])
assert not asyncio.all_tasks(fsspec.asyn.get_loop()), "a part is still on its way"
sys.exit(status)
"""


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_ctrl_c_leaves_nothing(dist: Path, scheme: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Neither a file nor the parts of one."""
    url = f"{request.getfixturevalue(scheme)}/{tmp_path.name}/interrupted"
    done = machine.run([sys.executable, "-c", _INTERRUPTED, str(dist), url])
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        130,
        "airpack: error: interrupted; nothing was changed",
    )
    assert _names(url) == []
    if scheme == "s3":
        assert fsspec.filesystem("s3").list_multipart_uploads("models") == []


def test_a_bundle_alone_travels_with_its_signature(airpack: Airpack, dist: Path, tmp_path: Path) -> None:
    """By whatever name it has here."""
    assert airpack("keygen", "-o", tmp_path / "team") == 0
    bundle = shutil.copy(dist / "bundle.tar.zst", tmp_path / "mine.tar.zst")
    assert airpack("sign", bundle, "--key", tmp_path / "team.key") == 0
    url = (tmp_path / "share").as_uri()
    assert airpack("upload", "-q", bundle, url) == 0, airpack.err
    assert _names(url) == ["SHA256SUMS", "bundle.tar.zst", "bundle.tar.zst.sig"]
    assert airpack("download", "-q", url, "-o", tmp_path / "back") == 0, airpack.err
    assert airpack("verify", "-q", "--no-import", "--key", tmp_path / "team.pub", tmp_path / "back") == 0


def test_a_download_replaces_an_earlier_packs_results_alone(airpack: Airpack, dist: Path, tmp_path: Path) -> None:
    """With its wheelhouse, which is of other wheels; what airpack did not write is refused."""
    url = (tmp_path / "share").as_uri()
    assert airpack("upload", "-q", dist, url) == 0
    assert airpack("download", "-q", url, "-o", dist) == 0
    assert sorted(path.name for path in dist.iterdir()) == NAMES[1:]
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "manifest.json").write_text("{}")
    assert airpack("download", url, "-o", foreign) == 1
    refused = "was not written by airpack: move it away, or give --output another name"
    assert airpack.error == f"airpack: error: {foreign / 'manifest.json'} {refused}"


def test_a_folder_that_disagrees_with_itself_is_not_uploaded(airpack: Airpack, dist: Path, tmp_path: Path) -> None:
    """A bundle of one pack beside the manifest of another."""
    text = (dist / "manifest.json").read_text()
    digest = json.loads(text)["bundle"]["digest"].removeprefix("sha256:")
    (dist / "manifest.json").write_text(text.replace(digest, "0" * 64))
    assert airpack("upload", dist, (tmp_path / "share").as_uri()) == 1
    assert f"is not of what lies beside it: bundle.tar.zst has the digest sha256:{digest}" in airpack.error
    assert not (tmp_path / "share").exists()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("models/fraud", "models/fraud is no URL of a store: write az://, s3://, gs:// or file:// before its path"),
        ("file://share/x", "file://share/x names no folder of this machine: write file:///PATH, with three slashes"),
        ("xyz://a/b", "xyz://a/b can't be opened: Protocol not known: xyz"),
    ],
)
def test_a_url_that_can_not_be_one(airpack: Airpack, dist: Path, url: str, problem: str) -> None:
    """A usage error."""
    assert airpack("upload", dist, url) == 2
    assert airpack.error == f"airpack: error: {problem}"


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("az://a/b", "adlfs", "az"),
        ("s3://a/b", "s3fs", "s3"),
        ("gs://a/b", "gcsfs", "gs"),
        ("ftp://a/b", "fsspec", "store"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    airpack: Airpack, dist: Path, url: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the command that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert airpack("upload", dist, url) == 1
    needs = f"{url[: url.index('a/b')]} needs {library}, which isn't installed: pip install 'airpack[{extra}]'"
    assert airpack.error == f"airpack: error: {needs}"


@pytest.mark.slow
def test_a_bucket_that_is_not_there(airpack: Airpack, dist: Path, s3: str) -> None:
    """In the store's words."""
    assert airpack("upload", dist, "s3://nosuch/x") == 1
    assert airpack.error == "airpack: error: nosuch/x/bundle.tar.zst: The specified bucket does not exist"
