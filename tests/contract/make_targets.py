"""Writes the table of what was packed, booted and imported for which target into docs/targets.md, from real runs.

    python tests/contract/make_targets.py [--arm64 ROOT/usr/bin/python3.11] [--musl PREFIX/bin/python3.11]

The interpreters that are given are for AArch64, by qemu, and for musl. What a machine has no interpreter of is packed
all the same, and said to be not booted.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if __package__ in (None, ""):
    sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent / "runtime")]

from support import machine, pages

PAGE = machine.ROOT / "docs" / "targets.md"
BEGIN, END = "<!-- written by tests/contract/make_targets.py -->", "<!-- the end of what it writes -->"
PYTHONS = ("cp37", "cp38", "cp39", "cp310", "cp311", "cp312", "cp313", "cp313t", "cp314", "cp314t")
# By column: the platform, and the option that gives its interpreter.
PLATFORMS = {
    "glibc, x86-64": ("manylinux_2_34_x86_64", None),
    "glibc, aarch64": ("manylinux_2_34_aarch64", "arm64"),
    "musl, x86-64": ("musllinux_1_2_x86_64", "musl"),
}
PROJECT = "markupsafe"  # compiled, with wheels for every platform


def main() -> None:
    """Run the packs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("arm64", "musl"):
        parser.add_argument(f"--{name}", metavar="PYTHON")
    given = vars(parser.parse_args())
    lines = [f"| | {' | '.join(PLATFORMS)} |", f"|{'---|' * (len(PLATFORMS) + 1)}"]
    with ThreadPoolExecutor(len(PLATFORMS)) as executor:
        rows = {
            tag: [
                executor.submit(_cell, f"{tag}-{platform}", given.get(option or ""))
                for platform, option in PLATFORMS.values()
            ]
            for tag in PYTHONS
        }
        for tag, cells in rows.items():
            lines.append(f"| `{tag}` | {' | '.join(cell.result() for cell in cells)} |")
            print(lines[-1], flush=True)
    table = "".join(f"{line}\n" for line in lines)
    PAGE.write_text(pages.put(PAGE.read_text(encoding="utf-8"), BEGIN, END, table), encoding="utf-8")


def _cell(target: str, python: str | None) -> str:
    """Return how far a target came: what was packed, and booted and imported, or why not."""
    fits = python is not None and f"python3.{re.sub('[^0-9]', '', target.partition('-')[0])[1:]}" == Path(python).name
    with tempfile.TemporaryDirectory(prefix="airpack-targets-") as folder:
        line = [sys.executable, "-m", "airpack", "pack", PROJECT, "--target", target, "--level", "1", "--json"]
        line += ["--no-python-download", "--only-binary", ":all:", "-o", f"{folder}/dist"]
        line += ["--python", str(python)] if fits else []
        done = subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)
    answer = json.loads(done.stdout)
    if not answer["ok"]:
        return f"not packed: {answer['error']['message'].partition(':')[0]}"
    notes = "\n".join(answer["notes"])
    version = next(each["version"] for each in answer["result"]["packages"] if each["name"] == PROJECT)
    if "was not imported here: " in notes:
        return f"{version} packed; no such Python here"
    if "no Python 3." in notes:
        return f"{version} packed without bytecode; no such Python here"
    failed = "fails here" in notes
    return f"{version} packed, booted; import failed" if failed else f"{version} packed, booted, imported"


if __name__ == "__main__":
    main()
