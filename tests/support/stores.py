"""What lies at a store's URL, as fsspec shows it: a second opinion, with nothing cached."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import fsspec


def opened(url: str) -> tuple[Any, str]:
    """Return a new file system of fsspec's, and the path that the URL names within it."""
    system, root = fsspec.core.url_to_fs(unquote(url), skip_instance_cache=True)
    return system, root


def names(url: str) -> list[str]:
    """Return the names of all files at a URL, sorted."""
    system, root = opened(url)
    return sorted(path.rpartition("/")[2] for path in system.find(root))


def replace(url: str, name: str, content: bytes) -> None:
    """Write a file, whatever was there."""
    system, root = opened(url)
    system.pipe_file(f"{root}/{name}", content)
