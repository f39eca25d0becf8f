"""Sources that zig compiles here for an older glibc, another libc or another processor (`airpack[build]`)."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from airpack_runtime import layout
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from support import machine, sandbox
from support.places import once

pytestmark = pytest.mark.network

WRAPT = "wrapt==1.12.1"  # which azureml-inference-server-http needs, and has no wheel for Python 3.7
CPP = ("annoy==1.17.3", "hnswlib==0.8.0", "thrift==0.16.0")  # each with a library of C++ in it
_IMPORTS = {
    "powers": "import powers; print(int(powers.power(6, 2)) + 6)",
    WRAPT: "import wrapt._wrappers as module; print(module.ObjectProxy(40) + 2)",
    "annoy==1.17.3": "import annoy; a = annoy.AnnoyIndex(2, 'angular'); a.add_item(0, [1, 0]); a.build(1); print(42)",
    "hnswlib==0.8.0": "import hnswlib; i = hnswlib.Index('l2', 2); i.init_index(9); i.add_items([[1, 2]]); print(42)",
    "thrift==0.16.0": "import thrift.protocol.fastbinary; print(42)",
}

# This machine's compiler would have it ask for `pow` of glibc 2.29, and `fcntl64` of 2.28.
_POWERS = """
#include <Python.h>
#include <fcntl.h>
#include <math.h>

static PyObject *power(PyObject *self, PyObject *args) {
    double base, exponent;
    if (!PyArg_ParseTuple(args, "dd", &base, &exponent)) return NULL;
    if (fcntl(1, F_GETFL) == -1) return PyErr_SetFromErrno(PyExc_OSError);
    return PyFloat_FromDouble(pow(base, exponent));
}
static PyMethodDef methods[] = {{"power", power, METH_VARARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "powers", "", -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_powers(void) { return PyModule_Create(&module); }
"""
_SETUP = """
from setuptools import Extension, setup
setup(name="powers", version="1.0", ext_modules=[Extension("powers", ["powers.c"], libraries=["m"])])
"""


def _write_powers(folder: Path) -> None:
    folder.mkdir()
    (folder / "setup.py").write_text(_SETUP)
    (folder / "powers.c").write_text(_POWERS)


def _pack(folder: Path, names: Sequence[str], *, target: str = "cp37-manylinux_2_27_x86_64") -> Path:
    """Pack `names` by a process that keeps all it writes in the new folder `folder`; return the results."""
    if importlib.util.find_spec("ziglang") is None:
        machine.lacking("zig", "pip install 'airpack[build]'")
    machine.python_that_builds(target.partition("-")[0])
    env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir(parents=True)
    line = [sys.executable, "-m", "airpack", "pack", "-q", "--level", "1", "--no-import", "--target", target]
    line += ["-o", str(folder / "dist"), *names]
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
    assert list((folder / "cache" / "airpack-pack").glob("zig/*")) != [], "another compiler built it"
    return folder / "dist"


def _files(dist: Path) -> dict[str, bytes]:
    wheels = sorted(path for path in (dist / "wheelhouse").iterdir() if path.suffix == ".whl")
    return {path.name: path.read_bytes() for path in [*wheels, dist / layout.BUNDLE_NAME]}


def _compiled(dist: Path, name: str) -> Iterator[tuple[str, ELFFile]]:
    """Yield the extension modules in the wheel of a project, by name."""
    (wheel,) = (dist / "wheelhouse").glob(f"{name.partition('==')[0]}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.endswith(".so"):
                yield member, ELFFile(io.BytesIO(archive.read(member)))


def _symbol_versions(file: ELFFile) -> set[tuple[int, ...]]:
    """Return the versions of glibc whose symbols a file asks for, as pyelftools reads them."""
    sections = [section for section in file.iter_sections() if isinstance(section, GNUVerNeedSection)]
    names = [version.name for section in sections for _, versions in section.iter_versions() for version in versions]
    return {tuple(map(int, found[1].split("."))) for name in names if (found := re.fullmatch(r"GLIBC_([\d.]+)", name))}


def _libraries(file: ELFFile) -> set[str]:
    dynamic = file.get_section_by_name(".dynamic")
    assert isinstance(dynamic, DynamicSection)
    return {vars(tag)["needed"] for tag in dynamic.iter_tags("DT_NEEDED")}


def _runs_in_the_image(dist: Path, names: Sequence[str]) -> None:
    """Assert that each of `names` boots from the bundle in a sandbox, works, and asks for nothing newer than 2.27."""
    for name in names:
        modules = dict(_compiled(dist, name))
        assert modules != {}
        for module, file in modules.items():
            assert max(_symbol_versions(file), default=(0,)) <= (2, 27), module
        words = ["python3.7", "/dist/airpack-runtime.pyz", "exec", "--bundle", f"/dist/{layout.BUNDLE_NAME}", "--"]
        line = [*words, "python3.7", "-c", _IMPORTS[name]]
        done = sandbox.run(machine.python37().path, line, mounts={"/dist": dist})
        assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", ""), name


def _with_shim(dist: Path) -> Path:
    done = machine.run([sys.executable, "-m", "airpack", "shim", "-q", "-o", str(dist / "airpack-runtime.pyz")])
    assert done.returncode == 0, done.stderr
    return dist


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which wrapt and `powers` were packed for the image; `powers` lies there too."""

    def make(folder: Path) -> None:
        _write_powers(folder / "powers")
        _with_shim(_pack(folder / "one", [WRAPT, str(folder / "powers")]))

    return once(tmp_path_factory, "cross", make)


def test_what_zig_compiles_runs_in_the_image(packed: Path) -> None:
    """By Python 3.7 in the sandbox, though this machine's own glibc is newer; auditwheel's tag says so too."""
    _runs_in_the_image(packed / "one" / "dist", [WRAPT, "powers"])
    (wheel,) = (packed / "one" / "dist" / "wheelhouse").glob("powers-*.whl")
    assert "manylinux_2_27_x86_64" in wheel.name


def test_it_is_the_same_bytes_each_time(packed: Path, tmp_path: Path) -> None:
    """With another cache, in other temporary folders; only what zig keeps of the C library is taken over."""
    kept = Path("cache", "airpack-pack", "zig")
    shutil.copytree(packed / "one" / kept, tmp_path / "other" / kept)
    again = _pack(tmp_path / "other", [WRAPT, str(packed / "powers")])
    assert _files(again) == _files(packed / "one" / "dist")


@pytest.mark.parametrize(
    ("target", "architecture", "triplet", "libraries"),
    [
        (
            "cp311-manylinux_2_28_aarch64",
            "EM_AARCH64",
            "aarch64-linux-gnu",
            {"libm.so.6", "libc.so.6", "ld-linux-aarch64.so.1"},  # the last has the stack protector's guard
        ),
        ("cp311-musllinux_1_2_x86_64", "EM_X86_64", "x86_64-linux-musl", {"libc.so"}),
    ],
)
def test_another_processor_and_another_libc(
    tmp_path: Path, target: str, architecture: str, triplet: str, libraries: set[str]
) -> None:
    """The machine and the C library stand in each file, as pyelftools reads it, and in its name."""
    _write_powers(tmp_path / "powers")
    dist = _pack(tmp_path / "one", [WRAPT, str(tmp_path / "powers")], target=target)
    for project, module in ((WRAPT, "wrapt/_wrappers"), ("powers", "powers")):
        ((name, file),) = _compiled(dist, project)
        assert name == f"{module}.cpython-311-{triplet}.so"
        assert file["e_machine"] == architecture
        assert _libraries(file) <= libraries
        assert max(_symbol_versions(file), default=(0,)) <= (2, 28)
    assert _libraries(file) != set()


@pytest.mark.long
def test_libraries_of_c_plus_plus_run_in_the_image(tmp_path: Path) -> None:
    """Four projects, twice from nothing: the same bytes, and each works in the sandbox."""
    names = [WRAPT, *CPP]
    first = _with_shim(_pack(tmp_path / "one", names))
    assert _files(first) == _files(_pack(tmp_path / "another", names))
    _runs_in_the_image(first, names)
