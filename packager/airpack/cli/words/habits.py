"""What people type out of habit, from pip, uv and others, and what it is called here."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence

from airpack.cli.words.elsewhere import (
    ACTIONS_ELSEWHERE,
    COMMANDS_ELSEWHERE,
    NEEDLESS,
    OPTIONS_ELSEWHERE,
    RESOLVING,
    SAME_ACTIONS,
    SAME_COMMANDS,
)

# Options that may stand before the command as well, as pip and git have them; with whether a value follows.
GLOBAL_OPTIONS: Mapping[str, bool] = {
    **dict.fromkeys(("-q", "--quiet", "-v", "-vv", "--verbose", "--no-progress"), False),
    "--color": True,
}

_ALIKE = 0.7  # the least similarity of an option that may be meant, as difflib measures it
# The action of a command where none is named.
DEFAULT_ACTIONS: Mapping[str, str] = {"target": "show", "python": "list"}


def unknown_command(name: str, commands: Collection[str]) -> str:
    """Return the message for a word that is no command: what it is called here, or the nearest of the commands."""
    import difflib  # noqa: PLC0415 - only needed for a mistyped command

    if name in COMMANDS_ELSEWHERE:
        return f"there is no command {name!r}: {COMMANDS_ELSEWHERE[name]}"
    nearest = difflib.get_close_matches(name, [*commands, *SAME_COMMANDS, "help"], 1)
    return f"there is no command {name!r}" + (f" (is it {nearest[0]}?)" if nearest else "")


def called_otherwise(command: str, words: Sequence[str], known: Collection[str]) -> str | None:
    """Return what the first of the words that is an option of other tools is called here, None if none is.

    `known` are the command's own options, which count spelled out alone: what another tool means by `--only` is not
    `--only-binary`. What stands after `--` is not airpack's.
    """
    for word in options_in(words):
        for habit in OPTIONS_ELSEWHERE:
            if word not in known and word in habit.words.split() and habit.is_of(command):
                return f"{word} is not an option of airpack {command}: {habit.here}"
    return None


def nearest_option(words: Sequence[str], known: Collection[str]) -> str | None:
    """Return the message for the first of the words that resembles an option of the command's, None if none does."""
    import difflib  # noqa: PLC0415 - only needed for a mistyped option

    for word in options_in(words):
        nearest = [] if _is_known(word, known) else difflib.get_close_matches(word, known, 1, _ALIKE)
        if nearest:
            return f"unrecognized arguments: {word} (is it {nearest[0]}?)"
    return None


def other_action(command: str, words: Sequence[str]) -> str | None:
    """Return what a command's action of another tool, such as `config set`, is called here; None if none is meant."""
    typed = " ".join([command, *words[:1]])
    return f"there is no {typed!r}: {ACTIONS_ELSEWHERE[typed]}" if typed in ACTIONS_ELSEWHERE else None


def options_in(words: Sequence[str]) -> list[str]:
    """Return the options among the words, each without its value; what stands after `--` is not airpack's."""
    return [word.partition("=")[0] for word in words[: _end(words)] if word.startswith("-") and word != "-"]


def _end(words: Sequence[str]) -> int:
    """Return where the words end that are airpack's own: at `--`, if it is there."""
    return words.index("--") if "--" in words else len(words)


def without_needless(command: str, words: Sequence[str], known: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the words without the options that change nothing here, and a note for each of those."""
    if command not in RESOLVING.split():
        return list(words), []
    needless = [word for word in options_in(words) if word in NEEDLESS and word not in known]
    notes = [f"note: {word} changes nothing here: {NEEDLESS[word]}" for word in needless]
    end = _end(words)
    return [word for place, word in enumerate(words) if place >= end or word not in needless], notes


def arguments_last(words: Sequence[str], actions: Sequence[argparse.Action]) -> list[str]:
    """Return the words with the arguments after the options, in their order, as argparse needs several arguments.

    `actions` are those of the command. What stands after `--`, and the words of a command with a command of its own,
    stay as they are.
    """
    if not any(action.nargs in ("*", "+") and not action.option_strings for action in actions):
        return list(words)
    end = _end(words)
    options: list[str] = []
    arguments: list[str] = []
    takes_next = False
    for word in words[:end]:
        is_option = word.startswith("-") and word != "-"
        (options if is_option or takes_next else arguments).append(word)
        takes_next = not takes_next and is_option and _takes_next(word, actions)
    return [*options, *arguments, *words[end:]]


def _takes_next(word: str, actions: Sequence[argparse.Action]) -> bool:
    """Return whether an option has its value in the next word: it takes one, and has none attached."""
    if word.startswith("--"):
        meant = [each for each in actions if any(option.startswith(word) for option in each.option_strings)]
        exact = [each for each in meant if word in each.option_strings]
        return any(each.nargs != 0 for each in exact or meant)
    return any(word in each.option_strings and each.nargs != 0 for each in actions)


def split_global(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the options that stand before the command, and the words from the command on."""
    place = 0
    while place < len(words) and words[place].partition("=")[0] in GLOBAL_OPTIONS:
        place += 2 if GLOBAL_OPTIONS[words[place].partition("=")[0]] and "=" not in words[place] else 1
    return list(words[:place]), list(words[place:])


def spelled(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with the command as it is called here.

    `help COMMAND` is `COMMAND --help`; nothing at all is `--help`.
    """
    match [*words]:
        case [] | ["help" | "man" | "usage" | "-?"] | ["help", "help"]:
            return ["--help"]
        case ["help" | "man", command, *_]:
            return [SAME_COMMANDS.get(command, command), "--help"]
        case ["-V" | "version"]:
            return ["--version"]
        case [*both] if " ".join(both[:2]) in SAME_ACTIONS:
            return [*SAME_ACTIONS[" ".join(both[:2])].split(), *both[2:]]
        case [command, *others]:
            return [SAME_COMMANDS.get(command, command), *others]
    return list(words)


def _is_known(word: str, known: Collection[str]) -> bool:
    """Return whether a word is one of the options: spelled out, begun, or with its value attached (`-j4`)."""
    if word.startswith("--"):
        return any(option.startswith(word) for option in known)
    return word[:2] in known
