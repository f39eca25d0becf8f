"""Writes Python source in fewer lines, and with shorter names inside of functions."""

from __future__ import annotations

import ast
import builtins
import string
import tokenize
from collections.abc import Iterable, Iterator

from airpack.shim.strip import need_a_space, tokens

_BY_NAME = {"locals", "vars", "eval", "exec"}  # functions that may read local variables by their names
Edit = tuple[ast.stmt | ast.expr, str]  # a part of the source, and what stands there instead


def compact(source: str) -> str:
    """Return what `strip` leaves of a source in fewer lines, which have other numbers then.

    A statement takes one line, unless a string in it takes more, a block of one simple statement stands behind its
    colon, and a private constant where it is used, if that is once. Variables inside of functions are letters: a
    traceback tells the functions' names alone. All modules together are 6 % smaller, compressed.
    """
    source = _with_constants_in_place(source)
    source, text = _replaced(source, _short_variables(ast.parse(source))), ""
    goes_on = {token.start[0] for token in tokens(source) if token.type == tokenize.NL}  # there, no statement ends
    for row, line in enumerate(source.splitlines(), 1):
        text += " " * need_a_space(text[-1:], line[:1]) + line + "\n" * (row not in goes_on)
    lines = text.splitlines()
    for row in sorted(_blocks_of_one(ast.parse(text)), reverse=True):
        if lines[row - 2].endswith(":"):
            lines[row - 2 : row] = [lines[row - 2] + lines[row - 1].lstrip()]
    return "\n".join(lines) + "\n"


def _blocks_of_one(tree: ast.Module) -> Iterator[int]:
    """Yield the line of each statement that is alone in its block, and has no block itself."""
    for node in ast.walk(tree):
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            only = block[0] if isinstance(block, list) and len(block) == 1 and node is not tree else None
            if only is not None and only.lineno == only.end_lineno and not hasattr(only, "body"):
                yield only.lineno


def _with_constants_in_place(source: str) -> str:
    tree = ast.parse(source)
    parts, names = list(map(id, _in_fstrings(tree))), _names(tree)
    edits: list[Edit] = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and node.lineno == node.end_lineno:
            own = ast.unparse(node.targets[0])
            uses = [name for name in names if name.id == own and name not in node.targets]
            once = own.startswith("_") and len(uses) == 1 and id(uses[0]) not in parts
            if once and isinstance(node.value, ast.Constant):
                edits += [(uses[0], ast.get_source_segment(source, node.value) or ""), (node, "")]
    return _replaced(source, edits)


def _short_variables(tree: ast.Module) -> Iterator[Edit]:
    """Yield an edit for each place of a variable inside of a function, which gives it a name of one letter.

    Those stay that have their name elsewhere as well: arguments, imports, errors, what is also global, what stands in
    an f-string.
    """
    taken = {*dir(builtins), *(name.id for node in tree.body if not _is_code(node) for name in _names(node))}
    for function in _outermost_functions(tree):
        names = _names(function)
        if any(name.id in _BY_NAME for name in names) or any(
            isinstance(node, ast.ClassDef) for node in ast.walk(function)
        ):
            continue
        fixed = {*taken, *_bound_otherwise(function)}
        in_text = {name.id for name in _in_fstrings(function)}
        own = {name.id for name in names if isinstance(name.ctx, ast.Store)} - fixed - in_text
        letters = [letter for letter in string.ascii_letters if letter not in {*fixed, *(name.id for name in names)}]
        short = dict(zip(sorted(name for name in own if len(name) > 1), letters, strict=False))
        yield from ((name, short[name.id]) for name in names if name.id in short)


def _is_code(node: ast.stmt) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.ClassDef))


def _outermost_functions(node: ast.AST) -> Iterator[ast.FunctionDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield child
        else:
            yield from _outermost_functions(child)


def _bound_otherwise(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the names in a function that are not those of variables alone."""
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.ExceptHandler, ast.FunctionDef)):
            yield node.name or ""
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (name.asname or name.name for name in node.names)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names


def _names(node: ast.AST) -> list[ast.Name]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Name)]


def _in_fstrings(node: ast.AST) -> list[ast.Name]:
    """Return the names in f-strings, whose places are known from Python 3.12 on."""
    return [name for part in ast.walk(node) if isinstance(part, ast.JoinedStr) for name in _names(part)]


def _replaced(source: str, edits: Iterable[Edit]) -> str:
    lines = source.split("\n")
    for part, replacement in sorted(edits, key=lambda edit: (-edit[0].lineno, -edit[0].col_offset)):
        line = lines[part.lineno - 1].encode()
        line = line[: part.col_offset] + replacement.encode() + line[part.end_col_offset :]
        lines[part.lineno - 1] = line.decode()
    return "\n".join(lines)
