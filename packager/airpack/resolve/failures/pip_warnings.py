"""pip's warnings, as the events of `pip_worker` tell them -> lines for the user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from airpack.base.urls import public
from airpack.resolve.failures import pip_messages
from airpack.resolve.failures.diagnosis import GONE
from airpack.resolve.failures.extras import missing_extra

# What `yanked` events, or the error that follows, tell better, and what pip plans for its own command line.
_UNUSED = re.compile(
    "The candidate selected for download or install is a yanked version|Requirement '.*' looks like a filename|"
    "DEPRECATION: "
)
_NOT_SECURE = re.compile(r"The repository located at (\S+) is not a trusted or secure host and is being ignored")
_NO_LOCATION = re.compile(r"Location '(.*)' is ignored: ")


class Warnings:
    """The warnings of one process; each index that can't be read is told of once."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()

    def text_of(self, event: Mapping[str, Any]) -> str | None:
        """Return the warning that an event is, in one line; None if it is none, or not worth a line."""
        match event:
            case {"warning": message}:
                return _text_of(message)
            case {"dropped": words, "place": place}:
                remedy = "quote a value that has spaces, and write a line for each option"
                return f"{place}: pip leaves out {words!r}: {remedy}"
            case {"yanked": what, "reason": reason}:
                why = f": {pip_messages.one_line(reason)}" if reason else ", and no reason is given"
                return f"{what} was yanked from its index{why}"
            case {"skipped": url, "status": status, "reason": reason} if status not in GONE:
                host = urlsplit(url).netloc.rpartition("@")[2]
                if host in self._hosts:
                    return None
                self._hosts.add(host)
                short = pip_messages.short_reason(reason)
                return f"{public(url)} can't be read ({short}): what this index has is passed over"
        return None


def _text_of(message: str) -> str | None:
    """Return a warning of pip's log in one line, None if the user needn't know."""
    if _UNUSED.match(message) or missing_extra(message):
        return None
    if insecure := _NOT_SECURE.match(message):
        host = insecure[1]
        return f"{host} is passed over, as plain http is not safe: name it by https, or give --trusted-host {host}"
    if location := _NO_LOCATION.match(message):
        place = location[1]
        if place.startswith("file:") and Path(unquote(urlsplit(place).path)).parent.is_dir():
            return None  # an index in a folder, which does not have the project
        return f"{place} is not there: nothing is taken from it"
    return f"pip: {pip_messages.one_line(message)}"
