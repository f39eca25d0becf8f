"""The pictures of the README and of the pages: drawn from what is committed, or recorded from a real run."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET

import pytest
from airpack.cli.words.parsers import COMMANDS
from pictures import __main__ as pictures
from pictures import boots, flow, session
from support import pages

_SVG = "{http://www.w3.org/2000/svg}"


def _parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - the project's own


def test_drawings_are_those_that_the_script_draws() -> None:
    """The flow, and the boots of the committed benchmark; `python tests/pictures flow boots` draws them again."""
    assert (pictures.FOLDER / "flow.svg").read_text(encoding="utf-8") == flow.draw()
    assert (pictures.FOLDER / "boots.svg").read_text(encoding="utf-8") == boots.draw()


def test_the_bars_are_the_medians_of_the_benchmark() -> None:
    """The first is that of airpack; each is as long as its seconds."""
    drawn = _parsed(boots.draw())
    bars = [float(each.attrib["width"]) for each in drawn.iter(f"{_SVG}rect")]
    seconds = list(boots.seconds().values())
    assert bars == pytest.approx([took / seconds[-1] * bars[-1] for took in seconds], abs=0.1)


@pytest.mark.parametrize("name", ["flow", "boots", "terminal"])
def test_a_drawing_is_safe_and_has_both_themes(name: str) -> None:
    """It is one document without scripts or anything to load, says what it shows, and names no machine's folder."""
    text = (pictures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    drawn = _parsed(text)
    assert drawn.attrib["aria-label"]
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<script|href|url\(|@import|/tmp/|/work/|/root/", text)


def test_the_terminal_shows_commands_that_exist() -> None:
    """Each was run: below it stands what it printed."""
    drawn = _parsed((pictures.FOLDER / "terminal.svg").read_text(encoding="utf-8"))
    lines = ["".join(each.itertext()) for each in drawn.iter(f"{_SVG}text")]
    assert [line[2:] for line in lines if line.startswith("$ ")] == list(session.COMMANDS)
    assert {command.split()[1] for command in session.COMMANDS} <= {*COMMANDS}
    assert any(line.startswith("digest    sha256:") for line in lines)


def test_colours_of_a_terminal_become_spans() -> None:
    """What is printed is text: nothing of it is markup."""
    drawn = session.draw([session.Step(command="airpack x", printed=["\x1b[1m<b>&\x1b[0m plain", "", "x" * 200])])
    bold, plain, cut = list(_parsed(drawn).iter(f"{_SVG}text"))
    assert ("".join(bold.itertext()), plain[0].attrib["class"]) == ("$ airpack x", "b")
    assert "".join(plain.itertext()) == "<b>& plain"
    assert cut.text == "x" * session.COLUMNS


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_reports_screenshot_is_a_png_of_moderate_size(theme: str) -> None:
    """In both themes."""
    data = (pictures.FOLDER / f"report-{theme}.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1000, 1500)
    assert len(data) < 300_000


def test_each_picture_is_shown() -> None:
    """In the README, or on a page."""
    shown = "".join(page.read_text(encoding="utf-8") for page in pages.PAGES)
    assert [path.name for path in sorted(pictures.FOLDER.iterdir()) if f"pictures/{path.name}" not in shown] == []
