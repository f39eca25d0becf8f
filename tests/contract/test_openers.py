"""Files from elsewhere are opened by `airpack.base.files` alone, which takes no link, no pipe and no device."""

from __future__ import annotations

import ast
from collections.abc import Collection

from support.machine import ROOT

PACKAGER = ROOT / "packager" / "airpack"
# Modules that read otherwise what is airpack's own, or the user's: of each, what that is.
OWN = {
    "base/cache.py": "the cache of this user",
    "base/extras.py": "what the installer noted of airpack itself",
    "base/files.py": "the opener itself",
    "bundle/early.py": "the tree that was just installed",
    "bundle/tar.py": "the tree that was just installed",
    "cli/commands/shim.py": "what was just written",
    "packing/batch.py": "the kernel",
    "registry/blobs.py": "the blob that it is writing",
    "registry/credentials.py": "the user's settings",
    "base/staging.py": "the locks in its own scratch folders, without following a link",
    "libraries/wheel.py": "airpack's own module, and what was just written",
    "registry/pull.py": "blobs that were just written",
    "resolve/pip_worker/__main__.py": "the request of airpack's own process",
    "resolve/pip_worker/sources.py": "what pip has just unpacked",
    "resolve/resolver.py": "what pip has just written",
    "shim/bare_python.py": "the cache of this user",
    "cli/commands/run.py": "a program that is run anyway",
    "shim/write.py": "airpack's own modules, and what was just written",
    "sources/build.py": "what a build has just written",
    "sources/compiled.py": "a project of the user's, regular files alone",
    "sources/content.py": "a project of the user's, regular files alone",
    "sources/copied.py": "a project of the user's, links as links",
    "sources/isolation/kept_pip.py": "the cache of this user, and what was just installed",
    "sources/isolation/pip_files.py": "the user's settings",
    "sources/zig/compiler.py": "what was just compiled",
    "sources/zig/tools.py": "airpack's own files",
    "target/emulation.py": "an interpreter that is run anyway",
    "target/interpreter.py": "the cache of this user",
    "tree/bytecode.py": "what was just compiled",
    "tree/compilers.py": "airpack's own program",
    "tree/exclusion.py": "the tree that was just installed",
    "tree/installed_wheel.py": "the tree that was just installed",
    "tree/part.py": "the tree that was just installed",
    "audit/manylinux.py": "auditwheel's data",
    "audit/compiled_files.py": "the tree that was just installed",
    "wheels/archive.py": "a file that is open already",
    "verify/import_server/__main__.py": "the kernel",
    "verify/importer.py": "the report of a process of its own",
    "requirements/modules.py": "airpack's own list",
    "wheels/decoders.py": "what was just downloaded",
}
SEEN = (
    "open(a)",
    'open(a, "rb")',
    "open(a, mode)",
    "io.open(a)",
    "a.read_bytes()",
    "a.open()",
    "(a / b).open('rb')",
    "os.open(a, os.O_RDONLY)",
    "os.open(a, flags)",
    "zipfile.ZipFile(a)",
    "ZipFile(a / b, 'r')",
    "tarfile.open(a)",
    "shutil.copy(a, b)",
    "shutil.move(a, b)",
)
UNSEEN = (
    "files.read_bytes(a)",
    'open(a, "wb")',
    "a.open('x')",
    "os.open(a, os.O_WRONLY | os.O_CREAT)",
    "with files.opened(a) as b: zipfile.ZipFile(b)",
    "zipfile.ZipFile(io.BytesIO(a))",
    "zipfile.ZipFile(a, 'w')",
    "tarfile.open(fileobj=a)",
    "Store.open(a)",
)
READERS = ("read_bytes", "read_text", "copyfile", "copy2", "copytree", "copy", "move", "memmap", "FileIO")
ARCHIVES = ("ZipFile", "TarFile")
MODULES = ("os", "io", "tarfile")  # whose `open` takes a path


def test_what_comes_from_elsewhere_is_opened_in_one_place() -> None:
    """Each module that opens a file by itself says what that is; one that doesn't any more is not listed."""
    reading = {path.relative_to(PACKAGER).as_posix() for path in PACKAGER.rglob("*.py") if _reads_in(path.read_text())}
    assert (reading - OWN.keys(), OWN.keys() - reading) == (set(), set())


def _reads_in(source: str) -> bool:
    """Return whether a module has a call that opens a file by its path, for reading."""
    nodes = list(ast.walk(ast.parse(source)))
    opened = {
        item.optional_vars.id
        for node in nodes
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name)
    }
    return any(_reads(node, opened) for node in nodes)


def _reads(node: ast.AST, opened: Collection[str]) -> bool:
    """Return whether a node is such a call; the names `opened` are of files, and archives, that are open already."""
    if not isinstance(node, ast.Call):
        return False
    owner, name = _called(node.func)
    if name in ARCHIVES or (owner == "tarfile" and name == "open"):
        return not _is_open_already(node, opened) and "r" in _mode(node, 1)
    if owner == "os" and name == "open":
        return "O_WRONLY" not in ast.unparse(node) and "O_DIRECTORY" not in ast.unparse(node)
    if name == "open" and owner not in ("", *MODULES):  # of a path, unless it is an archive, or a class of airpack's
        is_other = owner in opened or owner[0].isupper() or owner.endswith("_zipfile")
        return not is_other and "r" in _mode(node, 0)
    if name == "open":
        return "r" in _mode(node, 1) and not ast.unparse(node).startswith("open(os.open(")  # which is seen by itself
    return name in READERS and owner not in ("", "files") and bool(node.args or name.startswith("read_"))


def _called(function: ast.expr) -> tuple[str, str]:
    """Return the object and the name that a call names, the object empty for a plain function."""
    if isinstance(function, ast.Attribute):
        return ast.unparse(function.value), function.attr
    return "", function.id if isinstance(function, ast.Name) else ""


def _is_open_already(node: ast.Call, opened: Collection[str]) -> bool:
    """Return whether a call takes a file that is open, or bytes."""
    first = ast.unparse(node.args[0]) if node.args else ""
    return first in opened or first.startswith("io.BytesIO(") or any(each.arg == "fileobj" for each in node.keywords)


def _mode(node: ast.Call, place: int) -> str:
    """Return the mode of a call that opens a file; it is `r` where it has none, or none that can be read here."""
    given = [*node.args[place : place + 1], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    return next((str(each.value) for each in given if isinstance(each, ast.Constant)), "r")


def test_this_test_sees_what_it_should() -> None:
    """Each way to open by a path; not the opener, not what is open already, and not what is written."""
    assert [text for text in (*SEEN, *UNSEEN) if _reads_in(text)] == [*SEEN]
