"""A folder of results against itself: wheelhouse, lock, manifest and bundle must describe the same wheels."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, reason_of
from packaging.utils import canonicalize_name

from airpack.audit.finding import ERROR, NOTE, Finding
from airpack.audit.oddities import findings_of
from airpack.base import files
from airpack.base.errors import AirpackError, InvalidManifest, InvalidWheel
from airpack.bundle.opened import OpenBundle
from airpack.resolve.lock import REQUIREMENTS, Lock, LockedWheel
from airpack.results.folder import LOCK, MANIFEST, WHEELHOUSE, Results
from airpack.results.manifest import Manifest
from airpack.sources.source import origin_of
from airpack.target.target import Target
from airpack.tree import members
from airpack.verify.records import Record
from airpack.wheels import places, wheelfile
from airpack.wheels.oddity import Kind, Oddity

_REMEDY = "copy the folder again from where it was packed"


def check(
    packed: Results, opened: OpenBundle | None, recorded: Mapping[str, Record], *, executor: Executor
) -> Iterator[Finding]:
    """Yield a finding for each disagreement between lock, wheelhouse, manifest and bundle.

    `opened` is the bundle, None if it cannot be read at all; `recorded` are the RECORDs in it by distribution.
    """
    if opened is not None:
        about = yield from _manifest(packed)
        if about is not None:
            yield from _by_manifest(about, packed, opened, executor)
            yield from _described(about, packed, opened)
    if os.path.lexists(packed.folder / LOCK):
        yield from by_lock(packed, opened, recorded, executor)


def absent(packed: Results) -> Iterator[Finding]:
    """Yield a note of what a pack writes beside a bundle and is not there: registries and stores don't bring all."""
    names = [name for name in (MANIFEST, LOCK, WHEELHOUSE) if not os.path.lexists(packed.folder / name)]
    if names:
        yield Finding(
            severity=NOTE,
            package=packed.bundle.name,
            sentence=f"came without {', '.join(names)}, and was compared with none of that",
            remedy="give --digest or --key to know that it is the bundle that was packed",
        )


def by_manifest(packed: Results, opened: OpenBundle, *, executor: Executor) -> Iterator[Finding]:
    """Compare the bundle, and its image, with the digests in the manifest beside it, if there is one."""
    about = None if packed.is_alone else (yield from _manifest(packed))
    if about is not None:
        yield from _by_manifest(about, packed, opened, executor)


def _manifest(packed: Results) -> Generator[Finding, None, Manifest | None]:
    """Return the manifest, None if there is none; one that cannot be read is a finding."""
    if os.path.lexists(packed.manifest_path):
        try:
            return packed.manifest()
        except InvalidManifest as error:
            yield _finding(f"{MANIFEST}:", error.problem)
    return None


def _finding(package: str, sentence: str) -> Finding:
    return Finding(severity=ERROR, package=package, sentence=sentence, remedy=_REMEDY)


def _by_manifest(about: Manifest, packed: Results, opened: OpenBundle, executor: Executor) -> Iterator[Finding]:
    bundle = packed.bundle
    if about.bundle.digest != opened.file.digest:
        digests = f"sha256:{opened.file.digest}, but its manifest lists sha256:{about.bundle.digest}"
        yield _finding(bundle.name, f"has the digest {digests}")
    listed = {bundle.name: about.bundle.file_sha256}
    if about.image is not None:
        listed[about.image.file] = about.image.sha256
    known = [name for name in listed if name in (bundle.name, *layout.IMAGE_NAMES)]
    hashes = executor.map(lambda name: _hash(packed.folder / name), known)
    for name, sha256 in zip(known, hashes, strict=True):
        if isinstance(sha256, OSError):
            yield _finding(name, f"can't be read ({reason_of(sha256)}), but {MANIFEST} lists it")
        elif sha256 != listed[name]:
            yield _finding(name, f"has the SHA-256 {sha256}, but its manifest lists {listed[name]}")
    for name in listed.keys() - set(known):
        yield _finding(MANIFEST, f"lists the image {name}, which is not an image that airpack writes")


def _described(about: Manifest, packed: Results, opened: OpenBundle) -> Iterator[Finding]:
    """Compare what else the manifest says of the bundle, its packages and its signatures with what there is."""
    listed = {
        "size": str(about.bundle.size),
        "target": about.target.name,
        "creator": about.creator,
        "requirements": ", ".join(about.requirements),
        "unpacked size": str(about.bundle.unpacked_size),
        "decoder": str(about.options.get("decoder")),
        "content digest": f"sha256:{about.bundle.content_digest}",
    }
    for what, actual in _facts(opened).items():
        if listed[what] != actual:
            yield _finding(packed.bundle.name, f"has the {what} {actual}, but its manifest lists {listed[what]}")
    yield from _packages(about, packed.bundle.name, opened)
    for signed in about.signatures:
        try:
            if not files.exists(packed.folder / signed.signature):
                yield _finding(signed.signature, f"is not here, but {MANIFEST} lists a signature by {signed.key}")
        except OSError as error:
            yield _finding(signed.signature, f"can't be used ({reason_of(error)})")


def _facts(opened: OpenBundle) -> dict[str, str]:
    """Return what the bundle is, by the names that the findings use."""
    toc = opened.toc
    facts = {
        "size": str(opened.file.stat.st_size),
        "target": toc.target,
        "creator": toc.creator,
        "requirements": ", ".join(toc.requirements),
        "unpacked size": str(toc.unpacked_size),
        "decoder": str(toc.decoder and toc.decoder.origin),
    }
    with suppress(BundleDamaged):  # its damage has already been reported
        facts["content digest"] = f"sha256:{members.content_digest(opened.hashed())}"
    return facts


def _packages(about: Manifest, bundle: str, opened: OpenBundle) -> Iterator[Finding]:
    """Compare the packages that a manifest lists with the bundle's: versions, wheels, what was built."""
    listed = set()
    for entry in about.packages:
        listed.add((entry.name, entry.version, entry.wheel, entry.sha256, entry.built_from))
    packed = {
        (share.name, share.version, share.wheel, share.sha256, share.built_from) for share in opened.toc.distributions
    }
    for name, version, wheel, sha256, built_from in sorted(listed - packed):
        source = f", {origin_of(built_from, '')}" if built_from else ""
        shown = f"{name} {version} ({wheel} sha256:{sha256[:12]}{source})"
        yield _finding(MANIFEST, f"lists {shown}, which {bundle} wasn't packed from")
    for name, version, *_ in sorted(packed - listed):
        yield _finding(MANIFEST, f"doesn't list {name} {version} as {bundle} has it")


def by_lock(
    packed: Results, opened: OpenBundle | None, recorded: Mapping[str, Record], executor: Executor
) -> Iterator[Finding]:
    """Yield where wheelhouse and bundle differ from the lock; `recorded` are the bundle's RECORDs to compare."""
    try:
        locked = packed.lock()
        lock = locked.for_target(locked.target())
    except AirpackError as error:
        yield _finding(LOCK, f"can't be compared ({error})")
        return
    hashes: Mapping[str, str | OSError] = {}
    if os.path.lexists(packed.wheels):
        present = [wheel.filename for wheel in lock.wheels if os.path.lexists(packed.wheels / wheel.filename)]
        computed = executor.map(lambda name: _hash(packed.wheels / name), present)
        hashes = dict(zip(present, computed, strict=True))
        yield from _wheels(packed.wheels, lock, hashes)
    if opened is not None:
        yield from _locked(lock, packed.bundle.name, opened)
        for wheel in lock.wheels:
            if hashes.get(wheel.filename) == wheel.sha256 and wheel.key in recorded:
                yield from _installed(wheel, packed.wheels / wheel.filename, lock.target, recorded[wheel.key])


def _hash(path: Path) -> str | OSError:
    """Return the SHA-256 of a file, or the error because of which it can't be read."""
    try:
        return files.sha256_of(path)
    except OSError as error:
        return error


def _wheels(house: Path, lock: Lock, hashes: Mapping[str, str | OSError]) -> Iterator[Finding]:
    """Compare the wheels that are there with those that are locked: names, hashes, and the list for pip."""
    if not house.is_dir():
        yield _finding(house.name, "is not a folder")
        return
    present = {path.name for path in house.iterdir()}
    for wheel in lock.wheels:
        if wheel.filename not in present:
            yield _finding(wheel.filename, f"is not in {house.name}, but {LOCK} locks it")
            continue
        actual_hash = hashes[wheel.filename]
        if isinstance(actual_hash, OSError):
            yield _finding(wheel.filename, f"can't be read ({reason_of(actual_hash)})")
        elif actual_hash != wheel.sha256:
            actual = f"{(house / wheel.filename).lstat().st_size:,} bytes with the SHA-256 {actual_hash}"
            size = "" if wheel.size is None else f"{wheel.size:,} with "
            yield _finding(wheel.filename, f"has {actual}, but {LOCK} locks {size}{wheel.sha256}")
    for name in sorted(present - {wheel.filename for wheel in lock.wheels} - {REQUIREMENTS}):
        yield _finding(f"{house.name}/{name}", f"is not what {LOCK} locks")
    if REQUIREMENTS in present and not _holds(house / REQUIREMENTS, lock.to_requirements()):
        yield _finding(f"{house.name}/{REQUIREMENTS}", f"differs from {LOCK}")


def _holds(path: Path, text: str) -> bool:
    try:
        return files.read_text(path) == text
    except (OSError, ValueError):
        return False


def _locked(lock: Lock, bundle: str, opened: OpenBundle) -> Iterator[Finding]:
    """Compare the lock with what the bundle says it was packed from."""
    shares = {canonicalize_name(share.name): share for share in opened.toc.distributions}
    if lock.target.name != opened.toc.target:
        yield _finding(LOCK, f"is for {lock.target.name}, the bundle for {opened.toc.target}")
    for wheel in lock.wheels:
        share = shares.pop(wheel.key, None)
        if share is None:
            yield _finding(LOCK, f"locks {wheel.key} {wheel.version}, which {bundle} lacks")
        elif (share.version, share.wheel, share.sha256) != (wheel.version, wheel.filename, wheel.sha256):
            locked, packed = _shown(wheel.filename, wheel.sha256), _shown(share.wheel, share.sha256)
            yield _finding(LOCK, f"locks {locked}, but {bundle} was packed from {packed}")
    for share in shares.values():
        yield _finding(bundle, f"holds {share.name} {share.version}, which {LOCK} doesn't lock")


def _shown(filename: str, sha256: str) -> str:
    return f"{filename} sha256:{sha256[:12]}"


def _installed(wheel: LockedWheel, path: Path, target: Target, record: Record) -> Iterator[Finding]:
    """Compare a wheel, as it would be installed, with the RECORD of the bundle, which lists what was.

    A file is read only where the wheel's own RECORD says something else of it.
    """
    differing = []
    try:
        with wheelfile.opened(wheel, path, target) as source:
            for place, placed in source.placed.items():
                claim, row = source.claims.get(place), record.rows.get(place)
                if row is None:
                    yield record.finding(f"{place} of {path.name} is not in the bundle's RECORD")
                    continue
                if place == record.path or (claim and (claim.size, claim.digest) == (row.size, row.sha256)):
                    continue
                with source.open_file(place) as file:
                    if claim is not None and not claim.fits(file):
                        differing.append(Oddity(kind=Kind.RECORD_DIFFERS, name=place))
                # The first line of a script names the interpreter.
                if placed.scheme != places.SCRIPTS and source.content_of(place) != row:
                    yield record.finding(f"{place} is not that of {path.name}")
            known, oddities = {*source.placed, *source.scripts}, [*source.oddities, *differing]
    except InvalidWheel as error:
        yield record.finding(f"{path.name} {error.problem}")
        return
    except OSError as error:
        yield record.finding(f"{path.name} can't be read ({reason_of(error)})")
        return
    for place in sorted(record.rows.keys() - known - {f"{record.path.rpartition('/')[0]}/INSTALLER"}):
        yield record.finding(f"{place} is not in {path.name}")
    yield from findings_of(wheel, oddities)
