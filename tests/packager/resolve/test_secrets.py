"""Users, passwords and tokens in URLs: they open what they open, and stand in no file, line or command line after."""

from __future__ import annotations

import base64
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import machine
from support.airpack import Airpack
from support.index import Index, serve
from support.sdists import build_sdist, build_tree, commit
from support.wheels import build_wheel

_SECRETS = ("S3CRET", "us3r")


def _with_account(url: str) -> str:
    return url.replace("://", "://us3r:S3CRET@")


@pytest.fixture
def guarded(index: Index) -> Index:
    """Return the index with an account and a query before each file."""
    index.user, index.password, index.query = "us3r", "S3CRET", "sv=1&sig=S3CRET"
    return index


def _written(folder: Path) -> dict[str, str]:
    """Return which files below a folder hold a secret, with what stands before it."""
    contents = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {str(path): word for path, content in contents.items() for word in _SECRETS if word.encode() in content}


def _direct(index: Index, name: str) -> str:
    return f"{_with_account(index.url).removesuffix('simple')}files/{name}?{index.query}"


@pytest.mark.slow
def test_nothing_that_is_written_has_them(airpack: Airpack, guarded: Index, wheels: Path, tmp_path: Path) -> None:
    """Of a direct URL, an index and a folder of links: manifest, lock, SBOM, bundle, and what is printed."""
    build_wheel(wheels, "two")
    name = build_wheel(wheels, "one", requires=["two"]).name
    guarded.query = ""
    file = tmp_path / "requirements.txt"
    index = _with_account(guarded.url)
    file.write_text(f"--extra-index-url {index}\n--find-links {index}/two/\none @ {_direct(guarded, name)}sig=S3CRET\n")
    words = ["-r", file, "--decoder", airpack.decoder, "--no-import", "-v"]
    assert airpack("pack", "-i", index, "-o", airpack.output, "--sbom", *words) == 0, airpack.err
    assert not any(word in airpack.out + airpack.err for word in _SECRETS)
    assert _written(airpack.output) == {}
    assert airpack("inspect", airpack.output, "--json") == 0
    assert not any(word in airpack.out for word in _SECRETS)
    assert airpack("lock", "-r", file, "-o", tmp_path / "lock" / "pylock.toml") == 0, airpack.err
    assert _written(tmp_path / "lock") == {}


def _shown(*words: object) -> str:
    """Return all that a process of airpack, which fails, shows, and its children with it."""
    line = [sys.executable, "-m", "airpack", *map(str, words)]
    done = machine.run(line)
    assert done.returncode != 0
    assert "airpack: error: " in done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_a_second_download_that_fails_tells_no_password(
    airpack: Airpack, guarded: Index, wheels: Path, verbose: list[str]
) -> None:
    """The server gives the file for the resolve alone; -v shows what pip and the libraries in it say."""
    name = build_wheel(wheels, "one").name
    guarded.answers = 1
    words = ["--decoder", airpack.decoder, "--no-import", "-o", airpack.output, *verbose]
    shown = _shown("pack", f"one @ {_direct(guarded, name)}", *words)
    host = guarded.url.removeprefix("http://").removesuffix("/simple")
    assert f"http://****@{host}/files/{name}?**** can't be downloaded: 403 " in shown
    assert not any(word in shown for word in _SECRETS), shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["one @ {url}files/one-1.0-py3-none-any.whl?sig=S3CRET"],
        ["-r", "{url}requirements.txt?sig=S3CRET"],
        ["-c", "{url}limits.txt?sig=S3CRET", "one"],
        ["one", "-i", "{url}simple"],
        ["one", "-f", "{url}page?sig=S3CRET", "--no-index"],
        ["one @ git+{url}one.git?sig=S3CRET"],
        ["one", "-i", "http://us3r:S3/CRET@127.0.0.1:9/simple"],
        ["one @ {url}one.txt?sig=S3CRET"],
        ["{url}one.nothing?sig=S3CRET"],
    ],
)
def test_no_error_tells_them(airpack: Airpack, index: Index, words: list[str]) -> None:
    """Wherever the URL is given; with -v, neither do pip nor a traceback."""
    index.status = 403
    url = _with_account(index.url).removesuffix("simple")
    shown = _shown("pack", *(word.replace("{url}", url) for word in words), "-o", airpack.output, "-v")
    assert not any(word in shown for word in _SECRETS), shown


@contextmanager
def _watched() -> Iterator[set[str]]:
    """Give the command lines with a secret, of all processes that run while the block lasts."""
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if any(word in line for word in _SECRETS):
                    seen.add(line)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def test_the_watcher_sees_a_command_line() -> None:
    """Of a process that runs for a moment."""
    with _watched() as seen:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)", "S3CRET"], check=True)
    assert any("S3CRET" in line for line in seen)


_NOTE = "open({place!r}, 'w').write(repr(dict(os.environ)))"


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
def test_a_build_sees_no_secret_and_no_command_line_has_one(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its requirements come from indexes with a password, one of them as a source that requires another.

    That is taken from the index that a table names for it alone, where two pips of the build look. None of the build's
    Pythons imports from the current folder.
    """
    (tmp_path / "here").mkdir()
    for name in ("runpy", "pip", "signal", "sysconfig"):
        (tmp_path / "here" / f"{name}.py").write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "team").mkdir()
    build_wheel(tmp_path / "team", "tool")
    build_sdist(wheels, "helper", build_requires=["tool"], backend=_NOTE.format(place=str(tmp_path / "helper")))
    build_sdist(wheels, "one", build_requires=["helper"], backend=_NOTE.format(place=str(tmp_path / "one")))
    index.user, index.password, index.delay = "us3r", "S3CRET", 0.2
    for name in ("AZURE_CLIENT_SECRET", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "UV_INDEX_X_PASSWORD"):
        monkeypatch.setenv(name, "S3CRET")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", _with_account(index.url))
    file = tmp_path / "requirements.txt"
    file.write_text(f"--index-url {_with_account(index.url)}\none\n")
    monkeypatch.setenv("AIRPACK_CONFIG_FILE", str(tmp_path / "airpack.toml"))
    with serve(tmp_path / "team") as team, _watched() as seen:
        team.user, team.password = index.user, index.password
        url = _with_account(team.url.replace("127.0.0.1", "localhost"))  # a netrc has one account for a host
        (tmp_path / "airpack.toml").write_text(f'[indexes.team]\nurl = "{url}"\nprojects = ["t*l"]\n')
        words = ["-r", file, "--decoder", airpack.decoder, "--no-import", "-o", airpack.output]
        assert airpack("pack", *words) == 0, airpack.err
    assert seen == set()
    for name in ("helper", "one"):
        noted = (tmp_path / name).read_text()
        assert "PATH" in noted
        assert not any(word in noted for word in _SECRETS), noted


class _Repository(http.server.SimpleHTTPRequestHandler):
    """Serves a bare repository (git's dumb protocol) to one account."""

    def do_GET(self) -> None:
        """Answer whoever has the password."""
        if self.headers["Authorization"] != f"Basic {base64.b64encode(b'us3r:S3CRET').decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
def test_git_is_told_the_password_by_a_variable(airpack: Airpack, tmp_path: Path) -> None:
    """It stands on no command line, in no lock, and not in the repository that the build sees."""
    machine.tool("git")
    note = "open({place!r}, 'w').write(open('.git/config').read() + repr(dict(os.environ)))"
    tree = build_tree(tmp_path / "tree", "one", backend=note.format(place=str(tmp_path / "seen")))
    commit(tree)
    subprocess.run(["git", "clone", "-q", "--bare", str(tree), str(tmp_path / "served" / "one.git")], check=True)
    subprocess.run(["git", "-C", str(tmp_path / "served" / "one.git"), "update-server-info"], check=True)
    handler = lambda *args: _Repository(*args, directory=str(tmp_path / "served"))  # noqa: E731 - a class with a folder
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"git+http://us3r:S3CRET@127.0.0.1:{server.server_port}/one.git"
        with _watched() as seen:
            options: list[Any] = ["--no-index", "--decoder", airpack.decoder, "--no-import", "-o", airpack.output]
            assert airpack("pack", f"one @ {url}", *options) == 0, airpack.err
        server.shutdown()
    assert seen == set()
    assert _written(airpack.output) == {}
    noted = (tmp_path / "seen").read_text()
    assert not any(word in airpack.err + noted for word in _SECRETS)
    assert "PATH" in noted
    assert "GIT_CONFIG_PARAMETERS" not in noted
