"""Writes docs/commands.md from the parsers of both command lines.

    python tests/contract/make_commands.py

`test_docs.py` says when the page is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

if __package__ in (None, ""):
    sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent / "runtime")]

from airpack.cli.words import parsers
from airpack_runtime import commands as shim
from support import machine

PAGE = machine.ROOT / "docs" / "commands.md"
_HEAD = """# Commands

This page lists each command with its options, as `--help` tells them; `tests/contract/make_commands.py` writes it.

`airpack` is the command where you pack. The shim, `airpack-runtime.pyz`, is the command in the image: start it with the
image's Python, as in `python3.7 airpack-runtime.pyz exec -- COMMAND`.

Every command takes `-h` or `--help`; the word `help` before a command shows the same, on a
terminal by the pager (`PAGER`, else `less`). `airpack --version` and
`airpack-runtime.pyz --version` print the version; `-v` adds a traceback to an error (of the shim, before the command:
`airpack-runtime.pyz -v exec ...`). `-q`, `-v`, `--color` and `--no-progress` may stand before the command, too. What a
command ends with: [exit statuses](troubleshooting.md#exit-statuses). `--digest` and `--key` refuse another bundle than
the one that is meant, on each command that reads one.

pip's names work where they mean the same (`-r`, `-c`, `-e`, `-i`, `-f`, `-C`, `-j`; `list` and `show` are `inspect`).
Where they don't, airpack says in one line what to type: `install`, `wheel`, `compile`, `freeze`, `-t`, `-d`,
`--platform`, `exec`, and more.
"""


def render() -> str:
    """Return the text of the page."""
    packer, shimmed = packers(), _choices(shim._parser())  # as `airpack-runtime.pyz` builds it
    parts = [_HEAD]
    for title, prefix, shown in (("airpack", "airpack", packer), ("The shim", "airpack-runtime.pyz", shimmed)):
        parts.append(f"\n## {title}\n\n| command | what it does |\n|---|---|\n")
        parts += [
            f"| [`{prefix} {name}`](#{_anchor(prefix, name)}) | {about} |\n" for name, (about, _) in shown.items()
        ]
        parts.append("\n")
        parts += ["".join(_section(prefix, name, parser)) for name, (_, parser) in shown.items()]
    return "".join(parts).rstrip("\n") + "\n"


def packers() -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Return what each command of `airpack` is for, and its parser, by name."""
    return _choices(parsers.build(parsers.COMMANDS)[0])


def _choices(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Return the commands of a parser; those inside of a command by both names, such as `cache list`."""
    found: dict[str, tuple[str, argparse.ArgumentParser]] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            about = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                inner = _choices(command)
                if len(inner) == 1:  # the outer one says more than its only part
                    inner = {each: (about[name], parser) for each, (_, parser) in inner.items()}
                found |= {f"{name} {each}": value for each, value in inner.items()} or {name: (about[name], command)}
    return found


def _section(prefix: str, name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [action for action in _ordered(parser) if not isinstance(action, argparse._HelpAction)]
    words = [prefix, name, *filter(None, map(_usage, actions))]
    if any(action.option_strings and not action.required for action in actions):
        words.insert(2, "[OPTION ...]")
    yield f"### `{prefix} {name}`\n\n```text\n{' '.join(words)}\n```\n\n"
    if parser.description:
        yield f"{parser.description}\n\n"
    if actions:
        yield "| argument | meaning |\n|---|---|\n"
        yield from (f"| {_names(action)} | {_cell(_help(parser, action))} |\n" for action in actions)
        yield "\n"


def _ordered(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a command: those without a name, the groups that have a title, what all commands take."""
    general, *titled = (group._group_actions for group in parser._action_groups[1:])
    named = [*(action for group in titled for action in group), *general]
    positional = [action for action in named if not action.option_strings]
    return [*parser._action_groups[0]._group_actions, *positional, *(each for each in named if each.option_strings)]


def _usage(action: argparse.Action) -> str:
    """Return an argument as the line above a command's description shows it, empty for what may be left out."""
    if action.option_strings:
        return f"{action.option_strings[0]} {action.metavar}" if action.required else ""
    name = str(action.metavar or action.dest)
    shapes = {"*": f"[{name} ...]", "+": f"{name} [{name} ...]", "?": f"[{name}]", "...": "-- COMMAND [ARG ...]"}
    return shapes.get(str(action.nargs), name)


def _names(action: argparse.Action) -> str:
    """Return how an argument is written."""
    if not action.option_strings:
        return _code(str(action.metavar or action.dest))
    value = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else "")
    given = f" {value}" if action.nargs != 0 else ""
    return ", ".join(_code(f"{option}{given}") for option in action.option_strings)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    values: Mapping[str, object] = {**vars(action), "prog": parser.prog}
    return (action.help or "") % values + (" (required)" if action.required and action.option_strings else "")


def _cell(text: str) -> str:
    """Return text for a cell of a table; stars in it are no emphasis."""
    return text.replace("|", "\\|").replace("*", "\\*")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _anchor(prefix: str, name: str) -> str:
    return f"{prefix} {name}".replace(" ", "-").replace(".", "")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
