"""The scripts of entry points, as pip reads them."""

from __future__ import annotations

import time

import pytest
from airpack.wheels.entry_points import Script, scripts_in

MAIN = Script(module="one.cli", attribute="main")


@pytest.mark.parametrize(
    "text",
    [
        "[console_scripts]\ngo = one.cli:main\n",
        "[gui_scripts]\ngo=one.cli:main\n",
        "; no section\nx = y\n[console_scripts]\n# a comment\n\n  go = one.cli : main [extra, other]\n",
        "[console_scripts]\ngo = other:main\n[gui_scripts]\ngo = one.cli:main\n",
        "[paste.app]\nmain = %(here)s\n[console_scripts]\ngo = one.cli:main\n",
        "[console_scripts]\ngo = one.cli:main  # why not\n",
    ],
)
def test_a_script_calls_a_function(text: str) -> None:
    """Comments, extras, blanks and other groups are no matter."""
    assert scripts_in(text, "3.7") == {"go": MAIN}
    source = 'import sys\nfrom one.cli import main\nif __name__ == "__main__":\n    sys.exit(main())\n'
    assert MAIN.source() == f"#!python\n{source}".encode()


@pytest.mark.parametrize("value", ["one", "one:a:b", "one:main [", "a-b:main", ""])
def test_what_is_no_function_is_an_error(value: str) -> None:
    """As for pip, which can't make a script of it."""
    with pytest.raises(ValueError, match=r"is not MODULE:FUNCTION|has extras that can't be read"):
        scripts_in(f"[console_scripts]\ngo = {value}\n", "3.7")


def test_a_line_without_a_name_is_an_error() -> None:
    """Wherever it stands."""
    with pytest.raises(ValueError, match=r"^a line is not NAME = MODULE:FUNCTION$"):
        scripts_in("[other]\nx\n", "3.7")


def test_pips_own_scripts_have_the_targets_version() -> None:
    """Not that of the Python that built the wheel; so does setuptools' easy_install."""
    text = "[console_scripts]\npip = one.cli:main\npip3.11 = one.cli:main\npipx = one.cli:main\n"
    assert scripts_in(text, "3.7").keys() == {"pip", "pip3", "pip3.7", "pipx"}
    text = "[console_scripts]\neasy_install = one.cli:main\neasy_install-3.4 = one.cli:main\n"
    assert scripts_in(text, "3.7").keys() == {"easy_install", "easy_install-3.7"}


@pytest.mark.parametrize(("name", "taken"), [("go", "go"), ("a b  go", " go"), ("x[go", "x[go"), ("a [go", " [go")])
def test_the_last_word_is_a_scripts_name(name: str, taken: str) -> None:
    """With the blank before it, as distlib's pattern takes it."""
    assert scripts_in(f"[console_scripts]\n{name} = one.cli:main\n", "3.7") == {taken: MAIN}


def test_a_long_name_is_read_soon() -> None:
    """The pattern that distlib has for a name would take an hour for this."""
    start = time.process_time()
    assert scripts_in(f"[console_scripts]\n{'a' * 1_000_000} b = one.cli:main\n", "3.7") == {" b": MAIN}
    assert time.process_time() - start < 5
