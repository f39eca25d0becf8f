"""Where the stages of a pack do their work: threads, and the cache of what they made before."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Where work is done: `executor` has `jobs` threads; `store` is the cache, None for no cache.

    `begun` is what is being made before its turn, by its name in the cache.
    """

    executor: Executor
    jobs: int
    store: Path | None = None
    begun: dict[str, Future[None]] = field(default_factory=dict)
