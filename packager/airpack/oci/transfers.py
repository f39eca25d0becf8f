"""Moves blobs, some at once: the first failure, or Ctrl-C, ends all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import as_completed

from airpack.oci.client import Client
from airpack.oci.layout import Descriptor
from airpack.oci.retries import Stopped
from airpack.progress import BYTES, Advance, Progress
from airpack.workers import threads


def move(
    client: Client,
    blobs: Collection[Descriptor],
    one: Callable[[Descriptor, Advance], None],
    *,
    name: str,
    progress: Progress,
) -> None:
    """Call `one` for each of the blobs, in several threads, and tell how far it is as the stage `name`.

    Raises what the first of them that fails raises.
    """
    lock = threading.Lock()
    total = sum(each.size for each in blobs)
    with progress.stage(name, BYTES, total) as advance, threads(client.at_once) as executor, client.stopping():

        def count(amount: int) -> None:
            with lock:
                advance(amount)

        def run(blob: Descriptor) -> None:
            with client.stopping():
                one(blob, count)

        for future in as_completed([executor.submit(run, each) for each in blobs]):
            error = future.exception()
            if error is not None and not isinstance(error, Stopped):
                raise error
