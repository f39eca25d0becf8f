"""`airpack upload` and `download`: object stores and folders, all of it or nothing, checked by SHA-256."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from support import machine, stores
from support.airpack import Airpack
from support.wheels import build_wheel

NAMES = ["SHA256SUMS", "bundle.tar.zst", "manifest.json", "pylock.toml"]


def test_what_is_uploaded_comes_back(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """Byte for byte, by any store; `sha256sum -c` checks it as well."""
    assert airpack("upload", dist, url) == 0, airpack.err
    assert airpack.out.splitlines()[0].startswith(f"uploaded  {url}, 3 files, ")
    digest = airpack.out.splitlines()[1].split()[1]
    assert airpack.out.splitlines()[2] == f"fetch it  airpack download {url} --digest {digest}"
    assert stores.names(url) == NAMES
    assert airpack("download", url, "--digest", digest, "-o", tmp_path / "back") == 0, airpack.err
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == NAMES[1:]
    for name in NAMES[1:]:
        assert (tmp_path / "back" / name).read_bytes() == (dist / name).read_bytes()
    assert airpack("verify", "-q", "--no-import", tmp_path / "back") == 0
    system, root = stores.opened(url)
    (dist / "list").write_bytes(system.cat_file(f"{root}/SHA256SUMS"))
    check = [machine.tool("sha256sum", "coreutils"), "--check", "--quiet", "list"]
    subprocess.run(check, cwd=dist, check=True)


def test_again_is_no_error(airpack: Airpack, dist: Path, url: str) -> None:
    """A job that is run again finds its upload, and reads it back."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    assert airpack("upload", dist, url) == 0, airpack.err
    assert airpack.out.splitlines()[0].endswith(" MB, which were there already; each read back")


@pytest.mark.slow
def test_nothing_is_replaced(airpack: Airpack, dist: Path, wheels: Path, url: str) -> None:
    """So a download at the same time never gets half of one and half of the other."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    build_wheel(wheels, "beta")
    assert airpack.pack("--no-import", "beta") == 0
    assert airpack("upload", dist, url) == 1
    assert airpack.error == f"airpack: error: {url}: holds another upload: give another URL, or remove it"
    stores.replace(url, "manifest.json", b"damaged")
    assert airpack("upload", "-q", dist, url) == 1


def test_a_file_that_was_changed_there_is_noticed(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """And nothing of it is kept."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    stores.replace(url, "pylock.toml", b"another")
    assert airpack("download", url, "-o", tmp_path / "back") == 1
    assert airpack.error.startswith(f"airpack: error: {url}: pylock.toml has the SHA-256 ")
    assert airpack.error.endswith(" was uploaded: remove the whole upload, and upload again")
    assert not (tmp_path / "back").exists()


def test_a_list_that_leads_elsewhere_is_refused(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """A name with a path in it would be written outside of the folder."""
    assert airpack("upload", "-q", dist, url) == 0, airpack.err
    line = f"{'0' * 64}  ../evil"
    stores.replace(url, "SHA256SUMS", line.encode())
    assert airpack("download", url, "-o", tmp_path / "back") == 1
    assert airpack.error == f"airpack: error: {url}: SHA256SUMS is not the list of an upload: it has the line {line!r}"


def test_another_digest_is_refused(airpack: Airpack, dist: Path, url: str, tmp_path: Path) -> None:
    """The list is as anybody may write it; the digest is what was pinned elsewhere."""
    assert airpack("upload", dist, url) == 0, airpack.err
    digest = airpack.out.splitlines()[1].split()[1]
    assert airpack("download", url, "--digest", "0" * 64, "-o", tmp_path / "back") == 1
    problem = f"holds the bundle {digest}, not sha256:{'0' * 64}: correct the URL or --digest"
    assert airpack.error == f"airpack: error: {url}: {problem}"
    assert not (tmp_path / "back").exists()


def test_where_nothing_was_uploaded(airpack: Airpack, url: str, tmp_path: Path) -> None:
    """The message says which file is missed."""
    assert airpack("download", url, "-o", tmp_path / "back") == 1
    problem = "holds no SHA256SUMS, which completes an upload: correct the URL, or upload again"
    assert airpack.error == f"airpack: error: {url}: {problem}"


def test_what_an_upload_that_was_killed_left_is_not_replaced(airpack: Airpack, dist: Path, url: str) -> None:
    """It might be somebody's."""
    system, root = stores.opened(url)
    system.makedirs(root, exist_ok=True)
    stores.replace(url, "bundle.tar.zst", b"half")
    assert airpack("upload", dist, url) == 1
    problem = "holds bundle.tar.zst without SHA256SUMS: an upload that was killed, or somebody else's file"
    assert airpack.error == f"airpack: error: {url}: {problem}; remove it, or give another URL"
    assert stores.names(url) == ["bundle.tar.zst"]


class _Faulty(MemoryFileSystem):  # type: ignore[misc]
    """A file system that gives other bytes back than it got, or breaks off, as `fault` says."""

    protocol = "faulty"
    fault = ""
    store: dict[str, Any] = {}  # noqa: RUF012 - as its base class has it
    pseudo_dirs = [""]  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("faulty://")))

    def cat_file(self, path: str, **options: Any) -> bytes:
        if self.fault == "broken" and path.endswith("manifest.json"):
            raise ConnectionResetError("the connection ended")
        content: bytes = super().cat_file(path, **options)
        return content[::-1] if self.fault == "wrong" else content


@pytest.mark.parametrize(
    ("fault", "problem"), [("wrong", "bundle.tar.zst has the SHA-256 "), ("broken", "the connection ended")]
)
def test_an_upload_that_can_not_be_read_back_leaves_nothing(
    airpack: Airpack, dist: Path, fault: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the store gives other bytes back than it got, or breaks off after some files."""
    monkeypatch.setattr(_Faulty, "fault", fault)
    fsspec.register_implementation("faulty", _Faulty, clobber=True)
    assert airpack("upload", dist, f"faulty://{fault}/fraud") == 1
    assert problem in airpack.error
    assert _Faulty.store == {}


def test_a_bundle_alone_travels_with_its_signature(airpack: Airpack, dist: Path, tmp_path: Path) -> None:
    """By whatever name it has here."""
    assert airpack("keygen", "-o", tmp_path / "team") == 0
    bundle = shutil.copy(dist / "bundle.tar.zst", tmp_path / "mine.tar.zst")
    assert airpack("sign", bundle, "--key", tmp_path / "team.key") == 0
    url = (tmp_path / "share").as_uri()
    assert airpack("upload", "-q", bundle, url) == 0, airpack.err
    assert stores.names(url) == ["SHA256SUMS", "bundle.tar.zst", "bundle.tar.zst.sig"]
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
    assert f"does not belong to what lies beside it: bundle.tar.zst has the digest sha256:{digest}" in airpack.error
    assert not (tmp_path / "share").exists()
