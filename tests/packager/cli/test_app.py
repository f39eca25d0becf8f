"""What `airpack` says of a command line that is wrong, and where its output can't go."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from airpack.cli.app import COMMANDS, INTERRUPTED, main
from airpack_runtime import layout
from support import machine

GOLDEN = machine.FIXTURES / "golden" / layout.BUNDLE_NAME
AIRPACK = f"'{sys.executable}' -m airpack"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--frobnicate"], "the command comes first: airpack COMMAND --frobnicate ...; see airpack --help"),
        (["inspekt", "dist"], "there is no command 'inspekt' (is it inspect?); see airpack --help"),
        (["frobnicate"], "there is no command 'frobnicate'; see airpack --help"),
        (["\x1b[2J"], "there is no command '\\x1b[2J'; see airpack --help"),
        (["diff", "dist"], "the following arguments are required: NEW; see airpack diff --help"),
        (["cat", "dist", "x", "--bogus"], "unrecognized arguments: --bogus; see airpack cat --help"),
        (
            ["pack", "--level", "99", "x"],
            "argument --level: '99' is not a level: give a number from 1 to 19; see airpack pack --help",
        ),
        (
            ["pack", "--level", "5", "--release", "x"],
            "argument --release: not allowed with argument --level; see airpack pack --help",
        ),
    ],
)
def test_a_wrong_command_line_is_answered_in_a_line(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """With what is wrong, and where the usage is told, which takes a screen."""
    assert main(words) == 2
    assert capsys.readouterr() == ("", f"airpack: error: {message}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Within 80 columns, and by its name."""
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    told = capsys.readouterr().out
    assert told.startswith(f"usage: airpack {command} ")
    assert max(map(len, told.splitlines())) <= 80


def test_a_traceback_does_not_act_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-v` shows it, and it quotes what a stranger's file holds."""
    path = tmp_path / "pylock.toml"
    path.write_text('lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "one\\u001b[2J"\n')
    assert main(["pack", "-v", "--lock", str(path), "-o", str(tmp_path / "\x1b[2J")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Traceback (most recent call last):\n")
    assert all(line.isprintable() for line in told.splitlines())


def _shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    # A user's Python keeps its output back until there is enough of it, or it ends.
    env = {**os.environ, "PYTHONUNBUFFERED": "", **env}
    return subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
def test_a_closed_output_is_said(tmp_path: Path) -> None:
    """Rather than to write nothing, or into a file that was opened in its place; a closed stderr hides no status."""
    for words in (f"cat '{GOLDEN}' beta/data.txt", f"extract '{GOLDEN}' -o '{tmp_path}/out'"):
        done = _shell(f"{AIRPACK} {words} >&-")
        assert (done.returncode, done.stderr) == (
            1,
            "airpack: error: standard output is closed: open it, or send it to /dev/null\n",
        )
    assert not (tmp_path / "out").exists()
    done = _shell(f"{AIRPACK} inspect nowhere 2>&-")
    assert (done.returncode, done.stdout) == (1, "")
    done = _shell(f"{AIRPACK} inspect nowhere --json 2>&-", AIRPACK_LEVL="2")  # a warning goes nowhere else
    assert json.loads(done.stdout)["error"]["message"].startswith("no bundle at nowhere")
    full = "airpack: error: standard output: No space left on device\n"
    for words in (f"inspect '{GOLDEN}'", "--help", "pack --help", "help pack", "--version"):
        done = _shell(f"{AIRPACK} {words} >/dev/full")
        assert (done.returncode, done.stderr) == (1, full)


def test_a_name_that_the_locale_lacks_letters_for(tmp_path: Path) -> None:
    """It is written by its number; nothing fails for it."""
    line = f"{AIRPACK} extract '{GOLDEN}' -o '{tmp_path}/f\u00fcr' 'bin/*'"
    done = _shell(line, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(", in " + f"{tmp_path}/f\\xfcr\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stays_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """Python makes a RuntimeError of an interrupt that arrives in `__set_name__`, which imports call now and then."""

    class Interrupted:
        def __set_name__(self, *_: object) -> None:
            signal.raise_signal(number)

    def make_a_class(*_: object) -> None:
        type("Made", (), {"attribute": Interrupted()})

    monkeypatch.setattr("airpack.cli.commands.inspect.run", make_a_class)
    assert main(["inspect", str(GOLDEN)]) == INTERRUPTED
    assert capsys.readouterr().err == "airpack: error: interrupted; nothing was changed\n"


@pytest.mark.parametrize(
    ("words", "folders"),
    [
        (["--version"], {"base", "cli"}),
        (["extract", "--help"], {"base", "bundle", "cli", "inspection", "results", "target"}),
    ],
)
def test_a_command_imports_only_what_it_runs(words: list[str], folders: set[str]) -> None:
    """What reads the command line and the settings imports no resolver, no registry and no pip."""
    names = "{name.split('.')[1] for name in sys.modules if name.startswith('airpack.')}"
    line = (
        f"import atexit, sys, airpack.cli.app; atexit.register(lambda: print({names})); airpack.cli.app.main({words})"
    )
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout.splitlines()[-1]) == folders
