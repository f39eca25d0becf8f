"""What `pyproject.toml` declares is used, and a start imports none of what it doesn't need."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from support import machine

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = machine.ROOT / "pyproject.toml"
PACKAGER = machine.ROOT / "packager"
# Heavy ones, which only a few commands need.
LATE = {"pyzstd", "backports.zstd", "jinja2", "yaml", "tqdm", "wheel", "build", "poetry", "license_expression", "shtab"}
GOLDEN = str(machine.FIXTURES / "golden" / "bundle.tar.zst")


def _declared() -> list[str]:
    """Return the names of the projects that airpack requires, by whichever extra."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return sorted({Requirement(line).name for lines in lists for line in lines})


@functools.cache
def _imported() -> set[str]:
    """Return the modules, and the packages that they are in, that the packager imports, wherever it does."""
    names = set[str]()
    for path in PACKAGER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.update([node.module, *(f"{node.module}.{each.name}" for each in node.names)])
    return {name.partition(".")[0] for name in names}


def _modules(project: str) -> set[str]:
    """Return the modules of a project, as far as it is installed here."""
    try:
        found = metadata.distribution(project).files or []
    except metadata.PackageNotFoundError:
        return set()
    return {path.parts[0].removesuffix(".py") for path in found if path.suffix == ".py"}


@pytest.mark.parametrize("project", _declared())
def test_what_is_declared_is_imported_or_says_why_it_is_there(project: str) -> None:
    """By a comment on its line: who runs it, or who asks for it."""
    declared = PYPROJECT.read_text(encoding="utf-8").partition("[project.scripts]")[0]
    (line,) = re.findall(rf'^.*"{re.escape(project)}[\[><=;"].*$', declared, re.MULTILINE)
    assert _modules(project) & _imported() or re.search(r"# .{5,}$", line), line


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["--version"], ["help"], ["target", "show"], ["inspect", GOLDEN], ["keygen", "--help"]], ids=" ".join
)
def test_a_start_imports_what_it_needs_alone(words: list[str]) -> None:
    """Each of these takes time, pyzstd 23 ms: what reads or writes no frame goes without it."""
    program = (
        "import sys\nfrom airpack.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    line = [sys.executable, "-c", program, *words]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert not LATE & {*done.stderr.splitlines()[-1].split()}
