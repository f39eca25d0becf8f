"""The target's interpreter: taken from this machine, or brought along by uv; and what is done without."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airpack import contents, decoders
from airpack.pip_process import Pip
from airpack.target import Target
from support import machine, python_mirror
from support.python_mirror import Mirror, Served
from support.sdists import build_sdist
from support.wheels import build_wheel

from .conftest import Airpack

Start = Callable[..., "subprocess.Popen[str]"]
_NONE = "no Python 3.7 here"
_EXTRA = "pip install 'airpack[python]' brings one, or give --python PATH"


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """Return a mirror of downloads, made of the Python 3.7 of this machine."""
    return python_mirror.make(tmp_path_factory.mktemp("mirror"))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: Mirror, plain_env: None) -> Path:
    """Let this machine have no Python 3.7, and uv its own way; return the home folder, which is empty."""
    machine.hide_python37(monkeypatch, tmp_path / "bin")
    for name in [name for name in os.environ if name.startswith("UV_") and name != "UV_PYTHON_INSTALL_DIR"]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("AIRPACK_LOG", "off")
    return home


@pytest.fixture
def offered(bare: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """Let uv find its downloads in the mirror's folder."""
    _set(monkeypatch, mirror.env())
    return mirror


@pytest.fixture
def served(bare: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Let uv find its downloads at a server on loopback."""
    with python_mirror.serve(mirror) as server:
        _set(monkeypatch, mirror.env(server.url))
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return where airpack keeps interpreters."""
    return tmp_path / "xdg-cache" / "airpack-pack" / "python"


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts `airpack WORDS` in a process of its own; none outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def run(*words: object) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "airpack", *map(str, words)]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def _set(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def _news(mirror: Mirror, cache: Path) -> str:
    return f"python    {mirror.version} by uv from {mirror.archive.parent}, kept in {cache}"


def _packed(airpack: Airpack, wheels: Path, *words: str) -> Path:
    """Pack the wheel `one` without an interpreter, and return the results."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-python-download", *words) == 0, airpack.err
    return airpack.output


def test_what_the_machine_has_comes_first(
    airpack: Airpack, wheels: Path, mirror: Mirror, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is downloaded, and nothing told, where there is an interpreter."""
    _set(monkeypatch, mirror.env())
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS")
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    assert "python" not in airpack.err
    assert not cache.exists()


def test_pack_brings_one_and_says_so_once(airpack: Airpack, wheels: Path, offered: Mirror, cache: Path) -> None:
    """Bytecode is compiled by it and all is imported by it; the next pack finds it, and is silent."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0, airpack.err
    assert airpack.err.splitlines()[0] == _news(offered, cache)
    assert re.search(r"^import +1 module ", airpack.err, re.MULTILINE)
    with contents.opened(airpack.output) as opened:
        compiled = [each.path for each in opened.toc.files if each.path.endswith(".pyc")]
    assert compiled == ["site-packages/__pycache__/one.cpython-37.pyc"]
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    assert manifest["toolchain"]["target_python"]["version"] == offered.version
    assert airpack.pack("one") == 0
    assert "python" not in airpack.err


def test_run_brings_one(airpack: Airpack, wheels: Path, offered: Mirror, cache: Path, start: Start) -> None:
    """The command is run by it; what is told goes to standard error."""
    dist = _packed(airpack, wheels)
    words = ["run", dist, "--", "python", "-c", "import one, platform; print(platform.python_version())"]
    assert start(*words).communicate() == (f"{offered.version}\n", f"{_news(offered, cache)}\n")
    assert start(*words).communicate() == (f"{offered.version}\n", "")


def test_lock_brings_one_that_builds(
    airpack: Airpack, wheels: Path, offered: Mirror, cache: Path, tmp_path: Path
) -> None:
    """An sdist whose requirements depend on the Python that builds it."""
    build_sdist(wheels, "one", requires="two")
    build_wheel(wheels, "two-py37")
    lock = tmp_path / "pylock.toml"
    assert airpack("lock", "one", "--no-index", "--find-links", wheels, "-o", lock) == 0, airpack.err
    assert airpack.err.splitlines()[0] == _news(offered, cache)
    assert 'name = "two-py37"' in lock.read_text()


def test_verify_brings_one(airpack: Airpack, wheels: Path, offered: Mirror, cache: Path) -> None:
    """A module that can't be imported is found."""
    build_wheel(wheels, "one", files={"one.py": "import missing"})
    assert airpack.pack("one", "--no-python-download") == 0
    assert airpack("verify", airpack.output) == 0
    assert _news(offered, cache) in airpack.err.splitlines()
    assert "import one fails here: ModuleNotFoundError: No module named 'missing'" in airpack.out


def test_rebuild_brings_one(
    airpack: Airpack, wheels: Path, offered: Mirror, cache: Path, index_words: list[object]
) -> None:
    """What was packed with its bytecode is packed again; a bundle without bytecode needs none."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    shutil.rmtree(cache)
    assert airpack("rebuild", airpack.output, *index_words) == 0
    assert airpack.out.startswith(f"rebuilt   {airpack.output}/bundle.tar.zst, byte for byte\n")
    assert _news(offered, cache) in airpack.err.splitlines()
    assert airpack.pack("one", "--no-bytecode", "--no-python-download") == 0
    shutil.rmtree(cache)
    assert airpack("rebuild", airpack.output, *index_words) == 0
    assert not cache.exists()


@pytest.fixture
def index_words(airpack: Airpack, wheels: Path) -> list[object]:
    """Return the options that keep a command away from any index."""
    return ["--no-index", "--find-links", wheels, "--decoder", airpack.decoder]


def test_the_shim_gets_its_bytecode_by_one(airpack: Airpack, offered: Mirror, cache: Path, tmp_path: Path) -> None:
    """As with an interpreter of the machine's."""
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0
    assert airpack.err == f"{_news(offered, cache)}\n"


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ([], "bytecode, builds of sdists and the proof by import"),
        (["--no-bytecode"], "builds of sdists and the proof by import"),
        (["--no-bytecode", "--no-import"], "builds of sdists"),
    ],
)
def test_pack_says_what_it_does_without(
    airpack: Airpack, wheels: Path, offered: Mirror, cache: Path, options: list[str], lost: str
) -> None:
    """In one line, and the pack goes on; nothing is downloaded."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-python-download", *options) == 0
    notes = [line for line in airpack.err.splitlines() if "Python 3.7 here" in line]
    assert notes == [f"note: {_NONE}: without {lost}; leave --no-python-download out, or give --python PATH"]
    assert not cache.exists()


def test_without_uv(
    airpack: Airpack, wheels: Path, bare: Path, monkeypatch: pytest.MonkeyPatch, index_words: list[object]
) -> None:
    """Each command says in one line what it did without, and which extra brings it."""
    monkeypatch.setitem(sys.modules, "uv", None)
    Path(os.environ["PATH"], "uv").unlink(missing_ok=True)
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    assert f"note: {_NONE}: without bytecode, builds of sdists and the proof by import; {_EXTRA}" in airpack.err
    lock = airpack.output.parent / "pylock.toml"
    assert airpack("lock", "one", "--no-index", "--find-links", wheels, "-o", lock) == 0
    assert airpack.err.splitlines()[0] == f"note: {_NONE}: without builds of sdists; {_EXTRA}"
    assert airpack("verify", airpack.output) == 0
    assert airpack.out.splitlines()[0] == f"note: bundle.tar.zst was not imported: {_NONE}: {_EXTRA}"
    assert airpack("shim", "-o", airpack.output.parent / "shim.pyz") == 0
    assert airpack.err == f"note: {_NONE}: without the shim's bytecode; {_EXTRA}\n"
    assert airpack("run", airpack.output, "--", "true") == 1
    own = "{}.{}".format(*sys.version_info)
    assert airpack.err == (
        f"airpack: error: {_NONE} to run {airpack.output} with: {_EXTRA}; "
        f"or pack for this machine's Python {own}: airpack pack --target here\n"
    )
    assert airpack("python", "install", "3.7") == 1
    assert airpack.err == f"airpack: error: {_NONE}: {_EXTRA}\n"


def test_rebuild_of_bytecode_needs_one(
    airpack: Airpack, wheels: Path, offered: Mirror, cache: Path, index_words: list[object]
) -> None:
    """It ends with 1 and the way out."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    shutil.rmtree(cache)
    assert airpack("rebuild", airpack.output, "--no-python-download", *index_words) == 1
    assert airpack.error == (
        f"airpack: error: {airpack.output} holds bytecode, which can't be made again: {_NONE}: "
        "leave --no-python-download out, or give --python PATH"
    )


def _failed(airpack: Airpack, wheels: Path) -> str:
    """Pack, and return the line that says why uv brought nothing."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    notes = [line for line in airpack.err.splitlines() if "Python 3.7 here" in line]
    assert len(notes) == 1, airpack.err
    assert "Traceback" not in airpack.err
    assert "\x1b" not in airpack.err
    return notes[0]


def test_a_mirror_that_is_down(
    airpack: Airpack, wheels: Path, offered: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line has uv's own reason."""
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9/python")
    assert _failed(airpack, wheels) == (
        f"note: {_NONE} (uv, {offered.version} from 127.0.0.1:9: Connection refused (os error 111)): without bytecode, "
        "builds of sdists and the proof by import; mend that, or give --python PATH"
    )


def test_a_list_that_can_not_be_had(
    airpack: Airpack, wheels: Path, offered: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is another list than the user's taken for it."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", "http://127.0.0.1:9/list.json")
    assert f"{_NONE} (uv: Connection refused (os error 111)): " in _failed(airpack, wheels)


@pytest.fixture
def other(mirror: Mirror, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """Let uv find its downloads in a copy of the mirror, for a test to change."""
    shutil.copytree(mirror.folder, tmp_path / "other")
    archive = tmp_path / "other" / mirror.archive.relative_to(mirror.folder)
    copy = Mirror(folder=tmp_path / "other", archive=archive, version=mirror.version)
    _set(monkeypatch, copy.env())
    return copy


def test_an_archive_that_is_another(airpack: Airpack, wheels: Path, other: Mirror, cache: Path) -> None:
    """By its SHA-256; nothing of it is kept."""
    other.write_list("0" * 64)
    assert f": Hash mismatch for `{other.key}`): without" in _failed(airpack, wheels)
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_an_archive_of_something_else(
    airpack: Airpack, wheels: Path, other: Mirror, cache: Path, tmp_path: Path
) -> None:
    """What doesn't run is no interpreter, whatever uv installed."""
    program = tmp_path / "python3.7"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    settings = tmp_path / "_sysconfigdata_m_linux_x86_64-linux-gnu.py"  # uv looks into it
    header = "# system configuration generated and used by the sysconfig module\n"
    settings.write_text(f"{header}build_time_vars = {{}}\n")
    with tarfile.open(other.archive, "w:gz") as archive:
        archive.add(program, "python/bin/python3.7")
        archive.add(settings, f"python/lib/python3.7/{settings.name}")
    other.write_list(hashlib.sha256(other.archive.read_bytes()).hexdigest())
    reason = "it does not run on this machine"
    assert f"(uv, {other.version} from {other.archive.parent}: {reason}): without" in _failed(airpack, wheels)
    assert [path for path in cache.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    "setting",
    [
        "UV_PYTHON_DOWNLOADS=never",
        "UV_PYTHON_DOWNLOADS=manual",
        "UV_PYTHON_PREFERENCE=only-system",
        "UV_NO_MANAGED_PYTHON=1",
    ],
)
def test_what_uv_is_told_not_to_do_isnt_done(
    airpack: Airpack, wheels: Path, served: Served, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """Its settings are looked at before it is asked."""
    monkeypatch.setenv(*setting.split("="))
    assert f"{_NONE} ({setting}): without bytecode" in _failed(airpack, wheels)
    assert served.requests == []


def test_uv_offline(airpack: Airpack, wheels: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert f"{_NONE} (uv" in _failed(airpack, wheels)
    assert served.requests == []


def test_what_uv_no_longer_lists_comes_from_airpacks_list(
    airpack: Airpack, wheels: Path, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.7.9, from where it always was, or the user's mirror of that; and nothing else under its name."""
    place = tmp_path / "upstream" / "20200822" / "cpython-3.7.9-x86_64-unknown-linux-gnu-pgo-20200823T0036.tar.zst"
    place.parent.mkdir(parents=True)
    subprocess.run(["tar", "--zstd", "-cf", place, "-C", tmp_path, "home"], check=True)
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", (tmp_path / "upstream").as_uri())
    told = _failed(airpack, wheels)
    assert f"(uv, 3.7.9 from {place.parent}: Hash mismatch for `cpython-3.7.9-linux-x86_64-gnu`)" in told


def test_interrupted(served: Served, cache: Path, start: Start) -> None:
    """Ctrl-C ends it with 130; nothing that was half there is taken for an interpreter, and the next one mends it."""
    served.half = True
    process = start("python", "install", "3.7")
    assert served.reached.wait(30)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "airpack: error: interrupted; nothing was changed\n")
    assert process.returncode == 130
    assert json.loads(start("python", "list", "--json").communicate()[0]) == _without_37(start)
    assert sorted(path.name for path in cache.iterdir() if path.is_dir()) == []
    served.half = False
    assert start("python", "install", "-q", "3.7").wait(60) == 0
    assert "3.7" in start("python", "list").communicate()[0]


def _without_37(start: Start) -> list[dict[str, str]]:
    listed = json.loads(start("python", "list", "--json").communicate()[0])
    return [each for each in listed if not each["version"].startswith("3.7.")]


def test_killed(served: Served, cache: Path, start: Start) -> None:
    """What uv leaves where it is given no time to clean up is swept by the next."""
    served.half = True
    process = start("python", "install", "3.7")
    assert served.reached.wait(30)
    children = machine.run([machine.tool("ps", "procps"), "-o", "pid=", "--ppid", str(process.pid)]).stdout.split()
    for child in (process.pid, *map(int, children)):
        os.kill(child, signal.SIGKILL)
    process.communicate()
    assert list((cache / ".temp").iterdir()) != []
    served.half = False
    assert start("python", "install", "-q", "3.7").wait(60) == 0
    assert [path.name for path in cache.glob(".temp/*")] == []


def test_two_at_once_download_one(served: Served, mirror: Mirror, start: Start) -> None:
    """The second waits for the first, and takes what it brought."""
    both = [start("python", "install", "3.7") for _ in range(2)]
    said = sorted(process.communicate(timeout=120) for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert [error for _, error in said] == ["", ""]
    host = served.url.removeprefix("http://")
    assert said[0][0].startswith(f"python    {mirror.version} by uv from {host}: ")
    assert said[1][0].startswith(f"python    {mirror.version} is kept already: ")
    assert served.archives == 1


def test_an_installation_that_was_not_finished_is_not_used(airpack: Airpack, offered: Mirror, cache: Path) -> None:
    """What has no note, or doesn't run, is brought anew."""
    assert airpack("python", "install", "3.7") == 0
    place = cache / offered.key
    (place / "airpack.json").unlink()
    airpack("python", "list")
    assert str(place) not in airpack.out
    assert airpack("python", "install", "3.7") == 0
    assert airpack.out == f"python    {offered.version} by uv from {offered.archive.parent}: {place}/bin/python3.7\n"
    shutil.rmtree(place / "lib")
    airpack("python", "list")
    assert str(place) not in airpack.out
    assert airpack("python", "install", "3.7") == 0
    assert airpack.out == f"python    {offered.version} by uv from {offered.archive.parent}: {place}/bin/python3.7\n"


def test_list_install_and_remove(airpack: Airpack, offered: Mirror, cache: Path, bare: Path) -> None:
    """Which version, where, and who brought it; only airpack's own are removed."""
    python = cache / offered.key / "bin" / "python3.7"
    source = str(offered.archive.parent)
    assert airpack("python", "install", "cp37-manylinux_2_27_x86_64") == 0
    assert airpack.out == f"python    {offered.version} by uv from {source}: {python}\n"
    assert airpack("python", "install", "3.7") == 0
    assert airpack.out == f"python    {offered.version} is kept already: {python}\n"
    assert airpack("python", "list") == 0
    first, *others = airpack.out.splitlines()
    assert first.split() == [offered.version, str(python), *f"brought by airpack, from {source}".split()]
    assert all(line.endswith("  of this machine") for line in others)
    assert airpack("python", "list", "--json") == 0
    assert json.loads(airpack.out)[0] == {
        "version": offered.version,
        "path": str(python),
        "brought_by": "airpack",
        "source": source,
    }
    assert airpack("python", "remove", "3.7") == 0
    assert airpack.out == f"removed   {offered.version}: {cache / offered.key}\n"
    assert sorted(path.name for path in cache.iterdir()) == [".airpack-lock", ".gitignore", ".lock"]
    assert airpack("python", "remove", "3.7") == 1
    assert airpack.err == (
        "airpack: error: airpack keeps no Python 3.7 of its own: airpack python list shows what it brought; "
        "what is the machine's is removed as it was installed\n"
    )
    assert list(bare.iterdir()) == []  # uv wrote nothing outside the cache: no links, no cache of its own


@pytest.mark.parametrize("action", ["install", "remove"])
def test_a_version_that_is_none(airpack: Airpack, action: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a wrong command line."""
    with pytest.raises(SystemExit) as ended:
        airpack("python", action, "three")
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "airpack: error: argument VERSION|TARGET: 'three' is no version such as 3.7 or 3.7.9, and no target such as "
        f"cp37-manylinux_2_27_x86_64; see airpack python {action} --help\n"
    )


def test_a_version_that_uv_has_not(airpack: Airpack, offered: Mirror) -> None:
    """It is an error, in a line."""
    assert airpack("python", "install", "3.7.1") == 1
    assert airpack.err == (
        "airpack: error: no Python 3.7.1 here (uv knows no download of it for this machine): give --python PATH\n"
    )


def test_many_packs_bring_one(
    airpack: Airpack, wheels: Path, served: Served, tmp_path: Path, index_words: list[object]
) -> None:
    """Those of a file as well, side by side; and the file can say that none is downloaded."""
    build_wheel(wheels, "one")
    lines = [f'no-index = true\nfind-links = ["{wheels}"]\ndecoder = "{airpack.decoder}"\n']
    targets = "".join(f'[targets.t{n}]\ntarget = "cp37-manylinux_2_{n}_x86_64"\n' for n in (17, 27))
    sets = '[sets.one]\nrequirements = ["one"]\n'
    (tmp_path / "all.toml").write_text("".join(["[defaults]\n", *lines, targets, sets]))
    assert airpack("pack-all", tmp_path / "all.toml", "-o", tmp_path / "all", "--jobs", 2) == 0, airpack.err
    assert airpack.err.count(" by uv from ") == 1
    assert served.archives == 1
    (tmp_path / "all.toml").write_text("".join(["[defaults]\nno-python-download = true\n", *lines, targets, sets]))
    assert airpack("python", "remove", "3.7") == 0
    assert airpack("pack-all", tmp_path / "all.toml", "-o", tmp_path / "all", "--jobs", 2) == 0, airpack.err
    assert airpack.err.count(f"note: {_NONE}: without bytecode, ") == 2


@pytest.fixture(scope="session")
def decoder_words(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Return the options that give this Python's own decoder, from the user's index; it may need none."""
    folder = tmp_path_factory.mktemp("own-decoder")
    target = Target.of_machine("{}.{}.{}".format(*sys.version_info))
    decoders.obtain(target, folder, given=None, pip=Pip(env=os.environ))
    return [word for wheel in folder.glob("*.whl") for word in ("--decoder", wheel)]


def test_the_machine_itself_as_a_target(
    decoder_words: list[object], airpack: Airpack, wheels: Path, offered: Mirror, start: Start, cache: Path
) -> None:
    """`here` is the Python that runs airpack and this system; what is written names it in full."""
    build_wheel(wheels, "one")
    index = ["--no-index", "--find-links", wheels, *decoder_words]
    assert airpack("pack", "one", "--target", "here", "-o", airpack.output, *index) == 0, airpack.err
    libc = (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ").replace(".", "_")
    name = "cp{}{}-manylinux_".format(*sys.version_info) + f"{libc}_{os.uname().machine}"
    manifest = json.loads((airpack.output / "manifest.json").read_text())
    version = "{}.{}.{}".format(*sys.version_info)
    assert (manifest["target"]["name"], manifest["target"]["python_full_version"]) == (name, version)
    assert "here" not in (airpack.output / "pylock.toml").read_text()
    with contents.opened(airpack.output) as opened:
        assert opened.toc.target == name
    program = "import one, sys; print(sys.version_info[:2])"
    said = f"{sys.version_info[:2]}\n"
    assert start("run", airpack.output, "--", "python", "-c", program).communicate() == (said, "")
    assert airpack("target", "show", "here") == 0
    assert airpack.out.splitlines()[:2] == [f"target    {name}", f"python    {version}"]
    assert not cache.exists()


def test_here_with_another_python(airpack: Airpack, wheels: Path) -> None:
    """That which --python gives."""
    python = machine.python37()
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--target", "here", "--python", python.path) == 0, airpack.err
    target = json.loads((airpack.output / "manifest.json").read_text())["target"]
    assert target["name"].startswith("cp37-manylinux_2_")
    assert target["python_full_version"] == python.version


def test_here_with_no_python(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """It says which path is none."""
    assert airpack.pack("one", "--target", "here", "--python", tmp_path / "none") == 1
    assert airpack.err == (
        f"airpack: error: --python {tmp_path}/none is no CPython that runs: give the path of one with --python\n"
    )
