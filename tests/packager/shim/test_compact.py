"""Python source in few lines, with letters for the variables of functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from airpack.shim import strip, write
from airpack.shim.compact import compact


@pytest.mark.parametrize(
    ("source", "few"),
    [
        ("a=1\n\n\nb=2\n", "a=1\nb=2\n"),
        ("def f():\n return 1\n", "def f():return 1\n"),
        ("if a:\n b()\n c()\nelse:\n d()\n", "if a:\n b()\n c()\nelse:d()\n"),
        ("if a:\n if b:\n  c()\n", "if a:\n if b:c()\n"),
        ("a(b,\nif_\nor c)\n", "a(b,if_ or c)\n"),
        ("a=('b'\n'c')\n", "a=('b' 'c')\n"),
        ("a='''\n\n'''\nb=1\n", "a='''\n\n'''\nb=1\n"),
        ("_A=1\nb=_A\n", "b=1\n"),
        ("_A='ä'\nb='ä'+_A+c\n", "b='ä'+'ä'+c\n"),
        ("_A=1\nb=_A+_A\n", "_A=1\nb=_A+_A\n"),
        ("_A=1\nb=f'{_A}'\n", "_A=1\nb=f'{_A}'\n"),
        ("A=1\nb=A\n", "A=1\nb=A\n"),
        ("_A=_B=1\nb=_A\n", "_A=_B=1\nb=_A\n"),
        ("_A=1\ndef f():\n global _A\n _A=2\n return _A\n", "_A=1\ndef f():\n global _A\n _A=2\n return _A\n"),
    ],
)
def test_what_is_left_takes_few_lines(source: str, few: str) -> None:
    """In a zipapp, whose tracebacks have its own lines."""
    assert compact(source) == few


def test_the_shim_does_the_same_in_few_lines() -> None:
    """Each of its modules has the same statements, but for constants that stand where they are used."""
    for name, text in write.sources().items():
        stripped = strip.strip(text)
        whole, few = ast.parse(stripped), ast.parse(compact(stripped))
        functions = [
            {node.name: len(node.body) for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
            for tree in (whole, few)
        ]
        assert functions[0] == functions[1], name
        gone = {ast.unparse(node) for node in whole.body} - {ast.unparse(node) for node in few.body}
        assert len(compact(stripped)) <= len(stripped)
        assert not gone or "_" in str(gone)


@pytest.mark.parametrize(
    ("source", "few"),
    [
        ("def f(given):\n one=given\n two=one\n return one+two\n", "def f(given):\n a=given\n b=a\n return a+b\n"),
        ("def f(a):\n one=a\n return one,b\n", "def f(a):\n c=a\n return c,b\n"),
        ("def f():\n one=1\n return f'{one}'\n", "def f():\n one=1\n return f'{one}'\n"),
        ("def f():\n one=1\n return locals()\n", "def f():\n one=1\n return locals()\n"),
        (
            "one=1\ndef f():\n g([one for one in b])\n return one\n",
            "one=1\ndef f():\n g([one for one in b])\n return one\n",
        ),
        ("def f():\n global one\n one=2\n return one\n", "def f():\n global one\n one=2\n return one\n"),
        ("def f():\n import one\n two=one.two\n g(two=two)\n", "def f():\n import one\n a=one.two\n g(two=a)\n"),
        (
            "def f():\n try:\n  g()\n except E as one:\n  two=one\n",
            "def f():\n try:g()\n except E as one:a=one\n",
        ),
        ("def f():\n one=1\n def g(one):return one\n g(one)\n", "def f():\n one=1\n def g(one):return one\n g(one)\n"),
        ("def f():\n one=1\n def g():return one\n g()\n", "def f():\n a=1\n def g():return a\n g()\n"),
        ("def f():\n len=1\n return len\n", "def f():\n len=1\n return len\n"),
        ("def f():\n one=1\n class A:one=2\n", "def f():\n one=1\n class A:one=2\n"),
    ],
)
def test_variables_of_functions_are_letters(source: str, few: str) -> None:
    """But for names that stand elsewhere as well, or that Python may look up as text."""
    assert compact(source) == few


@pytest.mark.parametrize("name", write.sources())
def test_the_shim_means_the_same_by_letters(name: str) -> None:
    """In each function, each variable has one letter, and no two have the same; nothing else has another name."""
    stripped = strip.strip(write.sources()[name])
    for whole, few in zip(_functions(stripped), _functions(compact(stripped)), strict=True):
        pairs = list(_same(whole, few))
        assert len(set(pairs)) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
        variables = {
            node.id for node in ast.walk(whole) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        assert {old for old, new in pairs if old != new} <= variables


def _functions(source: str) -> list[ast.FunctionDef]:
    """Return a module's functions and methods, but for those inside of others."""
    tree = ast.parse(source)
    blocks = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return [node for block in blocks for node in block if isinstance(node, ast.FunctionDef)]


def _same(whole: ast.AST, few: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names of variables in the one and the other, which are otherwise equal but for constants in place."""
    if isinstance(whole, ast.Name) and isinstance(few, ast.Constant):
        assert whole.id.startswith("_")
        return
    assert type(whole) is type(few)
    if isinstance(whole, ast.Name) and isinstance(few, ast.Name):
        yield whole.id, few.id
        return
    for (field, one), (_, other) in zip(ast.iter_fields(whole), ast.iter_fields(few), strict=True):
        ones, others = (part if isinstance(part, list) else [part] for part in (one, other))
        for inner, same in zip(ones, others, strict=True):
            if isinstance(inner, ast.AST):
                yield from _same(inner, same)
            else:
                assert inner == same, field
