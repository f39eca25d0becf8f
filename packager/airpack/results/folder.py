"""Results: what a pack leaves in its folder, or a bundle that came alone; each file in it is opened here.

The files may have come from elsewhere. Inside a folder, only regular files are read: a symbolic link could lead to a
file of the reader's own, a pipe would be waited for (`base.files`). A bundle or a folder that the user named may itself
be a link.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, BundleNotFound, reason_of

from airpack.base import files
from airpack.base.errors import InvalidManifest
from airpack.bundle.opened import OpenBundle

# Commands that read a bundle alone do without what reads the other files, which takes a tenth of a second to import.
if TYPE_CHECKING:
    from airpack.resolve.pylock import LockFile
    from airpack.results.entries import PackageEntry
    from airpack.results.manifest import Manifest
    from airpack.results.proof import ProofRecord
    from airpack.target.installed import ImagePackage

BUNDLE, WHEELHOUSE, LOCK, MANIFEST = layout.BUNDLE_NAME, layout.WHEELHOUSE, "pylock.toml", "manifest.json"
MANIFEST_SIGNATURE = MANIFEST + layout.SIGNATURE_SUFFIX
SBOM = "sbom.cdx.json"  # CycloneDX's own ending for JSON
IMPORTS = "imports.json"
# What each pack writes, and what it may write besides.
ALWAYS = (WHEELHOUSE, LOCK, MANIFEST, BUNDLE)
SOMETIMES = (*layout.IMAGE_NAMES, *layout.SIGNATURE_NAMES, MANIFEST_SIGNATURE, SBOM, IMPORTS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """What a user named as `DIST` or `BUNDLE|DIST`: a folder of results, or a bundle alone.

    `folder` is where the files lie; `bundle` is the bundle's path. A bundle `is_alone` if its file was named: then
    nothing beside it but its signature belongs to it. `digest` is the one that was found good (`Pins.checked`), in
    hexadecimal: whatever has the bundle's name by the time it is opened must have it; None if any will do. `key` is the
    public key that must have signed the manifest, which is not read otherwise; None if any will do.
    """

    folder: Path
    bundle: Path
    is_alone: bool = False
    digest: str | None = None
    key: str | None = None

    @classmethod
    def at(cls, place: Path) -> Results:
        """Return the results at `place`: a folder, or else a bundle's path. Nothing is read yet."""
        if place.is_dir():
            return cls(folder=place, bundle=place / BUNDLE)
        return cls(folder=place.parent, bundle=place, is_alone=True)

    @classmethod
    def in_folder(cls, place: Path) -> Results:
        """Return the results in the folder `place`. Raises NotADirectoryError or FileNotFoundError if it is none."""
        os.scandir(place).close()
        return cls.at(place)

    @contextmanager
    def open_bundle(self) -> Iterator[OpenBundle]:
        """Give the bundle, open. Raises BundleNotFound or BundleDamaged (of `airpack_runtime.errors`)."""
        try:
            with files.opened(self.bundle, follow=self.is_alone):
                pass
        except OSError as error:
            raise BundleNotFound(str(self.bundle), reason_of(error)) from error
        # Again without following: it may have become a link meanwhile.
        with OpenBundle.at(self.bundle, follow=self.is_alone) as bundle:
            if self.digest not in (None, bundle.file.digest):
                raise BundleDamaged(str(self.bundle), "another bundle was put into its place", "run the command again")
            yield bundle

    @property
    def manifest_path(self) -> Path:
        """Where the manifest is, or would be."""
        return self.folder / MANIFEST

    def manifest(self) -> Manifest:
        """Return the manifest. Raises InvalidManifest."""
        from airpack.results.manifest import Manifest  # noqa: PLC0415

        return Manifest.load(self.manifest_path, key=self.key)

    def installed(self) -> tuple[ImagePackage, ...] | None:
        """Return the packages of the image as the manifest lists them, None if it lists none or cannot be read."""
        try:
            installed = self.manifest().target.installed
        except InvalidManifest:
            return None
        return None if installed is None else tuple(installed)

    def manifest_of(self, digest: str) -> Manifest | None:
        """Return the manifest beside the bundle if it can be read and describes the bundle with this digest, or None.

        The same wheel gives the same bundle, wherever it is got from.
        """
        try:
            about = self.manifest()
        except InvalidManifest:
            return None
        return about if about.bundle.digest == digest else None

    def entries(self, digest: str) -> tuple[PackageEntry, ...]:
        """Return what `manifest_of` lists of the packages of the bundle with this digest, nothing if that is None."""
        about = self.manifest_of(digest)
        return () if about is None else tuple(about.packages)

    def origins(self, digest: str) -> dict[str, str]:
        """Return where each package of the bundle with this digest came from, by name; empty as `entries` is."""
        return {entry.name: entry.origin for entry in self.entries(digest)}

    def imports(self, digest: str) -> ProofRecord | None:
        """Return what the proof by import of the bundle with this digest recorded beside it, None if nothing."""
        from airpack.results.proof import ProofRecord  # noqa: PLC0415

        return None if self.is_alone else ProofRecord.of_bundle(self.folder / IMPORTS, digest)

    def lock(self) -> LockFile:
        """Return the lock. Raises InvalidLock."""
        from airpack.resolve import pylock  # noqa: PLC0415

        return pylock.read(self.folder / LOCK, follow=False)

    @property
    def wheels(self) -> Path:
        """The folder of the wheels."""
        return self.folder / WHEELHOUSE

    def files(self) -> dict[str, Path]:
        """Return all files but the wheels, by the names that they have in a folder of results; the bundle comes first.

        Of a bundle that is alone, these are the bundle and its signature. Raises OSError if something else than a file
        has the name of one, as do `images`, `signature` and `sbom`.
        """
        signature = layout.BUNDLE_NAME + layout.SIGNATURE_SUFFIX
        if self.is_alone:
            beside = {signature: self._signature_path}
        else:
            beside = {name: self.folder / name for name in (*SOMETIMES, MANIFEST, LOCK)}
        return {BUNDLE: self.bundle, **{name: path for name, path in beside.items() if files.exists(path)}}

    def images(self) -> list[Path]:
        """Return the file system images beside the bundle."""
        if self.is_alone:
            return []
        return [self.folder / name for name in layout.IMAGE_NAMES if files.exists(self.folder / name)]

    def signature(self) -> Path | None:
        """Return the signature of the bundle, None if there is none."""
        return self._signature_path if files.exists(self._signature_path) else None

    @property
    def _signature_path(self) -> Path:
        return self.bundle.with_name(self.bundle.name + layout.SIGNATURE_SUFFIX)

    def sbom(self) -> Path | None:
        """Return the SBOM beside the bundle, None if there is none."""
        path = self.folder / SBOM
        return path if files.exists(path) else None
