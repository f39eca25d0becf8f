"""A folder of results against itself: wheelhouse, lock, manifest and bundle must speak of the same wheels."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path

from airpack_runtime import hashing, layout
from airpack_runtime.errors import reason
from airpack_runtime.toc import Distribution
from packaging.utils import canonicalize_name

from airpack import contents as reading
from airpack import pylock, records, wheelhouse
from airpack.audit import ERROR, Finding
from airpack.contents import Contents
from airpack.errors import AirpackError
from airpack.lock import REQUIREMENTS, Lock, LockedWheel
from airpack.records import Record
from airpack.target import Target

_REMEDY = "copy the folder again from where it was packed"
_DATA = {"purelib": layout.SITE_PACKAGES, "platlib": layout.SITE_PACKAGES, "scripts": layout.BIN, "data": "."}


def check(
    folder: Path, contents: Contents | None, recorded: Mapping[str, Record], *, executor: Executor
) -> Iterator[Finding]:
    """Yield where the parts of `folder` disagree: lock, wheelhouse, manifest, bundle; what isn't there isn't missed.

    `contents` are the bundle's, None if it can't be read at all, `recorded` the RECORDs in it by name.
    """
    if contents is not None:
        yield from by_manifest(contents, executor=executor)
    if not (folder / pylock.NAME).exists():
        return
    try:
        made_for, python_version = pylock.target_of(folder / pylock.NAME)
        lock = pylock.load(folder / pylock.NAME, Target.parse(made_for or "", python_version=python_version))
    except AirpackError as error:
        yield _finding(pylock.NAME, f"can't be compared ({error})")
        return
    if (folder / wheelhouse.NAME).is_dir():
        yield from _wheels(folder / wheelhouse.NAME, lock, executor)
    if contents is not None:
        yield from _lock(lock, contents)
        for wheel in lock.wheels:
            path = folder / wheelhouse.NAME / wheel.filename
            if path.exists() and wheel.key in recorded:
                yield from _installed(path, recorded[wheel.key])


def _finding(package: str, sentence: str) -> Finding:
    return Finding(severity=ERROR, package=package, sentence=sentence, remedy=_REMEDY)


def by_manifest(contents: Contents, *, executor: Executor) -> Iterator[Finding]:
    """Compare what the manifest says of the bundle with the bundle."""
    path = Path(contents.bundle.path)
    manifest = reading.manifest_at(path.parent)
    told = manifest.get("bundle")
    digest = f"sha256:{contents.bundle.digest}"
    if isinstance(told, dict) and told.get("digest") != digest:
        yield _finding(path.name, f"has the digest {digest}, but its manifest lists {told.get('digest')}")
    files = [each for each in (told, manifest.get("image")) if isinstance(each, dict)]
    hashes = executor.map(_sha256_of, [path.with_name(str(each.get("file"))) for each in files])
    for each, sha256 in zip(files, hashes, strict=True):
        expected = each.get("file_sha256", each.get("sha256"))
        if sha256 != expected:
            yield _finding(str(each.get("file")), f"has the SHA-256 {sha256}, but its manifest lists {expected}")


def _wheels(house: Path, lock: Lock, executor: Executor) -> Iterator[Finding]:
    """Compare the wheels that are there with those that are locked: names, sizes, hashes."""
    found = {each.name for each in house.iterdir()}
    present = [wheel for wheel in lock.wheels if wheel.filename in found]
    hashes = executor.map(lambda wheel: _sha256_of(house / wheel.filename), present)
    for wheel in lock.wheels:
        if wheel.filename not in found:
            yield _finding(wheel.filename, f"is not in {house.name}, but {pylock.NAME} locks it")
    for wheel, sha256 in zip(present, hashes, strict=True):
        size = (house / wheel.filename).stat().st_size
        if wheel.size not in (None, size):
            yield _finding(wheel.filename, f"has {size:,} bytes, but {pylock.NAME} locks {wheel.size:,}")
        if sha256 != wheel.sha256:
            yield _finding(wheel.filename, f"has the SHA-256 {sha256}, but {pylock.NAME} locks {wheel.sha256}")
    for name in sorted(found - {wheel.filename for wheel in lock.wheels} - {REQUIREMENTS}):
        yield _finding(f"{house.name}/{name}", f"is not what {pylock.NAME} locks")
    if REQUIREMENTS in found and (house / REQUIREMENTS).read_text("utf-8", "replace") != lock.to_requirements():
        yield _finding(f"{house.name}/{REQUIREMENTS}", f"says otherwise than {pylock.NAME}")


def _sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, why there is none for one that can't be read."""
    try:
        with open(path, "rb") as file:
            return hashing.of_file(file.fileno())
    except OSError as error:
        return f"of nothing ({reason(error)})"


def _lock(lock: Lock, contents: Contents) -> Iterator[Finding]:
    """Compare what is locked with what the bundle says it was packed from."""
    shares = {canonicalize_name(each.name): each for each in contents.toc.distributions}
    name = Path(contents.bundle.path).name
    if lock.target.name != contents.toc.target:
        yield _finding(pylock.NAME, f"is for {lock.target.name}, the bundle for {contents.toc.target}")
    for wheel in lock.wheels:
        share = shares.pop(wheel.key, None)
        if share is None:
            yield _finding(pylock.NAME, f"locks {wheel.key} {wheel.version}, which {name} lacks")
        elif _identity(share) != (wheel.version, wheel.filename, wheel.sha256):
            locked, packed = _shown(wheel), _shown(share)
            yield _finding(pylock.NAME, f"locks {locked}, but {name} was packed from {packed}")
    for share in shares.values():
        yield _finding(name, f"holds {share.name} {share.version}, which {pylock.NAME} doesn't lock")


def _identity(share: Distribution) -> tuple[str, str, str]:
    return share.version, share.wheel, share.sha256


def _shown(each: LockedWheel | Distribution) -> str:
    filename = each.filename if isinstance(each, LockedWheel) else each.wheel
    return f"{filename} sha256:{each.sha256[:12]}"


def _installed(path: Path, record: Record) -> Iterator[Finding]:
    """Compare the RECORD of a wheel with that of the bundle: what an install may add and rewrite is known."""
    try:
        with zipfile.ZipFile(path) as archive:
            (place,) = [name for name in archive.namelist() if name.endswith(records.FILE) and name.count("/") == 1]
            rows = records.parse(archive.read(place), "")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        yield record.finding(f"{path.name} has no RECORD to compare with ({error})")
        return
    wanted = {_place(name, record.name): content for name, content in rows.items()}
    for name, content in wanted.items():
        script = name.startswith(f"{layout.BIN}/")  # its first line names the interpreter
        if content.sha256 is None or "/__pycache__/" in f"/{name}":
            continue
        if name not in record.rows:
            yield record.finding(f"{name} of {path.name} is not in the bundle's RECORD")
        elif record.rows[name] != content and not script:
            yield record.finding(f"{name} is not that of {path.name}, by its RECORD")
    added = {f"{record.path.rpartition('/')[0]}/INSTALLER", record.path}
    for name in sorted(record.rows.keys() - wanted.keys() - added):
        if not name.startswith(f"{layout.BIN}/"):
            yield record.finding(f"{name} is not in {path.name}, by its RECORD")


def _place(name: str, distribution: str) -> str:
    """Return where a file of a wheel is in the tree (the binary distribution format: the `.data` folder)."""
    first, _, rest = name.partition("/")
    if not first.endswith(".data") or "/" not in rest:
        return f"{layout.SITE_PACKAGES}/{name}"
    scheme, _, inside = rest.partition("/")
    folder = f"include/{canonicalize_name(distribution)}" if scheme == "headers" else _DATA.get(scheme, scheme)
    return inside if folder == "." else f"{folder}/{inside}"
