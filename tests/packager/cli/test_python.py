"""`airpack python`, the download of the target's interpreter by each command, and what they do without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from airpack.base import extras
from airpack.resolve.pip import Pip
from airpack.results.folder import Results
from airpack.target.target import Target
from airpack.wheels import decoders
from support import machine
from support.airpack import Airpack, Start
from support.python_mirror import Mirror, Served, set_variables
from support.sdists import build_sdist
from support.wheels import build_wheel

_NONE = "no Python 3.7 was found"
_EXTRA = f"{extras.install('python')} lets airpack download one, or give --python PATH"


def _news(mirror: Mirror, python_cache: Path) -> str:
    return f"python    {mirror.version} from {mirror.archive.parent}, downloaded by uv into {python_cache}"


def _packed(airpack: Airpack, wheels: Path, *words: str) -> Path:
    """Pack the wheel `one` without an interpreter; return the folder of results."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-python-download", *words) == 0, airpack.err
    return airpack.output


@pytest.fixture
def index_words(airpack: Airpack, wheels: Path) -> list[object]:
    """Return the options that keep a command from using a package index."""
    return ["--no-index", "--find-links", wheels, "--decoder", airpack.decoder]


@pytest.mark.slow
def test_an_interpreter_of_the_machine_comes_first(
    airpack: Airpack, wheels: Path, mirror: Mirror, python_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If there is an interpreter, nothing is downloaded, and nothing is said about it."""
    set_variables(monkeypatch, mirror.env())
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS")
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    assert not re.search("^python ", airpack.err, re.MULTILINE)
    assert not python_cache.exists()


@pytest.mark.slow
def test_pack_downloads_one_and_says_so_once(
    airpack: Airpack, wheels: Path, offered: Mirror, python_cache: Path
) -> None:
    """It compiles the bytecode and imports everything; the next pack finds it and says nothing."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0, airpack.err
    assert airpack.err.splitlines()[1] == _news(offered, python_cache)
    assert re.search(r"^import +1 module ", airpack.err, re.MULTILINE)
    with Results.at(airpack.output).open_bundle() as opened:
        compiled = [file.path for file in opened.toc.files if file.path.endswith(".pyc")]
    assert compiled == ["lib/python3.7/site-packages/__pycache__/one.cpython-37.pyc"]
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    assert manifest["toolchain"]["target_python"]["version"] == offered.version
    assert airpack.pack("one") == 0
    assert not re.search("^python ", airpack.err, re.MULTILINE)


@pytest.mark.slow
def test_run_downloads_one(airpack: Airpack, wheels: Path, offered: Mirror, python_cache: Path, start: Start) -> None:
    """It runs the command; the line about the download goes to standard error."""
    dist = _packed(airpack, wheels)
    words = ["run", dist, "--", "python", "-c", "import one, platform; print(platform.python_version())"]
    news, used = start(*words).communicate()[1].splitlines()
    assert (news, used.rpartition(", ")[2]) == (_news(offered, python_cache), "without this machine's packages")
    assert start(*words).communicate() == (f"{offered.version}\n", f"{used}\n")


@pytest.mark.slow
def test_lock_downloads_one_that_builds(
    airpack: Airpack, wheels: Path, offered: Mirror, python_cache: Path, tmp_path: Path
) -> None:
    """It builds an sdist whose requirements depend on the Python that builds."""
    build_sdist(wheels, "one", requires="two")
    build_wheel(wheels, "two-py37")
    lock = tmp_path / "pylock.toml"
    assert airpack("lock", "one", "--no-index", "--find-links", wheels, "-o", lock) == 0, airpack.err
    assert airpack.err.splitlines()[1] == _news(offered, python_cache)
    assert 'name = "two-py37"' in lock.read_text()


@pytest.mark.slow
def test_verify_downloads_one(airpack: Airpack, wheels: Path, offered: Mirror, python_cache: Path) -> None:
    """It finds a module that cannot be imported."""
    build_wheel(wheels, "one", files={"one.py": "import missing"})
    assert airpack.pack("one", "--no-python-download") == 0
    assert airpack("verify", airpack.output) == 0
    assert _news(offered, python_cache) in airpack.err.splitlines()
    assert "import one fails here: ModuleNotFoundError: No module named 'missing'" in airpack.out


@pytest.mark.slow
def test_rebuild_downloads_one(
    airpack: Airpack, wheels: Path, offered: Mirror, python_cache: Path, index_words: list[object]
) -> None:
    """It compiles the bytecode again; a bundle without bytecode needs no interpreter."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    shutil.rmtree(python_cache)
    assert airpack("rebuild", airpack.output, *index_words) == 0
    assert airpack.out.startswith(f"rebuilt   {airpack.output}/bundle.tar.zst, byte for byte\n")
    assert _news(offered, python_cache) in airpack.err.splitlines()
    assert airpack.pack("one", "--no-bytecode", "--no-python-download") == 0
    shutil.rmtree(python_cache)
    assert airpack("rebuild", airpack.output, *index_words) == 0
    assert not python_cache.exists()


@pytest.mark.slow
def test_shim_downloads_one(airpack: Airpack, offered: Mirror, python_cache: Path, tmp_path: Path) -> None:
    """It compiles the shim, as an interpreter of the machine would."""
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    assert airpack.err == f"{_news(offered, python_cache)}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ([], "bytecode, builds of sdists and the import check"),
        (["--no-bytecode"], "builds of sdists and the import check"),
        (["--no-bytecode", "--no-import"], "builds of sdists"),
    ],
)
def test_pack_says_what_it_goes_without(
    airpack: Airpack, wheels: Path, offered: Mirror, python_cache: Path, options: list[str], lost: str
) -> None:
    """With --no-python-download, pack prints one line and goes on; nothing is downloaded."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-python-download", *options) == 0
    notes = [line for line in airpack.err.splitlines() if _NONE in line]
    assert notes == [f"note: {_NONE}: going without {lost}; leave out --no-python-download, or give --python PATH"]
    assert not python_cache.exists()


@pytest.mark.slow
def test_without_uv(
    airpack: Airpack, wheels: Path, no_python37: Path, monkeypatch: pytest.MonkeyPatch, index_words: list[object]
) -> None:
    """Each command says in one line what it went without, and which extra to install."""
    monkeypatch.setitem(sys.modules, "uv", None)
    Path(os.environ["PATH"], "uv").unlink(missing_ok=True)
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    assert f"note: {_NONE}: going without bytecode, builds of sdists and the import check; {_EXTRA}" in airpack.err
    lock = airpack.output.parent / "pylock.toml"
    assert airpack("lock", "one", "--no-index", "--find-links", wheels, "-o", lock) == 0
    assert airpack.err.splitlines()[1] == f"note: {_NONE}: going without builds of sdists; {_EXTRA}"
    assert airpack("verify", airpack.output) == 0
    assert airpack.out.splitlines()[0] == f"note: bundle.tar.zst was not imported: {_NONE}: {_EXTRA}"
    assert airpack("shim", "-o", airpack.output.parent / "shim.pyz") == 0
    assert airpack.err == f"note: {_NONE}: going without the shim's bytecode; {_EXTRA}\n"
    assert airpack("run", airpack.output, "--", "true") == 1
    own = "{}.{}".format(*sys.version_info)
    assert airpack.err == (
        f"airpack: error: {_NONE} to run {airpack.output} with: {_EXTRA}; "
        f"or pack for this machine's Python {own}: airpack pack --target here\n"
    )
    assert airpack("python", "install", "3.7") == 1
    assert airpack.err == f"airpack: error: {_NONE}: {_EXTRA}\n"


@pytest.mark.slow
def test_rebuild_of_bytecode_needs_one(
    airpack: Airpack, wheels: Path, offered: Mirror, python_cache: Path, index_words: list[object]
) -> None:
    """Without one it ends with 1, and the message says what to do."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    shutil.rmtree(python_cache)
    assert airpack("rebuild", airpack.output, "--no-python-download", *index_words) == 1
    assert airpack.error == (
        f"airpack: error: {airpack.output} holds bytecode, which cannot be compiled again: {_NONE}: "
        "leave out --no-python-download, or give --python PATH"
    )


def test_list_install_and_remove(airpack: Airpack, offered: Mirror, python_cache: Path, no_python37: Path) -> None:
    """List shows version, path and source; remove touches only what airpack downloaded."""
    python = python_cache / offered.key / "bin" / "python3.7"
    source = str(offered.archive.parent)
    assert airpack("python", "install", "cp37-manylinux_2_27_x86_64") == 0
    assert airpack.out == f"python    {offered.version} from {source}, downloaded by uv: {python}\n"
    assert airpack("python", "install", "3.7", "--json") == 0
    again = json.loads(airpack.out)
    assert (again["command"], again["result"]["new"]) == ("python", False)
    assert airpack("python", "install", "3.7") == 0
    assert airpack.out == f"python    {offered.version} is already downloaded: {python}\n"
    assert airpack("python", "list") == 0
    first, *others = airpack.out.splitlines()
    assert first.split() == [offered.version, str(python), *f"downloaded by airpack from {source}".split()]
    assert all(line.endswith("  of this machine") for line in others)
    assert airpack("python", "list", "--json") == 0
    assert json.loads(airpack.out)[0] == {
        "version": offered.version,
        "path": str(python),
        "installed_by": "airpack",
        "source": source,
    }
    assert airpack("python", "remove", "3.7") == 0
    assert airpack.out == f"removed   {offered.version}: {python_cache / offered.key}\n"
    assert sorted(path.name for path in python_cache.iterdir()) == [".airpack-lock", ".gitignore", ".lock"]
    assert airpack("python", "remove", "3.7") == 1
    assert airpack.err == (
        "airpack: error: airpack has not downloaded a Python 3.7: airpack python list shows which it has; "
        "remove one of the machine's own with what installed it\n"
    )
    assert list(no_python37.iterdir()) == []  # uv wrote nothing outside the cache: no links, no cache of its own


@pytest.mark.parametrize("action", ["install", "remove"])
def test_a_word_that_is_not_a_version(airpack: Airpack, action: str) -> None:
    """It is a wrong command line, status 2."""
    assert airpack("python", action, "three") == 2
    assert airpack.err == (
        "airpack: error: argument VERSION|TARGET: 'three' is neither a version such as 3.7 or 3.7.9, nor a target such "
        f"as cp37-manylinux_2_27_x86_64; see airpack python {action} --help\n"
    )


def test_a_version_that_uv_does_not_have(airpack: Airpack, offered: Mirror) -> None:
    """It is an error of one line."""
    assert airpack("python", "install", "3.7.1") == 1
    assert airpack.err == (
        "airpack: error: no Python 3.7.1 was found (uv knows no download of it for this machine): give --python PATH\n"
    )


@pytest.mark.slow
def test_many_packs_download_one(
    airpack: Airpack, wheels: Path, python_server: Served, tmp_path: Path, index_words: list[object]
) -> None:
    """Packs that run at once download it once; a file for pack-all can forbid the download."""
    build_wheel(wheels, "one")
    lines = [f'no-index = true\nfind-links = ["{wheels}"]\ndecoder = "{airpack.decoder}"\n']
    targets = "".join(f'[targets.t{n}]\ntarget = "cp37-manylinux_2_{n}_x86_64"\n' for n in (17, 27))
    sets = '[sets.one]\nrequirements = ["one"]\n'
    (tmp_path / "all.toml").write_text("".join(["[defaults]\n", *lines, targets, sets]))
    assert airpack("pack-all", tmp_path / "all.toml", "-o", tmp_path / "all", "--jobs", 2) == 0, airpack.err
    assert airpack.err.count(", downloaded by uv into ") == 1
    assert python_server.archives == 1
    (tmp_path / "all.toml").write_text("".join(["[defaults]\nno-python-download = true\n", *lines, targets, sets]))
    assert airpack("python", "remove", "3.7") == 0
    assert airpack("pack-all", tmp_path / "all.toml", "-o", tmp_path / "all", "--jobs", 2) == 0, airpack.err
    assert airpack.err.count(f"note: {_NONE}: going without bytecode, ") == 2


@pytest.fixture(scope="session")
def decoder_words(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Return the options that name the decoder for this Python, from the user's index; none if it needs no decoder."""
    folder = tmp_path_factory.mktemp("own-decoder")
    target = Target.of_machine("{}.{}.{}".format(*sys.version_info))
    decoders.obtain(target, folder, given=None, pip=Pip(env=os.environ))
    return [word for wheel in folder.glob("*.whl") for word in ("--decoder", wheel)]


@pytest.mark.slow
def test_the_machine_itself_as_a_target(
    decoder_words: list[object], airpack: Airpack, wheels: Path, offered: Mirror, start: Start, python_cache: Path
) -> None:
    """`here` is the Python that runs airpack on this platform; the results give its full name."""
    build_wheel(wheels, "one")
    index = ["--no-index", "--find-links", wheels, *decoder_words]
    assert airpack("pack", "one", "--target", "here", "-o", airpack.output, *index) == 0, airpack.err
    libc = (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ").replace(".", "_")
    name = "cp{}{}-manylinux_".format(*sys.version_info) + f"{libc}_{os.uname().machine}"
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    version = "{}.{}.{}".format(*sys.version_info)
    assert (manifest["target"]["name"], manifest["target"]["python_full_version"]) == (name, version)
    assert "here" not in (airpack.output / "pylock.toml").read_text()
    with Results.at(airpack.output).open_bundle() as opened:
        assert opened.toc.target == name
    program = "import one, sys; print(sys.version_info[:2])"
    printed = f"{sys.version_info[:2]}\n"
    assert start("run", "-q", airpack.output, "--", "python", "-c", program).communicate() == (printed, "")
    assert airpack("target", "show", "here") == 0
    assert airpack.out.splitlines()[:2] == [f"target    {name}", f"python    {version}"]
    assert not python_cache.exists()


@pytest.mark.slow
def test_here_with_another_python(airpack: Airpack, wheels: Path) -> None:
    """With --python, `here` is that Python."""
    python = machine.python37()
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--target", "here", "--python", python.path) == 0, airpack.err
    target = json.loads((airpack.output / "manifest.json").read_text())["target"]
    assert target["name"].startswith("cp37-manylinux_2_")
    assert target["python_full_version"] == python.version


def test_here_with_no_python(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """The message names the path."""
    assert airpack.pack("one", "--target", "here", "--python", tmp_path / "none") == 1
    assert airpack.err == (
        f"airpack: error: --python {tmp_path}/none is not a CPython that runs: give the path of one with --python\n"
    )
