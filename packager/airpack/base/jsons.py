"""Reads JSON from elsewhere: what is nested too deeply is not JSON that anybody wrote (RFC 8259, 9)."""

from __future__ import annotations

import json
from typing import Any


def loads(text: str | bytes) -> Any:
    """Return what a JSON text holds. Raises ValueError if it is not JSON."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
