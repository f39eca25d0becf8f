"""`airpack probe`: the profile of an image, by a real podman; and one clear line where there is none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack.shim import engine as shim_engine
from airpack.shim import image_probe
from airpack.target.target import Target
from support import machine
from support.engine import Engine

pytestmark = pytest.mark.slow
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
_GOING_ON = {"sleeps": "import time; time.sleep(600)", "prints": "while True: print('x' * 99999)"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return podman with images: with Python 3.7, which in some goes on, without Python, of another processor."""
    with tempfile.TemporaryDirectory(prefix="airpack-") as name:  # podman takes no long path
        made = Engine.make(Path(name))
        python, root = made.box.python, made.box.root
        metadata = root / str(python.parent.parent)[1:] / "lib/python3.7/site-packages/one-1.0.dist-info/METADATA"
        metadata.parent.mkdir()
        metadata.write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        (python_3 := root / str(python.parent)[1:] / "python3").symlink_to(python.name)
        made.image("localhost/python:3.7", root, "--change", f"ENV PATH={python.parent}")
        made.image("localhost/off-path:1", root, "--change", "ENV PATH=/nowhere", "--change", 'ENTRYPOINT ["/none"]')
        for what, program in _GOING_ON.items():
            (start := metadata.parent.with_name("sitecustomize.py")).write_text(program)
            made.image(f"localhost/{what}:1", root)
            start.unlink()
        python_3.unlink()
        empty, foreign = Path(name, "empty"), Path(name, "foreign")
        (empty / "bin").mkdir(parents=True)
        made.image("localhost/empty:1", empty, "--change", "ENV PATH=/bin")
        (foreign / "bin").mkdir(parents=True)
        # The head of a program for AArch64: ELF, 64 bits, EM_AARCH64.
        head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x02\0\xb7\0\x01\0\0\0"
        (foreign / "bin/python3").write_bytes(head.ljust(200, b"\0"))
        (foreign / "bin/python3").chmod(0o755)
        made.image("localhost/arm:1", foreign, "--arch", "arm64", "--change", "ENV PATH=/bin")
        yield made
        made.clear()


@pytest.fixture
def at_work(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let podman be the only engine on PATH, with the images; return an empty folder, which is the current one."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("podman", "runc", "conmon"):
        (tools / tool).symlink_to(machine.tool(tool))
    for name, value in {**engine.settings, "PATH": str(tools)}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def _fails(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, which must fail and leave no profile, and return its one line."""
    assert main(["probe", *words]) == 1
    assert list(Path.cwd().iterdir()) == []
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("airpack: error: ").rstrip("\n")


def test_the_profile_is_the_images(at_work: Path, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Its Python, its C library and what is installed in it; nothing of this machine's kernel, or of the container."""
    assert main(["probe", "localhost/python:3.7"]) == 0
    target = Target.parse("image.json")
    glibc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    assert target.name == f"cp37-manylinux_{glibc.split()[1].replace('.', '_')}_{os.uname().machine}"
    assert target.python_full_version == machine.python37().version
    assert [package.name for package in target.installed or ()] == ["one"]
    assert target.unknown_markers == ("platform_release", "platform_version")
    profile = json.loads(Path("image.json").read_text())
    assert profile["python_executable"] == str(engine.box.python.parent / "python3")
    assert "permits" not in profile
    assert "libc.so.6" in profile["libraries"]
    assert capsys.readouterr().out.splitlines() == [
        f"profile   image.json: {target.name}, Python {target.python_full_version}",
        "installed 1 package",
        "pack      airpack pack -r requirements.txt --target image.json -o dist",
    ]


def test_a_profile_is_replaced_and_nothing_else_is(at_work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no profile is the user's; `-` prints the profile."""
    Path("image.json").write_text(json.dumps(Target.parse("cp310-manylinux_2_28_x86_64").to_dict()))
    assert main(["probe", "-q", "localhost/python:3.7"]) == 0
    assert Target.parse("image.json").python_version == "3.7"
    Path("notes.json").write_text("{}")
    assert main(["probe", "localhost/python:3.7", "-o", "notes.json"]) == 1
    assert "notes.json is not an image's profile" in capsys.readouterr().err
    assert Path("notes.json").read_text() == "{}"
    assert main(["probe", "localhost/python:3.7", "-o", "-"]) == 0
    assert capsys.readouterr().out == Path("image.json").read_text()


def test_the_interpreter_can_be_named(at_work: Path, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Where PATH has none; the image's entry point isn't run."""
    assert _fails(["localhost/off-path:1"], capsys) == (
        "localhost/off-path:1: it has no python3 and no python on its PATH: name its interpreter, such as "
        "--python /opt/conda/bin/python"
    )
    assert main(["probe", "localhost/off-path:1", "--python", str(engine.box.python), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert (result["profile"], result["python"]) == ("image.json", machine.python37().version)


def test_another_engine_has_the_same_options(at_work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called docker and is podman, as Debian's podman-docker brings it, probes as well."""
    tools = Path(os.environ["PATH"])
    (tools / "docker").symlink_to(machine.tool("podman"))
    assert main(["probe", "-q", "localhost/python:3.7", "--engine", "docker"]) == 0
    assert Target.parse("image.json").python_version == "3.7"


def test_an_image_without_python(at_work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line says what was looked for, and how to name another."""
    assert _fails(["localhost/empty:1"], capsys).startswith("localhost/empty:1: it has no python3 and no python on ")


def test_an_image_of_another_processor(at_work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The kernel refuses its programs, unless qemu is registered for them."""
    if Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        pytest.skip("qemu runs programs for AArch64 here")
    assert _fails(["localhost/arm:1"], capsys) == (
        f"localhost/arm:1: it is for linux/arm64, whose programs this machine ({os.uname().machine}) doesn't run: "
        "probe it on such a machine, or install qemu-user-static"
    )


def test_an_image_that_cant_be_pulled(at_work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The engine's own reason, and what may help."""
    said = _fails(["registry.invalid/none:1"], capsys)
    assert said.startswith("registry.invalid/none:1: podman can't pull it (")
    assert said.endswith("): check the name, log in (podman login), or load the image from a file (podman load)")


def test_what_is_no_python(at_work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that can't be run is the engine's to tell."""
    said = _fails(["localhost/empty:1", "--python", "/bin"], capsys)
    assert said.startswith("localhost/empty:1: podman can't run /bin there: ")


@pytest.mark.parametrize(
    ("name", "problem"), [("sleeps", "did not end within 20 s"), ("prints", "printed more than 16 MiB")]
)
def test_an_image_that_goes_on_is_stopped(
    at_work: Path,
    engine: Engine,
    name: str,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Here by its sitecustomize, which every Python of it runs; no container is left."""
    monkeypatch.setattr(image_probe, "_SECONDS", 20.0)
    python = str(engine.box.python)
    assert _fails([f"localhost/{name}:1", "--python", python], capsys) == (
        f"localhost/{name}:1: {python} {problem} there: is it a Python that starts by itself? name another with "
        "--python"
    )
    assert machine.run(["podman", "ps", "--all", "--quiet"]).stdout == ""


def test_an_engine_that_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon that hangs is one that doesn't run."""
    (tmp_path / "docker").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(shim_engine, "_ANSWER", 1.0)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path / "work")
    assert _fails(["python:3.12"], capsys) == (
        "no container engine runs here (docker: docker images did not end within 1 s): start docker"
    )


def test_an_answer_that_is_no_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told as a profile that lacks what it needs."""
    answer = """case $1 in run) echo '{"marker_environment": "x"}';; *) echo linux/amd64;; esac"""
    (tmp_path / "docker").write_text(f"#!/bin/sh\n{answer}\n")
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path / "work")
    assert main(["probe", "python:3.12"]) == 2
    assert capsys.readouterr().err.startswith('airpack: error: of python:3.12 needs "marker_environment" and ')
    assert list(Path.cwd().iterdir()) == []


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The image itself can run the probe."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert _fails(["python:3.12"], capsys) == (
        "neither podman nor docker is on PATH to run the image: install podman or docker, or probe in the image itself "
        "(python airpack-runtime.pyz probe > image.json)"
    )


def test_an_engine_that_isnt_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Docker's client is there and its daemon isn't: a stand-in says what the client of Docker 28 says then."""
    (tmp_path / "tools").mkdir()
    docker = tmp_path / "tools" / "docker"
    docker.write_text(f"#!/bin/sh\necho '{NO_DAEMON}' >&2\nexit 1\n")
    docker.chmod(0o755)
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    monkeypatch.chdir(tmp_path / "work")
    assert _fails(["python:3.12"], capsys) == f"no container engine runs here (docker: {NO_DAEMON}): start docker"


def test_a_name_that_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    """It would reach the engine as one."""
    assert main(["probe", "--", "--privileged"]) == 2
    assert "'--privileged' is not an image's name" in capsys.readouterr().err
