"""Writes the table of what was packed, booted and imported for which target into docs/targets.md, from real runs.

    python tests/contract/make_targets.py [--python PATH ...] [--only TARGET ...]

The interpreters are those of this machine, those that the tests make of Debian's packages (for AArch64, run by qemu,
for musl, free-threaded, and 3.14), and those that are given. What there is no interpreter of is packed all the same,
and said to be not booted. With `--only`, by the interpreters that are given, the other cells stay as they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

if __package__ in (None, ""):
    sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent / "runtime")]

from airpack.target import interpreter
from support import arm64, compiled_python, debian, machine, newest_python, pages

PAGE = machine.ROOT / "docs" / "targets.md"
BEGIN, END = "<!-- written by tests/contract/make_targets.py -->", "<!-- the end of what it writes -->"
PYTHONS = ("cp37", "cp38", "cp39", "cp310", "cp311", "cp312", "cp313", "cp313t", "cp314", "cp314t")
PLATFORMS = {
    "glibc, x86-64": "manylinux_2_31_x86_64",
    "glibc, aarch64": "manylinux_2_31_aarch64",
    "musl, x86-64": "musllinux_1_2_x86_64",
}
# What the tests make of Debian's packages.
MADE: tuple[Callable[[], Path], ...] = (
    *(partial(arm64.interpreter, version) for version in debian.PYTHONS),
    *(partial(compiled_python.musl, version) for version in compiled_python.FOR_MUSL),
    compiled_python.free_threaded,
    newest_python.python,
)
PROJECT = "markupsafe"  # compiled, with wheels for every platform


def main() -> None:
    """Run the packs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", metavar="PATH", type=Path, action="append", default=[])
    parser.add_argument("--only", metavar="TARGET", action="append", default=[])
    given = parser.parse_args()
    pythons = dict(map(_placed, [*([] if given.only else _made()), *given.python]))
    page = PAGE.read_text(encoding="utf-8")
    cells = _cells_of(page)
    targets = given.only or [f"{tag}-{platform}" for tag in PYTHONS for platform in PLATFORMS.values()]
    with ThreadPoolExecutor(len(PLATFORMS)) as executor:
        # One of the same version for this machine compiles for the others as well.
        here = {target: f"{target.partition('-')[0]}-{PLATFORMS['glibc, x86-64']}" for target in targets}
        found = executor.map(_cell, targets, [pythons.get(each, pythons.get(here[each])) for each in targets])
        for target, cell in zip(targets, found, strict=True):
            print(target, cell, flush=True)
            cells[target] = cell
    lines = [f"| | {' | '.join(PLATFORMS)} |", f"|{'---|' * (len(PLATFORMS) + 1)}"]
    rows = {tag: " | ".join(cells[f"{tag}-{platform}"] for platform in PLATFORMS.values()) for tag in PYTHONS}
    lines += [f"| `{tag}` | {row} |" for tag, row in rows.items()]
    table = "".join(f"{line}\n" for line in lines)
    PAGE.write_text(pages.put(page, BEGIN, END, table), encoding="utf-8")


def _cells_of(page: str) -> dict[str, str]:
    """Return the cells of the table as it is, by their targets."""
    cells = {}
    for line in page.partition(BEGIN)[2].partition(END)[0].splitlines()[3:]:
        tag, *row = (cell.strip(" `") for cell in line.strip("|").split("|"))
        cells.update({f"{tag}-{platform}": cell for platform, cell in zip(PLATFORMS.values(), row, strict=False)})
    return cells


def _made() -> Iterator[Path]:
    """Yield the interpreters that the tests make, and say of each that can't be made why."""
    for make in MADE:
        try:
            yield make()
        except pytest.skip.Exception as reason:
            print(reason, file=sys.stderr)


def _placed(path: Path) -> tuple[str, Path]:
    """Return the target of the table that an interpreter is for, and its path."""
    python = interpreter.ask(path)
    if python is None:
        raise SystemExit(f"{path} does not run")
    tag = f"cp{''.join(python.version.split('.')[:2])}{'t' * ('free-threading' in python.build)}"
    libc = "manylinux_2_31" if python.glibc else "musllinux_1_2"
    return f"{tag}-{libc}_{python.machine}", path


def _cell(target: str, python: Path | None) -> str:
    """Return how far a target came: what was packed, and booted and imported, or why not."""
    by = ["--no-python-download", "--json", *(["--python", str(python)] if python else [])]
    with tempfile.TemporaryDirectory(prefix="airpack-targets-") as folder:
        dist = f"{folder}/dist"
        packed = _airpack(
            "pack", PROJECT, "--target", target, "--level", "1", "--only-binary", ":all:", *by, "-o", dist
        )
        if not packed["ok"]:
            return f"not packed: {packed['error']['message'].partition(':')[0]}"
        version = next(each["version"] for each in packed["result"]["packages"] if each["name"] == PROJECT)
        version += " packed" + (" without bytecode" if "no Python 3." in "\n".join(packed["notes"]) else "")
        # The target's Python unpacks the bundle by the shim and its decoder, and imports.
        verified = _airpack("verify", dist, *by)
    refused = [] if isinstance(verified, list) else [verified["error"]["message"]]
    findings = refused or [each["sentence"] for each in verified]
    if any(each.startswith(("was not imported here: ", "was not imported: no Python 3.")) for each in findings):
        return f"{version}; no such Python here"
    return f"{version}; {'; '.join(findings)}" if findings else f"{version}, booted, imported"


def _airpack(*words: str) -> Any:
    """Return what a command prints as JSON."""
    line = [sys.executable, "-m", "airpack", *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
