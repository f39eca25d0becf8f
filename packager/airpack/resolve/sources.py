"""How sdists are to be built, and what a build gave; `sdist` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """How sdists are built: the target's interpreter (None: there is none), its tags, where wheels are kept.

    `pip_options` tell the environment's pip where build requirements come from;
    `target` is the target's name, part of what a kept wheel is known by.
    """

    target: str
    python: str | None
    tags: Sequence[str]
    cache: Path
    pip_options: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the builder as JSON takes it."""
        return {
            "target": self.target,
            "python": self.python,
            "tags": list(self.tags),
            "cache": str(self.cache),
            "pip_options": list(self.pip_options),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Builder:
        """Build it from what `to_dict` gave."""
        return cls(**{**data, "cache": Path(data["cache"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A wheel built here: its path, whether the host's interpreter built it, and the backend's settings."""

    path: Path
    by_host: bool
    settings: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
