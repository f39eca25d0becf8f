"""The pages that users read, README.md and docs/*.md: their code blocks, and what is said about running them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support import machine

PAGES = (machine.ROOT / "README.md", *sorted((machine.ROOT / "docs").glob("*.md")))
# Blocks of commands: `console` has a `$` before each, and what it prints below; `sh` is a script.
CONSOLE, SHELL = "console", "sh"
_MARK = re.compile(r"<!-- (not run|run by): (.+) -->")
_FENCE = re.compile(r"```(\w*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command line, and the lines that the page shows as its output."""

    line: str
    output: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the number of its first line in the page.

    `not_run` is the reason why the tests don't run it, `run_by` the test that does instead of the page's own
    (`PATH::NAME`); both come from a comment on the line above, and are empty for most blocks.
    """

    language: str
    text: str
    number: int
    not_run: str = ""
    run_by: str = ""

    @property
    def is_run(self) -> bool:
        """Whether the test of the page's examples runs it."""
        return self.language in (CONSOLE, SHELL) and not self.not_run and not self.run_by

    def commands(self) -> Iterator[Command]:
        """Yield the commands of a block in the languages `console` and `sh`."""
        if self.language == SHELL:
            yield Command(line=self.text)
            return
        line, output = "", list[str]()
        for text in self.text.splitlines():
            if text.startswith("$ "):
                if line:
                    yield Command(line=line, output=tuple(output))
                line, output = text[2:], []
            else:
                output.append(text)
        yield Command(line=line, output=tuple(output))


def blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found: list[Block] = []
    above, lines = "", iter(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        if fence:
            text = ""
            while (each := next(lines)[1]) != "```":
                text += f"{each}\n"
            mark = _MARK.fullmatch(above)
            kinds = {mark[1].replace(" ", "_"): mark[2]} if mark else {}
            found.append(Block(language=fence[1], text=text, number=number + 1, **kinds))
        above = line
    return found


def put(text: str, begin: str, end: str, rendered: str) -> str:
    """Return a page's text with `rendered` in place of what stands between two comments."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{rendered}\n{end}{after}"


def prose(path: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def headings(path: Path) -> list[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
