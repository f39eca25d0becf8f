"""A TOML file of many packs: targets and requirement sets, each of these packed for each of those."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack.base.errors import AirpackError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULTS, TARGETS, SETS = "defaults", "targets", "sets"
_TABLES = (DEFAULTS, TARGETS, SETS)
# They become folders.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# Checks a table's options, of which InvalidFleet says where they stand, and returns them as words of a command line.
Reader = Callable[[Path, str, Mapping[str, Any]], Mapping[str, Sequence[str]]]


class InvalidFleet(AirpackError):
    """A file of many packs that can't be read; `table` is where in it, empty for the whole."""

    def __init__(self, path: Path, table: str, problem: str) -> None:
        super().__init__(f"{path}: [{table}] {problem}" if table else f"{path} {problem}")
        self.path = path
        self.table = table
        self.problem = problem


class FleetFailed(AirpackError):
    """Packs of a file of many that failed, by name, and why; the others were packed."""

    def __init__(self, failures: Mapping[str, str], *, total: int) -> None:
        name, reason = next(iter(failures.items()))
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{len(failures)} of {total} packs failed{more}: {name}: {reason}")
        self.failures = dict(failures)
        self.total = total


class FleetInterrupted(AirpackError):
    """Ctrl-C ended the packs of a file of many before all were made."""

    status = 130  # 128 + SIGINT, as shells count

    def __init__(self, *, packed: int, total: int) -> None:
        super().__init__(f"interrupted: {packed} of {total} packs were made, of the others nothing was changed")
        self.packed = packed
        self.total = total


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetPack:
    """One pack: a requirement set for a target, empty where the file names none.

    `options` are those of `pack`, each as words of its command line.
    """

    set: str
    target: str
    options: Mapping[str, Sequence[str]]

    @property
    def name(self) -> str:
        """What it is called, and the folder of its results."""
        return f"{self.set}/{self.target}" if self.target else self.set

    @property
    def words(self) -> list[str]:
        """The words of its command line: options before arguments, as argparse wants them."""
        words = [word for each in self.options.values() for word in each]
        return sorted(words, key=lambda word: not word.startswith("-"))


def load(path: Path, reader: Reader) -> list[FleetPack]:
    """Return the packs that the file at `path` describes, in its order. Raises InvalidFleet.

    An option of a set's table replaces that of the target's, which replaces that of `[defaults]`.
    """
    data = _read(path)
    for key in data:
        if key not in _TABLES:
            raise InvalidFleet(path, key, f"is not among [{DEFAULTS}], [{TARGETS}.NAME] and [{SETS}.NAME]")
    defaults = reader(path, DEFAULTS, _table(path, DEFAULTS, data.get(DEFAULTS, {})))
    targets = {name: reader(path, f"{TARGETS}.{name}", table) for name, table in _named(path, data, TARGETS)}
    entries = []
    for name, table in _named(path, data, SETS):
        place = f"{SETS}.{name}"
        chosen = _chosen(path, place, table.get(TARGETS, list(targets)), targets) or [""]
        own = reader(path, place, {key: value for key, value in table.items() if key != TARGETS})
        merged = [(target, {**defaults, **targets.get(target, {}), **own}) for target in chosen]
        entries += [FleetPack(set=name, target=target, options=options) for target, options in merged]
    if not entries:
        raise InvalidFleet(path, SETS, 'is empty: write a table [sets.NAME] with requirement = ["FILE"]')
    return entries


def only(entries: Sequence[FleetPack], names: Sequence[str]) -> list[FleetPack]:
    """Return the entries that any of `names` means, all if there is none: a set, a target, or SET/TARGET.

    Raises UsageError for a name that means none.
    """
    for name in names:
        if not any(name in (each.name, each.set, each.target) for each in entries):
            known = ", ".join(dict.fromkeys(word for each in entries for word in (each.set, each.target) if word))
            raise UsageError(f"--only {name} names no entry: the sets and targets are {known}")
    return [each for each in entries if not names or {each.name, each.set, each.target} & set(names)]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFleet(path, "", f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidFleet(path, "", f"is no TOML: {error}") from error


def _named(path: Path, data: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables below `kind` with their names."""
    for name, table in _table(path, kind, data.get(kind, {})).items():
        if not _NAME.fullmatch(name):
            raise InvalidFleet(path, f"{kind}.{name}", "is no name for a folder: use letters, digits, '.', '_' and '-'")
        yield name, _table(path, f"{kind}.{name}", table)


def _table(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidFleet(path, name, f"is no table: write [{name}] above its options")
    return value


def _chosen(path: Path, place: str, value: Any, targets: Mapping[str, Any]) -> list[str]:
    """Return the names of the targets that a set is for."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidFleet(path, place, f"{TARGETS}: write a list of names, not {value!r}")
    for each in value:
        if each not in targets:
            known = ", ".join(targets) or "none"
            raise InvalidFleet(path, place, f"{TARGETS}: there is no [{TARGETS}.{each}]; there is {known}")
    if targets and not value:
        raise InvalidFleet(path, place, f"{TARGETS}: the list is empty: leave it out for all of them")
    return value
