"""Libraries that only an extra of airpack installs, and how to install one from where airpack itself came."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, PackageNotFoundError
from typing import Any
from urllib.parse import unquote, urlsplit

from airpack.base.errors import AirpackError
from airpack.base.urls import redacted

_NAME = "airpack"


class MissingExtra(AirpackError):
    """A library that is missing, because only an extra of airpack installs it."""

    def __init__(self, purpose: str, library: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {library}, which isn't installed: {install(extra)}")
        self.library = library
        self.extra = extra


@contextmanager
def from_extra(purpose: str, library: str, extra: str) -> Iterator[None]:
    """Raise MissingExtra for an import in the block that fails: `library` comes with `airpack[extra]` alone."""
    try:
        yield
    except ImportError as error:
        raise MissingExtra(purpose, library, extra) from error


def install(extra: str) -> str:
    """Return the command that installs an extra of airpack, from where airpack itself was installed.

    That is what `direct_url.json` says (PEP 610): a folder, an archive, or a repository. By its name alone, the package
    index may give what somebody else has put there.
    """
    try:
        origin: Any = json.loads(Distribution.from_name(_NAME).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        origin = {}
    wanted, url = f"{_NAME}[{extra}]", origin.get("url", "")
    if "dir_info" in origin:
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f"pip install {editable}{shlex.quote(unquote(urlsplit(url).path) + f'[{extra}]')}"
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return f"pip install {shlex.quote(f'{wanted} @ {redacted(url)}' if url else wanted)}"
