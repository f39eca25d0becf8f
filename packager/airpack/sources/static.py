"""The metadata of a source that no build changes (core metadata 2.2, PEP 643)."""

from __future__ import annotations

import email.parser
from email.message import Message
from pathlib import Path

from packaging.version import InvalidVersion, Version

from airpack.base import files

PKG_INFO = "PKG-INFO"
_LARGEST = 16 << 20  # bytes; that of most has a few thousand
_DECISIVE = {"requires-dist", "requires-python", "provides-extra", "name", "version"}


def static_metadata(source: Path) -> Message | None:
    """Return the metadata of the source tree `source`, None unless all that a resolve asks of it is static."""
    try:
        metadata = email.parser.Parser().parsestr(files.read_text(source / PKG_INFO, limit=_LARGEST))
        if Version(metadata.get("Metadata-Version", "0")) < Version("2.2"):
            return None
    except (OSError, ValueError, InvalidVersion):
        return None
    dynamic = {field.lower() for field in metadata.get_all("Dynamic", [])}
    return metadata if metadata["Name"] and metadata["Version"] and not dynamic & _DECISIVE else None
