"""Signs bundles, images and manifests, and checks that; `airpack_runtime.format.signature` has the format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.errors import NotSigned
from airpack_runtime.format import hashing, signature

from airpack.audit.finding import ERROR, Finding
from airpack.base import files
from airpack.base.errors import InvalidManifest
from airpack.base.staging import place, scratch_in, write_text
from airpack.results.entries import Signed
from airpack.results.folder import MANIFEST, MANIFEST_SIGNATURE, Results
from airpack.results.keys import SigningKey
from airpack.results.manifest import SIGNED_MANIFEST, Manifest


def sign(results: Results, key: SigningKey) -> list[Path]:
    """Sign a bundle or an image, or in a folder of results both, and the manifest; return the paths of the signatures.

    A bundle's table of contents must be whole. The folder's manifest, which records what was signed, must list the
    files that lie there. Raises InvalidManifest, OSError, BundleNotFound or BundleDamaged (of
    `airpack_runtime.errors`).
    """
    signed = [_signed(results, path, key) for path in _artefacts(results)]
    if results.is_alone:
        path = results.folder / signed[0].signature
        write_text(path, key.sign(signed[0].kind, signed[0].digest))
        return [path]
    about = _recorded(results, signed) if results.manifest_path.exists() else None
    with scratch_in(results.folder) as scratch:
        names = write(signed, about, key, scratch)
        staged = [*names, *([MANIFEST] if about is not None else [])]
        place({scratch / name: results.folder / name for name in staged}, aside=scratch)
    return [results.folder / name for name in names]


def write(signed: Sequence[Signed], about: Manifest | None, key: SigningKey, folder: Path) -> list[str]:
    """Write the signatures of `signed` into `folder`, and the manifest `about` with its own; return their names."""
    texts = {entry.signature: key.sign(entry.kind, entry.digest) for entry in signed}
    if about is not None:
        content = about.dumps().encode()
        (folder / MANIFEST).write_bytes(content)
        texts[MANIFEST_SIGNATURE] = key.sign(SIGNED_MANIFEST, hashing.sha256(content).hexdigest())
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii")
    return list(texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The findings about signatures, and the digest that the bundle, or the image that was named, had meanwhile."""

    findings: list[Finding]
    digest: str


def check(results: Results, key: str) -> Checked:
    """Return a finding for a bundle, and each image and manifest beside it, that `key`, a public one, has not signed.

    Raises OSError, BundleNotFound or BundleDamaged (of `airpack_runtime.errors`).
    """
    findings, digests = [], []
    for path in _artefacts(results):
        kind, digest = _digest(results, path)
        digests.append(digest)
        try:
            signature.check(str(path), kind, digest, key)
        except NotSigned as error:
            finding = Finding(severity=ERROR, package=path.name, sentence=error.problem, remedy=error.remedy)
            findings.append(finding)
    if not results.is_alone and os.path.lexists(results.manifest_path):
        try:
            replace(results, key=key).manifest()
        except InvalidManifest as error:
            findings.append(Finding(severity=ERROR, package=MANIFEST, sentence=error.problem, remedy=error.remedy))
    return Checked(findings=findings, digest=digests[0])


def _recorded(results: Results, signed: Sequence[Signed]) -> Manifest:
    """Return the manifest with what was signed in it. Raises InvalidManifest if it lists something else."""
    try:
        about = results.manifest()
    except InvalidManifest as error:
        raise InvalidManifest(error.path, error.problem, "sign the bundle's file itself, or pack again") from error
    listed = {about.bundle.file: about.bundle.digest}
    if about.image is not None:
        listed[about.image.file] = about.image.sha256
    for entry in signed:
        if listed.get(entry.file) != entry.digest:
            known = f"sha256:{listed[entry.file]}" if entry.file in listed else "nothing"
            problem = f"it lists {entry.file} as {known}, but that is sha256:{entry.digest}"
            raise InvalidManifest(results.manifest_path, problem, "one of them was changed since; pack again")
    return replace(about, signatures=signed)


def _artefacts(results: Results) -> list[Path]:
    """Return what can be signed: the file that was named, or in a folder of results the bundle and the images."""
    return [results.bundle, *results.images()]


def _signed(results: Results, path: Path, key: SigningKey) -> Signed:
    kind, digest = _digest(results, path)
    return Signed(file=path.name, kind=kind, digest=digest, key=key.id)


def _digest(results: Results, path: Path) -> tuple[str, str]:
    """Return the kind of a file, and what a signature covers: an image's SHA-256, a bundle's digest.

    Only a file that the user named may be a symbolic link; in a folder it could lead to what nobody meant to sign.
    """
    if path.name.endswith(layout.IMAGE_NAMES):
        return layout.SIGNED_IMAGE, files.sha256_of(path, follow=results.is_alone)
    with results.open_bundle() as opened:
        return layout.SIGNED_BUNDLE, opened.file.digest
