"""What was packed, to a store and back: each file by its SHA-256, the list of them last."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.format import hashing

from airpack.base import staging
from airpack.base.console import BYTES, Progress
from airpack.base.errors import InvalidManifest, StoreFailed
from airpack.base.interrupts import threads
from airpack.results import overwrite
from airpack.results.folder import LOCK, MANIFEST, SOMETIMES, WHEELHOUSE, Results
from airpack.stores.store import OnBytes, Store, open_store
from airpack.verify.results import by_manifest

# What travels; the bundle comes first, as what takes longest.
_BESIDE = (*SOMETIMES, MANIFEST, LOCK)
NAMES = (layout.BUNDLE_NAME, *_BESIDE)
# As `sha256sum -c` reads it. It is what makes files an upload.
LIST = layout.SUMS
_LIST_LIMIT = 1 << 16  # bytes
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """What was moved: how many files and bytes, and the bundle's digest in hexadecimal; `new` if it wasn't there."""

    count: int
    size: int
    digest: str
    new: bool = True


def upload(results: Results, url: str, progress: Progress) -> Moved:
    """Put the files of `results`, but the wheels, to the store at `url`, and read them back there.

    Raises StoreFailed, also if something else lies there; InvalidManifest if the folder disagrees with itself;
    BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    digest = _digest(results)
    files = results.files()
    size = sum(path.stat().st_size for path in files.values())
    store = open_store(url)
    with tempfile.TemporaryDirectory(prefix="airpack-upload-") as folder:
        sums = {name: _sha256(path) for name, path in files.items()}
        listed = Path(folder, LIST)
        listed.write_text("".join(f"{sha256}  {name}\n" for name, sha256 in sums.items()), encoding="ascii")
        there = store.names() & {*NAMES, LIST}
        new = not there
        if there:
            _check_same(store, there, sums)
            _read_back(store, sums, progress)
        else:
            with progress.stage("upload", BYTES, size) as advance:
                store.deliver({**files, LIST: listed}, lambda where: _read_back(where, sums, progress), advance)
    return Moved(count=len(files), size=size, digest=digest, new=new)


def download(url: str, folder: Path, *, digest: str | None, progress: Progress) -> Moved:
    """Fetch what was uploaded to `url` into `folder`, as a pack would leave it there, but for the wheels.

    `digest` is what the bundle's must be, in hexadecimal, None for any. On any error, and on Ctrl-C, the folder is left
    as it was. Raises StoreFailed, OutputRefused, InvalidManifest, BundleDamaged (of `airpack_runtime.errors`).
    """
    overwrite.check(folder)
    store = open_store(url)
    sums = _listed(store)
    sizes = {name: store.size(name) for name in sums}
    with staging.scratch_in(folder) as scratch:
        with progress.stage("download", BYTES, sum(sizes.values())) as advance:
            for name, sha256 in sums.items():
                _fetch(store, name, sha256, scratch / name, advance)
        found = _digest(Results.at(scratch))
        if digest not in (None, found):
            raise StoreFailed(url, f"holds the bundle sha256:{found}, not sha256:{digest}: correct the URL or --digest")
        results = {scratch / name: folder / name for name in sums}
        gone = [folder / name for name in (*_BESIDE, WHEELHOUSE) if name not in sums]
        staging.place(results, gone=gone, aside=scratch)
    return Moved(count=len(sums), size=sum(sizes.values()), digest=found)


def _digest(results: Results) -> str:
    """Return the digest of a bundle, once the manifest beside it agrees, if there is one. Raises InvalidManifest."""
    with results.open_bundle() as opened:
        with threads(1) as executor:
            for finding in by_manifest(results, opened, executor=executor):
                raise InvalidManifest(results.manifest_path, f"is not of what lies beside it: {finding.message}")
        return opened.file.digest


def _check_same(store: Store, there: set[str], sums: Mapping[str, str]) -> None:
    """Raise StoreFailed unless just this was uploaded there before."""
    if LIST not in there:
        problem = f"holds {min(there)} without {LIST}: an upload that was killed, or somebody else's"
        raise StoreFailed(store.url, f"{problem}; remove it, or give another URL")
    if _listed(store) != sums:
        raise StoreFailed(store.url, "holds another upload: give another URL, or remove it")


def _listed(store: Store) -> dict[str, str]:
    """Return the SHA-256 of each file of an upload, by its name. Raises StoreFailed."""
    if LIST not in store.names():
        raise StoreFailed(store.url, f"holds no {LIST}, which an upload ends with: correct the URL, or upload again")
    if store.size(LIST) > _LIST_LIMIT:
        raise StoreFailed(store.url, f"{LIST} is not an upload's: it is too large")
    sums = {}
    for line in b"".join(store.chunks(LIST)).decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] not in NAMES:  # a name might lead elsewhere
            raise StoreFailed(store.url, f"{LIST} is not an upload's: it says {line[:80]!r}")
        sums[match[2]] = match[1]
    if layout.BUNDLE_NAME not in sums:
        raise StoreFailed(store.url, f"{LIST} lists no {layout.BUNDLE_NAME}: upload again")
    return sums


def _read_back(store: Store, sums: Mapping[str, str], progress: Progress) -> None:
    """Read all files from the store again. Raises StoreFailed if one isn't what it must be."""
    with progress.stage("check", BYTES, sum(store.size(name) for name in sums)) as advance:
        for name, sha256 in sums.items():
            _hash(store, name, sha256, lambda _: None, advance)


def _fetch(store: Store, name: str, sha256: str, path: Path, advance: OnBytes) -> None:
    with open(path, "xb") as file:
        _hash(store, name, sha256, file.write, advance)


def _hash(store: Store, name: str, expected: str, write: Callable[[bytes], object], advance: OnBytes) -> None:
    """Read a file from the store and pass it on. Raises StoreFailed if it isn't what it must be."""
    digest = hashlib.sha256()
    for chunk in store.chunks(name):
        digest.update(chunk)
        write(chunk)
        advance(len(chunk))
    if digest.hexdigest() != expected:
        problem = f"{name} has the SHA-256 {digest.hexdigest()}, but {expected} was uploaded"
        raise StoreFailed(store.url, f"{problem}: remove all of it, and upload again")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashing.of_file(file.fileno())
