"""Reports what pip would warn of: in its log, of yanked versions, and of indexes that it passed over in silence."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from airpack.resolve.pip_worker.adapter import LOGGER, VENDORED
from airpack.resolve.pip_worker.events import Events


def report_warnings(events: Events) -> None:
    """Report each warning in pip's log once."""
    seen: set[str] = set()

    class Warnings(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            # The libraries in pip warn of each try of a connection.
            if record.levelno == logging.WARNING and not record.name.startswith(VENDORED) and message not in seen:
                seen.add(message)
                events.emit(warning=message)

    logging.getLogger(LOGGER).addHandler(Warnings(logging.WARNING))


def report_chosen(events: Events, chosen: Iterable[Any], unreachable: Iterable[Mapping[str, Any]]) -> None:
    """Report the yanked ones of the candidates `chosen`, and the pages that failed while others served."""
    for candidate in chosen:
        link = candidate.source_link
        if link is not None and link.is_yanked:
            events.emit(yanked=f"{candidate.project_name} {candidate.version}", reason=link.yanked_reason)
    for page in unreachable:
        events.emit(skipped=page["url"], status=page["status"], reason=page["reason"])
