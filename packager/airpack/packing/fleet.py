"""Reads a TOML file of many packs: requirement sets, and the targets to pack each of them for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack.base import toml
from airpack.base.errors import AirpackError, UsageError

DEFAULTS, TARGETS, SETS = "defaults", "targets", "sets"
_TABLES = (DEFAULTS, TARGETS, SETS)
# Names of sets and targets become names of folders.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """An option of `pack` with its values as text, and the words of a command line that give it."""

    values: tuple[str, ...]
    words: tuple[str, ...]


# Checks the options in a table of the file and returns them by name. Its arguments are the file's path, the table's
# name, and the table's keys with their values. Raises InvalidFleet.
Reader = Callable[[Path, str, Mapping[str, Any]], Mapping[str, Option]]


class InvalidFleet(AirpackError):
    """A file of many packs that can't be used, and the reason; `table` is the table concerned, empty for the file."""

    def __init__(self, path: Path, table: str, reason: str) -> None:
        super().__init__(f"{path}: [{table}] {reason}" if table else f"{path} {reason}")
        self.path = path
        self.table = table
        self.reason = reason


class FleetFailed(AirpackError):
    """Some packs of a file failed; `failures` maps their names to the reasons. The others succeeded."""

    def __init__(self, failures: Mapping[str, str], *, total: int) -> None:
        name, reason = next(iter(failures.items()))
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{len(failures)} of {total} packs failed{more}: {name}: {reason}")
        self.failures = dict(failures)
        self.total = total


class FleetInterrupted(AirpackError):
    """Ctrl-C ended the packs of a file before all of them were done."""

    status = 130  # 128 + SIGINT, as shells count

    def __init__(self, *, packed: int, total: int) -> None:
        super().__init__(f"interrupted: {packed} of {total} packs are done; for the others, nothing was changed")
        self.packed = packed
        self.total = total


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetPack:
    """One pack: a requirement set for a target, which is empty if the file names no targets.

    `options` are those of `pack`, by name.
    """

    set: str
    target: str
    options: Mapping[str, Option]

    @property
    def name(self) -> str:
        """The name of the pack, which is also the folder of its results."""
        return f"{self.set}/{self.target}" if self.target else self.set

    @property
    def words(self) -> list[str]:
        """The words of its command line: options before arguments, as argparse wants them."""
        words = [word for option in self.options.values() for word in option.words]
        return sorted(words, key=lambda word: not word.startswith("-"))

    @property
    def cache_group(self) -> str:
        """What is the same for packs that find most of their work in the cache after one of them: the target."""
        target = self.options.get("target")
        return " ".join(target.values) if target else self.target


def load(path: Path, reader: Reader) -> list[FleetPack]:
    """Return the packs that the file at `path` describes, in the file's order. Raises InvalidFleet.

    An option in a set's table replaces the target's, which replaces the one in `[defaults]`.
    """
    data = _read(path)
    for key in data:
        if key not in _TABLES:
            raise InvalidFleet(
                path, key, f"is not a known table: write [{DEFAULTS}], [{TARGETS}.NAME] or [{SETS}.NAME]"
            )
    defaults = reader(path, DEFAULTS, _table(path, DEFAULTS, data.get(DEFAULTS, {})))
    targets = {name: reader(path, f"{TARGETS}.{name}", table) for name, table in _named(path, data, TARGETS)}
    packs = []
    for name, table in _named(path, data, SETS):
        table_name = f"{SETS}.{name}"
        chosen = _chosen(path, table_name, table.get(TARGETS, list(targets)), targets) or [""]
        own = reader(path, table_name, {key: value for key, value in table.items() if key != TARGETS})
        packs += [
            FleetPack(set=name, target=target, options={**defaults, **targets.get(target, {}), **own})
            for target in chosen
        ]
    if not packs:
        raise InvalidFleet(path, SETS, 'is empty: write a table [sets.NAME] with requirement = ["FILE"]')
    return packs


def only(packs: Sequence[FleetPack], names: Sequence[str]) -> list[FleetPack]:
    """Return the packs that match any of `names`: a set, a target, or SET/TARGET; without names, all packs.

    Raises UsageError for a name that matches no pack.
    """
    for name in names:
        if not any(name in (pack.name, pack.set, pack.target) for pack in packs):
            known = ", ".join(dict.fromkeys(word for pack in packs for word in (pack.set, pack.target) if word))
            raise UsageError(f"--only {name} matches no pack: the sets and targets are {known}")
    return [pack for pack in packs if not names or {pack.name, pack.set, pack.target} & set(names)]


def _read(path: Path) -> dict[str, Any]:
    try:
        return toml.read(path)
    except OSError as error:
        raise InvalidFleet(path, "", f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidFleet(path, "", f"is not valid TOML: {error}") from error


def _named(path: Path, data: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names of the tables `[kind.NAME]`, and the tables. Raises InvalidFleet."""
    for name, table in _table(path, kind, data.get(kind, {})).items():
        if not _NAME.fullmatch(name):
            raise InvalidFleet(
                path, f"{kind}.{name}", "can't be a folder's name: use letters, digits, '.', '_' and '-'"
            )
        yield name, _table(path, f"{kind}.{name}", table)


def _table(path: Path, name: str, value: Any) -> dict[str, Any]:
    """Return the value of the key `name`, which must be a table. Raises InvalidFleet."""
    if not isinstance(value, dict):
        raise InvalidFleet(path, name, f"is not a table: write [{name}] above its options")
    return value


def _chosen(path: Path, table: str, value: Any, targets: Mapping[str, Any]) -> list[str]:
    """Return the names of the targets that a set chooses. Raises InvalidFleet."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InvalidFleet(path, table, f"{TARGETS}: write a list of names, not {value!r}")
    for name in value:
        if name not in targets:
            known = ", ".join(targets) or "none"
            raise InvalidFleet(path, table, f"{TARGETS}: there is no [{TARGETS}.{name}]; the file's targets: {known}")
    if targets and not value:
        raise InvalidFleet(path, table, f"{TARGETS}: the list is empty: leave it out to choose all targets")
    return value
