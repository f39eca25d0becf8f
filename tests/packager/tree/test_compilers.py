"""Compilers: what they may take for a wheel and for a pack, and how they end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base.errors import NoInterpreter
from airpack.target import interpreter
from airpack.target.interpreter import Interpreter
from airpack.tree import compilers
from airpack.tree.compilers import Compilers
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.fixture
def python() -> Interpreter:
    """Return the Python that runs the tests: newer ones write a `finally` block twice, and those in it."""
    found = interpreter.ask(Path(sys.executable))
    assert found is not None
    return found


def _growing(levels: int) -> str:
    """Return a module whose bytecode doubles with each level."""
    lines = ["def f(x):"]
    for level in range(1, levels + 1):
        lines += [f"{' ' * level}try:", f"{' ' * level} x()", f"{' ' * level}finally:"]
    return "\n".join([*lines, f"{' ' * (levels + 1)}x()", ""])


def _plain(lines: int) -> str:
    return "".join(f"def f{number}(a, b):\n    return [a + b for c in a if c]\n" for number in range(lines))


def _write(folder: Path, files: dict[str, str]) -> list[str]:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return list(files)


def _compiled(folder: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in folder.rglob("*.pyc")}


def test_an_interpreter_that_fails_is_named(tmp_path: Path, python: Interpreter) -> None:
    """With the last line that it wrote."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho one >&2\necho 'no space left' >&2\nexit 1\n")
    program.chmod(0o755)
    modules = _write(tmp_path / "tree", {"a.py": ""})
    with pytest.raises(NoInterpreter) as raised:
        Compilers().compile(tmp_path / "tree", modules, replace(python, path=program))
    assert str(raised.value) == f"{program} can't compile modules: no space left"


def test_without_modules_no_interpreter_runs(tmp_path: Path, python: Interpreter) -> None:
    """Many wheels hold data alone."""
    Compilers().compile(tmp_path, [], replace(python, path=Path("/nonexistent/python")))
    assert list(tmp_path.iterdir()) == []


def test_one_process_serves_several_wheels(tmp_path: Path, python: Interpreter) -> None:
    """Also after a module that ends the fork which compiles it; each wheel has limits of its own."""
    starts, program = tmp_path / "starts", tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho >> "{starts}"\nexec "{python.path}" "$@"\n')
    program.chmod(0o755)
    ours, counted = Compilers(), replace(python, path=program)
    with ours.kept():
        for name, text, left in (("one", "x = 1\n", []), ("two", _growing(20), ["b.py"]), ("three", "y = 1\n", [])):
            modules = _write(tmp_path / name, {"a.py": text, "b.py": text} if not left else {"a.py": "", "b.py": text})
            assert ours.compile(tmp_path / name, modules, counted, 1_000) == left
            assert _compiled(tmp_path / name) == {"a", "b"} - {module.partition(".")[0] for module in left}
    assert starts.read_text() == "\n"


@pytest.mark.slow
def test_bytecode_that_grows_beyond_its_source_is_left_out(
    tmp_path: Path, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same modules each time, and all after them; what came before stays."""
    monkeypatch.setattr(compilers, "_BYTES_OF_A_WHEEL", 5 << 20)
    files = {"a.py": "x = 1\n", "b.py": _growing(15), **{f"c{number:02}.py": _growing(16) for number in range(40)}}
    for name in ("one", "two"):
        modules = _write(tmp_path / name, files)
        began = time.monotonic()
        assert Compilers().compile(tmp_path / name, modules, python, 4_000) == modules[2:]
        assert time.monotonic() - began < 30
        assert _compiled(tmp_path / name) == {"a", "b"}


@pytest.mark.slow
def test_all_wheels_of_a_pack_share_what_they_take_besides(
    tmp_path: Path, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of many small ones would else write as much; ordinary ones take nothing of it."""
    monkeypatch.setattr(compilers, "_BYTES_OF_A_WHEEL", 5 << 20)
    monkeypatch.setattr(compilers, "_BYTES_OF_A_PACK", 12 << 20)
    ours = Compilers()
    for name, left in (("one", 1), ("two", 1), ("three", 2), ("four", 2)):
        modules = _write(tmp_path / name, {"a.py": _growing(15), "b.py": _growing(16)})
        assert ours.compile(tmp_path / name, modules, python, 1_000) == modules[-left:]
    text = "".join(f"name_{number} = {number}\n" for number in range(50_000))
    modules = _write(tmp_path / "plain", {"a.py": text, "b.py": text})
    assert ours.compile(tmp_path / "plain", modules, python, 200_000) == []


@pytest.mark.slow
def test_time_is_bounded_for_a_wheel_and_for_a_pack(
    tmp_path: Path, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process ends with the wheel's time, the next wheel has what the pack has left; by time of the processor."""
    monkeypatch.setattr(compilers, "_SECONDS_OF_A_WHEEL", 2.0)
    monkeypatch.setattr(compilers, "_SECONDS_OF_A_PACK", 3.0)
    monkeypatch.setattr(compilers, "_SOURCE_A_SECOND", 1e9)
    ours = Compilers()
    files = {"a.py": "x = 1\n", **{f"b{number:03}.py": _plain(600) for number in range(400)}}
    lengths = []
    for name in ("one", "two"):
        modules = _write(tmp_path / name, files)
        left = ours.compile(tmp_path / name, modules, python)
        lengths.append(len(left))
        assert left == modules[-len(left) :]
        assert _compiled(tmp_path / name) == {module.partition(".")[0] for module in modules[: -len(left)]}
    assert 3 < lengths[0] < lengths[1]


@pytest.mark.slow
def test_stop_ends_what_another_thread_compiles(tmp_path: Path, python: Interpreter) -> None:
    """At once: the thread learns that what came of it tells nothing, and none begins any more."""
    ours = Compilers()
    modules = _write(tmp_path / "tree", {f"b{number}.py": _plain(6_000) for number in range(90)})
    raised: list[type[BaseException]] = []

    def work() -> None:
        try:
            ours.compile(tmp_path / "tree", modules, python)
        except BaseException as error:  # noqa: BLE001 - which it is, the test asks
            raised.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 60
    while not _compiled(tmp_path / "tree") and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    ours.stop()
    thread.join(10)
    assert (thread.is_alive(), raised) == (False, [KeyboardInterrupt])
    assert time.monotonic() - began < 5
    with pytest.raises(KeyboardInterrupt):
        ours.compile(tmp_path / "tree", modules, python)


@pytest.mark.slow
def test_an_interrupt_does_not_wait_for_compilers(airpack: Airpack, wheels: Path, decoder_wheel: Path) -> None:
    """A CI system sends SIGTERM to the packager alone; what was cut short is no part that a later pack takes."""
    build_wheel(wheels, "one", files={f"one/b{number}.py": f"# {number}\n{_plain(6_000)}" for number in range(150)})
    words: list[str | Path] = ["pack", "-o", airpack.output, "--no-index", "--find-links", wheels, "--no-import"]
    words += ["--decoder", decoder_wheel, "--level", "1", "one"]
    line = [sys.executable, "-m", "airpack", *words]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            next(each for each in process.stderr if each.startswith("fetch"))
            time.sleep(4)  # it installs the wheel, and compiles it for half a minute
            assert process.poll() is None
            process.terminate()
            text = process.communicate(timeout=25)[1]
        finally:
            process.kill()
    assert process.returncode == 130
    assert text.endswith("airpack: error: interrupted; nothing was changed\n")


@pytest.mark.slow
def test_a_pack_tells_in_one_line_what_has_no_bytecode(airpack: Airpack, wheels: Path) -> None:
    """However many they are."""
    build_wheel(wheels, "one", files={f"m{number:02}.py": "x = a" + ".b" * 500_000 for number in range(12)})
    assert airpack.pack("one", "--no-import") == 0
    reason = f"Python {machine.python37().version} does not compile them within the limits of memory, time and size"
    assert f"note: one 1.0: m00.py and 11 more have no bytecode: {reason}" in airpack.err.splitlines()
