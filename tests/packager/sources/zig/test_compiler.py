"""What stands for a compiler: the command line that zig gets for one of gcc's."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.sources.zig import compiler

_AARCH64, _X86 = "aarch64-linux-musl", "x86_64-linux-gnu.2.27"


def _line(*words: str, tool: str = "cc", triple: str = _X86) -> list[str]:
    return compiler.command(tool, "zig", triple, "/headers", words)


def _kept(*words: str, triple: str = _X86) -> list[str]:
    """Return which of the words of a compilation zig gets, in the form that it gets them."""
    before, after = _line("-c", "a.c"), _line("-c", "a.c", *words, triple=triple)
    return after[before.index("a.c") + 1 : after.index("-idirafter")]


def test_the_target_is_zigs(tmp_path: Path) -> None:
    """Undefined behaviour isn't trapped, headers that zig lacks come last, and a result has no debug information."""
    line = _line("-shared", "a.o", "-o", "a.so")
    assert line[:5] == ["zig", "cc", "-target", _X86, "-fno-sanitize=all"]
    assert line[-4:] == ["-idirafter", "/headers", "-g0", "-s"]
    assert _line("rcs", "a.a", "a.o", tool="ar") == ["zig", "ar", "rcs", "a.a", "a.o"]


@pytest.mark.parametrize("word", ["-dumpversion", "-dumpfullversion"])
def test_a_version_is_asked_without_a_target(word: str) -> None:
    """With one, zig says that the target is invalid; uwsgi reads gcc's version before it compiles."""
    assert _line(word) == ["zig", "cc", "-dumpversion"]


@pytest.mark.parametrize("words", [["-c", "a.cpp"], ["-c", "-x", "c++", "-"], ["-shared", "a.o", "-lstdc++"]])
def test_the_language_goes_by_the_file(words: list[str]) -> None:
    """The setuptools of Python 3.7 compiles C++ by CC."""
    assert _line(*words)[1] == "c++"
    assert _line("-c", "a.c")[1] == "cc"


def test_objects_of_c_plus_plus_are_linked_by_its_driver(tmp_path: Path) -> None:
    """It brings the standard library; objects of C need none of it."""
    plain, mangled = tmp_path / "plain.o", tmp_path / "mangled.o"
    plain.write_bytes(b"\x7fELF\0main\0")
    mangled.write_bytes(b"\x7fELF\0_ZSt4cout\0")
    assert _line("-shared", str(plain))[1] == "cc"
    assert _line("-shared", str(plain), str(mangled))[1] == "c++"


def test_what_would_bring_this_machine_in_is_left_out() -> None:
    """Its headers and libraries are of its glibc, its processor may have what the image's lacks."""
    words = [
        "-I/usr/include",
        "-isystem",
        "/usr/include/x86_64-linux-gnu",
        "-L/usr/lib/x86_64-linux-gnu/",
        "-L",
        "/lib",
    ]
    assert _kept(*words, "-march=native", "-mtune=generic", "-flto=auto", "-lpython3.7m") == []
    kept = ["-I/usr/include/freetype2", "-I", "include", "-L/opt/lib", "-march=x86-64-v2", "-O3", "-lpython_helper"]
    assert _kept(*kept) == kept
    assert _kept("-march=x86-64-v2", "-msse4.2", "-O3", triple=_AARCH64) == ["-O3"]


def test_a_standard_of_the_other_language_is_left_out() -> None:
    """A warning for gcc, an error for clang."""
    assert _kept("-std=c++17", "-std=gnu11") == ["-std=gnu11"]
    assert "-std=c11" not in _line("-c", "a.cc", "-std=c11", "-std=c++17")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["-Wl,--exclude-libs,ALL,-z,relro"], ["-Wl,-z,relro"]),
        (["-Wl,-Bsymbolic-functions", "-Wl,-Map,a.map"], []),
        (["-Wl,-R/x:/y", "-Wl,-rpath,$ORIGIN"], ["-Wl,-rpath,/x:/y", "-Wl,-rpath,$ORIGIN"]),
        (["-Xlinker", "-R", "-Xlinker", "/x", "-Xlinker", "--as-needed"], ["-Wl,-rpath,/x", "-Wl,--as-needed"]),
        (["-Wl,-Bstatic,-lz,-Bdynamic"], ["-Wl,-Bstatic", "-lz", "-Wl,-Bdynamic"]),
        (["-Wl,--version-script=v.map", "-Wl,-soname,a"], ["-Wl,--version-script=v.map", "-Wl,-soname,a"]),
    ],
)
def test_options_of_the_linker_are_those_that_zig_reads(given: list[str], expected: list[str]) -> None:
    """What tunes or reports is left out; what changes the result stays, and is refused if zig doesn't know it."""
    assert _kept(*given) == expected


def test_what_gcc_takes_is_no_error() -> None:
    """Old C, and a project's own -Werror, which knows another compiler's warnings."""
    line = _line("-c", "a.c", "-Werror")
    assert line.index("-Wno-error") > line.index("-Werror")
    assert "-Wno-error=implicit-function-declaration" in line


def test_the_preprocessor_is_zigs_too() -> None:
    """A build such as uwsgi's looks for headers where `cpp -v`, which reads standard input, says that it does."""
    assert _line("-v", tool="cpp")[:4] == ["zig", "cc", "-target", _X86]
    assert _line("-v", tool="cpp")[5:10] == ["-E", "-v", "-x", "c", "-"]
    assert _line("a.h", tool="cpp")[5:8] == ["-E", "a.h", "-idirafter"]
