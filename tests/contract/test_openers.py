"""Files from elsewhere are opened by `airpack.base.files` alone, which takes no link, no pipe and no device."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from support.machine import ROOT

PACKAGER = ROOT / "packager" / "airpack"
# Modules that read otherwise what is airpack's own, or the user's: of each, what that is.
OWN = {
    "base/cache.py": "the cache of this user",
    "base/files.py": "the opener itself",
    "bundle/tar.py": "the tree that was just installed",
    "cli/commands/shim.py": "what was just written",
    "inspection/byte_diff.py": "two bundles that were opened before, by `Results.open_bundle`",
    "oci/layers.py": "a bundle that was opened before",
    "pack/batch.py": "the kernel",
    "registry/blobs.py": "the blob that it is writing",
    "registry/credentials.py": "the user's settings",
    "registry/pull.py": "blobs that were just written",
    "resolve/pip.py": "the log of a process of its own",
    "resolve/pip_worker/__main__.py": "the request of airpack's own process",
    "resolve/pip_worker/sources.py": "what pip has just unpacked",
    "resolve/resolver.py": "what pip has just written",
    "shim/write.py": "airpack's own modules, and what was just written",
    "sources/build.py": "what a build has just written",
    "sources/content.py": "a project of the user's, regular files alone",
    "sources/isolation/pip_files.py": "the user's settings",
    "sources/static.py": "what pip has just unpacked",
    "sources/zig/compiler.py": "what was just compiled",
    "sources/zig/tools.py": "airpack's own files",
    "target/interpreter.py": "the cache of this user",
    "tree/exclusion.py": "the tree that was just installed",
    "tree/installed_wheel.py": "the tree that was just installed",
    "tree/part.py": "the tree that was just installed",
    "audit/manylinux.py": "auditwheel's data",
    "audit/compiled_files.py": "the tree that was just installed",
    "verify/importer.py": "the report of a process of its own",
    "requirements/modules.py": "airpack's own list",
    "wheels/decoders.py": "what was just downloaded",
}
READERS = ("read_bytes", "read_text", "copyfile", "copy2", "copytree")


def test_what_comes_from_elsewhere_is_opened_in_one_place() -> None:
    """Each module that opens a file by itself says what that is; one that doesn't any more is not listed."""
    reading = {
        path.relative_to(PACKAGER).as_posix()
        for path in PACKAGER.rglob("*.py")
        if any(_reads(node) for node in ast.walk(ast.parse(path.read_text())))
    }
    assert (reading - OWN.keys(), OWN.keys() - reading) == (set(), set())


def _reads(node: ast.AST) -> bool:
    """Return whether a node is a call that opens a file by its path, for reading."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute):
        is_ours = isinstance(called.value, ast.Name) and called.value.id == "files"
        return called.attr in READERS and not is_ours and bool(node.args or called.attr.startswith("read_"))
    return isinstance(called, ast.Name) and called.id == "open" and "r" in "".join(_modes(node))


def _modes(node: ast.Call) -> Iterator[str]:
    """Yield the mode of a call of `open`; it is `r` where it has none."""
    given = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    yield from (str(each.value) for each in given if isinstance(each, ast.Constant))
    if not given:
        yield "r"


def test_this_test_sees_what_it_should() -> None:
    """A plain `open`, and a method of a path; not the opener, and not what is written."""
    found = [
        any(_reads(node) for node in ast.walk(ast.parse(text)))
        for text in ("open(a)", 'open(a, "rb")', "a.read_bytes()", "files.read_bytes(a)", 'open(a, "wb")')
    ]
    assert found == [True, True, True, False, False]
