"""Modules compiled by the target's interpreter."""

from __future__ import annotations

import resource
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base import cache
from airpack.target.interpreter import Interpreter
from airpack.tree import bytecode
from airpack.tree.compilers import COMPILER, Compilers, bytecode_path
from airpack.tree.installed_wheel import InstalledWheel
from support import machine, trees
from support.airpack import Airpack
from support.wheels import build_wheel


@pytest.fixture
def wheel(wheels: Path) -> Path:
    """Return a wheel with two modules, and a template that no Python compiles."""
    files = {"pkg/__init__.py": "X = 1\n", "pkg/more.py": "Y = 'text'\n", "pkg/template.py": "{% if x %}\n"}
    return build_wheel(wheels, "one", files=files)


def compile_wheel(part: InstalledWheel, python: Interpreter, store: Path | None) -> list[str]:
    """Compile the modules of a wheel whose file has 100,000 bytes, with what a whole pack may take."""
    return bytecode.compile_wheel(part, 100_000, python, store, Compilers())


def _compiled(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.pyc")}


def test_bytecode_lies_beside_its_module_and_is_never_checked(wheel: Path, tmp_path: Path) -> None:
    """Unchecked-hash (PEP 552), of the target's magic number; what does not compile is left without."""
    python = machine.python37()
    part = trees.installed(wheel, tmp_path / "prefix")
    compile_wheel(part, python, None)
    compiled = _compiled(part.site_packages)
    assert sorted(compiled) == ["__init__.cpython-37.pyc", "more.cpython-37.pyc"]
    for name, content in compiled.items():
        assert content[4:8] == (1).to_bytes(4, "little")
        assert content[:4].hex() == python.magic
        assert len(content[8:16]) == 8
        assert bytecode_path(part.site_packages / "pkg" / name.replace(".cpython-37.pyc", ".py"), python).exists()


def test_the_targets_interpreter_takes_it(wheel: Path, tmp_path: Path) -> None:
    """It does not look at the source again, which may have changed; its file name is relative."""
    python = machine.python37()
    part = trees.installed(wheel, tmp_path / "prefix")
    compile_wheel(part, python, None)
    (part.site_packages / "pkg" / "more.py").write_text("raise SystemExit('compiled again')\n")
    code = "import pkg.more; print(pkg.more.Y, pkg.more.__spec__.loader.get_code('pkg.more').co_filename)"
    line: list[str | Path] = [python.path, "-c", code]
    env = {"PYTHONPATH": str(part.site_packages)}
    shown = subprocess.check_output(line, env=env, text=True)
    assert shown == f"text {part.site_packages}/pkg/more.py\n"


def test_the_cache_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    """Compiled, kept, and restored: without running the interpreter, whose path may be gone then."""
    python = machine.python37()
    parts = [trees.installed(wheel, tmp_path / name) for name in ("one", "two", "three")]
    compile_wheel(parts[0], python, None)
    compile_wheel(parts[1], python, tmp_path / "store")
    compile_wheel(parts[2], replace(python, path=Path("/nonexistent/python")), tmp_path / "store")
    assert _compiled(parts[0].prefix) == _compiled(parts[1].prefix) == _compiled(parts[2].prefix) != {}


def test_it_does_not_depend_on_what_else_the_interpreter_has(tmp_path: Path) -> None:
    """Names of the source may be there already: they are if the standard library has no bytecode of its own."""
    (tmp_path / "one.py").write_text("def f(y, *, attrs=('one', 2)):\n    return y in ('one', 'two', '?')\n", "utf-8")
    interpreter = machine.python37()
    assert Compilers().compile(tmp_path, ["one.py"], interpreter) == []
    alone = _compiled(tmp_path)
    names = "attrs, one, two, f, y = 'attrs', 'one', 'two', 'f', 'y'\nsys.intern('?')\nimport gc\n"
    line = [*interpreter.words, "-S", "-c", COMPILER.replace("import gc\n", names, 1)]
    request = f"{tmp_path}\0{1 << 20}\0one.py"
    said = f"{len(request)}\n{request}"
    subprocess.run(line, cwd=tmp_path, env={"PYTHONHASHSEED": "0"}, input=said, text=True, check=True)
    assert _compiled(tmp_path) == alone


@pytest.mark.parametrize("damage", [b"", b"\x28\xb5\x2f\xfd", b"nothing of ours"], ids=["empty", "cut", "foreign"])
def test_a_damaged_cache_is_made_anew(wheel: Path, tmp_path: Path, damage: bytes) -> None:
    """And replaced."""
    python, store = machine.python37(), tmp_path / "store"
    parts = [trees.installed(wheel, tmp_path / name) for name in ("one", "two", "three")]
    compile_wheel(parts[0], python, store)
    (kept,) = (path for path in (store / cache.BYTECODE).rglob("*") if path.is_file())
    kept.write_bytes(damage)
    compile_wheel(parts[1], python, store)
    compile_wheel(parts[2], replace(python, path=Path("/nonexistent/python")), store)
    assert _compiled(parts[0].prefix) == _compiled(parts[1].prefix) == _compiled(parts[2].prefix) != {}


def test_another_build_of_the_interpreter_has_a_cache_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """Its bytecode may differ."""
    python, store = machine.python37(), tmp_path / "store"
    for number, build in enumerate((python.build, "another")):
        compile_wheel(trees.installed(wheel, tmp_path / str(number)), replace(python, build=build), store)
    assert len([path for path in (store / cache.BYTECODE).rglob("*") if path.is_file()]) == 2


def test_modules_are_not_imported_in_place_of_the_standard_librarys(wheels: Path, tmp_path: Path) -> None:
    """The compiler runs in the wheel's folder, where a file may have the name of what it imports."""
    wheel = build_wheel(wheels, "one", files={"py_compile.py": "raise SystemExit('imported')\n"})
    part = trees.installed(wheel, tmp_path / "prefix")
    compile_wheel(part, machine.python37(), None)
    assert list(_compiled(part.prefix)) == ["py_compile.cpython-37.pyc"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    ["x = a" + ".b" * 500_000, "x = 1" + "+1" * 500_000, "x = " + "-" * 1_000_000 + "1", "a=b\n" * (8 << 20)],
    ids=["attributes", "sums", "signs", "lines"],
)
def test_a_module_that_the_compiler_cant_bear_is_left_without(wheels: Path, tmp_path: Path, source: str) -> None:
    """Its nesting ends the interpreter, or fills the memory; the modules before and after it are compiled."""
    files = {"pkg/a.py": "X = 1\n", "pkg/b.py": source, "pkg/c.py": "Y = 1\n"}
    part = trees.installed(build_wheel(wheels, "one", files=files), tmp_path / "prefix")
    assert compile_wheel(part, machine.python37(), tmp_path / "store") == ["pkg/b.py"]
    assert sorted(_compiled(part.site_packages)) == ["a.cpython-37.pyc", "c.cpython-37.pyc"]
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # KiB, of any child so far
    assert largest < 1.5e6


@pytest.mark.slow
def test_after_many_such_modules_the_others_are_left_as_well(wheels: Path, tmp_path: Path) -> None:
    """Each takes a process of its own."""
    files = {f"m{number:02}.py": "x = a" + ".b" * 500_000 for number in range(12)}
    part = trees.installed(build_wheel(wheels, "one", files={**files, "z.py": ""}), tmp_path / "prefix")
    assert compile_wheel(part, machine.python37(), None) == [*files, "z.py"]


@pytest.mark.slow
def test_a_pack_tells_what_has_no_bytecode(airpack: Airpack, wheels: Path) -> None:
    """And goes on: the module itself may never be imported."""
    build_wheel(wheels, "one", files={"one.py": "x = a" + ".b" * 500_000})
    assert airpack.pack("one", "--no-import") == 0
    version = machine.python37().version
    reason = f"Python {version} does not compile it within the limits of memory, time and size"
    assert f"note: one 1.0: one.py has no bytecode: {reason}" in airpack.err.splitlines()
