"""Lock -> a folder with the wheelhouse and its lock, without a bundle: for pip, on any system."""

from __future__ import annotations

from pathlib import Path

from airpack.audit.finding import Finding, fatal
from airpack.audit.wheels import audit_wheelhouse
from airpack.base import staging
from airpack.base.console import BYTES, Progress
from airpack.base.errors import AuditFailed, WriteFailed
from airpack.base.interrupts import cores, threads
from airpack.resolve import pylock_writer
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.results import overwrite
from airpack.results.folder import LOCK, WHEELHOUSE
from airpack.wheels import wheelhouse
from airpack.wheels.wheelhouse import Wheelhouse


def gather(lock: Lock, output: Path, store: Path, *, pip: Pip, strict: bool, progress: Progress) -> Wheelhouse:
    """Return the wheels of `lock`, fetched into `output`, with the lock beside them; what the audit finds is shown.

    `store` is the cache. After any error the folder is as it was. Raises OutputRefused, WriteFailed, AuditFailed (with
    `strict`, for warnings as well), or what `wheelhouse.fetch` raises.
    """
    overwrite.check_gathered(output)
    try:
        with staging.scratch_in(output) as scratch, staging.workshop(scratch) as work:
            with progress.stage("fetch", BYTES, lock.size) as advance:
                house = wheelhouse.fetch(lock, work / WHEELHOUSE, store, pip=pip, on_bytes=advance)
            failures = fatal(_audited(house, progress), strict=strict)
            if failures:
                raise AuditFailed([finding.message for finding in failures])
            text = pylock_writer.dumps(house.lock, output, wheelhouse=WHEELHOUSE)
            (work / LOCK).write_text(text, encoding="utf-8")
            near = staging.brought((WHEELHOUSE, LOCK), work, scratch)
            staging.place({near / name: output / name for name in (WHEELHOUSE, LOCK)}, aside=near)
    except OSError as error:
        raise WriteFailed.from_os(error, output) from error
    return Wheelhouse(folder=output / WHEELHOUSE, lock=house.lock)


def _audited(house: Wheelhouse, progress: Progress) -> list[Finding]:
    """Return what the audit finds in the wheels; each is shown."""
    with threads(cores()) as executor:
        findings = audit_wheelhouse(house, house.lock.target, executor=executor)
    for finding in findings:
        progress.note(str(finding))
    return findings
