"""Which of the settings in pip's configuration hold: those of packages' places, not those of installing."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from importlib.metadata import version
from pathlib import Path

import pytest
from airpack.resolve import pylock
from airpack.resolve.pip import Pip
from airpack.target.target import Target
from airpack.wheels import decoders
from support.airpack import Airpack
from support.index import Index, serve
from support.sdists import build_sdist
from support.servers import running
from support.wheels import build_wheel

_INSTALLING = """
user = true
target = {folder}
prefix = {folder}
root = {folder}
require-virtualenv = true
upgrade = true
upgrade-strategy = eager
ignore-installed = true
force-reinstall = true
report = {folder}/report.json
dry-run = false
no-compile = true
break-system-packages = true
python-version = 2.7
platform = win32
implementation = pp
abi = cp27m
quiet = 3
"""


def _configure(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> Path:
    path = folder / "pip.conf"
    path.write_text(text)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    return path


@pytest.mark.parametrize("own", ["", "team"])
def test_an_index_is_told_which_pip_asks(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    """And what the user lets pip tell; not the machine's system, compiler and libraries, as pip does by itself."""
    build_wheel(wheels, "one")
    monkeypatch.setenv("PIP_USER_AGENT_USER_DATA", own)
    assert airpack("lock", "-q", "one", "--index-url", index.url, "-o", tmp_path / "pylock.toml") == 0, airpack.err
    pip, python = version("pip"), platform.python_version()
    told = f'"installer":{{"name":"pip","version":"{pip}"}},"python":"{python}"' + ',"user_data":"team"' * bool(own)
    assert index.agents == {f"pip/{pip} {{{told}}}"}


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
@pytest.mark.parametrize("section", ["", "[install]"], ids=["global", "install"])
def test_how_pip_installs_does_not_matter(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    """Not for a resolve, nor for a build whose requirements come from the index that the same file names."""
    folder = tmp_path / "installed"
    build_wheel(wheels, "helper", files={"helper.py": ""})
    build_sdist(wheels, "one", backend="import helper", build_requires=["helper"])
    _configure(
        monkeypatch,
        tmp_path,
        f"[global]\nindex-url = {index.url}\n{section}{_INSTALLING.format(folder=folder)}",
    )
    assert airpack("lock", "one", "-o", tmp_path / "pylock.toml") == 0, airpack.err
    assert not folder.exists()


@pytest.mark.slow
def test_nor_do_variables(airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PIP_USER and PIP_TARGET; what the command line says holds before both."""
    build_wheel(wheels, "one")
    for name in ("USER", "REQUIRE_VIRTUALENV", "NO_INDEX"):
        monkeypatch.setenv(f"PIP_{name}", "1")
    for name in ("TARGET", "PREFIX", "ROOT", "REPORT", "PYTHON"):
        monkeypatch.setenv(f"PIP_{name}", str(tmp_path / "installed"))
    assert airpack("lock", "one", "-f", wheels, "-o", tmp_path / "pylock.toml") == 0, airpack.err
    assert not (tmp_path / "installed").exists()


@pytest.mark.slow
def test_a_setting_that_pip_cant_read_is_told(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, whether pip or a user's file has it; pip ends before it resolves anything."""
    build_wheel(wheels, "one")
    _configure(monkeypatch, tmp_path, "[global]\ntimeout = soon\n")
    assert airpack("lock", "one", "-f", wheels, "-o", tmp_path / "pylock.toml") == 1
    assert airpack.error.startswith("airpack: error: pip's settings (pip.conf, PIP_*) have a wrong value: option ")
    assert airpack.error.endswith("'soon'")


@pytest.mark.slow
def test_a_netrc_that_pip_cant_read_is_told(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its line alone, as the words that aren't understood may be a password's; the resolve goes on, as pip does."""
    build_wheel(wheels, "one")
    place = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(place))
    told = f"warning: {place} can't be read ({{}}): pip passes over it, and over each password in it"
    lock = ["lock", "--dry-run", "-o", tmp_path / "pylock.toml", "--no-index", "--find-links", wheels, "one"]
    for content, expected in {
        b"machine a.invalid login u password two words": [told.format("it is not understood near line 1")],
        b"machine \xff": [told.format("it is not UTF-8")],
        b"machine a.invalid login u password p\n": [],
    }.items():
        place.write_bytes(content)
        assert airpack(*lock) == 0, airpack.err
        assert [line for line in airpack.err.splitlines() if line.startswith("warning")] == expected


def test_an_index_in_quotation_marks(airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip takes them, and variables, for a part of the URL, and passes the index over: no project is missing."""
    _configure(monkeypatch, tmp_path, '[global]\nindex-url = "https://me:secret@a.invalid/simple"\n')
    assert airpack("lock", "one", "-o", airpack.output) == 1
    assert airpack.error == (
        "airpack: error: a.invalid/simple\" can't be read: it is neither a URL nor a folder: write it without "
        "quotation marks and variables, which pip.conf doesn't put in (--index-url, PIP_INDEX_URL)"
    )
    assert "secret" not in airpack.err


@pytest.mark.slow
def test_a_proxy_for_socks(airpack: Airpack) -> None:
    """Without PySocks, which pip doesn't bring."""
    words = ["-i", "https://a.invalid/simple", "--proxy", "socks5://127.0.0.1:9", "one", "-o", airpack.output]
    assert airpack("lock", *words) == 1
    assert airpack.error == (
        "airpack: error: the proxy speaks SOCKS, for which pip needs PySocks: pip install PySocks beside airpack, or "
        "name an HTTP proxy by --proxy or HTTPS_PROXY"
    )


@pytest.mark.slow
def test_which_packages_are_taken_does(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index, constraints, pre-releases, wheels only, hashes, as with pip."""
    build_wheel(wheels, "one", "2.0a1")
    build_wheel(wheels, "one", "3.0")
    build_sdist(wheels, "two")
    (tmp_path / "c.txt").write_text("one<3\n")
    lock = tmp_path / "pylock.toml"
    base = f"[global]\nindex-url = {index.url}\n[install]\n"
    _configure(monkeypatch, tmp_path, f"{base}constraint = {tmp_path}/c.txt\npre = true\nonly-binary = :all:\n")
    assert airpack("lock", "one", "-o", lock) == 0, airpack.err
    assert [str(package.version) for package in pylock.read(lock).pylock.packages] == ["2.0a1"]
    assert airpack("lock", "two", "-o", lock) == 1
    assert "--only-binary forbids building it" in airpack.error
    _configure(monkeypatch, tmp_path, f"{base}require-hashes = true\n")
    assert airpack("lock", "one", "-o", lock) == 1
    assert "hash" in airpack.error.lower()


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_lock_is_completed_as_it_says(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user's requirements must have, or are besides, is not for the sources in a lock."""
    build_sdist(wheels, "one")
    build_wheel(wheels, "two")
    lock = tmp_path / "pylock.toml"
    assert airpack("lock", "one", "-i", index.url, "-o", lock) == 0, airpack.err
    (tmp_path / "r.txt").write_text("two\n")
    (tmp_path / "c.txt").write_text("one<1\n")
    settings = f"requirement = {tmp_path}/r.txt\nconstraint = {tmp_path}/c.txt\nrequire-hashes = true\n"
    _configure(monkeypatch, tmp_path, f"[install]\n{settings}")
    words = ["pack", "--lock", lock, "-o", airpack.output, "--decoder", airpack.decoder, "--no-import"]
    assert airpack(*words) == 0, airpack.err
    assert (airpack.output / "wheelhouse" / "requirements.txt").read_text().startswith("one==1.0 ")


@pytest.mark.slow
def test_the_decoder_is_not_of_the_requirements(
    plain_env: None, decoder_wheel: Path, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes where packages come from, also where only a requirements file says so, whatever they must have."""
    _configure(
        monkeypatch, tmp_path, "[global]\nindex-url = http://127.0.0.1:9/simple\n[install]\nrequire-hashes = true\n"
    )
    folder = tmp_path / "served"
    folder.mkdir()
    pin = decoders.pin_for(target)
    assert pin is not None
    served = folder / f"pyzstd-{pin.version}-cp37-cp37m-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    served.write_bytes(decoder_wheel.read_bytes())
    pip = Pip(env=os.environ)
    with serve(folder) as index:
        decoder = decoders.obtain(target, tmp_path, given=None, pip=pip, places=["--index-url", index.url])
    assert decoder is not None
    assert decoder.module == "_zstd"


@pytest.mark.slow
def test_a_requirements_file_says_where_the_decoder_is(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack needs no other index than the one in the file."""
    build_wheel(wheels, "one")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    name = "pyzstd-0.15.10-cp37-cp37m-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    (wheels / name).write_bytes(airpack.decoder.read_bytes())
    with serve(wheels) as index:
        (tmp_path / "r.txt").write_text(f"--index-url {index.url}\none\n")
        words = ["pack", "-r", tmp_path / "r.txt", "-o", airpack.output, "--no-import"]
        assert airpack(*words) == 0, airpack.err


@pytest.mark.parametrize(
    ("kind", "page", "problem"),
    [
        (
            "text/html",
            b" " * (65 << 20),
            "{url}/one/ can't be read: connection error: its answer is larger than 64 MiB: ",
        ),
        ("text/html", b'<a href="file://{pipe}">one-1.0.tar.gz</a>', "one: no such distribution was found: "),
        (
            "application/vnd.pypi.simple.v1+json",
            b'{"files": [{"filename": "one-1.0.tar.gz", "url": "file://{pipe}", "hashes": {}}]}',
            "one: no such distribution was found: ",
        ),
    ],
    ids=["large", "html", "json"],
)
def test_a_page_that_would_do_harm_is_not_followed(
    airpack: Airpack, index: Index, tmp_path: Path, kind: str, page: bytes, problem: str
) -> None:
    """One that would fill the memory, or that links to a file of this machine, such as a pipe."""
    pipe = tmp_path / "one-1.0.tar.gz"
    os.mkfifo(pipe)
    index.page = kind, page.replace(b"{pipe}", bytes(pipe))
    assert airpack("lock", "one", "-i", index.url) == 1
    assert airpack.error.startswith(f"airpack: error: {problem.format(url=index.url)}")


class _Endless(BaseHTTPRequestHandler):
    """Answers that its answer is still to come."""

    def do_GET(self) -> None:
        """Say so a hundred thousand times."""
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_answer_without_an_end_is_given_up(airpack: Airpack) -> None:
    """Whatever pip asks, the answer has the bounds that `pace` sets."""
    with running(_Endless) as address:
        assert airpack("lock", "one", "-i", f"http://{address}/simple", "--retries", "0") == 1
    assert airpack.error.startswith(f"airpack: error: http://{address}/simple/one/ can't be read: connection error: ")
    assert "the answer has headers without end" in airpack.error
