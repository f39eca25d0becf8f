"""Who may import whom: data flows one way."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machine import ROOT

PACKAGER = ROOT / "packager" / "airpack"
RUNTIME = ROOT / "runtime" / "airpack_runtime"

# Each module imports those before it, never one behind it.
PACKAGER_ORDER = [
    "__init__",
    "errors",
    "printable",
    "cache",
    "project",
    "image",
    "target",
    "closure",
    "interpreter",
    "uv_python",
    "diagnosis",
    "builder",
    "sdist",
    "pip_process",
    "lock",
    "resolve",
    "pylock",
    "wheelhouse",
    "decoders",
    "wheelfile",
    "tree",
    "exclusion",
    "codec",
    "bytecode",
    "bare",
    "shim",
    "members",
    "dynamic",
    "elf",
    "audit",
    "frames",
    "contents",
    "archive",
    "table",
    "bundle",
    "inspection",
    "difference",
    "filesystem",
    "manifest",
    "local_boot",
    "importing",
    "proof",
    "integrity",
    "records",
    "verification",
    "delivery",
    "plain_tree",
    "staging",
    "keys",
    "signing",
    "extraction",
    "workers",
    "output",
    "azureml",
    "progress",
    "checks",
    "assembly",
    "comparison",
    "inventory",
    "sbom",
    "rebuild",
    "oci",
    "oci.layout",
    "oci.zstd",
    "oci.extents",
    "oci.split",
    "oci.layers",
    "oci.image",
    "oci.reassembly",
    "oci.reference",
    "oci.retries",
    "oci.access",
    "oci.credentials",
    "oci.connection",
    "oci.authorization",
    "oci.client",
    "oci.manifests",
    "oci.transfers",
    "oci.upload",
    "oci.download",
    "oci.push",
    "oci.pull",
    "oci.placement",
    "extras",
    "store",
    "transfer",
    "pipeline",
    "fleet",
    "batch",
    "cli",
    "__main__",
]

RUNTIME_ORDER = [
    "errors",
    "syscalls",
    "layout",
    "hashing",
    "host",
    "ready",
    "framing",
    "cache",
    "activation",
    "toc",
    "storage",
    "mount",
    "ed25519",
    "signature",
    "trust",
    "tree",
    "reader",
    "decoder",
    "verify",
    "unpack",
    "provide",
    "boot",
    "__init__",
    "permits",
    "probe",
    "conflicts",
    "record",
    "startup",
    "sitecustomize",
    "maintenance",
    "wheelhouse",
    "requirements",
    "azure",
    "doctor",
    "__main__",
]


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
    if path.name in ("requirements.py", "conflicts.py"):  # what can't be had without pip is read by the image's own
        allowed |= {"pip"}
    assert {name.partition(".")[0] for name in _imports(path)} <= allowed


def _name(path: Path) -> str:
    """Return a module's name below `airpack`; a package is called by its own."""
    words = path.relative_to(PACKAGER).with_suffix("").parts
    return ".".join(words[:-1] if len(words) > 1 and words[-1] == "__init__" else words)


@pytest.mark.parametrize("path", [*sorted(PACKAGER.glob("*.py")), *_modules(PACKAGER / "oci")], ids=_name)
def test_a_module_imports_only_earlier_ones(path: Path) -> None:
    """Requirements, Lock, Wheelhouse, Tree, Bundle: none reaches forward, and each has its place in the order."""
    later = {f"airpack.{stage}" for stage in PACKAGER_ORDER[PACKAGER_ORDER.index(_name(path)) + 1 :]}
    assert not later & set(_imports(path))


@pytest.mark.parametrize("path", _modules(RUNTIME), ids=lambda path: path.stem)
def test_a_module_of_the_runtime_imports_only_earlier_ones(path: Path) -> None:
    """Within functions as well."""
    later = {f"airpack_runtime.{stage}" for stage in RUNTIME_ORDER[RUNTIME_ORDER.index(path.stem) + 1 :]}
    assert not later & set(_imports(path))


@pytest.mark.parametrize("path", [*_modules(PACKAGER), *_modules(RUNTIME)], ids=lambda path: path.stem)
def test_only_the_command_lines_print_and_exit(path: Path) -> None:
    """Every other module raises; but a subprocess's own, what ends a process that starts, and a forked worker."""
    if (
        path.name in ("cli.py", "__main__.py", "startup.py", "sitecustomize.py", "syscalls.py")
        or path.parent.name == "commands"
    ):
        return
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {f.id for f in calls if isinstance(f, ast.Name)} | {
        f"{f.value.id}.{f.attr}" for f in calls if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name)
    }
    allowed = {"progress.py": "print", "unpack.py": "os._exit"}
    assert not names & {"print", "exit", "sys.exit", "os._exit"} - {allowed.get(path.name)}


@pytest.mark.parametrize("path", [*_modules(PACKAGER), *_modules(RUNTIME)], ids=lambda path: path.stem)
def test_the_formats_literals_stand_in_layout_alone(path: Path) -> None:
    """`layout.SITE_PACKAGES`, never the word retyped."""
    if path == RUNTIME / "layout.py":
        return
    strings = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    assert not strings & {"site-packages", "bundle.tar.zst", "SHA256SUMS", 0x184D2A51, 0x184D2A52, 0x184D2A5E}
