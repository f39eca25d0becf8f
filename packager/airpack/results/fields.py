"""Reads a JSON object field by field, each of the type that is expected; an error names the path of the bad value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airpack.base.lines import has_controls


class BadField(ValueError):
    """A field that is missing or of another type; `path` is where it stands, such as `packages[0].size`.

    For the outermost object, `path` is empty.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}".lstrip())
        self.path = path
        self.problem = problem


class Fields:
    """The fields of a JSON object; `path` is where the object stands, empty for the outermost."""

    def __init__(self, data: object, path: str = "") -> None:
        if not isinstance(data, dict):
            raise BadField(path, "is not a JSON object")
        self._data: Mapping[str, Any] = data
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    def text(self, name: str) -> str:
        """Return a string without control characters. Raises BadField, as all of these do."""
        return self._line(str(self._typed(name, str, "text")), self._at(name))

    def number(self, name: str) -> int:
        """Return an integer that is a size, a time or a count."""
        number = int(self._typed(name, int, "a number"))
        if not 0 <= number < 1 << 63:
            raise BadField(self._at(name), "is a number that nothing here can be")
        return number

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        values = self._typed(name, list, "a list")
        for number, value in enumerate(values):
            if not isinstance(value, str):
                raise BadField(f"{self._at(name)}[{number}]", "is not text")
            self._line(value, f"{self._at(name)}[{number}]")
        return tuple(values)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object, unchecked."""
        values: Mapping[str, Any] = self._typed(name, dict, "a JSON object")
        return values

    def rows(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return a list of objects, unchecked; nothing where the field is missing or null."""
        return [row._data for row in self.objects(name)] if name in self else ()

    def object(self, name: str) -> Fields:
        """Return an object's fields."""
        return Fields(self._typed(name, dict, "a JSON object"), self._at(name))

    def objects(self, name: str) -> list[Fields]:
        """Return the fields of each object of a list."""
        values = self._typed(name, list, "a list")
        return [Fields(value, f"{self._at(name)}[{number}]") for number, value in enumerate(values)]

    def bad(self, name: str, problem: str) -> BadField:
        """Return the error for a field whose value makes no sense."""
        return BadField(self._at(name), problem)

    def _line(self, text: str, place: str) -> str:
        """Return a text that stands on one line. Raises BadField if it has control characters."""
        if has_controls(text):
            raise BadField(place, "has a control character")
        return text

    def _typed(self, name: str, kind: type, called: str) -> Any:
        value = self._data.get(name)
        if value is None:
            raise BadField(self._at(name), "is missing")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BadField(self._at(name), f"is {_shown(value)}, not {called}")
        return value

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
