"""README.md and docs/: their links lead somewhere, their commands exist, and what isn't run says why."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
from contract import make_commands
from support import machine, pages

README = machine.ROOT / "README.md"
LINKED = (*pages.PAGES, *(machine.ROOT / name for name in ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")))
_LANGUAGES = {pages.CONSOLE, pages.SHELL, "text", "yaml", "toml", "json", "python", "mermaid"}
# In a message: what stands for a name, a version or a number.
_PLACEHOLDER = re.compile(r"\.\.\.|\bX\.whl\b|\bX\b|\bV\b|\bY<2\b|\b2\.3\b|\bcp37-|\b3\.7\b")


def _name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("page", LINKED, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative ones: to a file of the repository, and to a heading of it if they name one."""
    targets = re.findall(r"\]\(([^)\s]+)\)", pages.prose(page))
    for target in targets:
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert place.is_relative_to(machine.ROOT), target
        if anchor:
            assert anchor in pages.headings(place), target


def test_the_readme_is_short_and_lists_every_page() -> None:
    """At most 250 lines and 14 kB."""
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert len(text.encode()) <= 14_000
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", text))
    assert linked == {str(page.relative_to(machine.ROOT)) for page in pages.PAGES} - {"README.md"}


@pytest.mark.parametrize("page", pages.PAGES[1:], ids=_name)
def test_a_page_opens_with_what_it_is_for(page: Path) -> None:
    """A title, and one paragraph of one sentence about the page itself."""
    title, opening = page.read_text(encoding="utf-8").split("\n\n")[:2]
    assert title.startswith("# ")
    assert opening.startswith("This page ")
    assert len(re.findall(r"[.!?](?:\s|$)", opening)) == 1, opening


@pytest.mark.parametrize("page", pages.PAGES, ids=_name)
def test_each_command_is_run_or_says_why_not(page: Path) -> None:
    """Unmarked blocks are run by `tests/e2e/test_examples.py`; a mark names a test that exists, or a reason."""
    for block in pages.blocks(page):
        where = f"{page.name}:{block.number}"
        assert block.language in _LANGUAGES, where
        is_shell = block.language in (pages.CONSOLE, pages.SHELL)
        assert is_shell or not (block.not_run or block.run_by), f"{where} has a mark, and no command"
        if block.language == pages.CONSOLE:
            assert block.text.startswith("$ "), where
        if block.language == "text":
            assert "$ " not in block.text, f"{where} has a command: make it a console block"
        if block.run_by:
            path, _, name = block.run_by.partition("::")
            tree = ast.parse((machine.ROOT / path).read_text(encoding="utf-8"))
            assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, where
    marks = re.findall(r"<!-- (?:not run|run by)", page.read_text(encoding="utf-8"))
    assert len(marks) == sum(bool(block.not_run or block.run_by) for block in pages.blocks(page))


def test_only_the_readme_indents_commands() -> None:
    """Two: what a fresh machine runs, and the tests, which `.ci/run` reads from there."""
    indented = {
        page: re.findall(r"^ {4}(\S.*)$", _without_lists(pages.prose(page)), re.MULTILINE) for page in pages.PAGES
    }
    first, tests = indented.pop(README)
    assert "airpack pack" in first
    assert "pytest" in tests
    assert "README.md" in (machine.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert not any(indented.values()), indented


def _without_lists(text: str) -> str:
    """Return text without its lists, whose lines are indented, too."""
    return re.sub(r"^(?:[-*]|\d+\.) .*\n(?:[ ]+\S.*\n)*", "", text, flags=re.MULTILINE)


def test_the_page_of_commands_is_up_to_date() -> None:
    """`python tests/contract/make_commands.py` writes it."""
    assert make_commands.PAGE.read_text(encoding="utf-8") == make_commands.render()


@pytest.mark.parametrize("page", pages.PAGES, ids=_name)
def test_commands_and_options_in_the_text_exist(page: Path) -> None:
    """Each `airpack COMMAND --option` between backticks, whether or not it is an example."""
    known = {
        name: {word for action in parser._actions for word in action.option_strings}
        for name, (_, parser) in make_commands.packers().items()
    }
    for span in re.findall(r"`airpack ([^`]+)`", pages.prose(page)):
        words = shlex.split(span.replace("\\|", "|").replace("...", ""))
        name = next((name for name in known if name in (words[0], " ".join(words[:2]))), "")
        assert name or words[0].startswith("-") or words == ["0.1.0"], span
        before_command = words[: words.index("--")] if "--" in words else words
        for word in before_command[1:] if name else []:
            assert not word.startswith("-") or word in known[name], span


def test_each_message_of_the_page_of_troubles_is_in_the_source() -> None:
    """Whatever is said in the first column: so that who searches for a message finds it."""
    text = (machine.ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.+?`(?:, `.+?`)*(?:, \.\.\.)?) \| ", text.partition("## Pack")[2], re.MULTILINE)
    assert len(cells) > 20
    sources = [*(machine.ROOT / "packager").rglob("*.py"), *(machine.ROOT / "runtime").rglob("*.py")]
    constants = [
        node.value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for span in re.findall("`([^`]+)`", " ".join(cells)):
        for words in filter(None, (part.strip(" :,;<") for part in _PLACEHOLDER.split(span))):
            assert any(words in constant for constant in constants), f"{span}: {words!r} is in no message"
