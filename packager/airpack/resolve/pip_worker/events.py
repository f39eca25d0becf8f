"""What the subprocess tells: events, and failures with the facts that a message is made of."""

from __future__ import annotations

import json
import os
import threading
import traceback
from typing import Any

from pip._internal.exceptions import HashError, HashErrors, InstallationError


class Events:
    """Writes events to the pipe's descriptor, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def emit(self, **event: Any) -> None:
        """Write one event."""
        with self._lock:
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()


class Failure(InstallationError):
    """A failure with the facts that a message is made of."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.facts = {"failure": kind, **facts}


def facts_of(error: Exception) -> dict[str, Any]:
    """Return what `diagnosis` makes a message of."""
    if isinstance(error, Failure):
        return error.facts
    if isinstance(error, (HashError, HashErrors)):
        return {"failure": "hash", "message": str(error)}
    context = getattr(error, "context", None)
    if context is not None:  # pip's own paragraphs: what happened stands in the context
        return {"failure": "pip", "message": f"{getattr(error, 'message', '')} {context}".strip()}
    if isinstance(error, InstallationError):
        return {"failure": "pip", "message": str(error)}
    if isinstance(error, OSError):
        return {"failure": "os", "message": error.strerror or str(error), "path": error.filename or ""}
    traceback.print_exc()  # a fault here or in pip: one line for the user, and all of it with -v
    return {"failure": "pip", "message": f"{type(error).__name__}: {error}"}
