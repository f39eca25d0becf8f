"""No interpreter that airpack starts imports from the current folder, where anybody may have put a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from support.machine import ROOT

SOURCES = [ROOT / "packager" / "airpack", ROOT / "runtime" / "airpack_runtime"]
# Modules that start one by `-c` or `-m` without `-I`: of each, how the current folder is kept out.
OTHERWISE = {
    "packing/batch.py": "it is taken from sys.path first",
    "resolve/pip_process.py": "it is taken from sys.path first",
    "shim/bare_python.py": "it is taken from sys.path first",
    "shim/local_boot.py": "it is taken from sys.path first; the user's program has it",
    "sources/repair.py": "it runs in a folder of its own",
    "tree/compilers.py": "it is taken from sys.path first",
    "image/pip_install.py": "it runs in a folder of its own",
}


def _starting(tree: ast.AST) -> Iterator[list[str]]:
    """Yield the words of each command line that begins with an interpreter, as far as they are written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple) and node.elts and not isinstance(node.elts[0], ast.Constant):
            words = [str(each.value) for each in node.elts if isinstance(each, ast.Constant)]
            options = [word for word in words[:3] if word.startswith("-") and not word.startswith("--")]
            if any(word[1:] in ("c", "m", "Ic", "Im", "I") for word in options):
                yield options


def test_each_interpreter_is_isolated_or_says_how_else() -> None:
    """By `-I`; a module that doesn't start one otherwise any more isn't listed."""
    found = {
        path.relative_to(folder).as_posix()
        for folder in SOURCES
        for path in folder.rglob("*.py")
        if any(not any(word.startswith("-I") for word in words) for words in _starting(ast.parse(path.read_text())))
    }
    assert (found - OTHERWISE.keys(), OTHERWISE.keys() - found) == (set(), set())
