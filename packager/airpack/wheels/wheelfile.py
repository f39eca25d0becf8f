"""Opens an untrusted wheel, and refuses harmful content before any file is written."""

from __future__ import annotations

import configparser
import errno
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from airpack_runtime import layout
from installer.exceptions import InstallerError
from installer.records import InvalidRecordEntry, RecordEntry, parse_record_file
from installer.sources import WheelFile
from installer.utils import Scheme, parse_entrypoints, parse_metadata_file
from packaging.metadata import parse_email
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from airpack.base.errors import InvalidWheel
from airpack.resolve.lock import LockedWheel

# The largest wheels known (torch with CUDA) unpack to 3 GB, to 3 to 6 times their own size; deflate could reach 1,032.
_SIZE_LIMIT = 16 << 30
_RATIO_LIMIT = 200
_RATIO_FREE = 64 << 20  # bytes that a wheel may unpack to whatever its size: a long text of blanks is harmless
_TEXT_LIMIT = 64 << 20  # bytes of METADATA, of RECORD, and of each other text that is read whole
_NAME_LIMIT = 255  # bytes of one name, on every file system of Linux
_PATH_LIMIT = 1024  # bytes of a path; Linux takes 4,096 with the folder that the tree is unpacked into
_SCRIPT = re.compile(r"\w[\w.+-]*", re.ASCII)
_ALGORITHMS = ("sha256", "sha384", "sha512")  # PEP 427: SHA-256 or better
_UTF8_FLAG = 0x800  # in a zip: the name is UTF-8, else it is of code page 437
_INSTALLER = "INSTALLER"  # is written by the program that installs
_OURS = (layout.SUMS, layout.TREE_NOTE, layout.SITE_PACKAGES, layout.WHEELHOUSE)

# Exceptions that installer, zipfile and configparser raise for damaged files.
_DAMAGE = (
    InstallerError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    configparser.Error,
    AssertionError,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def folders(project: str) -> dict[Scheme, str]:
    """Return the folder of the tree for each scheme (PEP 427) of a project's wheel."""
    return {
        Scheme("purelib"): layout.SITE_PACKAGES,
        Scheme("platlib"): layout.SITE_PACKAGES,
        Scheme("headers"): f"include/{canonicalize_name(project)}",
        Scheme("scripts"): layout.BIN,
        Scheme("data"): "",
    }


@contextmanager
def opened(wheel: LockedWheel, path: Path) -> Iterator[CheckedWheel]:
    """Open the wheel at `path`, whose names, sizes, metadata and RECORD are checked first.

    Raises InvalidWheel, also for damage that shows within the block.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield CheckedWheel(archive, wheel, packed=os.path.getsize(path))
    except _DAMAGE as error:
        raise InvalidWheel(wheel.filename, f"is damaged: {error or type(error).__name__}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a seek to before the file's beginning
            raise
        raise InvalidWheel(wheel.filename, "is damaged: its directory leads out of it") from error


def check_texts(path: Path) -> None:
    """Raise InvalidWheel if a text in a wheel's .dist-info is too large to be read, or if the archive is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = [entry.file_size for entry in archive.infolist() if ".dist-info/" in entry.filename]
    except _DAMAGE as error:
        raise InvalidWheel(path.name, f"is damaged: {error or type(error).__name__}") from error
    if max(sizes, default=0) > _TEXT_LIMIT:
        raise InvalidWheel(path.name, f"its metadata is larger than {_TEXT_LIMIT >> 20} MiB")


class CheckedWheel(WheelFile):
    """A wheel that is checked, as installer reads it: `records` are the rows of RECORD by path in the tree."""

    def __init__(self, archive: zipfile.ZipFile, wheel: LockedWheel, *, packed: int) -> None:
        super().__init__(archive)
        self._wheel = wheel
        self._data_dir = super().data_dir
        self._files = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
        self._check_entries(archive.infolist(), packed)
        self._check_names(archive.infolist())
        self._check_folders()
        self._check_identity()
        self._check_texts()
        self.records: Mapping[str, RecordEntry] = self._placed(self._recorded())

    @property
    def data_dir(self) -> str:
        """The name of the wheel's folder `*.data`, for files of other schemes, as the wheel spells it."""
        return self._data_dir

    def refuse(self, problem: str) -> InvalidWheel:
        """Return the error for this wheel."""
        return InvalidWheel(self._wheel.filename, problem)

    def _check_entries(self, entries: list[zipfile.ZipInfo], packed: int) -> None:
        """Refuse entries that are not plain files, and more bytes or files than a wheel may have."""
        if len(entries) > layout.ENTRIES_LIMIT:
            raise self.refuse(f"lists {len(entries):,} files, more than a bundle can hold")
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
                what = "a symbolic link" if kind == stat.S_IFLNK else "not a plain file"
                raise self.refuse(f"{_shown(entry.filename)} is {what}")
            if entry.flag_bits & 1:
                raise self.refuse(f"{_shown(entry.filename)} is encrypted")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                method = f"compressed by method {entry.compress_type}"
                raise self.refuse(f"{_shown(entry.filename)} is {method}: wheels are stored or deflated")
        total = sum(entry.file_size for entry in entries)
        limit = min(_SIZE_LIMIT, max(_RATIO_FREE, _RATIO_LIMIT * packed))
        if total > limit:
            raise self.refuse(f"would unpack to {total:,} bytes; the limit for a wheel of its size is {limit:,}")

    def _check_names(self, entries: list[zipfile.ZipInfo]) -> None:
        """Refuse names that lead out of the tree, that a bundle or a file system can't hold, or that occur twice."""
        seen = set()
        for entry in entries:
            # zipfile ends a name at its first NUL.
            if entry.orig_filename != entry.filename:
                raise self.refuse(f"{_shown(entry.orig_filename)} can't be the name of a file: it holds a NUL")
            if not entry.filename.isascii() and not entry.flag_bits & _UTF8_FLAG:
                raise self.refuse(f"{_shown(entry.filename)} can't be the name of a file: it isn't UTF-8")
            reason = _reason_against(entry.filename.removesuffix("/"))
            if reason:
                raise self.refuse(f"{_shown(entry.filename)} can't be the name of a file: {reason}")
            if entry.filename in seen:
                raise self.refuse(f"{_shown(entry.filename)} is there twice")
            seen.add(entry.filename)

    def _check_folders(self) -> None:
        """Refuse a second folder `*.dist-info` or `*.data`, and one of another project."""
        top = {name.partition("/")[0] for name in self._files}
        for suffix in (".dist-info", ".data"):
            names = sorted(name for name in top if name.endswith(suffix))
            if len(names) > 1:
                raise self.refuse(f"has more than one folder *{suffix}: {', '.join(map(_shown, names[:3]))}")
            for name in names:
                if canonicalize_name(name.removesuffix(suffix).rsplit("-", 1)[0]) != self._wheel.key:
                    raise self.refuse(f"{_shown(name)} is another project's folder")
            if suffix == ".data":
                self._data_dir = names[0] if names else self._data_dir
            elif not names:
                raise self.refuse("has no folder *.dist-info: it is not a wheel")

    def _check_identity(self) -> None:
        """Refuse a wheel whose file name, lock and METADATA are not of the same project and version."""
        expected = self._wheel.key, Version(self._wheel.version)
        if parse_wheel_filename(self._wheel.filename)[:2] != expected:
            raise self.refuse(f"was locked as {expected[0]} {expected[1]}, but its file name says otherwise")
        metadata = parse_email(self._text("METADATA"))[0]
        name, version = metadata.get("name", ""), metadata.get("version", "")
        with suppress(InvalidVersion):
            if (canonicalize_name(name), Version(version)) == expected:
                return
        raise self.refuse(f"its METADATA is of {_shown(f'{name} {version}'.strip())}")

    def _check_texts(self) -> None:
        """Refuse a WHEEL of another version than 1.x, and scripts whose names are not plain names."""
        version = str(parse_metadata_file(self._text("WHEEL")).get("Wheel-Version", ""))
        if not re.fullmatch(r"1\.\d+", version):
            raise self.refuse(f"its WHEEL is of version {_shown(version)}, not of 1.x")
        for script in self._scripts():
            if not _SCRIPT.fullmatch(script):
                raise self.refuse(f"{_shown(script)} can't be the name of a script, but an entry point has it")

    def _scripts(self) -> list[str]:
        """Return the names of the scripts of its entry points."""
        name = "entry_points.txt"
        if f"{self.dist_info_dir}/{name}" not in self._files:
            return []
        text = self._text(name)
        if "%(" in text:  # configparser would insert values into values, to any size
            raise self.refuse(f"its {name} can't be read: it refers to itself")
        try:
            return [script for script, *_ in parse_entrypoints(text)]
        except (AssertionError, configparser.Error) as error:
            raise self.refuse(f"its {name} can't be read") from error

    def _text(self, name: str) -> str:
        """Return the text of a file that the folder `*.dist-info` must have."""
        path = f"{self.dist_info_dir}/{name}"
        if path not in self._files:
            raise self.refuse(f"has no {path}")
        if self._files[path].file_size > _TEXT_LIMIT:
            raise self.refuse(f"its {name} is larger than {_TEXT_LIMIT >> 20} MiB")
        try:
            return self._zipfile.read(path).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.refuse(f"its {name} isn't UTF-8") from error

    def _recorded(self) -> dict[str, RecordEntry]:
        """Return the rows of RECORD by name in the archive. Raises InvalidWheel if they are not of its files."""
        listed: dict[str, RecordEntry] = {}
        try:
            for row in parse_record_file(self._text("RECORD").splitlines()):
                entry = RecordEntry.from_elements(*row)
                if entry.path in listed:
                    raise self.refuse(f"its RECORD lists {_shown(entry.path)} twice")
                listed[entry.path] = entry
        except InvalidRecordEntry as error:
            raise self.refuse(f"its RECORD can't be read: {error}") from error
        signatures = {f"{self.dist_info_dir}/RECORD.{suffix}" for suffix in ("jws", "p7s")}
        for name in sorted(self._files.keys() - listed.keys() - signatures):
            raise self.refuse(f"{_shown(name)} is not in its RECORD")
        for name in sorted(listed.keys() - self._files.keys()):
            raise self.refuse(f"{_shown(name)} is in its RECORD, but not there")
        for name, entry in listed.items():
            if name == f"{self.dist_info_dir}/RECORD":
                continue
            if entry.hash_ is None or entry.hash_.name not in _ALGORITHMS:
                raise self.refuse(f"{_shown(name)} has no SHA-256 in its RECORD")
            if entry.size != self._files[name].file_size:
                raise self.refuse(f"{_shown(name)} has another size in its RECORD")
        return listed

    def _placed(self, recorded: Mapping[str, RecordEntry]) -> dict[str, RecordEntry]:
        """Return the rows of RECORD by path in the tree. Raises InvalidWheel if two files have the same path there."""
        places = {name: self._place(name) for name in dict.fromkeys((*recorded, *self._files))}
        paths = [*(places[name] for name in self._files), *(f"{layout.BIN}/{script}" for script in self._scripts())]
        seen: dict[str, str] = {}
        for path in paths:
            key = unicodedata.normalize("NFC", path).casefold()
            if seen.get(key) == path:
                raise self.refuse(f"two of its files go to {_shown(path)}")
            if key in seen:
                raise self.refuse(f"{_shown(seen[key])} and {_shown(path)} differ by case alone")
            seen[key] = path
        parents = {path[: match.start()] for path in paths for match in re.finditer("/", path)}
        for path in sorted(parents.intersection(paths)):
            raise self.refuse(f"{_shown(path)} is a file and a folder")
        return {places[name]: entry for name, entry in recorded.items()}

    def _place(self, name: str) -> str:
        """Return the path in the tree of a file of the wheel. Raises InvalidWheel if no wheel may write there."""
        folder, _, rest = name.partition("/")
        path = f"{layout.SITE_PACKAGES}/{name}"
        if folder == self.data_dir:
            scheme, _, rest = rest.partition("/")
            places = folders(self._wheel.name)
            if Scheme(scheme) not in places or not rest:
                raise self.refuse(f"{_shown(name)} is in no scheme: {', '.join(places)}")
            path = f"{places[Scheme(scheme)]}/{rest}".removeprefix("/")
            if scheme == "data" and rest.partition("/")[0] in _OURS:
                raise self.refuse(f"{_shown(name)} is a place that no wheel may write to")
        where, _, inside = path.partition("/")
        top = inside.partition("/")[0]
        if where == layout.SITE_PACKAGES and (
            top in (layout.SUMS, layout.TREE_NOTE)
            or (top.endswith(".dist-info") and top != self.dist_info_dir)
            or inside == f"{self.dist_info_dir}/{_INSTALLER}"
        ):
            raise self.refuse(f"{_shown(name)} is a place that no wheel may write to")
        return path


def _reason_against(name: str) -> str | None:
    """Return the reason a name in an archive can't be the path of a file, None if it can."""
    parts = name.split("/")
    if not name or {"", ".", ".."} & {*parts}:
        return "it leads elsewhere"
    if "\\" in name or not name.isprintable():
        return "no bundle can hold it"
    if len(name.encode()) > _PATH_LIMIT or max(len(part.encode()) for part in parts) > _NAME_LIMIT:
        return "it is too long"
    if len(parts) > layout.DEPTH_LIMIT:
        return "it is too deep"
    return None


def _shown(text: str) -> str:
    """Return a name from a wheel for a message: quoted, shortened, without control characters."""
    return repr(text if len(text) <= 80 else f"{text[:40]}...{text[-30:]}")
