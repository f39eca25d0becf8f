"""Measures the commands that look inside a bundle, as whole processes, beside what they can't be faster than."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from airpack.cli.app import main as airpack
from airpack_runtime import layout
from benchmarks.measure import command, interleaved, median, ratio
from support import machine

_AIRPACK = [sys.executable, "-m", "airpack"]
_IMPORT = '`python -c "import airpack"`'
_CHECKED = "`zstd -t` and `sha256sum`"


def measure(folder: Path, runs: int) -> None:
    """Print the tables of the science bundle, and of one with an older pandas, in `folder`."""
    wanted = (machine.FIXTURES / "science" / "requirements.txt").read_text()
    (folder / "older.txt").write_text(wanted.replace("pandas==1.3.5", "pandas==1.3.4"))
    for name, file in (("new", machine.FIXTURES / "science" / "requirements.txt"), ("old", folder / "older.txt")):
        if airpack(["pack", "-q", "--no-import", "-r", str(file), "-o", str(folder / name)]):
            raise SystemExit(1)
    new, old = (str(folder / name / layout.BUNDLE_NAME) for name in ("new", "old"))
    reading = {
        _IMPORT: [sys.executable, "-c", "import airpack"],
        "`inspect`": [*_AIRPACK, "inspect", new],
        "`diff`": [
            "sh",
            "-c",
            'airpack=$1; shift; "$airpack" -m airpack diff "$@"; test $? = 1',
            "sh",
            sys.executable,
            old,
            new,
        ],
        "`cat` of one file": [*_AIRPACK, "cat", new, "pandas/__init__.py"],
    }
    _print(reading, _IMPORT, runs)
    both = f"zstd -q -t {new} && sha256sum {new}"
    _print(
        {_CHECKED: ["sh", "-c", both], "`verify --no-import`": [*_AIRPACK, "verify", "-q", "--no-import", new]},
        _CHECKED,
        runs,
    )


def _print(commands: Mapping[str, Sequence[str]], beside: str, runs: int) -> None:
    found = interleaved({name: command(words, os.environ) for name, words in commands.items()}, runs=runs)
    print(f"\n| of {runs} runs in turn | median s | min - max s | ratio |\n|---|---|---|---|")
    for name, each in found.items():
        walls = [run.wall for run in each]
        share = ratio(each, found[beside])
        print(f"| {name} | {median(walls):.3f} | {min(walls):.3f} - {max(walls):.3f} | {share:.2f} |")
