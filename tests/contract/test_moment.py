"""The package index of the tests: what is in it doesn't change with the day, whatever index a user has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from support import index_pages, machine, moment, upstream
from support.moment import Index
from support.upstream import FORMATS, Upstream

Serve = Callable[[], AbstractContextManager[Index]]
OLD: Mapping[str, Any] = {
    "filename": "one-1.0-py3-none-any.whl",
    "url": "https://files.example.org/a/one-1.0-py3-none-any.whl",
    "hashes": {"sha256": "0" * 64},
    "requires-python": ">=3.7,<4",
    "core-metadata": {"sha256": "1" * 64},
    "yanked": "it <breaks> things",
    "upload-time": "2026-09-30T23:59:59.999999Z",
}
NEW: Mapping[str, Any] = {
    **OLD,
    "filename": "one-1.0.1-py3-none-any.whl",
    "url": "https://files.example.org/b/one-1.0.1-py3-none-any.whl",
    "upload-time": "2026-10-01T00:00:00Z",
}


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Upstream]:
    """Serve the index of a user, with one project."""
    with upstream.serve(tmp_path) as served:
        served.files["one"] = [dict(OLD), dict(NEW)]
        yield served


@pytest.fixture
def env(user: Upstream) -> dict[str, str]:
    """Return an environment in which pip is configured for the user's index."""
    return {**os.environ, "PIP_INDEX_URL": user.url, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}


@pytest.fixture
def serve(env: dict[str, str], tmp_path: Path) -> Callable[[], AbstractContextManager[Index]]:
    """Return what serves the user's index as it was, with a record of `one` 1.0."""
    (tmp_path / "versions.txt").write_text("# What there was.\none 0.9 1.0\n")
    return lambda: moment.index(env, record=tmp_path / "versions.txt")


def _sdist(name: str, version: str) -> dict[str, Any]:
    filename = f"{name}-{version}.tar.gz"
    return {**OLD, "filename": filename, "url": f"https://files.example.org/{filename}"}


def _get(url: str, accept: str = index_pages.JSON) -> tuple[str, bytes]:
    """Return the media type and the content of a page."""
    direct = build_opener(ProxyHandler({}))
    with direct.open(Request(url, headers={"Accept": accept}), timeout=60) as answer:
        return answer.headers["Content-Type"], answer.read()


def _files(url: str) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = json.loads(_get(url)[1])["files"]
    return files


def _refusal(url: str) -> tuple[int, str]:
    with pytest.raises(HTTPError) as caught:
        _get(url)
    with caught.value as error:
        return error.code, error.read().decode()


def test_what_was_uploaded_later_is_left_out(serve: Serve) -> None:
    """And nothing of what stays is changed; the index as it is now has both."""
    with serve() as index:
        assert _files(f"{index.url}one/") == [OLD]
        assert _files(f"{index.now}one/") == [OLD, NEW]


@pytest.mark.parametrize("form", FORMATS[1:])
def test_without_upload_times_the_record_says_what_was_there(serve: Serve, user: Upstream, form: str) -> None:
    """In each form; a version of a line that wasn't there is as much too new as a later one of a line that was."""
    user.form = form
    user.files["one"] += [_sdist("one", version) for version in ("0.9", "0.9.1", "0.8.9", "2.0")]
    with serve() as index:
        found = _files(f"{index.url}one/")
        expected = {name: value for name, value in OLD.items() if name != "upload-time"}
        assert [file["filename"] for file in found] == ["one-1.0-py3-none-any.whl", "one-0.9.tar.gz"]
        assert found[0] == expected


def test_what_is_neither_dated_nor_recorded_is_refused(serve: Serve, user: Upstream, tmp_path: Path) -> None:
    """With the reason: to serve all of it would let the day in."""
    user.form = "json without times"
    user.files["two"] = [dict(OLD)]
    with serve() as index:
        code, reason = _refusal(f"{index.url}two/")
    assert code == 424
    place = "/".join(tmp_path.parts[-2:])
    assert reason == (
        f"the index doesn't tell when the files of two were uploaded, and {place}/versions.txt doesn't have them: "
        "where it does, run with AIRPACK_TESTS_RECORD=1\n"
    )


def test_a_page_is_written_in_html_for_clients_that_read_nothing_else(
    serve: Serve,
) -> None:
    """With all that pip looks at: it reads as it was."""
    with serve() as index:
        kind, content = _get(f"{index.url}one/", "text/html")
    assert kind == "text/html"
    expected = {name: value for name, value in OLD.items() if name != "upload-time"}
    assert index_pages.read(content, kind, "http://127.0.0.1/simple/one/") == [expected]


def test_urls_are_absolute_and_keep_the_credentials_of_the_index(tmp_path: Path) -> None:
    """Files lie beside the page in many an index; those of another host get no password."""
    relative = b'<base href="/pypi/"><a href="files/one-1.0%2Bcpu.tar.gz#sha256=aa">one</a>'
    (file,) = index_pages.read(relative, "text/html", "https://mirror.example.org/simple/one/")
    assert file == {
        "filename": "one-1.0+cpu.tar.gz",
        "url": "https://mirror.example.org/pypi/files/one-1.0%2Bcpu.tar.gz",
        "hashes": {"sha256": "aa"},
    }
    index = "https://me:secret@mirror.example.org/simple"
    assert index_pages.with_credentials(file["url"], index).startswith("https://me:secret@mirror.example.org/pypi/")
    assert index_pages.with_credentials("https://other.example.org/x", index) == "https://other.example.org/x"


def test_a_page_is_fetched_once(serve: Serve, user: Upstream) -> None:
    """Whoever asks, under whatever spelling of the name, for then or for now; that there is none counts as well."""
    with serve() as index:
        for url in (f"{index.url}one/", f"{index.url}One", f"{index.now}one/", f"{index.url}one/"):
            assert _files(url)[0] == OLD
        for _ in range(2):
            assert _refusal(f"{index.url}no_one/") == (404, "the index has no such project\n")
    assert user.requests == ["one", "no-one"]


def test_an_answer_that_breaks_off_is_asked_for_again(serve: Serve, user: Upstream) -> None:
    """Twice, and not for ever."""
    user.drops = 2
    with serve() as index:
        assert _files(f"{index.url}one/") == [OLD]
        user.drops, user.files["two"] = 3, [dict(OLD)]
        code, reason = _refusal(f"{index.url}two/")
        assert (code, reason.startswith(f"{user.url}two/ can't be read: ")) == (424, True), reason
        assert _files(f"{index.url}two/") == [OLD]  # it is no answer to keep


@pytest.mark.slow
def test_an_index_that_fails_is_named(
    serve: Serve, user: Upstream, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the answer, by the process, and by airpack; it isn't taken for one that lacks the project."""
    user.status = 503
    with serve() as index:
        code, reason = _refusal(f"{index.url}one/")
        assert code == 424
        assert f"{user.url}one/ can't be read: " in reason
        assert "503" in reason
        line = [sys.executable, "-m", "airpack", "lock", "-q", "one", "-o", str(tmp_path / "pylock.toml")]
        done = subprocess.run(line, env=index.env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith(f"airpack: error: {index.url}one/ can't be read: 424 Client Error"), done.stderr
    assert f"the package index of the tests: {user.url}one/ can't be read: " in capfd.readouterr().err


def test_nothing_else_that_pip_or_uv_are_told_counts(tmp_path: Path) -> None:
    """Other indexes, folders, constraints, configuration files; but certificates, times to wait, and the proxy do."""
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://example.org/\nextra-index-url = https://example.org/\ncert = /etc/ca.pem\n"
        "constraint = pins.txt\nproxy = http://proxy:3128\n[install]\nfind-links = /opt/wheels\ntimeout = 7\n"
    )
    told = {"PIP_FIND_LINKS": "/opt", "PIP_PRE": "1", "UV_INDEX_URL": "https://example.org/", "UV_RESOLUTION": "lowest"}
    kept = {"HOME": str(tmp_path), "NO_PROXY": "intranet", "PATH": os.environ["PATH"]}
    with moment.index({**told, **kept, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}) as index:
        env = index.env
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://proxy:3128")
    assert env == {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "NO_PROXY": "intranet,127.0.0.1",
        "no_proxy": "127.0.0.1",
        **proxies,
        "PIP_CERT": "/etc/ca.pem",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_INDEX_URL": index.url,
        "PIP_KEYRING_PROVIDER": "auto",
        "PIP_RETRIES": "5",
        "PIP_TIMEOUT": "15",
        "UV_DEFAULT_INDEX": index.url,
        "UV_NO_CONFIG": "1",
    }


def test_what_is_fetched_can_be_recorded(serve: Serve, user: Upstream, env: dict[str, str], tmp_path: Path) -> None:
    """The newest version of each line, as it was; other projects' lines stay."""
    versions = ("1.0", "1.0.post1", "1.1a1", "1!0.1", "1", "0.9.10", "0.9.9")
    user.files["two"] = [_sdist("two", version) for version in versions]
    user.files["two"] += [dict(NEW), {**OLD, "filename": "two-3.0.linux-x86_64.exe"}]
    env["AIRPACK_TESTS_RECORD"] = "1"
    with serve() as index:
        _get(f"{index.url}two/")
    record = tmp_path / "versions.txt"
    assert record.read_text() == "# What there was.\none 0.9 1.0\ntwo 0.9.10 1.0.post1 1.1a1 1!0.1\n"


def test_the_record_has_what_the_resolves_have() -> None:
    """So that they are the same on an index without upload times."""
    record = index_pages.parse_record(moment.RECORD.read_text())
    for path in sorted((machine.FIXTURES / "resolves").glob("*.expected")):
        for line in path.read_text().split():
            name, _, version = line.partition("==")
            sdist = {"filename": f"{name}-{version}.tar.gz"}
            assert index_pages.at(moment.MOMENT, name, [sdist], record) == [sdist]


@pytest.mark.slow
def test_a_new_environment_is_filled_as_of_the_moment(user: Upstream, env: dict[str, str], tmp_path: Path) -> None:
    """By the command, with nothing but the pip that Python brings; its status is that of what it runs."""
    for version in ("1.0", "2.0"):
        user.release("two", version)
    user.files["two"][0]["upload-time"] = "2026-09-01T00:00:00Z"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    line = [python, moment.__file__, "sh", "-c", '"$0" -m pip install -q two && "$0" -c "$1"', python]
    done = subprocess.run(
        [*line, "import two; exit(two.VERSION)"], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "1.0\n")
