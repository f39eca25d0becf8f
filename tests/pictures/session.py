"""A session on a terminal, recorded while it runs, and the report of its bundle as Chromium shows it."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from pictures import svg
from support import browser as browsers
from support import machine

COLUMNS = 98
# What is typed.
COMMANDS = (
    "airpack pack -r requirements.txt -o dist",
    "airpack tree dist --sizes",
    'airpack run dist -- python -c "import sklearn, pandas; print(pandas.__version__)"',
    "airpack report dist -o report.html",
)
_LETTER, _LINE, _MARGIN, _BAR = 7.8, 19, 18, 34
_KINDS = {"1": "b", "2": "d", "31": "r", "32": "g"}
_STYLE = f"""
text {{ font: 13px {svg.MONO}; white-space: pre; }}
.window {{ fill: var(--paper); stroke: var(--line); }}
.dot {{ fill: var(--line); }}
.b {{ font-weight: 700; }}
.d {{ fill: var(--soft); }}
.r {{ fill: var(--red); }}
.g {{ fill: var(--green); }}
.p {{ fill: var(--accent); font-weight: 700; }}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command line, and the lines that it printed, with the terminal's colours."""

    command: str
    printed: Sequence[str]


def record(folder: Path) -> list[Step]:
    """Run the session in the empty folder `folder`, on a terminal of its own."""
    requirements = (machine.FIXTURES / "science" / "requirements.txt").read_text(encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    (folder / "bin").mkdir()
    (folder / "bin" / "airpack").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m airpack "$@"\n')
    (folder / "bin" / "airpack").chmod(0o755)
    (folder / "home").mkdir()
    env = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "TERM": "xterm",
        "COLUMNS": str(COLUMNS),
        "AIRPACK_NO_PROGRESS": "1",
        "AIRPACK_CACHE_DIR": str(folder / "home" / ".cache" / "airpack"),
    }
    return [_run(command, folder, env) for command in COMMANDS]


def _run(command: str, folder: Path, env: dict[str, str]) -> Step:
    ours, theirs = pty.openpty()
    with subprocess.Popen(shlex.split(command), cwd=folder, env=env, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b"".join(_chunks(ours))
        status = process.wait()
    os.close(ours)
    text = written.decode().replace("\r\n", "\n")
    for home in (folder / "home", Path.home()):
        text = text.replace(str(home), "~")
    if status:
        raise RuntimeError(f"{command} ended with status {status}:\n{text}")
    return Step(command=command, printed=text.rstrip("\n").split("\n"))


def _chunks(descriptor: int) -> Iterator[bytes]:
    """Yield what is written to the other end of a terminal, until that is closed."""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            return
        if not chunk:
            return
        yield chunk


def draw(steps: Sequence[Step]) -> str:
    """Return a drawing of the terminal after the session."""
    lines: list[str] = []
    for step in steps:
        lines += [f"{_span('p', '$')} {_span('b', step.command)}", *map(_coloured, step.printed), ""]
    body, y = "", _BAR + _LINE
    for line in lines[:-1]:
        body += f'<text x="{_MARGIN}" y="{y}">{line}</text>\n' if line else ""
        y += _LINE
    width = round(COLUMNS * _LETTER + 2 * _MARGIN)
    window = f'<rect class="window" x=".5" y=".5" width="{width - 1}" height="{y - 1}" rx="8"/>\n'
    window += "".join(
        f'<circle class="dot" cx="{_MARGIN + 6 + 18 * number}" cy="19" r="5.5"/>\n' for number in range(3)
    )
    about = "A terminal: " + "; ".join(step.command for step in steps)
    return svg.drawing(window + body, width=width, height=y, about=about, style=_STYLE)


def _coloured(line: str) -> str:
    """Return a line with the terminal's colours as spans, cut where the terminal ends."""
    shown, kind, left = "", "", COLUMNS
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        if part.startswith("\x1b"):
            kind = _KINDS.get(part[2:-1], "")
            continue
        text = part[:left]
        left -= len(text)
        shown += _span(kind, text) if kind and text else escape(text)
    return shown


def _span(kind: str, text: str) -> str:
    return f'<tspan class="{kind}">{escape(text)}</tspan>'


def shoot(folder: Path, place: Path) -> None:
    """Write what Chromium shows of the session's report, light and dark, into the folder `place`."""
    with browsers.chromium() as browser:
        for theme in browsers.THEMES:
            page = browsers.opened(browser, folder / "report.html", width=1000, theme=theme).page
            page.set_viewport_size({"width": 1000, "height": 1500})
            page.screenshot(path=place / f"report-{theme}.png")
