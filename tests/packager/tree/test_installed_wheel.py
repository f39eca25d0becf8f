"""One wheel, installed into a prefix of its own."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest
from airpack.base.errors import InvalidWheel
from airpack.wheels.oddity import Kind, Oddity
from support import machine, trees
from support.wheels import build_wheel


def test_each_scheme_has_its_folder(wheels: Path, tmp_path: Path) -> None:
    """Modules, headers, scripts and data; RECORD and INSTALLER are written with them (PEP 376)."""
    files: dict[str, str | bytes] = {
        "one/__init__.py": "",
        "one/data.txt": "data\n",
        "one-1.0.data/scripts/go": "#!python\nprint()\n",
        "one-1.0.data/data/share/one.txt": "",
        "one-1.0.data/headers/one.h": "",
    }
    part = trees.installed(build_wheel(wheels, "one", files=files), tmp_path / "prefix")
    info = "lib/python3.7/site-packages/one-1.0.dist-info"
    assert part.files() == [
        "bin/go",
        "include/one/one.h",
        *(f"{info}/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
        "lib/python3.7/site-packages/one/__init__.py",
        "lib/python3.7/site-packages/one/data.txt",
        "share/one.txt",
    ]
    assert (part.prefix / info / "INSTALLER").read_text() == "airpack\n"
    assert part.site_packages == tmp_path / "prefix" / "lib/python3.7/site-packages"
    assert part.modules() == ["one/__init__.py"]


def test_files_are_hashed_as_they_are_written(wheels: Path, tmp_path: Path) -> None:
    """All but RECORD; a script's hash is of what it became, not of what the wheel has."""
    files = {"one/__init__.py": "X = 1\n", "one-1.0.data/scripts/go": "#!python\nprint()\n", "one-1.0.data/data/a": "b"}
    part = trees.installed(build_wheel(wheels, "one", files=files), tmp_path / "prefix")
    there = {path: hashlib.sha256((part.prefix / path).read_bytes()).hexdigest() for path in part.files()}
    assert part.hashes == {path: sha256 for path, sha256 in there.items() if not path.endswith("/RECORD")}


def test_a_wheel_without_modules_has_an_empty_list_of_them(wheels: Path, tmp_path: Path) -> None:
    """Its metadata lies in site-packages all the same."""
    part = trees.installed(build_wheel(wheels, "one", files={}), tmp_path / "prefix")
    assert (part.modules(), part.top_level()) == ([], ())


def test_top_level_names_are_what_can_be_imported(wheels: Path, tmp_path: Path) -> None:
    """Packages, modules and compiled modules; neither metadata nor folders of libraries."""
    names = ["pkg/__init__.py", "mod.py", "fast.cpython-37m-x86_64-linux-gnu.so", "one.libs/libx.so", "notes.txt"]
    part = trees.installed(build_wheel(wheels, "one", files=dict.fromkeys(names, "")), tmp_path / "prefix")
    assert part.top_level() == ("fast", "mod", "pkg")


@pytest.mark.parametrize("place", ["AIRPACK_PYTHON", "PATH"])
def test_scripts_start_the_targets_python(wheels: Path, tmp_path: Path, place: str) -> None:
    """That of AIRPACK_PYTHON, else pythonX.Y on PATH; words reach the program as they are."""
    code = "import sys\ndef main():\n    print(sys.argv[1:])\nclass Tool:\n    run = staticmethod(main)\n"
    wheel = build_wheel(
        wheels,
        "one",
        files={"one.py": code, "one-1.0.data/scripts/plain": "#!python\nimport one\none.main()\n"},
        scripts={"go": "one:main", "tool": "one:Tool.run"},
    )
    part = trees.installed(wheel, tmp_path / "prefix")
    python = machine.python37().path
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(part.site_packages)}
    if place == "AIRPACK_PYTHON":
        env[place] = str(python)
    else:
        (tmp_path / "python3.7").symlink_to(python)
    for script in ("go", "tool", "plain"):
        line: list[str | Path] = [part.prefix / "bin" / script, "a b", "it's"]
        assert subprocess.check_output(line, env=env, text=True) == "['a b', \"it's\"]\n"


def test_a_script_of_another_interpreter_stays_as_it_is(wheels: Path, tmp_path: Path) -> None:
    """Only `#!python` is replaced (PEP 427)."""
    wheel = build_wheel(wheels, "one", files={"one-1.0.data/scripts/go": "#!/bin/sh\nexit 0\n"})
    part = trees.installed(wheel, tmp_path / "prefix")
    assert (part.prefix / "bin" / "go").read_text() == "#!/bin/sh\nexit 0\n"


@pytest.mark.parametrize(
    ("name", "path"), [("one.py", "lib/python3.7/site-packages/one.py"), ("one-1.0.data/scripts/go", "bin/go")]
)
def test_a_file_that_is_not_what_record_lists_is_told(wheels: Path, tmp_path: Path, name: str, path: str) -> None:
    """Though it has the size and the archive is sound."""
    wheel = build_wheel(wheels, "one", files={name: "#!python\nX = 1\n"})
    with zipfile.ZipFile(wheel) as archive:
        members = {entry: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for entry, data in members.items():
            archive.writestr(entry, data.replace(b"X = 1", b"X = 2"))
    part = trees.installed(wheel, tmp_path / "prefix")
    assert part.oddities == (Oddity(kind=Kind.RECORD_DIFFERS, name=path),)
    assert "X = 2" in (part.prefix / path).read_text()


def test_what_is_no_archive_is_refused(wheels: Path, tmp_path: Path) -> None:
    """With the wheel's name."""
    wheel = build_wheel(wheels, "one")
    wheel.write_bytes(b"no archive")
    with pytest.raises(InvalidWheel, match=r"^one-1.0-py3-none-any.whl: is damaged: File is not a zip file$"):
        trees.installed(wheel, tmp_path / "prefix")
