"""The README's examples: each is run on scikit-learn and pandas, and its lines are those that come out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack import contents
from airpack_runtime import layout
from support import machine

pytestmark = pytest.mark.network

# From where the wheels come, and whose key it is, differs with the machine.
_ELSEWHERE = ("origin ", "... (")
# An object store, in whose place a folder does.
_STORE = "az://models"


def _examples() -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the README that stands behind a `$`, and the lines below it."""
    command, lines = "", list[str]()
    for line in (machine.ROOT / "README.md").read_text().splitlines():
        if not line.startswith("    "):
            if line or not command:  # an empty line may be of the output
                if command:
                    yield command, lines
                command = ""
        elif line.startswith("    $ airpack "):
            if command:
                yield command, lines
            command, lines = line.removeprefix("    $ ").partition("  #")[0].strip(), []
        elif command:
            lines.append(line[4:])


EXAMPLES = list(_examples())


def _shape(line: str) -> str:
    """Return a line without what a release, or a machine, makes different: numbers, hashes, spaces."""
    line = re.sub(r"\b[0-9a-f]{12,64}\b", "HASH", line.removesuffix("..."))
    return " ".join(re.sub(r"\d[\d,.]*", "N", line).split())


@pytest.fixture(scope="module")
def folder(science: Path, older: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the examples can be run: `dist`, `older`, and a damaged bundle."""
    place = tmp_path_factory.mktemp("readme")
    parts = shutil.ignore_patterns("dropin", "*.pyz")
    shutil.copytree(science, place / "dist", copy_function=os.link, ignore=parts)
    shutil.copytree(older, place / "older", copy_function=os.link)
    data = bytearray((science / layout.BUNDLE_NAME).read_bytes())
    with contents.opened(science) as opened:
        data[opened.toc.frames[50].offset] ^= 1
    (place / "damaged.tar.zst").write_bytes(data)
    return place


def test_the_readme_has_an_example_of_each_command() -> None:
    """Of those that look inside, sign, and carry."""
    told = (machine.ROOT / "README.md").read_text()
    commands = {command.split()[1] for command, _ in EXAMPLES}
    assert commands == {"inspect", "diff", "verify", "extract", "cat", "keygen", "sign", "oci", "upload"}
    assert {"pack", "sbom", "rebuild"} <= set(re.findall(r"^    airpack (\w+) ", told, re.MULTILINE))


def test_what_the_examples_show_comes_out(folder: Path) -> None:
    """Line for line, in the README's order, but for numbers; `...` stands for lines that are left out."""
    with contents.opened(folder / "dist") as opened:
        digest = f"sha256:{opened.bundle.digest}"
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "airpack").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m airpack "$@"\n')
    (bin_folder / "airpack").chmod(0o755)
    env = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "COLUMNS": "80"}
    for command, lines in EXAMPLES:
        words = re.sub(r"sha256:[0-9a-f]{64}", digest, command).replace(_STORE, f"file://{folder}/models")
        done = subprocess.run(
            ["/bin/sh", "-c", f"{{ {words} ; }} 2>&1"], cwd=folder, env=env, stdout=-1, text=True, check=False
        )
        shapes = [_shape(line) for line in done.stdout.splitlines()]
        for line in (each.replace(_STORE, f"file://{folder}/models") for each in lines):
            if not line.strip().startswith(_ELSEWHERE):
                cut = line.endswith("...")
                assert [each for each in shapes if each == _shape(line) or (cut and each.startswith(_shape(line)))], (
                    f"{command}: {line}\n{done.stdout}"
                )


def test_the_other_examples_too(folder: Path) -> None:
    """What `pack` and `sbom` say stands apart from the command."""
    told = [line[4:] for line in (machine.ROOT / "README.md").read_text().splitlines() if line.startswith("    ")]
    shapes = {_shape(line) for line in told}
    requirements = machine.FIXTURES / "science" / "requirements.txt"
    line = [sys.executable, "-m", "airpack", "pack", "-r", str(requirements), "-o", "dist", "--level", "3"]
    (folder / "pack").mkdir()
    done = subprocess.run(line, cwd=folder / "pack", capture_output=True, text=True, check=True)
    assert {_shape(each) for each in (done.stdout + done.stderr).splitlines()} - shapes == set()
    line = [sys.executable, "-m", "airpack", "sbom", "dist", "-o", "sbom.cdx.json"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    assert _shape(done.stdout) in shapes
