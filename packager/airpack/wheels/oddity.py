"""What is unusual in a wheel and does no harm: it is packed, as pip installs it, and told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """In what way a wheel is unusual; the audit has a sentence for each."""

    ENTRY_KIND = "entry that is no plain file"
    NAME_TWICE = "name twice in the archive"
    NAME_CODING = "name that isn't UTF-8"
    NAME_SPELLING = "path that isn't in its shortest form"
    NAME_INVISIBLE = "name with invisible characters"
    NAME_CASE = "names that differ by case alone"
    NAME_SHARE = "name that a Windows share can't hold"
    DATA_FOLDER = "folder of schemes with another name"
    PLACE_TWICE = "two files for one place"
    SCRIPT_TWICE = "script as a file and as an entry point"
    SCRIPT_NAME = "unusual name of a script"
    BYTECODE = "bytecode"
    INSTALLER = "INSTALLER"
    RECORD_ABSENT = "row of RECORD without a file"
    RECORD_UNLISTED = "file without a row in RECORD"
    RECORD_DIFFERS = "file that differs from RECORD"
    RECORD_HASHLESS = "row of RECORD without a SHA-256"
    RECORD_CODING = "hash in another coding than RECORD's"
    RECORD_PATH = "path in RECORD that isn't in its shortest form"
    RECORD_FOLDER = "folder in RECORD"
    RECORD_TWICE = "path twice in RECORD"
    RECORD_ROW = "row of RECORD that can't be read"


@dataclass(frozen=True, kw_only=True, slots=True)
class Oddity:
    """Something unusual in a wheel: its kind, and the name that has it, as the wheel spells it."""

    kind: Kind
    name: str


def shown(text: str) -> str:
    """Return a name from a wheel for a message: quoted, shortened, without control characters."""
    return repr(text if len(text) <= 80 else f"{text[:40]}...{text[-30:]}")
