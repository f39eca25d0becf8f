"""Shells complete airpack's command lines by the script that it prints, in the real shells."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from airpack.cli.words.parsers import COMMANDS
from support import machine
from support.airpack import Airpack

pytestmark = pytest.mark.slow

# A command line that is not finished, and what some of its completions are.
CASES = [
    ("airpack pack-", ["pack-all"]),
    ("airpack lic", ["licenses"]),
    ("airpack diff --rep", ["--report"]),
    ("airpack diff --report ", ["md", "html"]),
    ("airpack target l", ["list"]),
    ("airpack completion ", ["bash", "zsh", "fish"]),
]


def _script(airpack: Airpack, shell: str, folder: Path) -> Path:
    assert airpack("completion", shell) == 0, airpack.err
    path = folder / f"airpack.{shell}"
    path.write_text(airpack.out, encoding="utf-8")
    return path


def _run(*line: object) -> str:
    done = subprocess.run([*map(str, line)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("words", "expected"), CASES)
def test_bash_completes(airpack: Airpack, tmp_path: Path, words: str, expected: list[str]) -> None:
    """By the function that it registers for the command."""
    path = _script(airpack, "bash", tmp_path)
    split = words.split(" ")
    quoted = " ".join(f"'{word}'" for word in split)
    program = (
        f"source {path}; COMP_WORDS=({quoted}); COMP_CWORD={len(split) - 1}; _shtab_airpack; echo ${{COMPREPLY[@]}}"
    )
    assert {*expected} <= {*_run(machine.tool("bash"), "-c", program).split()}


@pytest.mark.parametrize(("words", "expected"), CASES)
def test_fish_completes(airpack: Airpack, tmp_path: Path, words: str, expected: list[str]) -> None:
    """As its own `complete -C` asks for."""
    path = _script(airpack, "fish", tmp_path)
    shown = _run(machine.tool("fish"), "--no-config", "-c", f"source {path}; complete -C '{words}'")
    assert {*expected} <= {line.split("\t")[0] for line in shown.splitlines()}


def test_zsh_registers_the_command(airpack: Airpack, tmp_path: Path) -> None:
    """From a folder of its $fpath, without a complaint; each command and its help is there."""
    path = _script(airpack, "zsh", tmp_path)
    path.rename(tmp_path / "_airpack")
    program = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[airpack]"
    assert _run(machine.tool("zsh"), "-f", "-c", program) == "_airpack\n"
    _run(machine.tool("zsh"), "-n", tmp_path / "_airpack")
    assert all(f"{name}:" in airpack.out for name in COMMANDS)


def test_bash_completes_files(airpack: Airpack, tmp_path: Path) -> None:
    """Where an argument is a path."""
    path = _script(airpack, "bash", tmp_path)
    (tmp_path / "bundle.tar.zst").touch()
    program = f"cd {tmp_path}; source {path}; COMP_WORDS=(airpack inspect bun); COMP_CWORD=2; _shtab_airpack"
    assert _run(machine.tool("bash"), "-c", f"{program}; echo ${{COMPREPLY[@]}}") == "bundle.tar.zst\n"


def test_another_shell_is_a_usage_error(airpack: Airpack) -> None:
    """Which names those that are known."""
    assert airpack("completion", "tcsh") == 2
    assert "invalid choice: 'tcsh'" in airpack.error
