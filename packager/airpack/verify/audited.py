"""The audit of a finished pack: of the wheels that lie beside its bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from airpack.audit.finding import Finding
from airpack.audit.wheels import audit_wheelhouse
from airpack.base.interrupts import threads
from airpack.results.folder import Results
from airpack.target.target import Target
from airpack.verify.results import by_lock
from airpack.wheels.wheelhouse import Wheelhouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Audited:
    """What the audit found, for which target, in how many wheels."""

    findings: Sequence[Finding]
    target: Target
    wheels: int


def audit_results(results: Results, target: Target | None, *, jobs: int) -> Audited:
    """Audit the wheels of a folder of results for `target`, or for the target that they were packed for.

    Where a bundle was asked for (`Results.digest`), what isn't of it is a finding.
    Raises InvalidLock, InvalidWheel or OSError.
    """
    locked = results.lock()
    packed = replace(locked.target(), installed=results.installed())
    house = Wheelhouse(folder=results.wheels, lock=locked.for_target(packed))
    with threads(jobs) as executor:
        findings = [*_strange(results, executor), *audit_wheelhouse(house, target or packed, executor=executor)]
    return Audited(findings=findings, target=target or packed, wheels=len(house.lock.wheels))


def _strange(results: Results, executor: Executor) -> Iterator[Finding]:
    """Yield what isn't of the bundle that was asked for, if one was."""
    if results.digest is not None:
        with results.open_bundle() as opened:
            yield from by_lock(results, opened, {}, executor)
