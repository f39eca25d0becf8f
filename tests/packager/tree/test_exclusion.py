"""What `--exclude` and `--slim` leave out, and that what stays says nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from airpack.target import prefix
from airpack_runtime.format import toc
from airpack_runtime.format.reader import open_bundle
from support.airpack import Airpack
from support.wheels import build_wheel

FILES: dict[str, str | bytes] = {
    "alpha/__init__.py": "",
    "alpha/core.py": "x = 1\n",
    "alpha/core.pyi": "x: int\n",
    "alpha/core.pxd": "\n",
    "alpha/include/alpha.h": "int x;\n",
    "alpha/tests/__init__.py": "",
    "alpha/tests/test_core.py": "raise ImportError\n",
    "alpha/tests/data/table.csv": "1,2\n",
    "alpha/test/__init__.py": "public = True\n",
    "tests/__init__.py": "raise ImportError\n",
    "alpha-1.0.data/data/share/doc/alpha.txt": "text\n",
}
PUBLIC = {"alpha/__init__.py", "alpha/core.py", "alpha/test/__init__.py"}


@pytest.fixture
def alpha(wheels: Path) -> None:
    """Build a wheel with tests, headers and stubs."""
    build_wheel(wheels, "alpha", files=FILES)


def _contents(airpack: Airpack) -> toc.Toc:
    with open_bundle(str(airpack.output / "bundle.tar.zst")) as bundle:
        return bundle.toc()


def _sources(contents: toc.Toc) -> set[str]:
    """Return the files of the packages, without bytecode and metadata."""
    paths = [*(each.path for each in contents.files), *(each.path for each in contents.links)]
    below = {prefix.below(path, "lib/python3.7/site-packages") for path in paths}
    return {path for path in below if path and ".dist-info/" not in path and not path.endswith(".pyc")}


def _recorded(tree: Path) -> set[str]:
    (record,) = tree.glob("lib/python3.7/site-packages/*.dist-info/RECORD")
    with open(record, newline="") as file:
        return {row[0] for row in csv.reader(file)}


@pytest.mark.slow
def test_slim_leaves_out_what_no_program_imports(airpack: Airpack, alpha: None, tmp_path: Path) -> None:
    """Tests, headers and stubs; their folders, their bytecode and their rows in RECORD go with them."""
    assert airpack.pack("--slim", "--tree", tmp_path / "tree", "alpha") == 0
    contents = _contents(airpack)
    assert _sources(contents) == PUBLIC
    assert not [each for each in contents.directories if "tests" in each or "include" in each]
    assert list(contents.distributions[0].top_level) == ["alpha"]
    assert {path for path in _recorded(tmp_path / "tree") if ".dist-info/" not in path} == {
        *PUBLIC,
        "../../../share/doc/alpha.txt",
    }
    assert [line for line in airpack.out.splitlines() if line.startswith("excluded")] == [
        "excluded  7 files, 0.0 MB before compression"
    ]


@pytest.mark.slow
def test_the_manifest_tells_what_was_left_out(airpack: Airpack, alpha: None) -> None:
    """By which globs, how many files and bytes."""
    assert airpack.pack("--slim", "--exclude", "share/*", "alpha") == 0
    listed = json.loads((airpack.output / "manifest.json").read_text())
    assert {name: listed["options"][name] for name in ("exclude", "slim")} == {"exclude": ["share/*"], "slim": True}
    assert listed["excluded"] == {
        "files": 8,
        "size": sum(len(FILES[path]) for path in FILES if path.removeprefix("alpha-1.0.data/data/") not in PUBLIC),
    }


@pytest.mark.slow
def test_a_glob_takes_what_lies_below(airpack: Airpack, alpha: None) -> None:
    """`*` takes `/`; the rest stays."""
    assert airpack.pack("--exclude", "alpha/te*/*", "alpha") == 0
    assert _sources(_contents(airpack)) == {path for path in FILES if "/te" not in path and "data/share" not in path}


@pytest.mark.slow
def test_metadata_is_never_left_out(airpack: Airpack, alpha: None, tmp_path: Path) -> None:
    """Programs ask for versions and entry points."""
    assert airpack.pack("--no-import", "--exclude", "*", "--tree", tmp_path / "tree", "alpha") == 0
    assert _sources(_contents(airpack)) == set()
    left = {path.name for path in tmp_path.glob("tree/lib/python3.7/site-packages/alpha-1.0.dist-info/*")}
    assert {"METADATA", "RECORD", "WHEEL", "INSTALLER"} <= left
    assert all(path.startswith("alpha-1.0.dist-info/") for path in _recorded(tmp_path / "tree"))


@pytest.mark.slow
def test_a_glob_that_matches_nothing_is_told(airpack: Airpack, alpha: None) -> None:
    """It is likely misspelt."""
    assert airpack.pack("--exclude", "alhpa/*", "--exclude", "alpha/tests/*", "alpha") == 0
    assert [line for line in airpack.err.splitlines() if "exclude" in line] == [
        "note: --exclude alhpa/*: no file matches it"
    ]


@pytest.mark.slow
def test_slim_keeps_stubs_that_are_read(airpack: Airpack, wheels: Path) -> None:
    """scikit-image and librosa find their modules by them."""
    lazy = "import lazy_loader\n__getattr__, _, _ = lazy_loader.attach_stub(__name__, __file__)\n"
    build_wheel(wheels, "lazy", files={"lazy/__init__.py": lazy, "lazy/__init__.pyi": "from .core import x\n"})
    assert airpack.pack("--no-import", "--slim", "lazy") == 0
    assert _sources(_contents(airpack)) == {"lazy/__init__.py", "lazy/__init__.pyi"}


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_is_left_is_imported(airpack: Airpack, wheels: Path) -> None:
    """A package that needs its own tests is told before it is deployed."""
    build_wheel(
        wheels, "needy", files={"needy/__init__.py": "from needy.tests import y\n", "needy/tests.py": "y = 1\n"}
    )
    assert airpack.pack("--exclude", "needy/tests*", "needy") == 0
    assert "import needy fails here: ModuleNotFoundError: No module named 'needy.tests'" in airpack.err
