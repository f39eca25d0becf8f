"""Verifies a bundle in itself: its bytes, its files by their wheels' RECORDs, its tags and compiled files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from mmap import mmap
from typing import Any

from airpack_runtime import layout
from airpack_runtime.format.toc import Distribution, File

from airpack.audit import elf, manylinux
from airpack.audit.compiled import Compiled, libraries_in, unloadable
from airpack.audit.finding import ERROR, Finding
from airpack.audit.wheels import unfit
from airpack.base.errors import InvalidTarget, InvalidWheel
from airpack.bundle.opened import OpenBundle, paths_of
from airpack.resolve.lock import LockedWheel
from airpack.target.target import Target
from airpack.verify import frames, records
from airpack.verify.frames import Reading
from airpack.verify.records import Record
from airpack.wheels import record, texts
from airpack.wheels.record import Content

_RECORDS_LIMIT = 256 << 20  # bytes of all RECORDs; 600,000 files take a third
_COPY_AGAIN = "copy it again from where it was packed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was found in a bundle, and the RECORDs in it by the names of their distributions."""

    findings: list[Finding]
    records: Mapping[str, Record]


def verify(
    opened: OpenBundle, name: str, *, executor: Executor, on_bytes: Callable[[int], None] = lambda _: None
) -> Verified:
    """Return all that is wrong with the bundle called `name`; nothing of it is loaded or executed.

    `on_bytes` is called with the stored sizes, in bytes, of what was read.
    """
    reading = frames.read(opened, _Examiner(opened.entries), executor=executor, on_bytes=on_bytes)
    findings = [
        Finding(severity=ERROR, package=f"{name}:", sentence=sentence, remedy=_COPY_AGAIN)
        for sentence in reading.damage
    ]
    recorded: dict[str, Record] = {}
    for share in opened.toc.distributions:
        result = _record_of(opened, share, reading)
        if isinstance(result, Record):
            recorded[share.name] = result
        elif result is not None:
            findings.append(result)
    tree: dict[str, Content | None] = dict.fromkeys(opened.entries)
    for path, sha256 in reading.sha256.items():
        tree[path] = Content(size=opened.entries[path].size, sha256=sha256)
    if len(recorded) == len(opened.toc.distributions):
        findings += records.compare(list(recorded.values()), tree)
    for share in opened.toc.distributions:
        findings += _foreign_wheels(opened, share, reading.sha256)
    findings += _unfit(opened, reading.examined)
    return Verified(findings=findings, records=recorded)


class _Examiner:
    """Keeps each RECORD, and what each compiled file needs."""

    def __init__(self, entries: Mapping[str, File]) -> None:
        self._budget = elf.Budget()
        listed = {path: file.size for path, file in entries.items() if path.endswith(record.FILE)}
        self._records = frozenset(listed if sum(listed.values()) <= _RECORDS_LIMIT else ())

    def wants(self, path: str, start: bytes) -> bool:
        """See frames.Examiner."""
        return path in self._records or start.startswith(elf.MAGIC)

    def examine(self, path: str, content: bytes | mmap) -> Any:
        """See frames.Examiner."""
        if path in self._records:
            return content[:]  # a map is closed when this returns
        try:
            return manylinux.needs_of(content, self._budget)
        except elf.ELFError as error:
            return error


def _record_of(opened: OpenBundle, share: Distribution, reading: Reading) -> Record | Finding | None:
    """Return the RECORD of a distribution, a finding if it is damaged; None if it lies in a damaged frame."""
    paths = paths_of(opened.toc, share)
    places = [path for path in paths if record.is_installed(path, opened.site_packages)]
    if len(places) != 1:
        problem = f"has {len(places) or 'no'} RECORD"
    elif places[0] not in reading.sha256:
        return None
    elif places[0] not in reading.examined:
        problem = "has a RECORD that is too large to be read"
    else:
        try:
            texts.check_rows(reading.examined[places[0]], 2 * len(paths) + 10)
            rows = record.parse(reading.examined[places[0]], opened.site_packages)
            own = frozenset(paths)
            return Record(path=places[0], name=share.name, version=share.version, rows=rows, own=own)
        except ValueError as error:
            problem = f"has a damaged RECORD ({error})"
    return Finding(severity=ERROR, package=share.name, sentence=f"{share.version} {problem}", remedy="pack again")


def _foreign_wheels(opened: OpenBundle, share: Distribution, sha256: Mapping[str, str]) -> Iterator[Finding]:
    """Yield each file of a distribution in the bundle's wheelhouse that is not the wheel it was packed from."""
    for path in paths_of(opened.toc, share):
        own = path == f"{layout.WHEELHOUSE}/{share.wheel}" and sha256.get(path, share.sha256) == share.sha256
        if path.startswith(f"{layout.WHEELHOUSE}/") and not own:
            sentence = f"{share.version}: {path} is not the wheel that it was packed from"
            yield Finding(severity=ERROR, package=share.name, sentence=sentence, remedy="pack again")


def _unfit(opened: OpenBundle, examined: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the audit finds in the wheels' tags, and in what compiled files need."""
    try:
        target = Target.from_name(opened.toc.target)
    except InvalidTarget as error:
        name = opened.toc.target
        yield Finding(severity=ERROR, package=name, sentence=f"is not a target ({error})", remedy="pack again")
        return
    compiled = []
    for share in opened.toc.distributions:
        name, filename = share.name, share.wheel
        try:
            wheel = LockedWheel(name=name, version=share.version, filename=filename, url="", sha256=share.sha256)
        except InvalidWheel as error:
            yield Finding(severity=ERROR, package=share.name, sentence=error.problem, remedy="pack again")
            continue
        yield from unfit(wheel, target)
        for path in paths_of(opened.toc, share):
            needs = examined.get(path)
            if isinstance(needs, (manylinux.Needs, elf.ELFError)):
                compiled.append(Compiled(wheel=wheel, path=path, needs=needs))
    yield from unloadable(compiled, libraries_in(opened.entries), target)
