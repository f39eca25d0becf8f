"""Opens an untrusted wheel, refuses what would do harm before any file is written, and reads the rest as pip does."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from airpack_runtime import layout
from installer.exceptions import InstallerError
from installer.sources import WheelContentElement, WheelSource
from installer.utils import parse_metadata_file
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from airpack.base import files
from airpack.base.errors import InvalidWheel
from airpack.resolve.lock import LockedWheel
from airpack.target import prefix
from airpack.target.target import Target
from airpack.wheels import archive, claims, entry_points, places, texts
from airpack.wheels.claims import Claim
from airpack.wheels.entry_points import Script
from airpack.wheels.oddity import Kind, Oddity, shown
from airpack.wheels.places import Identity, Place
from airpack.wheels.record import Content

_CHUNK = 1 << 20
_ROWS_FREE = 10_000  # rows of a RECORD beside two for each file: builders list what they left out
_PLAIN_SCRIPT = re.compile(r"\w[\w.+-]*", re.ASCII)

# Exceptions that installer and zipfile raise for damaged files.
_DAMAGE = (
    InstallerError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    AssertionError,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@contextmanager
def opened(wheel: LockedWheel, path: Path, target: Target | None = None) -> Iterator[CheckedWheel]:
    """Open the wheel at `path`, its names, sizes and metadata checked first; for `target`, if it is to be installed.

    Raises InvalidWheel, also for damage that shows within the block.
    """
    try:
        with files.opened(path) as file, archive.opened(file, wheel.filename) as archive_file:
            packed = os.fstat(file.fileno()).st_size
            yield CheckedWheel(archive_file, wheel, packed=packed, target=target)
    except _DAMAGE as error:
        raise InvalidWheel(wheel.filename, f"is damaged: {error or type(error).__name__}") from error
    except OSError as error:
        if error.errno != errno.EINVAL or error.filename:  # of a seek to before the file's beginning
            raise
        raise InvalidWheel(wheel.filename, "is damaged: its directory leads out of it") from error


def check_texts(path: Path) -> bytes:
    """Return the METADATA of the wheel at `path`, empty if it has none.

    Raises InvalidWheel if a text in its .dist-info is too large to be read, or if pip can't read the archive safely.
    """
    metadata = b""
    try:
        with files.opened(path, follow=True) as file, archive.opened(file, path.name) as archive_file:
            entries = [entry for entry in archive_file.infolist() if ".dist-info/" in entry.filename]
            for entry in entries:
                name = entry.filename.partition(".dist-info/")[2]
                with _refused(path.name, name):
                    texts.check_size(name, entry.file_size)
                    if name == "METADATA":
                        metadata = archive_file.read(entry)
                        texts.fields_in(metadata)
    except _DAMAGE as error:
        raise InvalidWheel(path.name, f"is damaged: {error or type(error).__name__}") from error
    return metadata


@contextmanager
def _refused(wheel: str, name: str) -> Iterator[None]:
    """Turn the ValueError of a text called `name` into InvalidWheel."""
    try:
        yield
    except ValueError as error:
        raise InvalidWheel(wheel, f"its {name} {error}") from error


class CheckedWheel(WheelSource):
    """A wheel that is checked; installer reads it as one that is in order: as what pip would install of it.

    `site_packages` is the folder of its modules in the tree, `placed` are its files by path there, `claims` what RECORD
    says of them; `oddities` are what is unusual and does no harm, as far as it shows without reading the files.
    """

    def __init__(
        self, archive_file: zipfile.ZipFile, wheel: LockedWheel, *, packed: int, target: Target | None
    ) -> None:
        super().__init__(wheel.name, wheel.version)
        self._zipfile = archive_file
        self._wheel = wheel
        listed = archive.files_in(archive_file, wheel.filename, packed=packed)
        self._files = listed.entries
        self._info = self._own_folder()
        self._check_identity()
        self._check_version()
        self._scripts = self._read_scripts(target.python_version if target else "")
        self.site_packages = target.site_packages if target else prefix.site_packages("")
        content = self._content("RECORD")
        with _refused(self._wheel.filename, "RECORD"):
            texts.check_rows(content, 2 * len(self._files) + _ROWS_FREE)
        record = claims.read(self._decoded("RECORD", content), self._files.keys(), f"{self._info}/RECORD")
        placed = places.place_all(self._files, self._identity())
        self.placed: Mapping[str, Place] = placed.places
        self.claims: Mapping[str, Claim] = {
            path: record.rows[place.name] for path, place in self.placed.items() if place.name in record.rows
        }
        names = [name for name in self._scripts if not _PLAIN_SCRIPT.fullmatch(name)]
        scripts = [Oddity(kind=Kind.SCRIPT_NAME, name=name) for name in names]
        self.oddities = (*listed.oddities, *placed.oddities, *scripts, *record.oddities)

    @property
    def dist_info_dir(self) -> str:
        """The name of the wheel's folder `*.dist-info`, as the wheel spells it."""
        return self._info

    @property
    def dist_info_filenames(self) -> list[str]:
        """Nothing, so that installer makes no scripts of entry points: `get_contents` has them."""
        return []

    def read_dist_info(self, filename: str) -> str:
        """Return the text that installer reads of the wheel: WHEEL alone, as it is in a wheel that is in order."""
        assert filename == "WHEEL"
        return "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"  # both roots are one folder

    def get_contents(self) -> Iterator[WheelContentElement]:
        """Yield the files that are installed, under the names that a wheel in order has for their places."""
        for name, script in self._scripts.items():
            yield self._row(Place(name="", scheme=places.SCRIPTS, path=name)), BytesIO(script.source()), True
        for place in self.placed.values():
            mode = self._files[place.name].external_attr >> 16
            with self._zipfile.open(self._files[place.name]) as stream:
                yield self._row(place), cast("BinaryIO", stream), stat.S_ISREG(mode) and bool(mode & 0o111)

    @property
    def scripts(self) -> frozenset[str]:
        """The paths in the tree of the scripts of its entry points."""
        return frozenset(f"{layout.BIN}/{name}" for name in self._scripts)

    def content_of(self, path: str) -> Content:
        """Return size and hash of the file that is installed at `path` in the tree, as it is in the wheel."""
        with self.open_file(path) as stream:
            total, size = hashlib.sha256(), 0
            while chunk := stream.read(_CHUNK):
                total.update(chunk)
                size += len(chunk)
        return Content(size=size, sha256=total.hexdigest())

    def open_file(self, path: str) -> BinaryIO:
        """Open the file that is installed at `path` in the tree, as it is in the wheel."""
        return cast("BinaryIO", self._zipfile.open(self._files[self.placed[path].name]))

    def refuse(self, problem: str) -> InvalidWheel:
        """Return the error for this wheel."""
        return InvalidWheel(self._wheel.filename, problem)

    def _row(self, place: Place) -> tuple[str, str, str]:
        """Return the row that a RECORD in order has for a place, without its hash."""
        path = place.path if place.scheme == places.ROOT else f"{self.data_dir}/{place.scheme}/{place.path}"
        return path, "", ""

    def _identity(self) -> Identity:
        return Identity(
            wheel=self._wheel.filename,
            project=self._wheel.name,
            info=self._info,
            scripts=self._scripts.keys(),
            site_packages=self.site_packages,
        )

    def _own_folder(self) -> str:
        """Return the name of the folder `*.dist-info`. Raises InvalidWheel for none, a second one, or another's."""
        names = sorted({top for top in (name.partition("/")[0] for name in self._files) if top.endswith(".dist-info")})
        if len(names) > 1:
            raise self.refuse(f"has more than one folder *.dist-info: {', '.join(map(shown, names[:3]))}")
        if not names:
            raise self.refuse("has no folder *.dist-info: it is not a wheel")
        name = canonicalize_name(names[0].removesuffix(".dist-info"))
        if not re.match(rf"{re.escape(self._wheel.key)}(-v?\d|$)", name):
            raise self.refuse(f"{shown(names[0])} is another project's folder")
        return names[0]

    def _check_identity(self) -> None:
        """Refuse a wheel whose file name, lock and METADATA are not of the same project and version."""
        expected = self._wheel.key, Version(self._wheel.version)
        if parse_wheel_filename(self._wheel.filename)[:2] != expected:
            raise self.refuse(f"was locked as {expected[0]} {expected[1]}, but its file name says otherwise")
        content = self._text("METADATA").encode()
        with _refused(self._wheel.filename, "METADATA"):
            metadata = texts.fields_in(content)
        name, version = metadata.get("name", ""), metadata.get("version", "")
        with suppress(InvalidVersion):
            if (canonicalize_name(name), Version(version)) == expected:
                return
        raise self.refuse(f"its METADATA is of {shown(f'{name} {version}'.strip())}")

    def _check_version(self) -> None:
        """Refuse a WHEEL of a later version than 1.x."""
        version = str(parse_metadata_file(self._text("WHEEL")).get("Wheel-Version", "")).strip()
        if not re.fullmatch(r"[01](\.\d+)*", version):
            raise self.refuse(f"its WHEEL is of version {shown(version)}, not of 1.x")

    def _read_scripts(self, python_version: str) -> Mapping[str, Script]:
        """Return the scripts of its entry points. Raises InvalidWheel if one leads out of the folder of scripts."""
        if f"{self._info}/{entry_points.FILE}" not in self._files:
            return {}
        try:
            scripts = entry_points.scripts_in(self._text(entry_points.FILE), python_version)
        except ValueError as error:
            raise self.refuse(f"its {entry_points.FILE} can't be read: {error}") from error
        for name in scripts:
            reason = archive.reason_against(name)
            if reason:
                raise self.refuse(f"{shown(name)} can't be the name of a script, but an entry point has it: {reason}")
        return scripts

    def _text(self, name: str) -> str:
        """Return the text of a file that the folder `*.dist-info` must have."""
        return self._decoded(name, self._content(name))

    def _content(self, name: str) -> bytes:
        path = f"{self._info}/{name}"
        if path not in self._files:
            raise self.refuse(f"has no {path}")
        with _refused(self._wheel.filename, name):
            texts.check_size(name, self._files[path].file_size)
        return self._zipfile.read(self._files[path])

    def _decoded(self, name: str, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.refuse(f"its {name} isn't UTF-8") from error
