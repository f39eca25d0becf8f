"""`imports.json`: what the proof by import tried, and how long each import took.

It lies beside the bundle, and the bundle's digest doesn't cover it: the same bundle is imported faster or slower on
another machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airpack.base import files, jsons
from airpack.results.fields import BadField, Fields

FORM = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedImport:
    """A module of a package that was imported; `error` is empty if that succeeded.

    `started` is when, in milliseconds since the first one; `took` is how long the import alone took, in milliseconds,
    of what no earlier module of its process had loaded.
    """

    module: str
    package: str
    started: int
    took: int
    error: str = ""

    @classmethod
    def from_fields(cls, fields: Fields) -> TriedImport:
        """Read the entry. Raises BadField."""
        return cls(
            module=fields.text("module"),
            package=fields.text("package"),
            started=fields.number("started"),
            took=fields.number("took"),
            error=fields.text("error"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofRecord:
    """The imports of the bundle with this digest (in hexadecimal), under this version of Python."""

    digest: str
    python: str
    imports: Sequence[TriedImport]

    @classmethod
    def of_bundle(cls, path: Path, digest: str) -> ProofRecord | None:
        """Return what `path` records of the bundle with this digest; None if it is of another, or can't be read."""
        try:
            record = cls.from_dict(jsons.loads(files.read_text(path)))
        except (OSError, ValueError):  # BadField is one
            return None
        return record if record.digest == digest else None

    @classmethod
    def from_dict(cls, data: object) -> ProofRecord:
        """Return the record that the JSON value `data` describes. Raises BadField."""
        fields = Fields(data)
        if fields.number("version") != FORM:
            raise BadField("version", f"is not {FORM}")
        return cls(
            digest=fields.text("digest").removeprefix("sha256:"),
            python=fields.text("python"),
            imports=[TriedImport.from_fields(each) for each in fields.objects("imports")],
        )

    def dumps(self) -> str:
        """Return the text of the file."""
        about: dict[str, Any] = {"version": FORM, "digest": f"sha256:{self.digest}", "python": self.python}
        return json.dumps({**about, "imports": [asdict(each) for each in self.imports]}, indent=2) + "\n"
