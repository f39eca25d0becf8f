"""From what is asked for to a lock, for the commands that pack nothing: what was built and attested is told."""

from __future__ import annotations

import argparse
from pathlib import Path

from airpack.base import cache
from airpack.base.console import Progress
from airpack.cli import options
from airpack.requirements.requirements import Requirements
from airpack.resolve import attestations, pylock
from airpack.resolve.lock import Lock
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import lock_of
from airpack.target.target import Target


def resolved(
    arguments: argparse.Namespace,
    pip: Pip,
    progress: Progress,
    target: Target,
    source: Requirements | Lock,
    last: Path | None,
) -> Lock:
    """Return what is locked, with what the index attests of it, compared with the lock that lies at `last`.

    Raises AirpackError.
    """
    python = options.find_python(arguments, target, pip.env, progress, lost="builds of sdists")
    store = cache.folder(pip.env)
    with progress.stage("resolve", "wheels") as advance:
        lock = lock_of(
            source,
            target,
            pip=pip,
            cache=store,
            python=python,
            skip_installed=arguments.skip_installed,
        )
        lock = attestations.attested(lock, pip=pip, store=store)
        advance(len(lock.wheels))
    before = {} if last is None else pylock.attested_in(last)
    required = arguments.require_attestations
    for warning in attestations.check(lock, required=required, before=before, named=str(last)):
        progress.note(warning)
    return lock
