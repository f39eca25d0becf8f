"""Signs bundles and images, and checks their signatures; the files are `airpack_runtime.format.signature`'s."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import NotSigned
from airpack_runtime.format import hashing, signature
from airpack_runtime.format.reader import open_bundle

from airpack.audit.wheels import ERROR, Finding
from airpack.base.staging import place, scratch_in, write_text
from airpack.results import manifest
from airpack.results.keys import SigningKey
from airpack.results.manifest import Signed


def sign(where: Path, key: SigningKey) -> list[Path]:
    """Sign a bundle, an image, or in a folder of results both; return the signatures' files.

    A bundle's table of contents must be whole, and the folder's manifest, which records what was signed, list what lies
    there. Raises InvalidManifest, OSError, BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    signed = [_signed(path, key) for path in _artefacts(where)]
    if not where.is_dir():
        path = where.with_name(signed[0].signature)
        write_text(path, key.sign(signed[0].kind, signed[0].digest))
        return [path]
    about = manifest.with_signatures(where, signed)
    with scratch_in(where) as scratch:
        names = write(signed, key, scratch)
        if about is not None:
            (scratch / manifest.NAME).write_text(about, encoding="utf-8")
        staged = [*names, *([manifest.NAME] if about is not None else [])]
        place({scratch / name: where / name for name in staged}, aside=scratch)
    return [where / name for name in names]


def write(signed: Sequence[Signed], key: SigningKey, folder: Path) -> list[str]:
    """Write the signatures of `signed` into `folder`, and return their names."""
    for each in signed:
        (folder / each.signature).write_text(key.sign(each.kind, each.digest), encoding="ascii")
    return [each.signature for each in signed]


def problems(where: Path, key: str) -> list[Finding]:
    """Return a finding for a bundle, and for each image beside it, that isn't signed with the public key `key`.

    Raises OSError, BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    found = []
    for path in _artefacts(where):
        kind, digest = _digest(path)
        try:
            signature.check(str(path), kind, digest, key)
        except NotSigned as error:
            found.append(Finding(severity=ERROR, package=path.name, sentence=error.problem, remedy=error.remedy))
    return found


def _artefacts(where: Path) -> list[Path]:
    """Return what can be signed at `where`: one file, or in a folder of results the bundle and the images."""
    if not where.is_dir():
        return [where]
    images = [where / name for name in layout.IMAGE_NAMES]
    return [where / layout.BUNDLE_NAME, *(path for path in images if path.exists())]


def _signed(path: Path, key: SigningKey) -> Signed:
    kind, digest = _digest(path)
    return Signed(file=path.name, kind=kind, digest=digest, key=key.id)


def _digest(path: Path) -> tuple[str, str]:
    """Return the kind of a file, and what a signature of it is of: an image's SHA-256, a bundle's digest."""
    if path.name.endswith(layout.IMAGE_NAMES):
        with open(path, "rb") as file:
            return layout.SIGNED_IMAGE, hashing.of_file(file.fileno())
    with open_bundle(str(path)) as bundle:
        bundle.toc()
        return layout.SIGNED_BUNDLE, bundle.digest
