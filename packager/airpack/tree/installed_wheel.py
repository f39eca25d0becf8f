"""Installs one wheel, with pypa/installer, into a prefix of its own.

As no other wheel is in that prefix, the result depends only on the wheel, the target and the interpreter.
"""

from __future__ import annotations

import io
import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.records import Hash, RecordEntry
from installer.utils import Scheme, construct_record_file, copyfileobj_with_hashing, make_file_executable

from airpack.resolve.lock import LockedWheel
from airpack.target.target import Target
from airpack.tree import scripts
from airpack.wheels import places, record, wheelfile
from airpack.wheels.claims import Claim
from airpack.wheels.oddity import Kind, Oddity, shown
from airpack.wheels.wheelfile import CheckedWheel

_SHEBANG = b"#!python"  # of a script whose interpreter is to be filled in (PEP 427)
_LONGEST_SCRIPT = 64 << 20  # bytes of such a script, which is read whole


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledWheel:
    """One wheel, installed: `prefix` holds `lib/pythonX.Y/site-packages/`, and `bin/`, `share/`, ... as needed.

    `modules_in` is the folder of its modules, relative to `prefix`; `oddities` are what was unusual in the wheel; the
    RECORD that is installed is right. `hashes` are the SHA-256, in hexadecimal, of the files that nothing has changed
    since they were written, by their paths.
    """

    wheel: LockedWheel
    prefix: Path
    modules_in: str
    oddities: tuple[Oddity, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> list[str]:
        """Return the paths of its files relative to `prefix`, with `/`, sorted."""
        found: list[str] = []
        for folder, _, names in os.walk(self.prefix):
            inside = Path(folder).relative_to(self.prefix).as_posix()
            start = "" if inside == "." else f"{inside}/"
            found += [start + name for name in names]
        return sorted(found)

    def modules(self) -> list[str]:
        """Return the paths of its Python sources relative to `site_packages`, sorted."""
        start = f"{self.modules_in}/"
        return [path.removeprefix(start) for path in self.files() if path.startswith(start) and path.endswith(".py")]

    @property
    def site_packages(self) -> Path:
        """The folder of its modules."""
        return self.prefix / self.modules_in

    @property
    def metadata(self) -> Path:
        """Its METADATA file."""
        (path,) = self.site_packages.glob("*.dist-info/METADATA")
        return path

    def top_level(self) -> tuple[str, ...]:
        """Return the names of its top-level modules and packages, sorted."""
        names = set()
        for entry in os.scandir(self.site_packages):
            stem = entry.name.partition(".")[0]
            if entry.is_dir() and not entry.name.endswith((".dist-info", ".libs", ".data")) and stem != "__pycache__":
                names.add(entry.name)
            elif entry.name.endswith((".py", ".so")):
                names.add(stem)
        return tuple(sorted(names))


def install_wheel(wheel: LockedWheel, path: Path, prefix: Path, target: Target) -> InstalledWheel:
    """Install the wheel at `path` into the new folder `prefix`.

    Its scripts run with `$AIRPACK_PYTHON` if that is set, else with the target's `pythonX.Y` on PATH. Raises
    InvalidWheel if the wheel is damaged, or would do harm; `prefix` must not be used then.
    """
    version = target.python_version
    with wheelfile.opened(wheel, path, target) as source:
        destination = _Prefix(prefix, source, places.folders(wheel.name, target.site_packages), f"python{version}")
        install(source, destination, additional_metadata={"INSTALLER": b"airpack\n"})
    (prefix / target.site_packages).mkdir(parents=True, exist_ok=True)
    differing = [Oddity(kind=Kind.RECORD_DIFFERS, name=path) for path in destination.differing]
    return InstalledWheel(
        wheel=wheel,
        prefix=prefix,
        modules_in=target.site_packages,
        oddities=(*source.oddities, *differing),
        hashes=destination.hashes,
    )


class _Prefix(SchemeDictionaryDestination):
    """Writes one wheel into a prefix; as its path in the image is not known yet, no script may contain it.

    `differing` are the paths in the tree of the files that are not what RECORD says of them; `hashes` are the SHA-256,
    in hexadecimal, of all files but RECORD by their paths in the tree.
    """

    def __init__(self, prefix: Path, source: CheckedWheel, folders: Mapping[Scheme, str], python: str) -> None:
        super().__init__(
            scheme_dict={scheme: str(prefix / folder) for scheme, folder in folders.items()},
            interpreter=python,
            script_kind="posix",
        )
        self.differing: list[str] = []
        self.hashes: dict[str, str] = {}
        self._source = source
        self._folders = folders
        self._made: set[str] = set()  # folders

    def write_file(
        self, scheme: Scheme, path: str | os.PathLike[str], stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        """Write a file, and compare it with RECORD; a script with `#!python` gets airpack's launcher (PEP 427)."""
        place = os.fspath(path)
        in_tree = f"{self._folders[scheme]}/{place}".removeprefix("/")
        claim = self._source.claims.get(in_tree)
        is_script = scheme == places.SCRIPTS
        if not (is_script and stream.read(len(_SHEBANG)) == _SHEBANG):
            if is_script:
                stream.seek(0)  # it may be a program of any size
            written = self._noted(in_tree, self.write_to_fs(scheme, place, stream, is_executable or is_script))
            # installer hashed the file with SHA-256 as it wrote it; it is read again only if RECORD has another hash.
            if claim is not None and (claim.size, claim.digest) != (written.size, self.hashes[in_tree]):
                with open(f"{self.scheme_dict[scheme]}/{place}", "rb") as file:
                    self._compare(in_tree, claim, file)
            return written
        content = _SHEBANG + stream.read(_LONGEST_SCRIPT)
        if len(content) > _LONGEST_SCRIPT:
            raise self._source.refuse(f"its script {shown(place)} is larger than {_LONGEST_SCRIPT >> 20} MiB")
        if claim is not None:
            self._compare(in_tree, claim, io.BytesIO(content))
        content = scripts.launched(content.partition(b"\n")[2], self.interpreter)
        return self._noted(in_tree, self.write_to_fs(scheme, place, io.BytesIO(content), True))

    def write_to_fs(self, scheme: Scheme, path: str, stream: BinaryIO, is_executable: bool) -> RecordEntry:
        """Write a new file, as installer does, but with fewer calls for each: a wheel may have ten thousand files."""
        place = f"{self.scheme_dict[scheme]}/{path}"
        if ".." in path.split("/"):  # CheckedWheel has refused it already
            raise self._source.refuse(f"{shown(path)} leads out of the tree")
        folder = place.rpartition("/")[0]
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)
        with open(place, "xb") as file:
            digest, size = copyfileobj_with_hashing(stream, file, self.hash_algorithm)
        if is_executable:
            make_file_executable(Path(place))
        return RecordEntry(path, Hash(self.hash_algorithm, digest), size)

    def finalize_installation(
        self, scheme: Scheme, record_file_path: str, records: Iterable[tuple[Scheme, RecordEntry]]
    ) -> None:
        """Write RECORD, as installer does, which then asks of each file whether to compile it: a tenth of a pack."""
        folders = {each: Path(folder).as_posix() for each, folder in self.scheme_dict.items()}
        own = folders.pop(scheme)
        starts = {each: f"{posixpath.relpath(folder, own)}/" for each, folder in folders.items()}
        with construct_record_file(records, starts.get) as record_stream:
            self.write_to_fs(scheme, record_file_path, record_stream, is_executable=False)

    def _noted(self, path: str, written: RecordEntry) -> RecordEntry:
        self.hashes[path] = record.hexadecimal(str(written.hash_))
        return written

    def _compare(self, path: str, claim: Claim, stream: BinaryIO) -> None:
        if not claim.fits(stream):
            self.differing.append(path)
