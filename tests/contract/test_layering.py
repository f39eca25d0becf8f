"""Who may import whom: data flows one way."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.machine import ROOT

PACKAGER = ROOT / "packager" / "airpack"
RUNTIME = ROOT / "runtime" / "airpack_runtime"

# Data flows one way: a folder imports those above it in this list, never one below it.
PACKAGER_FLOORS = (
    *(
        "base",
        "target",
        "requirements",
        "sources",
        "resolve.failures",
        "resolve",
        "wheels",
        "resolve.pip_worker",
        "tree",
        "bundle",
        "audit",
        "shim",
    ),
    *(
        "audit",
        "shim",
        "results",
        "inspection",
        "licences",
        "index",
        "delta",
        "verify",
        "report",
        "oci",
        "stores",
        "registry",
        "libraries",
        "packing",
        "cli",
        "api",
    ),
)
# The same for the shim; what a warm start imports lies at its root, below and above its folders.
RUNTIME_FLOORS = (
    *("layout", "errors", "host", "ready", "cache", "format", "trust", "activation", "provide", "boot", "__init__"),
    *("image", "care", "startup", "execute", "commands", "dropin", "__main__"),
)
MOST_MODULES = 12  # of a folder, `__init__` aside, and `commands`, which has one a command


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@pytest.mark.parametrize("path", _modules(RUNTIME), ids=lambda path: path.stem)
def test_the_runtime_imports_only_itself_and_the_standard_library(path: Path) -> None:
    """The shim is the runtime's source alone."""
    allowed = sys.stdlib_module_names | {"airpack_runtime", "compression"}
    if path.name == "installed.py":  # what can't be had without pip is read by the image's own
        allowed |= {"pip"}
    assert {name.partition(".")[0] for name in _imports(path)} <= allowed


def _floor(name: str, floors: Sequence[str]) -> int:
    """Return on which floor a module lies; `name` is dotted, without that of its package."""
    words = name.split(".")
    names = (".".join(words[:length]) for length in range(len(words), 0, -1))
    return next(floors.index(each) for each in names if each in floors)


def _upward(path: Path, root: Path, floors: Sequence[str]) -> list[str]:
    """Return what the module at `path` imports of a floor above its own, within functions as well."""
    own = _floor(".".join(path.relative_to(root).with_suffix("").parts), floors)
    inside = [each.removeprefix(f"{root.name}.") for each in _imports(path) if each.startswith(f"{root.name}.")]
    return [each for each in inside if each.split(".")[0] in _tops(root) and _floor(each, floors) > own]


def _tops(root: Path) -> set[str]:
    return {path.stem for path in root.iterdir() if path.is_dir() or path.suffix == ".py"}


@pytest.mark.parametrize(
    "path",
    [path for path in _modules(PACKAGER) if path.parent != PACKAGER],
    ids=lambda path: f"{path.parent.name}.{path.stem}",
)
def test_a_module_imports_only_folders_below_its_own(path: Path) -> None:
    """Requirements, Lock, Wheelhouse, Tree, Bundle, Results: none reaches forward."""
    assert _upward(path, PACKAGER, PACKAGER_FLOORS) == []


@pytest.mark.parametrize("path", _modules(RUNTIME), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_of_the_shim_imports_only_what_lies_below_it(path: Path) -> None:
    """Within functions as well."""
    assert _upward(path, RUNTIME, RUNTIME_FLOORS) == []


def test_the_packagers_root_holds_no_loose_modules() -> None:
    """Each module lies in a folder, and each folder has its place among the floors."""
    assert sorted(path.name for path in PACKAGER.glob("*.py")) == ["__init__.py", "__main__.py"]
    assert _folders(PACKAGER) == {each.partition(".")[0] for each in PACKAGER_FLOORS}
    assert _folders(RUNTIME) <= set(RUNTIME_FLOORS)


def _folders(root: Path) -> set[str]:
    return {path.parent.relative_to(root).parts[0] for path in root.glob("*/*.py")}


@pytest.mark.parametrize(
    "folder",
    sorted({path.parent for path in [*_modules(PACKAGER), *_modules(RUNTIME)]}),
    ids=lambda folder: folder.name,
)
def test_a_folder_can_be_taken_in_at_one_glance(folder: Path) -> None:
    """It has twelve modules at most."""
    modules = [path for path in folder.glob("*.py") if path.stem != "__init__"]
    assert len(modules) <= MOST_MODULES or folder.name == "commands"


@pytest.mark.parametrize("path", [*_modules(PACKAGER), *_modules(RUNTIME)], ids=lambda path: path.stem)
def test_only_the_command_lines_print_and_exit(path: Path) -> None:
    """Every other module raises; but a subprocess's own, what ends a process that starts, and a forked worker."""
    if (
        path.name in ("app.py", "__main__.py", "execute.py", "startup.py", "sitecustomize.py", "mount.py")
        or "commands" in (path.stem, path.parent.name)
        or path.name in ("findings.py", "answers.py")
    ):
        return
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {f.id for f in calls if isinstance(f, ast.Name)} | {
        f"{f.value.id}.{f.attr}" for f in calls if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name)
    }
    allowed = {"console.py": "print", "unpack.py": "os._exit"}
    assert not names & {"print", "exit", "sys.exit", "os._exit"} - {allowed.get(path.name)}


@pytest.mark.parametrize("path", [*_modules(PACKAGER), *_modules(RUNTIME)], ids=lambda path: path.stem)
def test_the_formats_literals_stand_in_layout_alone(path: Path) -> None:
    """`BUNDLE_NAME`, never the word retyped."""
    if path == RUNTIME / "layout.py":
        return
    strings = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    assert not strings & {"bundle.tar.zst", "SHA256SUMS", 0x184D2A51, 0x184D2A52, 0x184D2A5E}
