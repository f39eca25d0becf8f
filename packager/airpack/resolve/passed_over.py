"""Versions that a resolve passed over, although the requirements allow them: they have no wheel for the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedOver:
    """The newest version of a project that was passed over, and the one that was taken.

    `taken` is empty where the project isn't needed any more; `newest` says that it is the newest with a wheel for the
    target. `reason` is what the build of the newer version said, empty if it was not tried because it compiles.
    """

    name: str
    version: str
    taken: str = ""
    newest: bool = False
    reason: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PassedOver:
        """Return what `to_dict` gave as `data`. Raises TypeError, or ValueError, if it is not of that form."""
        passed = cls(**data)
        if not isinstance(passed.newest, bool) or not all(
            isinstance(text, str) for text in (passed.name, passed.version, passed.taken, passed.reason)
        ):
            raise ValueError(f"{dict(data)} has a value of the wrong type")
        return passed

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON and TOML take it."""
        return {key: value for key, value in asdict(self).items() if value}

    def __str__(self) -> str:
        what = f"{self.name} {self.version}".strip()
        if self.reason:
            then = f"{self.taken} is taken" if self.taken else "what needs it is passed over as well"
            return f"{what} can't be built ({self.reason}); {then}"
        then = f"{self.taken} is the newest with a wheel for the target" if self.newest else f"{self.taken} is taken"
        return f"{what} has only a source that must be compiled; {then}"
