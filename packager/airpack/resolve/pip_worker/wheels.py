"""Reads the metadata of wheels without the wheels, and names the wheel that pip can't read.

An index need not serve the metadata apart (PEP 658). It is known then of wheels that were here before, or lies in a
piece of the file that the server sends alone (RFC 9110, range requests).
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name, parse_wheel_filename

from airpack.base.errors import InvalidWheel
from airpack.resolve.lock import LockedWheel
from airpack.resolve.pip_worker.adapter import (
    HTTPError,
    MetadataInconsistent,
    MetadataInvalid,
    NetworkConnectionError,
    RequestException,
    metadata_distribution,
    response_chunks,
    wrap,
)
from airpack.resolve.pip_worker.events import Failure
from airpack.wheels import archive, known_metadata, texts

# Bytes of one range request, at least: of most wheels, the last ones have the archive's directory and METADATA.
_RANGE = 64 << 10
_MOST = 64 << 20  # bytes of one; the longest directory that is known has two megabytes
_SENT = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)
# Whatever is wrong with the wheel, or the connection, is told when it is downloaded.
_DAMAGE = (
    *(NetworkConnectionError, RequestException, HTTPError, zipfile.BadZipFile, zlib.error),
    *(EOFError, LookupError, NotImplementedError, RuntimeError, OSError, ValueError, InvalidWheel),
)


def read_metadata_alone(store: Path) -> None:
    """Let pip take the metadata of a wheel that the cache `store` knows, or else a range of the file, not all of it.

    Only where the index gives the wheel's SHA-256: the wheel that is packed is checked by it.
    """
    without: set[str] = set()

    def reading(read_served: Any) -> Any:
        def read(preparer: Any, req: Any) -> Any:
            try:
                return read_served(preparer, req)
            except NetworkConnectionError:  # mirrors say of files that they have it, and don't
                return None

        def metadata_alone(preparer: Any, req: Any) -> Any:
            link = req.link
            if req.req is None or not _has_hash(link) or not link.is_hash_allowed(preparer._get_linked_req_hashes(req)):
                return read(preparer, req)
            url = link.url_without_fragment
            content = known_metadata.read(store, link.hash.lower(), url)
            if content is None:
                if distribution := read(preparer, req):
                    return distribution
                content = _in_ranges(url, preparer._session, without)
                if content is None:
                    return None
                known_metadata.keep(content, store, link.hash.lower(), url)
            return _distribution(_bounded(content, link.filename), link.filename, req.req.name)

        return metadata_alone

    wrap("metadata_alone", reading)


def _has_hash(link: Any) -> bool:
    return bool(link.is_wheel and link.scheme in ("http", "https") and link.hash_name == "sha256")


def _distribution(metadata: bytes, file: str, name: str) -> Any:
    """Return pip's distribution of the project `name` with this METADATA, None if pip must see the wheel itself."""
    distribution = metadata_distribution(metadata, file, name)
    with suppress(Exception):  # the wheel is read then, and named
        if canonicalize_name(_read_through(distribution).raw_name) == canonicalize_name(name):
            return distribution
    return None


class _NoRanges(Exception):
    """The server sent something else than the range that it was asked for."""


class _Ranges(io.RawIOBase):
    """A file on a server, of which only what is read is sent (RFC 9110, 14.2): its end first. Raises _NoRanges."""

    def __init__(self, url: str, session: Any) -> None:
        self._url = url
        self._session = session
        self._pieces: list[tuple[int, bytes]] = []
        self._place = self._size = 0
        self._ask(f"-{_RANGE}")

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if self._place < 0:
            raise ValueError("before the beginning")
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        stop = self._size if size < 0 else min(self._place + size, self._size)
        if stop <= self._place:
            return b""
        if not any(start <= self._place and stop <= start + len(piece) for start, piece in self._pieces):
            self._ask(f"{self._place}-{min(max(stop, self._place + _RANGE), self._size) - 1}")
        start, piece = next(each for each in self._pieces if each[0] <= self._place and stop <= each[0] + len(each[1]))
        content = piece[self._place - start : stop - start]
        self._place = stop
        return content

    def _ask(self, wanted: str) -> None:
        """Ask for a range, `FIRST-LAST` or `-BYTES` at the end, and keep what is sent."""
        headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache", "Range": f"bytes={wanted}"}
        with closing(self._session.get(self._url, headers=headers, stream=True)) as response:
            sent = _SENT.fullmatch(response.headers.get("Content-Range", ""))
            if response.status_code != 206 or sent is None:
                raise _NoRanges(getattr(response, "from_cache", False))
            start, stop, self._size = int(sent[1]), int(sent[2]) + 1, int(sent[3])
            as_wanted = stop == self._size if wanted[0] == "-" else wanted == f"{start}-{stop - 1}"
            if not as_wanted or not 0 < stop - start <= _MOST:
                raise _NoRanges
            content = bytearray()
            for chunk in response_chunks(response, _RANGE):
                content += chunk
                if len(content) > stop - start:
                    break
        if len(content) != stop - start:
            raise _NoRanges
        self._pieces.insert(0, (start, bytes(content)))


def _in_ranges(url: str, session: Any, without: set[str]) -> bytes | None:
    """Return the METADATA of the wheel at `url`, by range requests; None if the server does not answer them.

    Servers that don't are in `without`, and not asked again.
    """
    server = urlsplit(url).netloc
    if server in without:
        return None
    try:
        with archive.opened(cast("BinaryIO", _Ranges(url, session)), url) as opened:
            return known_metadata.read_in(opened)
    except _NoRanges as error:
        if error.args != (True,):  # what pip has kept tells nothing of the server
            without.add(server)
    except _DAMAGE:
        pass
    return None


def name_bad_wheels(store: Path) -> None:
    """Let reading the metadata of a bad wheel raise Failure with its name, also where it would fill the memory.

    That of a good one is kept in the cache `store`.
    """
    wrap("wheel_metadata", lambda read: lambda distribution: _read_named(read, distribution, store))
    wrap("served_metadata", lambda read: lambda content, file, name: read(_bounded(content, file), file, name))


def _read_named(read: Callable[[Any], Any], distribution: Any, store: Path) -> Any:
    """Return what `read` returns for pip's distribution of a wheel. Raises Failure with the name of its file."""
    from airpack.wheels import wheelfile  # its imports aren't needed where the index serves the metadata

    path, link = Path(distribution.req.local_file_path), distribution.req.link
    try:
        metadata = wheelfile.check_texts(path)
        made = _read_through(read(distribution))
    except (MetadataInconsistent, MetadataInvalid):  # pip looks for another version
        raise
    except InvalidWheel as error:
        raise Failure("wheel", file=error.wheel, problem=error.problem) from error
    except Exception as error:
        raise Failure("wheel", file=path.name, problem=_reason_against(path) or str(error)) from error
    if link is not None and _has_hash(link):  # by which pip has checked it
        known_metadata.keep(metadata, store, link.hash.lower())
    return made


def _bounded(metadata: bytes, file: str) -> bytes:
    """Return METADATA that the index served for the wheel `file`. Raises Failure if it would fill the memory."""
    try:
        texts.fields_in(metadata)
    except ValueError as error:
        raise Failure("wheel", file=file, problem=f"its METADATA {error}") from error
    return metadata


def _read_through(distribution: Any) -> Any:
    """Return pip's distribution of a wheel, with the metadata read that pip reads later and without naming the file."""
    if not distribution.metadata or not distribution.canonical_name:
        raise ValueError("has no metadata")
    return distribution


def _reason_against(path: Path) -> str | None:
    """Return the reason the wheel at `path` can't be packed, None if its archive shows none."""
    from airpack.wheels import wheelfile

    try:
        name, version, *_ = parse_wheel_filename(path.name)
        wheel = LockedWheel(name=name, version=str(version), filename=path.name, url="", sha256="")
        with wheelfile.opened(wheel, path):
            return None
    except InvalidWheel as error:
        return error.problem


def passed_over(failures: Mapping[Any, Any]) -> list[dict[str, str]]:
    """Return the wheels that pip passed over for their metadata, and what is wrong with it: of pip's `failures`."""
    return [
        {"file": link.filename, "problem": f"its METADATA has the {error.field} {error.m_val!r}, not {error.f_val!r}"}
        for link, error in failures.items()
        if isinstance(error, MetadataInconsistent) and link.is_wheel
    ]
