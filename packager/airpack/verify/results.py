"""A folder of results against itself: wheelhouse, lock, manifest and bundle must speak of the same wheels."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, reason_of
from airpack_runtime.format import hashing
from airpack_runtime.format.toc import Distribution
from packaging.utils import canonicalize_name

from airpack.audit.wheels import ERROR, NOTE, Finding
from airpack.base.errors import AirpackError, InvalidLock
from airpack.bundle.opened import MANIFEST, OpenBundle, manifest_at
from airpack.resolve import pylock
from airpack.resolve.lock import BUILT, REQUIREMENTS, Lock, LockedWheel
from airpack.target.target import Target
from airpack.tree import members
from airpack.verify import records
from airpack.verify.records import Record
from airpack.wheels import wheelhouse

_REMEDY = "copy the folder again from where it was packed"
_DATA = {"purelib": layout.SITE_PACKAGES, "platlib": layout.SITE_PACKAGES, "scripts": layout.BIN, "data": "."}


def check(
    folder: Path, opened: OpenBundle | None, recorded: Mapping[str, Record], *, executor: Executor
) -> Iterator[Finding]:
    """Yield where the parts of `folder` disagree: lock, wheelhouse, manifest, bundle; what isn't there is noted.

    `contents` are the bundle's, None if it can't be read at all, `recorded` the RECORDs in it by name.
    """
    parts = (MANIFEST, pylock.NAME, wheelhouse.NAME)
    for name in (name for name in parts if not os.path.lexists(folder / name)):
        yield _finding(name, "is not here, and nothing was compared with it", NOTE)
    if opened is not None:
        yield from by_manifest(opened, executor=executor)
        yield from _as_listed(opened)
    if not os.path.lexists(folder / pylock.NAME):
        return
    try:
        lock = _lock_at(folder / pylock.NAME)
    except AirpackError as error:
        yield _finding(pylock.NAME, f"can't be compared ({error})")
        return
    hashes: Mapping[str, str] = {}
    if os.path.lexists(folder / wheelhouse.NAME):
        hashes = _hashes(folder / wheelhouse.NAME, lock, executor)
        yield from _wheels(folder / wheelhouse.NAME, lock, hashes)
    if opened is not None:
        yield from _lock(lock, opened)
        for wheel in lock.wheels:
            if hashes.get(wheel.filename) == wheel.sha256 and wheel.key in recorded:
                yield from _installed(folder / wheelhouse.NAME / wheel.filename, recorded[wheel.key])


def _lock_at(path: Path) -> Lock:
    """Read a lock for the target that it is for. Raises AirpackError."""
    if not path.is_file():
        raise InvalidLock(path, "is no file")
    made_for, python_version = pylock.target_of(path)
    return pylock.load(path, Target.parse(made_for or "", python_version=python_version))


def _finding(package: str, sentence: str, severity: str = ERROR) -> Finding:
    return Finding(severity=severity, package=package, sentence=sentence, remedy=_REMEDY)


def by_manifest(opened: OpenBundle, *, executor: Executor) -> Iterator[Finding]:
    """Compare the bundle, and its image, with the digest and the hashes in the manifest beside it."""
    path = Path(opened.file.path)
    told = manifest_at(path.parent)
    if not told:
        if os.path.lexists(path.with_name(MANIFEST)):
            yield _finding(MANIFEST, "can't be read, or is none")
        return
    about, digest = _object(told.get("bundle")), f"sha256:{opened.file.digest}"
    if about.get("digest") != digest:
        yield _finding(path.name, f"has the digest {digest}, but its manifest lists {about.get('digest')}")
    image = told.get("image")
    files = {path.name: str(about.get("file_sha256"))}
    if isinstance(image, dict):
        files[str(image.get("file"))] = str(image.get("sha256"))
    known = [name for name in files if name in (path.name, *layout.IMAGE_NAMES)]
    for name, sha256 in zip(known, executor.map(lambda name: _sha256_of(path.with_name(name)), known), strict=True):
        if sha256 != files[name]:
            yield _finding(name, f"has the SHA-256 {sha256}, but its manifest lists {files[name]}")
    for name in files.keys() - set(known):
        yield _finding(MANIFEST, f"lists the image {name}, which is none of airpack's")


def _as_listed(opened: OpenBundle) -> Iterator[Finding]:
    """Compare what else the manifest says of the bundle, and of its packages, with what they are."""
    path = Path(opened.file.path)
    told = manifest_at(path.parent)
    if not told:
        return
    listed = _listed(told)
    for what, actual in _facts(opened).items():
        if listed[what] != actual:
            yield _finding(path.name, f"has the {what} {actual}, but its manifest lists {listed[what]}")
    yield from _packages(told, opened)
    yield from _signatures(told, path)


def _signatures(told: Mapping[str, Any], bundle: Path) -> Iterator[Finding]:
    """Look for the signatures that a manifest lists; `verify --key` checks them."""
    rows = told.get("signatures")
    for each in map(_object, rows if isinstance(rows, list) else ()):
        name = f"{each.get('file')}{layout.SIGNATURE_SUFFIX}"
        if not (bundle.parent / name).is_file():
            yield _finding(name, f"is not here, but {MANIFEST} lists a signature by {each.get('key')}")


def _facts(opened: OpenBundle) -> dict[str, str]:
    """Return what the bundle is, as its manifest lists it."""
    toc = opened.toc
    facts = {
        "size": str(opened.file.stat.st_size),
        "target": toc.target,
        "creator": toc.creator,
        "requirements": ", ".join(toc.requirements),
        "unpacked size": str(toc.unpacked_size),
        "decoder": str(toc.decoder and toc.decoder.origin),
    }
    with suppress(BundleDamaged):  # which is a finding by now
        facts["content digest"] = f"sha256:{members.content_digest(opened.hashed())}"
    return facts


def _listed(told: Mapping[str, Any]) -> dict[str, str]:
    """Return what a manifest lists of the bundle; None, as a word, where it lists nothing."""
    about, target, options = (_object(told.get(name)) for name in ("bundle", "target", "options"))
    requirements = told.get("requirements")
    return {
        "size": str(about.get("size")),
        "target": str(target.get("name")),
        "creator": str(told.get("creator")),
        "requirements": ", ".join(map(str, requirements)) if isinstance(requirements, list) else str(requirements),
        "unpacked size": str(about.get("unpacked_size")),
        "decoder": str(options.get("decoder")),
        "content digest": str(about.get("content_digest")),
    }


def _packages(told: Mapping[str, Any], opened: OpenBundle) -> Iterator[Finding]:
    """Compare the packages that a manifest lists with those of the bundle: versions, wheels, what was built here."""
    rows = told.get("packages")
    listed = set()
    for each in map(_object, rows if isinstance(rows, list) else ()):
        origin = str(each.get("origin"))
        names = [str(each.get(name)) for name in ("name", "version", "wheel", "sha256")]
        listed.add((*names, origin.removeprefix(BUILT) if origin.startswith(BUILT) else ""))
    packed = {(each.name, each.version, each.wheel, each.sha256, each.built_from) for each in opened.toc.distributions}
    bundle = Path(opened.file.path).name
    for name, version, wheel, sha256, built in sorted(listed - packed):
        source = f", {BUILT}{built}" if built else ""
        shown = f"{name} {version} ({wheel} sha256:{sha256[:12]}{source})"
        yield _finding(MANIFEST, f"lists {shown}, which {bundle} wasn't packed from")
    for name, version, *_ in sorted(packed - listed):
        yield _finding(MANIFEST, f"doesn't list {name} {version} as {bundle} has it")


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _hashes(house: Path, lock: Lock, executor: Executor) -> dict[str, str]:
    """Return the SHA-256 of each locked wheel that is there."""
    present = [wheel.filename for wheel in lock.wheels if os.path.lexists(house / wheel.filename)]
    return dict(zip(present, executor.map(lambda name: _sha256_of(house / name), present), strict=True))


def _wheels(house: Path, lock: Lock, hashes: Mapping[str, str]) -> Iterator[Finding]:
    """Compare the wheels that are there with those that are locked: names, hashes."""
    if not house.is_dir():
        yield _finding(house.name, "is no folder")
        return
    found = {each.name for each in house.iterdir()}
    for wheel in lock.wheels:
        if wheel.filename not in found:
            yield _finding(wheel.filename, f"is not in {house.name}, but {pylock.NAME} locks it")
        elif hashes[wheel.filename] != wheel.sha256:
            sizes = f"{(house / wheel.filename).lstat().st_size:,} bytes with the SHA-256 {hashes[wheel.filename]}"
            size = "" if wheel.size is None else f"{wheel.size:,} with "
            yield _finding(wheel.filename, f"has {sizes}, but {pylock.NAME} locks {size}{wheel.sha256}")
    for name in sorted(found - {wheel.filename for wheel in lock.wheels} - {REQUIREMENTS}):
        yield _finding(f"{house.name}/{name}", f"is not what {pylock.NAME} locks")
    list_for_pip = house / REQUIREMENTS
    if REQUIREMENTS in found and not (
        list_for_pip.is_file() and list_for_pip.read_text("utf-8", "replace") == lock.to_requirements()
    ):
        yield _finding(f"{house.name}/{REQUIREMENTS}", f"says otherwise than {pylock.NAME}")


def _sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, why there is none for one that can't be read."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            return hashing.of_file(file.fileno())
    except OSError as error:
        return f"of nothing ({reason_of(error)})"


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # for a pipe's other end


def _lock(lock: Lock, opened: OpenBundle) -> Iterator[Finding]:
    """Compare what is locked with what the bundle says it was packed from."""
    shares = {canonicalize_name(each.name): each for each in opened.toc.distributions}
    name = Path(opened.file.path).name
    if lock.target.name != opened.toc.target:
        yield _finding(pylock.NAME, f"is for {lock.target.name}, the bundle for {opened.toc.target}")
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
