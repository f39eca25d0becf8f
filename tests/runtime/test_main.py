"""The shim's command line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List

import pytest
from airpack_runtime import layout

from .conftest import RUNTIME, needs_target, python, sums_of, told

pytestmark = needs_target


def _shim(*words: str, env: Dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return python("-m", "airpack_runtime", *words, env={**env, "PYTHONPATH": str(RUNTIME)})


def test_exec_gives_its_command_the_packages(golden: Path, env: Dict[str, str]) -> None:
    """Twice: unpacked the first time, found the second."""
    for _ in range(2):
        done = _shim(
            "exec", "--bundle", str(golden), "--", sys.executable, "-c", "import alpha; print(alpha.VALUE)", env=env
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "41\n", "")


def test_a_warm_exec_imports_nothing_slow(golden: Path, env: Dict[str, str]) -> None:
    """A container waits for it: the line of the log is written without what only errors and other commands need."""
    env = {name: text for name, text in env.items() if name != "AIRPACK_LOG"}
    words = ["exec", "--bundle", str(golden), "--", "true"]
    assert _shim(*words, env=env).returncode == 0
    line = ["-X", "importtime", "-m", "airpack_runtime", *words]
    done = python(*line, env={**env, "PYTHONPATH": str(RUNTIME)})
    assert "airpack: cached: " in done.stderr
    imported = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines() if row.startswith("import time:")}
    assert "airpack_runtime.execute" in imported
    slow = {"argparse", "shutil", "typing", "re", "json", "hashlib", "ctypes", "airpack_runtime.errors"}
    assert not imported & slow
    assert not [name for name in imported if name.startswith(("airpack_runtime.image.", "airpack_runtime.provide."))]


def test_exec_passes_the_commands_status_on(golden: Path, env: Dict[str, str]) -> None:
    """The shim is gone when the command runs."""
    done = _shim("exec", "--bundle", str(golden), "--", "sh", "-c", "alpha-hello; exit 7", env=env)
    assert (done.returncode, done.stdout) == (7, "alpha 41\n")


def test_exec_finds_scripts_of_the_bundle(golden: Path, env: Dict[str, str]) -> None:
    """The command itself may be one of the bundle's."""
    done = _shim("exec", "--bundle", str(golden), "--", "alpha-hello", env=env)
    assert (done.returncode, done.stdout) == (0, "alpha 41\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-I", "-c", ""], "-I"),
        (["-u", "-sE", "-c", ""], "-sE"),
        (["-BSc", ""], "-BSc"),
        (["-W", "ignore", "-c", "", "-S"], ""),
        (["-c", "", "-I"], ""),
        (["-", "-E"], ""),
    ],
)
def test_exec_names_an_option_that_hides_the_packages(
    golden: Path, env: Dict[str, str], words: List[str], told: str
) -> None:
    """A Python that ignores the environment, or imports no `sitecustomize`, would run without them and say nothing."""
    done = _shim("exec", "--bundle", str(golden), "--", sys.executable, *words, env={**env, "AIRPACK_LOG": "off"})
    line = f"airpack: {sys.executable} {told} sees none of the packages: leave that option out\n"
    assert (done.returncode, done.stderr) == (0, line if told else "")


def test_exec_without_a_command_says_how(golden: Path, env: Dict[str, str]) -> None:
    """A usage error has status 2."""
    done = _shim("exec", "--bundle", str(golden), env=env)
    assert done.returncode == 2
    assert done.stderr == "airpack: exec needs a command: exec [--bundle PATH] -- COMMAND [ARG ...]\n"


def test_an_unknown_command_ends_as_in_a_shell(golden: Path, env: Dict[str, str]) -> None:
    """Status 127 and the name."""
    done = _shim("exec", "--bundle", str(golden), "--", "no-such-command", env=env)
    assert (done.returncode, done.stderr) == (127, "airpack: no-such-command: command not found\n")


def test_errors_are_one_line_and_v_shows_where(env: Dict[str, str], tmp_path: Path) -> None:
    """A traceback is for those who ask."""
    words = ["unpack", "--bundle", str(tmp_path / "nothing"), str(tmp_path / "tree")]
    done = _shim(*words, env=env)
    assert told(done) == f"airpack: no bundle at {tmp_path}/nothing: correct AIRPACK_BUNDLE or --bundle"
    done = _shim("-v", *words, env=env)
    assert done.returncode == 97
    assert done.stderr.startswith("Traceback (most recent call last):\n")


def test_a_traceback_does_not_act_on_the_terminal(env: Dict[str, str], forge: Callable[..., Path]) -> None:
    """Not even by what Python itself says of a table of contents."""
    path = forge(lambda data: data["distributions"][0].update({"\x1b]0;title\x07": 1}))
    done = _shim("-v", "exec", "--bundle", str(path), "--", "true", env=env)
    assert done.returncode == 97
    assert "unexpected keyword argument '\\x1b]0;title\\x07'" in done.stderr
    assert all(line.isprintable() for line in done.stderr.splitlines())


@pytest.mark.parametrize("option", ["--bundle", "--tree"])
@pytest.mark.parametrize("more", [[], ["--mode", "auto"]], ids=["usual form", "by argparse"])
def test_the_command_that_explains_an_end_can_be_given_to_a_shell(
    env: Dict[str, str], tmp_path: Path, option: str, more: List[str]
) -> None:
    """Whatever the path is; it looks at what the command line named."""
    path = tmp_path / "no such; 'thing'"
    done = _shim("exec", option, str(path), *more, "--", "true", env=env)
    command = done.stderr.partition("explained by: ")[2]
    explained = subprocess.run(["sh", "-c", command], env=env, stdout=subprocess.PIPE, check=False)
    assert f"it would fail: no bundle at {path}" in explained.stdout.decode()
    assert explained.returncode == 97


def test_unpack_writes_the_tree(tmp_path: Path, golden: Path, env: Dict[str, str]) -> None:
    """Into a new folder, whole, with nothing beside it."""
    done = _shim("unpack", "--bundle", str(golden), str(tmp_path / "tree"), env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "lib/python3.7/site-packages/alpha/__init__.py" in sums_of(tmp_path / "tree")
    assert os.listdir(str(tmp_path)) == ["tree"]


def test_what_was_unpacked_is_a_tree_to_start_from(tmp_path: Path, golden: Path, env: Dict[str, str]) -> None:
    """By its note: `exec --tree` takes it as it is."""
    assert _shim("unpack", "--bundle", str(golden), str(tmp_path / "tree"), env=env).returncode == 0
    words = ["--", "python", "-c", "import alpha; print(alpha.__file__)"]
    done = _shim("exec", "--tree", str(tmp_path / "tree"), *words, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(tmp_path / "tree"))


def test_unpack_refuses_a_folder_in_use(tmp_path: Path, golden: Path, env: Dict[str, str]) -> None:
    """What lies there is not mixed with the tree."""
    (tmp_path / "mine").write_text("mine")
    done = _shim("unpack", "--bundle", str(golden), str(tmp_path), env=env)
    assert done.returncode == 97
    assert "it is not empty" in done.stderr
    assert os.listdir(str(tmp_path)) == ["mine"]


def test_python_means_the_one_that_runs_the_shim(golden: Path, env: Dict[str, str]) -> None:
    """Whatever other Python is on PATH."""
    for name in ("python", "python3"):
        words = ["exec", "--bundle", str(golden), "--", name, "-c", "import alpha, sys; print(sys.executable)"]
        done = _shim(*words, env={**env, "PATH": "/usr/bin:/bin"})
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{sys.executable}\n", "")


@pytest.mark.parametrize(
    "first",
    [f"{layout.LAUNCHER}python3.7}}\" /nonexistent\n' '''\n", "#!/usr/bin/env python3\n", "#!/usr/bin/env python\n"],
    ids=["airpack's", "python3", "python"],
)
def test_exec_runs_scripts_by_the_python_that_runs_the_shim(
    tmp_path: Path, golden: Path, env: Dict[str, str], first: str
) -> None:
    """Without a shell, and without any Python on PATH."""
    script = tmp_path / "go"
    script.write_text(f"{first}import alpha, sys\nprint(sys.executable, sys.argv)\n")
    script.chmod(0o755)
    done = _shim("exec", "--bundle", str(golden), "--", "go", "a b", env={**env, "PATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{sys.executable} {[str(script), 'a b']}\n", "")


@pytest.mark.parametrize(
    ("first", "missing"), [(b"#!/nonexistent/python3.7 -u\n", "/nonexistent/python3.7"), (b"", "its loader")]
)
def test_a_missing_interpreter_is_named(
    tmp_path: Path, golden: Path, env: Dict[str, str], first: bytes, missing: str
) -> None:
    """It is what the kernel doesn't find, though it says so of the script."""
    program = tmp_path / "go"
    elf = Path(sys.executable).read_bytes().replace(b"/lib64/ld-linux", b"/lib64/no-linux")
    program.write_bytes(first or elf)
    program.chmod(0o755)
    done = _shim("exec", "--bundle", str(golden), "--", str(program), env=env)
    assert (done.returncode, done.stderr) == (127, f"airpack: {program}: {missing} is missing\n")


def test_a_file_that_is_no_program_ends_as_in_a_shell(golden: Path, env: Dict[str, str]) -> None:
    """Status 126 and the reason."""
    done = _shim("exec", "--bundle", str(golden), "--", "/etc/passwd", env=env)
    assert (done.returncode, done.stderr) == (126, "airpack: /etc/passwd: Permission denied\n")


def test_unpack_checks_the_target_before_it_runs_the_decoder(
    tmp_path: Path, forge: Callable[..., Path], env: Dict[str, str]
) -> None:
    """A bundle for another machine is told as such."""
    path = forge(lambda data: data.update(target="cp37-manylinux_2_27_aarch64"))
    done = _shim("unpack", "--bundle", str(path), str(tmp_path / "tree"), env=env)
    assert done.returncode == 97
    assert "was packed for cp37-manylinux_2_27_aarch64, but this is a x86_64 machine" in done.stderr


@pytest.mark.alone
@pytest.mark.parametrize("megabytes", [1, 2, 4])
def test_a_full_disk_ends_in_one_line(tmp_path: Path, golden: Path, env: Dict[str, str], megabytes: int) -> None:
    """And leaves the disk as it was."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(tmp_path)]
    if subprocess.run(mount, stderr=subprocess.PIPE, check=False).returncode:
        pytest.skip("only root can mount a tmpfs")
    try:
        done = _shim("unpack", "--bundle", str(golden), str(tmp_path / "tree"), env=env)
        assert told(done).startswith(f"airpack: unpacking into {tmp_path}/tree failed: it has ")
        assert told(done).endswith(" MB free (the tree takes 5.7 MB)")
        assert done.stderr.count("\n") == 1
        assert os.listdir(str(tmp_path)) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.slow
@pytest.mark.alone
def test_an_interrupt_leaves_all_or_nothing(tmp_path: Path, golden: Path, env: Dict[str, str]) -> None:
    """Whenever Ctrl-C comes: before, during or after the unpack."""
    folder = tmp_path / "tree"
    words = [sys.executable, "-m", "airpack_runtime", "unpack", "--bundle", str(golden), str(folder)]

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(words, env={**env, "PYTHONPATH": str(RUNTIME)}, stderr=subprocess.PIPE)

    started = time.perf_counter()
    start().communicate()
    took, endings = time.perf_counter() - started, set()
    shutil.rmtree(str(folder))
    for step in range(24):
        process = start()
        time.sleep(took * (step + 1) / 24)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        endings.add(process.returncode)
        if folder.exists():
            assert sorted(os.listdir(str(folder))) == ["airpack-tree.json", "bin", "lib", "share"], step
            shutil.rmtree(str(folder))
        assert os.listdir(str(tmp_path)) == []
    assert 130 in endings
