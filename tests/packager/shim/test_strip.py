"""Python source without what only its readers need."""

from __future__ import annotations

import ast

import pytest
from airpack.shim import strip, write

FUTURE = "from __future__ import annotations\n"


@pytest.mark.parametrize(
    ("source", "stripped"),
    [
        ("x = 1  # why\n# more\ny = '# no comment'\n", "x=1\n\ny='# no comment'\n"),
        ('"""What."""\nx = 1\n', "\nx=1\n"),
        ('def f():\n    """What."""\n', "def f():\n pass\n"),
        ('def f():\n    """What\n    else."""\n    return 1\n', "def f():\n\n\n return 1\n"),
        ("def f(a: int, *b: str, c: int = 3, **d: x) -> dict:\n    pass\n", "def f(a,*b,c=3,**d):\n pass\n"),
        ("def f(é: 'ü') -> 'ä': return '#ö'  # ß\n", "def f(é):return '#ö'\n"),
        ("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import x\ny = 1\n", "\n\n\ny=1\n"),
    ],
)
def test_what_only_readers_need_is_removed(source: str, stripped: str) -> None:
    """Comments, docstrings, annotations and what is for type checkers; every line stays where it was."""
    assert strip.strip(source) == stripped


@pytest.mark.parametrize("name", write.sources())
def test_the_shims_modules_stay_the_same_code(name: str) -> None:
    """Docstrings and annotations aside, on the same lines."""
    source = write.sources()[name]
    assert _code(strip.strip(source)) == _code(strip.lean(source)) == _code(source)


def test_what_is_lean_has_its_comments_and_spaces() -> None:
    """They make no difference to bytecode; docstrings and annotations do."""
    source = 'def f(a: int = 1) -> dict:\n    """What."""\n    return {a: 2}  # why\n'
    assert strip.lean(source) == "def f(a = 1):\n\n    return {a: 2}  # why\n"


def test_no_annotation_needs_more_than_built_in_types() -> None:
    """Those that make a field stay; the import that leaves them alone would take time at each start."""
    assert strip.strip(f"{FUTURE}class A:\n    b: Nothing | None\n    c: int\n") == "\nclass A:\n b:int\n c:int\n"
    assert strip.strip(f"{FUTURE}class A:\n    b: list[\n        'A'\n    ] = ()\n") == "\nclass A:\n b:int=()\n\n\n"
    assert strip.strip(f"{FUTURE}def a(b: Nothing) -> None:\n    c: Nothing = 1\n") == "\ndef a(b):\n c=1\n"
    guarded = f"{FUTURE}class A:\n    if TYPE_CHECKING:\n        b: Nothing\n    c = 1\n"
    assert strip.strip(guarded) == "\nclass A:\n\n\n c=1\n"


def test_blocks_are_indented_by_one_space_and_strings_stay() -> None:
    """None where a line continues a statement; each stays the line that it was."""
    source = "def a(\n    b,\n):\n    if b:\n        return [\n            b\n        ]\n"
    assert strip.strip(source) == "def a(\nb,\n):\n if b:\n  return[\nb\n]\n"
    source = "class A:\n    text = (\n        '''\n        one\n    two'''\n    )\n"
    assert strip.strip(source) == "class A:\n text=(\n'''\n        one\n    two'''\n)\n"


@pytest.mark.parametrize(
    ("source", "dense"),
    [
        ("a = b if c else d\n", "a=b if c else d\n"),
        ("a = '' '' 'x'\n", "a='' '' 'x'\n"),
        ("a = 'x' if 'y' in b else not -c\n", "a='x'if 'y'in b else not-c\n"),
        ("a = f'{b  + 1} {{c}}'  + rb'd e'\n", "a=f'{b  + 1} {{c}}'+rb'd e'\n"),
        ("if (a, ) == 1 and b[1 : 2]:\n    pass\n", "if(a,)==1 and b[1:2]:\n pass\n"),
    ],
)
def test_spaces_stay_where_words_need_them_and_in_strings(source: str, dense: str) -> None:
    """The same under each Python that packs, though newer ones read f-strings in pieces."""
    assert strip.strip(source) == dense
    assert ast.dump(ast.parse(dense)) == ast.dump(ast.parse(source))


class _Plain(ast.NodeTransformer):
    """Takes out what says types, and what only a type checker reads; the fields of classes stay."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Name("int")
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if ast.unparse(node) == "TYPE_CHECKING = False" else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for each in ast.walk(node):
            if isinstance(each, ast.arg):
                each.annotation = None
        return _Untyped().visit(self.generic_visit(node))  # type: ignore[no-any-return]


class _Untyped(ast.NodeTransformer):
    """Makes assignments with a type ones without."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _code(source: str) -> list[tuple[str, int]]:
    """Return the statements of a source and their lines, but for docstrings and the `pass` in the place of one."""
    return [
        (ast.unparse(node).partition("\n")[0], node.lineno)
        for node in ast.walk(_Plain().visit(ast.parse(source)))
        if isinstance(node, ast.stmt)
        and not isinstance(node, ast.Pass)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
