"""What to pack next, where imports failed and requirements are known that may mend it (not with `--no-add-missing`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from packaging.requirements import Requirement

from airpack.audit.finding import Finding
from airpack.base.console import amount, amount_of
from airpack.base.errors import AirpackError
from airpack.packing.order import Order
from airpack.requirements.requirements import Requirements
from airpack.resolve.lock import Lock
from airpack.verify.imports import ImportFinding

_OLDER = 12  # so many older versions are tried, of all projects together
_LARGE = 50_000_000  # bytes of wheels: what additions take is told from here on


class _Enough(AirpackError):
    """So many older versions that no more are tried."""


@dataclass(kw_only=True, slots=True)
class Attempts:
    """The attempts to pack an order; `note` is called with a line for each addition to its requirements.

    `trying` are the additions that the last attempt is about, `told` says whether the user knows. `refused` are
    additions that can't be had, `newest` the projects of which no older version helps. After an attempt with several
    additions failed, they are tried `singly`. `older` is how many older versions were asked for.
    """

    note: Callable[[str], None]
    trying: dict[str, ImportFinding] = field(default_factory=dict)
    told: bool = False
    refused: set[str] = field(default_factory=set)
    newest: set[str] = field(default_factory=set)
    singly: bool = False
    older: int = 0

    def next(self, order: Order, findings: Sequence[Finding]) -> Order | None:
        """Return `order` with what mends `findings`, None if nothing is known or it does not say to add anything.

        Raises AirpackError where enough was tried.
        """
        wanted = self._wanted(order, findings) if order.add_missing else {}
        if not wanted or not isinstance(order.source, Requirements):
            return None
        chosen = list(wanted.items())[: 1 if self.singly else None]
        self.trying, self.told = dict(chosen), False
        self.older += sum(each.goes_back for each in self.trying.values())
        if self.older > _OLDER and any(each.goes_back for each in self.trying.values()):
            raise _Enough(f"{_OLDER} were tried")
        return replace(order, source=order.source.adding(list(self.trying)))

    def tell(self, lock: Lock, before: Lock) -> None:
        """Tell of the additions of the attempt that resolved to `lock`; the one `before` had none of them."""
        if self.told:
            return
        self.told = True
        for text, each in self.trying.items():
            self.note(f"note: added '{text}', and packing again: {each.reason}")
        known = {wheel.sha256 for wheel in before.wheels}
        sizes = [wheel.size or 0 for wheel in lock.wheels if wheel.sha256 not in known]
        if sum(sizes) >= _LARGE:
            self.note(f"note: that takes {amount_of(len(sizes), 'wheels')} of {amount(sum(sizes))} more")

    def fail(self, error: AirpackError) -> None:
        """Note that `error` ended the last attempt: none is made with its additions again."""
        if len(self.trying) > 1:
            self.singly = True
            return
        for text, each in self.trying.items():
            if each.goes_back:
                name = Requirement(text).name
                self.newest.add(name)
                self.note(f"note: no older version of {name} helps, so that it is packed as it is: {error}")
            else:
                self.refused.add(text)
                self.note(f"note: '{text}' can't be added, so that {each.package} is packed as it is: {error}")

    def tell_kept(self, order: Order, findings: Sequence[Finding]) -> None:
        """Tell how what a lock lacks can be added, after its `findings`: it is packed as it is."""
        wanted = self._wanted(order, findings) if order.add_missing else {}
        if wanted and isinstance(order.source, Lock):
            texts = ", ".join(f"'{text}'" for text in wanted)
            self.note(f"note: the lock is packed as it is: add {texts} to what it is made of, and lock again")

    def settles(self, order: Order, findings: Sequence[Finding]) -> bool:
        """Return whether a pack of `order` will do if no further one succeeds: it is not on the way to older versions.

        `findings` are those of its imports.
        """
        return not any(each.goes_back for each in self._wanted(order, findings).values())

    def _wanted(self, order: Order, findings: Sequence[Finding]) -> dict[str, ImportFinding]:
        """Return the additions that may mend `findings`, each with the first one of these; older versions are last."""
        had = self.refused.union(order.source.added)
        known = [each for each in findings if isinstance(each, ImportFinding) and each.addition not in ("", *had)]
        wanted = {each.addition: each for each in reversed(known) if not self._is_given_up(each)}
        return dict(sorted(wanted.items(), key=lambda item: (item[1].goes_back, item[0])))

    def _is_given_up(self, finding: ImportFinding) -> bool:
        return finding.goes_back and Requirement(finding.addition).name in self.newest
