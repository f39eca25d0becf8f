"""What to pack next, where imports failed and requirements are known that may mend it (`pack --add-missing`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from airpack.audit.finding import Finding
from airpack.base.errors import AirpackError
from airpack.packing.order import Order
from airpack.requirements.requirements import Requirements
from airpack.verify.imports import ImportFinding

# So many older versions are tried, of all projects together.
_OLDER = 12


@dataclass(kw_only=True, slots=True)
class Attempts:
    """The attempts to pack an order; `note` is called with a line for each addition to its requirements.

    `before` is the order without older versions, once there are any; `older` says how many were asked for, None that
    no more will be.
    """

    note: Callable[[str], None]
    before: Order | None = None
    older: int | None = 0

    def next(self, order: Order, findings: Sequence[Finding]) -> Order | None:
        """Return `order` with what mends `findings`, None if nothing is known or it does not say to add anything."""
        if not order.add_missing or not isinstance(order.source, Requirements):
            return None
        known = [each for each in findings if isinstance(each, ImportFinding) and each.addition]
        wanted = {each.addition: each for each in reversed(known) if self.older is not None or not each.goes_back}
        additions = {text: wanted[text] for text in sorted(wanted) if text not in order.source.added}
        if not additions:
            return None
        back = sum(each.goes_back for each in additions.values())
        if back and self.older is not None:
            self.before = self.before or order
            self.older += back
            if self.older > _OLDER:
                return self._given_up(f"{_OLDER} were tried")
        for text, each in additions.items():
            self.note(f"note: added '{text}', and packing again: {each.package} {each.sentence}")
        return replace(order, source=order.source.adding(list(additions)))

    def without_going_back(self, error: AirpackError) -> Order:
        """Return the order without older versions, which `error` says can't be had; raise it if there are none."""
        if self.before is None or self.older is None:
            raise error
        return self._given_up(str(error))

    def _given_up(self, reason: str) -> Order:
        assert self.before is not None
        self.older = None
        self.note(f"note: no older version helps, so that what fails is packed as it is: {reason}")
        return self.before
