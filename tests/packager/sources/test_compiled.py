"""An sdist is compiled if it holds what a build would compile, wherever a pure project may have such files too."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping

import pytest
from airpack.sources.compiled import must_compile

SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
EXTENSION = "setup(ext_modules=[Extension('one._one', ['one/_one.c'])])"


def _tar(files: Mapping[str, str]) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"one-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    stream.seek(0)
    return stream


def _backend(backend: str, *requires: str, more: str = "") -> str:
    return f'[build-system]\nrequires = {list(requires)}\nbuild-backend = "{backend}"\n{more}'


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": EXTENSION, "one/_one.c": ""},
        {"one/_one.c": "", "setup.py": EXTENSION, "pyproject.toml": SETUPTOOLS},
        {"setup.py": "from setup_helpers import extensions\nsetup(ext_modules=extensions())", "src/fast/one.pyx": ""},
        {"setup.py": "from numpy.distutils.core import setup", "one/linalg.f90": ""},
        {"setup.py": "from skbuild import setup", "CMakeLists.txt": ""},
        {"setup.py": "setup(cffi_modules=['build_one.py:ffi'])"},
        {"setup.py": "setup()", "pyproject.toml": _backend("setuptools.build_meta", "Cython>=3"), "one/one.pyx": ""},
        {"pyproject.toml": _backend("maturin", "maturin>=1"), "Cargo.toml": "", "src/lib.rs": ""},
        {"pyproject.toml": _backend("mesonpy", "meson-python"), "meson.build": ""},
        {"pyproject.toml": _backend("scikit_build_core.build", "scikit-build-core")},
        {"pyproject.toml": _backend("poetry.core.masonry.api", more='[tool.poetry]\nbuild = "b.py"'), "one/a.c": ""},
        {"pyproject.toml": _backend("own", more='backend-path = ["."]'), "one/one.cpp": ""},
    ],
)  # fmt: skip
def test_what_a_build_compiles(files: dict[str, str]) -> None:
    """C, C++, Cython, Fortran, Rust; by setuptools, CMake, meson, cargo, cffi, or a backend of the project's own."""
    assert must_compile("one-1.0.tar.gz", _tar(files))


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "setup(packages=['one'])", "one/__init__.py": ""},
        {"pyproject.toml": _backend("flit_core.buildapi", "flit_core"), "one/template.c": ""},
        {"pyproject.toml": _backend("hatchling.build", "hatchling"), "examples/CMakeLists.txt": ""},
        {"pyproject.toml": _backend("poetry.core.masonry.api"), "tests/data/Cargo.toml": ""},
        {"setup.py": "setup()", "one/runtime/kernel.c": ""},
        {"setup.py": EXTENSION, "one/tests/_one.c": "", "docs/example.pyx": ""},
        {"setup.py": EXTENSION, "one/_one.h": ""},
        {"pyproject.toml": "not = [toml", "setup.py": "setup()"},
    ],
)
def test_what_is_pure(files: dict[str, str]) -> None:
    """Templates, tests and examples in other languages are no sources; nor is a header alone."""
    assert not must_compile("one-1.0.tar.gz", _tar(files))


def test_archives_of_other_kinds() -> None:
    """A zip file is read as well, and what is no archive is left to its build, which tells what is wrong."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("one-1.0/setup.py", EXTENSION)
        archive.writestr("one-1.0/one/_one.c", "")
    stream.seek(0)
    assert must_compile("one-1.0.zip", stream)
    assert not must_compile("one-1.0.zip", io.BytesIO(b"not a zip file"))
    assert not must_compile("one-1.0.tar.gz", io.BytesIO(b"not a tar file"))
    assert not must_compile("one-1.0.tar.gz", io.BytesIO(_tar({"setup.py": "x" * 100000}).getvalue()[:200]))


def test_no_more_is_read_than_settles_it() -> None:
    """What comes later in the archive is not even downloaded."""
    stream = _tar({"setup.py": EXTENSION, "one/_one.c": "", **{f"one/{n}.txt": str(n) * 20000 for n in range(2000)}})
    size = len(stream.getvalue())
    assert must_compile("one-1.0.tar.gz", stream)
    assert stream.tell() < size / 2
