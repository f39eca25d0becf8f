"""What is told of a build that failed, by what it printed."""

from __future__ import annotations

import pytest
from airpack.sources.build_log import sentence_in

_ELSEWHERE = "build its wheel on a system as old as the image that has it"


@pytest.mark.parametrize(
    ("header", "here", "by_zig"),
    [
        ("uuid/uuid.h", "install it (Debian: uuid-dev)", f"{_ELSEWHERE} (Debian: uuid-dev)"),
        ("own.h", "install the package that has it", _ELSEWHERE),
    ],
)
def test_a_remedy_for_a_header_goes_by_what_compiles(header: str, here: str, by_zig: str) -> None:
    """The machine's compiler finds what is installed; zig, which compiles for an older glibc, never does."""
    log = f"./uwsgi.h:184:10: fatal error: '{header}' file not found\n"
    assert sentence_in(log) == f"the header {header} is missing: {here}"
    assert sentence_in(log, by_zig=True) == (
        f"the header {header} is missing: {by_zig}, and give its folder with --find-links"
    )


def test_a_remedy_for_a_library_goes_by_what_compiles() -> None:
    """As for a header: zig has those of glibc alone, without libcrypt."""
    log = "error: unable to find dynamic system library 'crypt' using strategy 'paths_first'. searched paths:\n"
    told = "the linker finds no library crypt: "
    assert sentence_in(log) == f"{told}install the package that has it"
    assert sentence_in(log, by_zig=True) == f"{told}{_ELSEWHERE}, and give its folder with --find-links"


def test_a_project_that_is_the_same_and_has_wheels_is_the_remedy() -> None:
    """Debian's libcrypt is no part of the glibc that zig brings; pyuwsgi is uwsgi, with wheels for each Python."""
    log = "error: unable to find dynamic system library 'crypt' using strategy 'paths_first'"
    told = "the linker finds no library crypt: require pyuwsgi, which is the same and has a wheel"
    assert sentence_in(log, "uWSGI", by_zig=True) == told


def test_pythons_headers_are_seen_by_any_compiler() -> None:
    """They are those of the interpreter that builds."""
    log = "src/a.c:1:10: fatal error: Python.h: No such file or directory\n"
    assert sentence_in(log) == sentence_in(log, by_zig=True)
