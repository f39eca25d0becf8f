"""Whether an sdist must be compiled, by what it holds: a source that is pure Python is built anywhere in seconds."""

from __future__ import annotations

import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from airpack.base import toml

# Sources in C, C++, CUDA, Cython, Fortran, Rust and assembler; headers alone aren't compiled.
_SOURCES = {
    ".c",
    ".cc",
    ".cpp",
    ".cxx",
    ".c++",
    ".cu",
    ".pyx",
    ".f",
    ".for",
    ".f77",
    ".f90",
    ".f95",
    ".rs",
    ".s",
    ".asm",
}
_BUILD_FILES = {"Cargo.toml", "CMakeLists.txt", "meson.build"}
# Folders in which such files are tests or examples, that no build compiles.
_ASIDE = re.compile(r"(tests?|testing|docs?|examples?|benchmarks?|demos?|samples?|templates|testdata|fixtures)$")
_PURE_BACKENDS = ("flit_core", "flit_scm", "flit.")
_COMPILING_BACKENDS = ("maturin", "mesonpy", "scikit_build_core", "setuptools_rust", "py_build_cmake", "sipbuild")
_COMPILING_TOOLS = {
    *(
        "cmake",
        "cython",
        "maturin",
        "meson",
        "meson-python",
        "mypy",
        "nanobind",
        "ninja",
        "numpy",
        "oldest-supported-numpy",
    ),
    *("pybind11", "scikit-build", "scikit-build-core", "setuptools-rust", "torch"),
}
# What of a build script, or of pyproject.toml, says that it compiles.
_WORDS = re.compile(
    r"ext[_-]modules|Extension\b|cythonize|numpy\.distutils|distutils\.ccompiler|skbuild|build_ext|build_clib|libraries\s*="
    r"|\[tool\.poetry\.build\]|^build\s*=|\[tool\.(hatch|pdm)\.build.*hooks|run-setuptools",
    re.MULTILINE,
)
# Bindings that are written in Python and compiled all the same.
_CFFI = re.compile(r"cffi_modules")
_TEXT_LIMIT = 1 << 20  # bytes of a build script that are read


class Contents:
    """What has been seen of an sdist so far, file by file."""

    def __init__(self) -> None:
        self._has_sources = False
        self._speaks_of_compiling = False
        self._has_cffi = False
        self._backend = ""

    def see(self, name: str, read: Callable[[], bytes]) -> None:
        """Take a file into account: its path in the archive, and a function that returns its content."""
        path = PurePosixPath(name)
        folders = path.parts[1:-1]
        if not folders and path.name in ("setup.py", "pyproject.toml"):
            text = read().decode("utf-8", "replace")
            self._speaks_of_compiling |= _WORDS.search(text) is not None
            self._has_cffi |= _CFFI.search(text) is not None
            if path.name == "pyproject.toml":
                self._see_build_system(text)
        elif not any(_ASIDE.match(folder.lower()) for folder in folders):
            self._has_sources |= path.suffix.lower() in _SOURCES or path.name in _BUILD_FILES

    @property
    def must_compile(self) -> bool:
        """Whether a build compiles something, as far as the files show."""
        if self._backend.startswith(_COMPILING_BACKENDS):
            return True
        if self._backend.startswith(_PURE_BACKENDS):
            return False
        return self._has_cffi or (self._has_sources and self._speaks_of_compiling)

    def _see_build_system(self, text: str) -> None:
        try:
            system = toml.loads(text).get("build-system", {})
            requires = {canonicalize_name(Requirement(each).name) for each in system.get("requires", [])}
        except (ValueError, AttributeError, TypeError, InvalidRequirement):
            return
        self._backend = str(system.get("build-backend", ""))
        # A backend of its own, in the source, is a program of which nothing is known.
        self._speaks_of_compiling |= bool(requires & _COMPILING_TOOLS) or "backend-path" in system


def must_compile(name: str, stream: IO[bytes]) -> bool:
    """Return whether the build of the sdist called `name` compiles something; `stream` is read as far as need be.

    What can't be read counts as pure: its build will say what is wrong with it.
    """
    contents = Contents()
    try:
        if name.endswith(".zip"):
            _see_zip(contents, stream)
        else:
            _see_tar(contents, stream)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error):
        return False
    return contents.must_compile


def tree_must_compile(source: Path) -> bool:
    """Return whether the build of a source tree compiles something."""
    contents = Contents()
    for path in sorted(source.rglob("*")):
        if path.is_file():
            # As in an sdist, whose files lie in a folder of its name.
            contents.see(f"source/{path.relative_to(source).as_posix()}", lambda path=path: _head(path))  # type: ignore[misc]
    return contents.must_compile


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_TEXT_LIMIT)


def _see_tar(contents: Contents, stream: IO[bytes]) -> None:
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            if member.isfile():
                extracted = archive.extractfile(member)
                contents.see(member.name, lambda file=extracted: file.read(_TEXT_LIMIT) if file else b"")  # type: ignore[misc]
            if contents.must_compile:  # whatever else there is
                return


def _see_zip(contents: Contents, stream: IO[bytes]) -> None:
    with tempfile.TemporaryFile() as whole:
        while chunk := stream.read(_TEXT_LIMIT):
            whole.write(chunk)
        with zipfile.ZipFile(whole) as archive:
            for name in archive.namelist():
                contents.see(name, lambda name=name: archive.open(name).read(_TEXT_LIMIT))  # type: ignore[misc]
