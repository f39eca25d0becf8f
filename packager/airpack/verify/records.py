"""Compares installed files with the RECORD of their wheel (the specification "Recording installed projects")."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from airpack_runtime import layout

from airpack.audit.finding import ERROR, WARNING, Finding
from airpack.wheels.record import FILE, Content, source_of

# Signatures of a RECORD cannot be listed in it.
_SIGNATURES = (f"{FILE}.jws", f"{FILE}.p7s")
_REMEDY = "don't use it, pack again"
_OVERWRITTEN = "two wheels write it, and the later one's is kept; check that both work with it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One RECORD: its path in the tree, its distribution's name and version, and its rows by path in the tree.

    `own` are the paths that belong to this distribution alone, None where that is not known.
    """

    path: str
    name: str
    version: str
    rows: Mapping[str, Content]
    own: Collection[str] | None = None

    def finding(self, sentence: str, *, severity: str = ERROR, remedy: str = _REMEDY) -> Finding:
        """Return a finding about the distribution."""
        return Finding(severity=severity, package=self.name, sentence=f"{self.version}: {sentence}", remedy=remedy)


def compare(records: Collection[Record], tree: Mapping[str, Content | None]) -> Iterator[Finding]:
    """Yield a finding for each difference between the RECORDs and the files of `tree`.

    Files whose content is None could not be read and are skipped. A RECORD lists itself without a hash, and does not
    list bytecode that was compiled later: that belongs to a module that is listed.
    """
    claims: dict[str, list[Record]] = {}
    for record in records:
        for path in record.rows:
            claims.setdefault(path, []).append(record)
    for path, claimants in claims.items():
        if path not in tree:
            yield from (record.finding(f"{path} is missing, which its RECORD lists") for record in claimants)
        elif tree[path] is not None:
            yield from _judge(path, tree[path], claimants)
    owners: dict[str, Record] = {}
    for record in records:
        for path in record.own or ():
            owners.setdefault(path, record)
    for path in sorted(tree.keys() - claims.keys()):
        yield from _unlisted(path, owners.get(path), claims)


def _judge(path: str, actual: Content | None, claimants: Collection[Record]) -> Iterator[Finding]:
    """Yield a finding for each RECORD that lists another content for `path` than the actual one.

    Where several wheels wrote the file, the last one's content is kept: that is a warning, unless the file belongs to
    that distribution alone.
    """
    fitting = [record for record in claimants if _fits(actual, path, record)]
    for record in claimants:
        if record in fitting:
            continue
        if record.rows[path].sha256 is None:
            yield record.finding(f"its RECORD gives no hash of {path}")
        elif (path in record.own) if record.own is not None else not fitting:
            yield record.finding(f"{path} is not what its RECORD lists")
        else:
            sentence = f"{path} is another wheel's, not what its RECORD lists"
            yield record.finding(sentence, severity=WARNING, remedy=_OVERWRITTEN)


def _fits(actual: Content | None, path: str, record: Record) -> bool:
    return path == record.path or record.rows[path] == actual


def _unlisted(path: str, owner: Record | None, claims: Mapping[str, Collection[Record]]) -> Iterator[Finding]:
    if path.endswith(_SIGNATURES) or source_of(path) in claims or path.startswith(f"{layout.WHEELHOUSE}/"):
        return
    if owner is not None:
        yield owner.finding(f"{path} is in no RECORD")
    else:
        yield Finding(severity=ERROR, package=path, sentence="is in no RECORD", remedy=_REMEDY)
