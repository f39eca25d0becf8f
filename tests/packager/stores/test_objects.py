"""Object stores by fsspec: all files or none, also after a failure, a lost race, or Ctrl-C."""

from __future__ import annotations

import sys
from pathlib import Path

import fsspec
import pytest
from airpack.base.errors import StoreFailed
from airpack.stores.objects import Objects
from airpack.stores.store import open_store
from fsspec.implementations.memory import MemoryFileSystem
from support import machine, stores


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Return three local files by the names that they are to have in the store."""
    paths = {}
    for name in ("first", "second", "last"):
        path = tmp_path / f"local-{name}"
        path.write_bytes(f"content of {name}".encode())
        paths[name] = path
    return paths


def test_the_last_file_is_put_after_the_check(files: dict[str, Path], objects_url: str) -> None:
    """The check reads what is there from the store itself; every byte is reported once."""
    store, seen, counts = open_store(objects_url), list[set[str]](), list[int]()
    store.deliver(files, lambda written: seen.append(written.names()), counts.append)
    assert seen == [{"first", "second"}]
    assert sum(counts) == sum(path.stat().st_size for path in files.values())
    assert {name: b"".join(store.chunks(name)) for name in store.names()} == {
        name: path.read_bytes() for name, path in files.items()
    }


def test_a_failed_check_leaves_nothing(files: dict[str, Path], objects_url: str) -> None:
    """What was put by then is removed."""

    def check(_: object) -> None:
        raise StoreFailed(objects_url, "the check failed")

    with pytest.raises(StoreFailed, match="the check failed"):
        open_store(objects_url).deliver(files, check, lambda _: None)
    assert stores.names(objects_url) == []


def test_a_taken_name_is_refused_and_left_as_it_is(files: dict[str, Path], objects_url: str) -> None:
    """Somebody else put it there after the first look: that file stays, what this upload has put goes."""
    store = open_store(objects_url)
    stores.replace(objects_url, "second", b"somebody else's")
    with pytest.raises(StoreFailed) as caught:
        store.deliver(files, lambda _: None, lambda _: None)
    assert str(caught.value).endswith("/second: was created by another process meanwhile: give another URL")
    assert stores.names(objects_url) == ["second"]


class _CutOff(MemoryFileSystem):  # type: ignore[misc]
    """A file system whose third file ends after its first bytes; readers can see files before they are complete."""

    protocol = "cutoff"
    store: dict[str, object] = {}  # noqa: RUF012 - as its base class has it
    pseudo_dirs = [""]  # noqa: RUF012

    def put_file(self, lpath: str, rpath: str, **options: object) -> None:
        if rpath.endswith("last"):
            self.pipe_file(rpath, b"cont")
            raise OSError("the connection ended")
        super().put_file(lpath, rpath, **options)


_CutOff.put_file.__module__ = "fsspec.spec"  # what tells that a file can be seen before it is complete


def test_a_file_that_was_put_in_part_is_removed(files: dict[str, Path]) -> None:
    """Where a store shows files before they are complete."""
    store = Objects("cutoff://place", _CutOff(), "/place")
    with pytest.raises(StoreFailed) as caught:
        store.deliver(files, lambda _: None, lambda _: None)
    assert str(caught.value) == "/place/last: the connection ended"
    assert store.names() == set()


def test_a_bucket_that_does_not_exist(files: dict[str, Path], s3: str) -> None:
    """The message has the store's own words."""
    with pytest.raises(StoreFailed) as caught:
        open_store("s3://nosuch/x").deliver(files, lambda _: None, lambda _: None)
    assert str(caught.value) == "nosuch/x/first: The specified bucket does not exist"


# Presses Ctrl-C when the first bytes have been put, and again shortly after: a person may not wait.
_INTERRUPTED = """
import asyncio, os, signal, sys, threading, time
from contextlib import contextmanager
from pathlib import Path
import fsspec.asyn, s3fs.core
from airpack.base.console import Silent
from airpack.results.folder import Results
from airpack.stores import transfer

received = threading.Event()
def handle(*_):
    received.set()
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, handle)

class Interrupting(Silent):
    @contextmanager
    def stage(self, *_):
        def advance(amount):
            os.kill(os.getpid(), signal.SIGINT)
            received.wait()
            time.sleep(0.5)  # by then, the main thread is cleaning up
            os.kill(os.getpid(), signal.SIGINT)
        yield advance

s3fs.core.calculate_chunksize = lambda size, chunksize=None: 100_000  # several parts of a small bundle
call = s3fs.S3FileSystem._call_s3
async def call_later(self, *args, PartNumber=None, **kwargs):
    if PartNumber:
        await asyncio.sleep(10 * (PartNumber > 1))  # the first part is there before the others
        kwargs["PartNumber"] = PartNumber
    return await call(self, *args, **kwargs)
s3fs.S3FileSystem._call_s3 = call_later
try:
    transfer.upload(Results.at(Path(sys.argv[1])), sys.argv[2], Interrupting())
except KeyboardInterrupt:
    assert not asyncio.all_tasks(fsspec.asyn.get_loop()), "a part is still on its way"
    sys.exit("interrupted")
"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_ctrl_c_leaves_nothing(dist: Path, scheme: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Neither a file nor the parts of one."""
    url = f"{request.getfixturevalue(scheme)}/{tmp_path.name}/interrupted"
    done = machine.run([sys.executable, "-c", _INTERRUPTED, str(dist), url])
    assert done.stderr.splitlines()[-1] == "interrupted"
    assert stores.names(url) == []
    if scheme == "s3":
        assert fsspec.filesystem("s3").list_multipart_uploads("models") == []
