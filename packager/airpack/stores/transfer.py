"""Uploads what was packed to a store, and downloads it again: every file by its SHA-256, the list of them last."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout

from airpack.base import staging
from airpack.base.console import BYTES, Advance, Progress
from airpack.base.errors import InvalidManifest, StoreFailed
from airpack.base.files import held, sha256_of
from airpack.base.interrupts import threads
from airpack.bundle.opened import OpenBundle
from airpack.results import overwrite
from airpack.results.folder import LOCK, MANIFEST, SOMETIMES, WHEELHOUSE, Results
from airpack.results.pins import ANY, Pins
from airpack.stores.store import Store, open_store
from airpack.verify.results import by_manifest

# The files that are uploaded where they exist; the bundle is first, as it takes longest.
_BESIDE = (*SOMETIMES, MANIFEST, LOCK)
NAMES = (layout.BUNDLE_NAME, *_BESIDE)
# The list of an upload's files and their SHA-256, as `sha256sum -c` reads it. An upload without it is not complete.
LIST = layout.SUMS
_LIST_LIMIT = 1 << 16  # bytes
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """What was uploaded or downloaded: the number of files, their bytes, and the bundle's digest in hexadecimal.

    `new` is False where the store held this very upload already.
    """

    count: int
    size: int
    digest: str
    new: bool = True


def upload(results: Results, url: str, progress: Progress) -> Moved:
    """Put the files of `results`, except the wheels, into the store at `url`, and read all of them back.

    Raises StoreFailed, also if the store holds something else there; InvalidManifest if the folder's files do not
    belong together; BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    digest = _checked_digest(results)
    with held(results.files(), followed=[layout.BUNDLE_NAME] if results.is_alone else []) as files:
        with OpenBundle.at(files[layout.BUNDLE_NAME]) as opened:
            if opened.file.digest != digest:
                raise InvalidManifest(results.manifest_path, "the bundle was exchanged meanwhile", "upload again")
        return _put(files, digest, url, progress)


def _put(files: Mapping[str, Path], digest: str, url: str, progress: Progress) -> Moved:
    """Put files, which are open, into the store at `url`, and read all of them back. Raises StoreFailed."""
    size = sum(path.stat().st_size for path in files.values())
    store = open_store(url)
    sums = {name: sha256_of(path, follow=True) for name, path in files.items()}
    present = store.names() & {*NAMES, LIST}
    if present:
        _check_same_upload(store, present, sums)
        _read_back(store, sums, progress)
    else:
        with tempfile.TemporaryDirectory(prefix="airpack-upload-") as folder:
            sums_file = Path(folder, LIST)
            sums_file.write_text("".join(f"{sha256}  {name}\n" for name, sha256 in sums.items()), encoding="ascii")
            with progress.stage("upload", BYTES, size) as advance:
                store.deliver({**files, LIST: sums_file}, lambda written: _read_back(written, sums, progress), advance)
    return Moved(count=len(files), size=size, digest=digest, new=not present)


def download(url: str, folder: Path, *, pins: Pins = ANY, progress: Progress) -> Moved:
    """Fetch what was uploaded to `url` into `folder`: all that a pack leaves there, except the wheels.

    After an error or Ctrl-C the folder is as it was. Raises StoreFailed, OutputRefused, InvalidManifest, BundleDamaged
    (of `airpack_runtime.errors`), or AuditFailed if the bundle is not signed as the `pins` demand.
    """
    overwrite.check(folder)
    store = open_store(url)
    if LIST not in store.names():
        raise StoreFailed(store.url, f"holds no {LIST}, which completes an upload: correct the URL, or upload again")
    sums = _read_list(store)
    sizes = {name: store.size(name) for name in sums}
    with staging.scratch_in(folder) as scratch:
        with progress.stage("download", BYTES, sum(sizes.values())) as advance:
            for name, sha256 in sums.items():
                _fetch(store, name, sha256, scratch / name, advance)
        fetched = Results.at(scratch)
        actual = _checked_digest(fetched)
        if pins.digest not in (None, actual):
            problem = f"holds the bundle sha256:{actual}, not sha256:{pins.digest}: correct the URL or --digest"
            raise StoreFailed(url, problem)
        pins.checked(fetched)
        results = {scratch / name: folder / name for name in sums}
        gone = [folder / name for name in (*_BESIDE, WHEELHOUSE) if name not in sums]
        staging.place(results, gone=gone, aside=scratch)
    return Moved(count=len(sums), size=sum(sizes.values()), digest=actual)


def _checked_digest(results: Results) -> str:
    """Return the digest of a bundle; the manifest beside it, if there is one, must agree with its files.

    Raises InvalidManifest, BundleNotFound or BundleDamaged.
    """
    with results.open_bundle() as opened:
        with threads(1) as executor:
            for finding in by_manifest(results, opened, executor=executor):
                raise InvalidManifest(
                    results.manifest_path, f"does not belong to what lies beside it: {finding.message}"
                )
        return opened.file.digest


def _check_same_upload(store: Store, present: set[str], sums: Mapping[str, str]) -> None:
    """Raise StoreFailed unless the store holds an upload of these very files; `present` are the names it holds."""
    if LIST not in present:
        problem = f"holds {min(present)} without {LIST}: an upload that was killed, or somebody else's file"
        raise StoreFailed(store.url, f"{problem}; remove it, or give another URL")
    if _read_list(store) != sums:
        raise StoreFailed(store.url, "holds another upload: give another URL, or remove it")


def _read_list(store: Store) -> dict[str, str]:
    """Return the SHA-256 of each file of an upload by its name, as the store's list states it. Raises StoreFailed."""
    if store.size(LIST) > _LIST_LIMIT:
        raise StoreFailed(store.url, f"{LIST} is not the list of an upload: it is too large")
    sums = {}
    for line in b"".join(store.chunks(LIST)).decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] not in NAMES:  # any other name might lead out of the folder
            raise StoreFailed(store.url, f"{LIST} is not the list of an upload: it has the line {line[:80]!r}")
        sums[match[2]] = match[1]
    if layout.BUNDLE_NAME not in sums:
        raise StoreFailed(store.url, f"{LIST} lists no {layout.BUNDLE_NAME}: upload again")
    return sums


def _read_back(store: Store, sums: Mapping[str, str], progress: Progress) -> None:
    """Read all files from the store again. Raises StoreFailed if the content of one is not what was put."""
    with progress.stage("check", BYTES, sum(store.size(name) for name in sums)) as advance:
        for name, sha256 in sums.items():
            for chunk in _checked_chunks(store, name, sha256):
                advance(len(chunk))


def _fetch(store: Store, name: str, sha256: str, path: Path, advance: Advance) -> None:
    with open(path, "xb") as file:
        for chunk in _checked_chunks(store, name, sha256):
            file.write(chunk)
            advance(len(chunk))


def _checked_chunks(store: Store, name: str, expected: str) -> Iterator[bytes]:
    """Yield a file's content from the store. Raises StoreFailed after the last piece if its SHA-256 is another."""
    total = hashlib.sha256()
    for chunk in store.chunks(name):
        total.update(chunk)
        yield chunk
    if total.hexdigest() != expected:
        problem = f"{name} has the SHA-256 {total.hexdigest()}, but {expected} was uploaded"
        raise StoreFailed(store.url, f"{problem}: remove the whole upload, and upload again")
