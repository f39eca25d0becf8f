"""What people type out of habit, from pip, uv and others, and what it is called here."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

# Words for a command that do what is meant.
SAME_COMMANDS: Mapping[str, str] = {"list": "inspect", "show": "inspect", "ls": "inspect", "info": "inspect"}
# Options that may stand before the command as well, as pip and git have them; with whether a value follows.
GLOBAL_OPTIONS: Mapping[str, bool] = {
    **dict.fromkeys(("-q", "--quiet", "-v", "-vv", "--verbose", "--no-progress"), False),
    "--color": True,
}

_ALIKE = 0.7  # the least similarity of an option that may be meant, as difflib measures it
_SHIM = "is a command of the shim, in the image: python airpack-runtime.pyz"
_PACK = "airpack pack -r requirements.txt -o dist"
_BUILD = f"{_PACK} resolves, fetches the wheels and makes the bundle"
_LOCK = "airpack lock -r requirements.txt -o pylock.toml"
_COMMANDS: Mapping[str, str] = {
    "exec": f"it {_SHIM} exec -- COMMAND; here it is airpack run DIST -- COMMAND",
    "doctor": f"it {_SHIM} doctor; here airpack verify DIST checks what was packed",
    "unpack": f"it {_SHIM} unpack DIR; here it is airpack extract DIST -o DIR",
    "umount": f"it {_SHIM} umount",
    "mount": "airpack pack --image squashfs writes what a boot mounts",
    "cache": f"it {_SHIM} cache list",
    "install": f"nothing is installed here: {_BUILD}, and the shim provides it in the image",
    "add": f"a requirement is added to your requirements file; then {_PACK}",
    "sync": _BUILD,
    "wheel": f"{_PACK}; the wheels are in dist/wheelhouse",
    "build": _BUILD,
    "bundle": _BUILD,
    "compile": _LOCK,
    "resolve": _LOCK,
    "export": _LOCK,
    "freeze": f"{_LOCK}; airpack inspect DIST lists what was packed",
    "update": f"{_LOCK} resolves anew",
    "upgrade": f"{_LOCK} resolves anew",
    "why": "airpack tree DIST --invert NAME",
    "graph": "airpack tree DIST; airpack report DIST draws it",
    "check": "airpack audit DIST, for whether it can work in the image; airpack verify DIST, for damage",
    "test": "airpack verify DIST imports what was packed; airpack run DIST -- COMMAND runs your own tests with it",
    "init": "airpack needs no project: airpack pack REQUIREMENT ... -o dist",
    "uninstall": "a bundle is never changed: leave the requirement out, and pack again",
    "login": "podman login, or docker login: airpack reads their credentials",
    "unzip": "airpack extract DIST -o DIR",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Option:
    """Options of another tool, what they are called here, and the commands on which people type them."""

    words: str
    here: str
    commands: str = "pack lock"


_OUTPUT = "the folder of the results is -o DIR"
_IMAGE = "the image's Python and platform are one name: --target cp310-manylinux_2_28_x86_64"
_DOWNLOAD = "airpack download fetches what airpack upload put to a URL; what pip downloads is packed by airpack pack"
_BYTECODE = "bytecode is left out by --no-bytecode"
_OPTIONS = (
    _Option(words="-t", here=f"{_OUTPUT}, and the image is --target NAME"),
    _Option(words="-d --dest --destination-directory --prefix --root", here=_OUTPUT),
    _Option(words="-w --wheel-dir", here=f"{_OUTPUT}, and the wheels are in DIR/wheelhouse"),
    _Option(words="--output-dir --out-dir --dist", here=_OUTPUT, commands="pack pack-all pull download extract oci"),
    _Option(words="--output-file --out", here="the file is -o FILE", commands="lock sbom report"),
    _Option(words="--platform --python-platform --implementation --abi", here=_IMAGE),
    _Option(words="--default-index", here="the index in place of PyPI is -i URL"),
    _Option(words="--no-compile --no-compile-bytecode", here=_BYTECODE, commands="pack"),
    _Option(words="--prerelease", here="pre-releases are taken with --pre"),
    _Option(words="--all-extras", here="each extra is named: --extra NAME"),
    _Option(words="--dev", here="a group is named: --group dev"),
    _Option(words="--frozen --locked", here="a lock that exists is packed exactly by airpack pack --lock pylock.toml"),
    _Option(words="--override --overrides", here="a version is forced by a constraint: -c FILE"),
    _Option(words="--progress-bar", here="bars are turned off by --no-progress"),
    _Option(words="-r -d -c --requirement --dest --no-deps --platform", here=_DOWNLOAD, commands="download"),
    _Option(
        words="-t -n --name --tag",
        here="the image's name is an argument: REGISTRY/REPOSITORY:TAG",
        commands="push pull",
    ),
)
# The action of a command where none is named.
DEFAULT_ACTIONS: Mapping[str, str] = {"target": "show", "python": "list"}
# What other tools need, and airpack does anyway; with what it does.
NEEDLESS: Mapping[str, str] = {
    "--no-input": "airpack asks no questions",
    "--disable-pip-version-check": "airpack never looks for a newer pip",
    "--no-python-version-warning": "airpack never warns of an old Python",
    "--no-build-isolation": "sources are always built apart from what is installed here",
    "--generate-hashes": "a lock always has the hash of each file",
    "--compile": "bytecode is compiled unless --no-bytecode is given",
    "--compile-bytecode": "bytecode is compiled unless --no-bytecode is given",
    "--upgrade": "each pack takes the newest versions that fit",
    "-U": "each pack takes the newest versions that fit",
    "--yes": "airpack asks no questions",
    "-y": "airpack asks no questions",
    "--no-dev": "groups are left out unless --group names them",
}


def unknown_command(name: str, commands: Collection[str]) -> str:
    """Return the message for a word that is no command: what it is called here, or the nearest of the commands."""
    import difflib  # noqa: PLC0415 - only needed for a mistyped command

    if name in _COMMANDS:
        return f"there is no command {name!r}: {_COMMANDS[name]}"
    nearest = difflib.get_close_matches(name, [*commands, *SAME_COMMANDS, "help"], 1)
    return f"there is no command {name!r}" + (f" (is it {nearest[0]}?)" if nearest else "")


def unknown_option(command: str, words: Sequence[str], known: Collection[str]) -> str | None:
    """Return the message for the first of the words that is an option of other tools alone, None if none is.

    `known` are the command's own options; what stands after `--` is not airpack's. One that has no name here is
    answered with the nearest option, if one is near.
    """
    strange = [word for word in options_in(words) if not _is_known(word, known)]
    for word in strange:
        for habit in _OPTIONS:
            if word in habit.words.split() and command in habit.commands.split():
                return f"{word} is not an option of airpack {command}: {habit.here}"
    import difflib  # noqa: PLC0415 - only needed for a mistyped option

    for word in strange:
        nearest = difflib.get_close_matches(word, known, 1, _ALIKE)
        if nearest:
            return f"unrecognized arguments: {word} (is it {nearest[0]}?)"
    return None


def options_in(words: Sequence[str]) -> list[str]:
    """Return the options among the words, each without its value; what stands after `--` is not airpack's."""
    return [word.partition("=")[0] for word in words[: _end(words)] if word.startswith("-") and word != "-"]


def _end(words: Sequence[str]) -> int:
    """Return where the words end that are airpack's own: at `--`, if it is there."""
    return words.index("--") if "--" in words else len(words)


def without_needless(command: str, words: Sequence[str], known: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the words without the options that change nothing here, and a note for each of those."""
    if command not in ("pack", "lock"):
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
        case [] | ["help"] | ["help", "help"]:
            return ["--help"]
        case ["help", command, *_]:
            return [SAME_COMMANDS.get(command, command), "--help"]
        case ["-V" | "version"]:
            return ["--version"]
        case [command, *others]:
            return [SAME_COMMANDS.get(command, command), *others]
    return list(words)


def _is_known(word: str, known: Collection[str]) -> bool:
    """Return whether a word is one of the options: spelled out, begun, or with its value attached (`-j4`)."""
    if word.startswith("--"):
        return any(option.startswith(word) for option in known)
    return word[:2] in known
