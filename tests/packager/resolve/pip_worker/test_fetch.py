"""Files are downloaded over a session of pip's, and each is reported with its hash and size."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from airpack.resolve.pip_worker.events import Events, Failure
from airpack.resolve.pip_worker.fetch import ATTEMPTS, fetch
from pip._internal.network.session import PipSession
from support.index import Index
from support.wheels import build_wheel


def _fetched(*files: dict[str, Any]) -> list[dict[str, Any]]:
    """Download files by two threads, and return the events that are reported."""
    log = io.StringIO()
    with PipSession(retries=0) as session:
        fetch([*files], session, 2, Events(log))
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.fixture
def file(index: Index, wheels: Path, tmp_path: Path) -> dict[str, str]:
    """Return what names a wheel that the index serves, and the path to write it to."""
    wheel = build_wheel(wheels, "one", files={"one.bin": os.urandom(1000)})
    return {"url": f"{index.url.removesuffix('simple')}files/{wheel.name}", "path": str(tmp_path / "one.whl")}


def test_each_file_is_reported_once_it_is_whole(file: dict[str, str], index: Index) -> None:
    """With its URL; each is asked for once, and the bytes are counted as they arrive."""
    build_wheel(index.folder, "two")
    two = {name: value.replace("/one", "/two") for name, value in file.items()}
    events = _fetched(file, two)
    reported = {event["hashed"]: (event["sha256"], event["size"]) for event in events if "hashed" in event}
    contents = {each["url"]: Path(each["path"]).read_bytes() for each in (file, two)}
    assert contents[file["url"]] == (index.folder / "one-1.0-py3-none-any.whl").read_bytes()
    assert reported == {url: (hashlib.sha256(data).hexdigest(), len(data)) for url, data in contents.items()}
    assert sum(event.get("bytes", 0) for event in events) == sum(map(len, contents.values()))
    assert len(index.requests) == 2


def test_a_connection_that_breaks_is_tried_again(file: dict[str, str], index: Index) -> None:
    """The bytes of the part that had arrived count once."""
    index.cut, index.cuts = 100, ATTEMPTS - 1
    events = _fetched(file)
    assert sum(event.get("bytes", 0) for event in events) == Path(file["path"]).stat().st_size
    assert len(index.requests) == ATTEMPTS


def test_a_connection_that_always_breaks_is_a_failure(file: dict[str, str], index: Index) -> None:
    """After a few attempts."""
    index.cut = 100
    with pytest.raises(Failure) as caught:
        _fetched(file)
    facts = caught.value.facts
    assert (facts["failure"], facts["url"]) == ("download", file["url"])
    assert "100" in facts["reason"]
    assert len(index.requests) == ATTEMPTS


def test_a_server_that_refuses_is_a_failure(file: dict[str, str], index: Index) -> None:
    """At once, with its status."""
    index.status = 403
    with pytest.raises(Failure) as caught:
        _fetched(file)
    facts = caught.value.facts
    assert (facts["failure"], facts["url"]) == ("download", file["url"])
    assert facts["reason"].startswith("403 Client Error: ")
    assert len(index.requests) == 1


def test_a_file_without_an_end_is_not_read_to_it(file: dict[str, str], index: Index) -> None:
    """Where it says how many bytes it may have: it would fill the disk. One that has just so many is read."""
    size = (index.folder / "one-1.0-py3-none-any.whl").stat().st_size
    assert any("hashed" in event for event in _fetched({**file, "most": size}))
    with pytest.raises(Failure) as caught:
        _fetched({**file, "most": size - 1})
    reason = f"it is larger than {size - 1:,} bytes, which is far more than it should have"
    assert caught.value.facts == {"failure": "download", "url": file["url"], "reason": reason}


def test_a_folder_that_can_not_be_written_is_a_failure(wheels: Path, tmp_path: Path) -> None:
    """The system's own, with the folder that it concerns; a wheel may lie on this machine."""
    url = build_wheel(wheels, "one").as_uri()
    with pytest.raises(Failure) as caught:
        _fetched({"url": url, "path": str(tmp_path / "absent" / "one.whl")})
    assert caught.value.facts == {
        "failure": "os",
        "errno": errno.ENOENT,
        "message": "No such file or directory",
        "path": str(tmp_path / "absent"),
    }


@pytest.mark.parametrize("is_kept", [False, True])
def test_pips_cache_is_read_and_not_written(
    file: dict[str, str], index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """It would have each file written once more, airpack's own cache has them; what pip has kept before is used."""
    index.lasting = True
    with PipSession(retries=0, cache=str(tmp_path / "pip"), trusted_hosts=["127.0.0.1"]) as session:
        if is_kept:
            session.get(file["url"]).raise_for_status()
        monkeypatch.setattr("pip._vendor.cachecontrol.filewrapper.NamedTemporaryFile", None)
        fetch([file], session, 1, Events(io.StringIO()))
    assert Path(file["path"]).read_bytes() == (index.folder / "one-1.0-py3-none-any.whl").read_bytes()
    assert len(index.requests) == 1
