"""What may be shown on a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return text with `?` for what would act on a terminal: a bundle of somebody else's may hold it."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)
