"""A hostile environment, as a whole: forged variables, pipes, endless devices, and another user who exchanges files.

Whatever is there, each command ends soon, in bounded memory, in a result or in lines that a terminal can show. What
single guards do is shown elsewhere: folders of every mode in `tests/runtime/test_every_folder.py`, a registry that lies
in `tests/packager/registry`.
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import machine
from support.wheels import build_wheel

pytestmark = [pytest.mark.network, pytest.mark.slow]  # for the decoder's wheel
THEM = 61002
MEMORY = 1_500_000_000  # bytes of address space
PATIENCE = 120  # seconds
PRIVATE = "aws_secret_access_key = HUSH"
STATUSES = (0, 1, 2, 95, 97, 99, 126, 127)
TREE_VARIABLES = ("AIRPACK_BUNDLE", "AIRPACK_PUBLIC_KEY", "AIRPACK_DIGEST", "AIRPACK_ACTIVE", "AIRPACK_MODE")
PLACE_VARIABLES = ("AIRPACK_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "TMPDIR", "AIRPACK_PYTHON", "AIRPACK_LOG")
AZURE_VARIABLES = ("AZUREML_EXTRA_REQUIREMENTS_TXT", "AZUREML_EXTRA_PYTHON_LIB_PATH", "AML_APP_ROOT")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a signed folder of results, the shim and the keys."""
    folder = tmp_path_factory.mktemp("place")
    build_wheel(folder / "wheels", "alpha")
    assert main(["keygen", "-q", "-o", str(folder / "team")]) == 0
    index = ["--no-index", "--find-links", str(folder / "wheels"), "--level", "1"]
    words = ["alpha", "-q", "--no-import", "--sign", str(folder / "team.key"), "-o", str(folder / "dist")]
    assert main(["pack", *words, *index]) == 0
    assert main(["shim", "-q", "-o", str(folder / "shim")]) == 0
    return folder


@pytest.fixture(scope="module")
def odd(place: Path) -> Iterator[Mapping[str, str]]:
    """Return what may stand in a variable or lie at a path, by what it is."""
    folder = place / "odd"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "round").symlink_to("round")
    (folder / "secret").write_text(PRIVATE)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        yield {
            "a pipe": str(folder / "pipe"),
            "a socket": str(folder / "socket"),
            "a circle of links": str(folder / "round"),
            "an endless device": "/dev/zero",
            "a device that is full": "/dev/full",
            "a process's memory": "/proc/self/mem",
            "a folder": str(folder),
            "a file of another kind": str(folder / "secret"),
            "what isn't there": str(folder / "nothing"),
            "a path without end": "/" + "x/" * 50_000,
            "control characters": "/\x1b[2J\n\r\x9b31m",
            "no UTF-8": os.fsdecode(b"/\xff\xfe"),
            "nothing": "",
        }


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _check(done: subprocess.CompletedProcess[str], what: object) -> None:
    assert done.returncode in STATUSES, (what, done)
    assert "Traceback" not in done.stderr, (what, done.stderr)
    assert all(line.isprintable() for line in done.stderr.splitlines()), (what, done.stderr)
    assert "HUSH" not in done.stdout + done.stderr, what


def _exec(place: Path, env: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run the shim under Python 3.7 with these variables; it must end in time. As a folder, it is compiled once."""
    python = str(machine.python37().path)
    line = [
        python,
        str(place / "shim" / "airpack_runtime"),
        *(words or ("exec", "--", python, "-c", "import alpha; print('ran')")),
    ]
    given = {"PATH": os.defpath, "HOME": str(place / "home"), "AIRPACK_CACHE_DIR": str(place / "cache"), **env}
    return subprocess.run(
        line,
        env=given,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PATIENCE,
        preexec_fn=_bounded,
        check=False,
    )


@pytest.mark.parametrize("name", [*TREE_VARIABLES, *PLACE_VARIABLES, *AZURE_VARIABLES])
def test_a_forged_variable_ends_in_packages_or_in_a_line(place: Path, odd: Mapping[str, str], name: str) -> None:
    """With the right key, what runs has the signed packages, whatever one variable holds; else it doesn't run."""
    right = {"AIRPACK_BUNDLE": str(place / "dist" / layout.BUNDLE_NAME), "AIRPACK_PUBLIC_KEY": str(place / "team.pub")}
    for what, value in odd.items():
        done = _exec(place, {**right, name: value})
        _check(done, (name, what))
        assert (done.returncode == 0) == ("ran" in done.stdout), (name, what, done)
        for command in ("doctor", "probe"):
            _check(_exec(place, {**right, name: value}, command), (name, what, command))


@pytest.mark.parametrize("beside", [layout.BUNDLE_NAME, f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"])
def test_what_lies_in_a_files_place_is_not_waited_for(
    place: Path, odd: Mapping[str, str], tmp_path: Path, beside: str
) -> None:
    """Of the bundle, or of its signature: with a key, nothing runs."""
    for what, target in odd.items():
        if len(target) > 4000 or not target.startswith("/"):
            continue
        folder = tmp_path / what.replace(" ", "-")
        shutil.copytree(place / "dist", folder)
        (folder / beside).unlink()
        (folder / beside).symlink_to(target)
        env = {"AIRPACK_BUNDLE": str(folder / layout.BUNDLE_NAME), "AIRPACK_PUBLIC_KEY": str(place / "team.pub")}
        for words in ((), ("doctor",), ("verify",), ("unpack", str(folder / "out"))):
            done = _exec(place, {**env, "AIRPACK_CACHE_DIR": str(folder / "cache")}, *words)
            _check(done, (beside, what, words))
            assert words == ("doctor",) or done.returncode != 0, (beside, what, words, done)
            assert "ran" not in done.stdout
        assert not (folder / "out").exists()


@contextmanager
def _other_user(act: Callable[[], object]) -> Iterator[None]:
    """Let another user do something again and again, in a process of theirs, until the block ends."""
    pid = os.fork()
    if not pid:
        try:
            signal.alarm(10 * PATIENCE)  # whatever becomes of the test
            os.setgroups([])
            os.setgid(THEM)
            os.setuid(THEM)
            while True:
                act()
        finally:
            os._exit(0)
    try:
        yield
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "the other user has given up"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@contextmanager
def _within(seconds: int, what: object) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"{what} takes more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _exchanging(dist: Path, name: str, forms: list[str]) -> Callable[[], None]:
    """Return what puts each of `forms` in turn into the place of a file in a folder that another user owns."""
    turn = itertools.cycle(forms)

    def exchange() -> None:
        form = next(turn)
        try:
            os.link(f"{dist}/.forms/{form}", f"{dist}/.forms/next", follow_symlinks=False)
            os.replace(f"{dist}/.forms/next", f"{dist}/{name}")
        except OSError:
            pass
        time.sleep(0.002)

    return exchange


COMMANDS = (
    ["verify", "dist", "--no-import", "-q"],
    ["verify", "dist", "--no-import", "-q", "--key", "team.pub"],
    ["inspect", "dist"],
    ["audit", "dist"],
    ["sign", "dist", "--key", "team.key"],
    ["upload", "dist", "file://{here}/store", "-q"],
    ["oci", "dist", "-o", "layout", "-q"],
    ["sbom", "dist", "-o", "sbom.json"],
)


@pytest.mark.parametrize(
    "name", [layout.BUNDLE_NAME, "manifest.json", "pylock.toml", f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"]
)
def test_another_user_exchanges_a_file_all_the_time(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """By a pipe, a link to a secret of ours, a device, another file: no command waits, and none tells the secret."""
    if os.getuid():
        machine.lacking("the right to act as two users", "run the tests as root")
    with tempfile.TemporaryDirectory(prefix="airpack-theirs-") as here:
        monkeypatch.chdir(here)
        Path(here).chmod(0o755)
        dist, secret = Path(here, "dist"), Path(here, "secret")
        shutil.copytree(place / "dist", dist)
        for key in ("team.pub", "team.key"):
            shutil.copy(place / key, here)
        secret.write_text(PRIVATE)
        secret.chmod(0o600)
        forms = dist / ".forms"
        forms.mkdir()
        shutil.copy(dist / name, forms / "right")
        (forms / "other").write_bytes(b"\0" * 1000)
        os.mkfifo(forms / "pipe")
        (forms / "link").symlink_to(secret)
        (forms / "device").symlink_to("/dev/zero")
        for path in (dist, *dist.rglob("*")):
            os.chown(path, THEM, THEM, follow_symlinks=False)
        with _other_user(_exchanging(dist, name, ["right", "link", "pipe", "right", "other", "device"])):
            for words in COMMANDS * 2:
                for left in ("store", "layout"):
                    shutil.rmtree(left, ignore_errors=True)
                with _within(PATIENCE, words):
                    assert main([word.format(here=here) for word in words]) in (0, 1), words
                told = "".join(capsys.readouterr())
                assert "HUSH" not in told, words
                assert "bug in airpack" not in told, (words, told)
                for path in [*Path("store").rglob("*"), *Path("layout").rglob("*")]:
                    assert not path.is_file() or b"HUSH" not in path.read_bytes(), (words, path)
