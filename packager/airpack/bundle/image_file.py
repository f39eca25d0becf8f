"""Tree -> a file system image that a boot can mount, by mksquashfs or mkfs.erofs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airpack.base import files
from airpack.base.errors import ImageFailed

# Kind: the program, and the Debian package that has it.
_PROGRAMS = {"squashfs": ("mksquashfs", "squashfs-tools"), "erofs": ("mkfs.erofs", "erofs-utils")}
KINDS = tuple(_PROGRAMS)
# Without it, mkfs.erofs takes a random one each time.
_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesystemImage:
    """An image file: its path, its size in bytes and its SHA-256, which a boot can be pinned to."""

    path: Path
    size: int
    sha256: str

    def to_dict(self) -> dict[str, str | int]:
        """Return it as the manifest lists it."""
        return {"file": self.path.name, "sha256": self.sha256, "size": self.size}


def file_name(kind: str) -> str:
    """Return the name of an image file of that kind, one of `airpack_runtime.layout.IMAGE_NAMES`."""
    return f"bundle.{kind}"


def program_for(kind: str) -> str:
    """Return the program that writes images of that kind. Raises ImageFailed if it is missing."""
    name, package = _PROGRAMS[kind]
    program = shutil.which(name)
    if program is None:
        raise ImageFailed(f"--image {kind} needs {name}: install {package}")
    return program


def write(tree: Path, path: Path, kind: str, *, mtime: int, env: Mapping[str, str]) -> FilesystemImage:
    """Write the folder `tree` as an image to `path`: squashfs with zstd, EROFS with LZ4.

    All belongs to root, all times are `mtime` (seconds since the epoch): the same tree
    gives the same bytes. Raises ImageFailed.
    """
    program = program_for(kind)
    if kind == "squashfs":
        options = ["-comp", "zstd", "-all-root", "-no-xattrs", "-noappend", "-quiet", "-no-progress"]
        line = [program, str(tree), str(path), *options, "-mkfs-time", str(mtime), "-all-time", str(mtime)]
    else:
        options = ["-zlz4hc", f"-T{mtime}", f"-U{_UUID}", "-x-1", "--all-root", "--quiet"]
        line = [program, *options, str(path), str(tree)]
    # mksquashfs refuses to be given times both here and there.
    clean = {name: value for name, value in env.items() if name != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(line, env=clean, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ImageFailed(f"{os.path.basename(program)} failed: {lines[-1] if lines else 'without a message'}")
    return FilesystemImage(path=path, size=path.stat().st_size, sha256=files.sha256_of(path))
