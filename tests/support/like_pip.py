"""Compares what the real pip installed with what airpack installed."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

from airpack.wheels import entry_points

from support import machine

# Written by who installs; of the wheel's own, pip keeps all but these.
_BY_INSTALLERS = re.compile(r".*\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)")


def install(wheel: Path, prefix: Path) -> None:
    """Let the pip of Python 3.7 install a wheel alone below `prefix`, without compiling it."""
    line: list[str | Path] = [
        machine.python37().path,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--no-compile",
        "-q",
    ]
    options = [
        "--ignore-installed",
        "--disable-pip-version-check",
        "--no-warn-script-location",
        "--ignore-requires-python",
    ]
    subprocess.run([*line, *options, "--prefix", prefix, wheel], check=True, capture_output=True, text=True)


def differences(by_pip: Path, by_airpack: Path) -> list[str]:
    """Return how two prefixes with one wheel differ: in paths, contents, executable bits; of scripts, in what they do.

    Left out is what differs by intent: what says who installed it, bytecode, where headers lie, the first lines of
    scripts, and that airpack makes every script of a wheel executable.
    """
    pip, airpack = _files(by_pip), _files(by_airpack)
    told = [f"{path} is missing" for path in sorted(pip.keys() - airpack.keys())]
    told += [f"{path} is added" for path in sorted(airpack.keys() - pip.keys())]
    for path in sorted(pip.keys() & airpack.keys()):
        one, other = pip[path], airpack[path]
        if path.startswith("bin/"):
            if _meaning(one.read_bytes()) != _meaning(other.read_bytes()):
                told.append(f"{path} does something else")
            continue
        if not _BY_INSTALLERS.fullmatch(path) and one.read_bytes() != other.read_bytes():
            told.append(f"{path} has another content")
        if bool(one.stat().st_mode & 0o100) != bool(other.stat().st_mode & 0o100):
            told.append(f"{path} has another mode")
    return told


def _files(prefix: Path) -> dict[str, Path]:
    found = {}
    for file in prefix.rglob("*"):
        path = str(file.relative_to(prefix))
        path = re.sub(r"^lib64/python3\.7/site-packages/", "lib/python3.7/site-packages/", path)
        path = re.sub(r"^include/(site/)?python3\.7m?/", "include/", path)
        optional = path.endswith((".dist-info/REQUESTED", ".dist-info/direct_url.json"))
        if file.is_file() and "/__pycache__/" not in path and not optional:
            found[path] = file
    return found


def _meaning(script: bytes) -> bytes:
    """Return what a script does: the function that it calls, else its text behind the lines that name its Python."""
    match = re.search(
        rb"^from (?P<module>[\w.]+) import \w+\n(?:.*\n)*? *(?:sys\.exit\()?(?P<call>[\w.]+)\(\)", script, re.MULTILINE
    )
    if match and len(script) < 600:
        return entry_points.Script(module=match["module"].decode(), attribute=match["call"].decode()).source()
    body = re.sub(rb"\A#!(/bin/sh\n'''exec' .*\n' '''|.*/bin/python[\d.]*)\n", b"", script)
    apart = re.fullmatch(rb"exec\(compile\(\n(?P<lines>.*), __file__, 'exec'\)\)\n", body, re.DOTALL)
    return bytes(ast.literal_eval(f"({apart['lines'].decode()})")) if apart else body
