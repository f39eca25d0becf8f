"""Oddities -> Findings: what is unusual in a wheel, told in one line for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airpack.audit.finding import NOTE, WARNING, Finding
from airpack.resolve.lock import LockedWheel
from airpack.wheels.oddity import Kind, Oddity, shown

_ANEW = "the index's hash pins the wheel, and the RECORD in the tree says what is there"
_AS_PIP = "it is packed as pip installs it; check that this is what its author meant"
_ON_LINUX = "Linux doesn't mind; don't unpack the tree on such a share"

# The severity, the sentence and the remedy of each kind.
_TELLING = {
    Kind.ENTRY_KIND: (WARNING, "has entries that claim to be no plain files", _AS_PIP),
    Kind.NAME_TWICE: (WARNING, "has names twice in its archive, of which the last counts", _AS_PIP),
    Kind.NAME_CODING: (WARNING, "has names that aren't UTF-8", _AS_PIP),
    Kind.NAME_SPELLING: (WARNING, "spells paths in a roundabout way", _AS_PIP),
    Kind.NAME_INVISIBLE: (WARNING, "has names with invisible characters", _AS_PIP),
    Kind.NAME_CASE: (NOTE, "has names that a share that folds case takes for one", _ON_LINUX),
    Kind.NAME_SHARE: (NOTE, "has names that a Windows share can't hold", _ON_LINUX),
    Kind.DATA_FOLDER: (WARNING, "has a folder *.data that isn't called after it", _AS_PIP),
    Kind.PLACE_TWICE: (WARNING, "has two files for one place, of which the later is kept", _AS_PIP),
    Kind.SCRIPT_TWICE: (WARNING, "has scripts that are entry points as well, whose scripts are kept", _AS_PIP),
    Kind.SCRIPT_NAME: (WARNING, "has entry points with unusual names", _AS_PIP),
    Kind.BYTECODE: (NOTE, "brings bytecode, which is left out", "airpack compiles it for the target"),
    Kind.INSTALLER: (WARNING, "says who installed it", "the INSTALLER in the tree is airpack's"),
    Kind.RECORD_ABSENT: (WARNING, "lists in its RECORD what isn't there", _ANEW),
    Kind.RECORD_UNLISTED: (WARNING, "has files that its RECORD doesn't list", _ANEW),
    Kind.RECORD_DIFFERS: (WARNING, "has files that are not what its RECORD lists", _ANEW),
    Kind.RECORD_HASHLESS: (WARNING, "lists files in its RECORD without a SHA-256", _ANEW),
    Kind.RECORD_CODING: (WARNING, "spells hashes in its RECORD in a coding of its own", _ANEW),
    Kind.RECORD_PATH: (WARNING, "spells paths in its RECORD in a way of its own", _ANEW),
    Kind.RECORD_FOLDER: (WARNING, "lists folders in its RECORD", _ANEW),
    Kind.RECORD_TWICE: (WARNING, "lists files twice in its RECORD", _ANEW),
    Kind.RECORD_ROW: (WARNING, "has rows in its RECORD that can't be read", _ANEW),
}


def findings_of(wheel: LockedWheel, oddities: Iterable[Oddity]) -> Iterator[Finding]:
    """Yield a finding for each kind among the oddities of `wheel`, with the first name and the number of the others."""
    names: dict[Kind, list[str]] = {}
    for oddity in oddities:
        names.setdefault(oddity.kind, []).append(oddity.name)
    for kind, having in names.items():
        severity, sentence, remedy = _TELLING[kind]
        example = shown(having[0]) + (f" and {len(having) - 1:,} more" if len(having) > 1 else "")
        yield Finding(
            severity=severity, package=wheel.key, sentence=f"{wheel.version} {sentence} ({example})", remedy=remedy
        )
