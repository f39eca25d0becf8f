"""Stands for `cc`, `c++`, `cpp` and `ar` in a build: `zig cc` for the target, called as gcc would be.

    python -I -S compiler.py TOOL ZIG TRIPLE FOLDER [ARGUMENT ...]

TOOL is `cc`, `c++`, `cpp`, or another of zig's, such as `ar`; TRIPLE is zig's name for the target, such as
`x86_64-linux-gnu.2.27`; FOLDER has headers that zig lacks. It runs by itself, once for each file that is compiled:
it imports nothing of airpack, and little of the standard library.

distutils compiles C++ by `cc`, and links it so: the language goes by the files. What would bring this machine's
headers, libraries or processor in is left out, and so is what only GNU's linker knows and a result can do without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence

_CXX_SOURCES = (".cc", ".cpp", ".cxx", ".c++", ".C", ".CPP", ".cp", ".mm")
_OBJECTS = (".o", ".obj", ".a", ".lo")
_NO_LINK = frozenset(("-c", "-S", "-E", "-M", "-MM", "-fsyntax-only", "--version", "-v"))
_VERSION_ASKED = frozenset(("-dumpversion", "-dumpfullversion"))
# The machine's own places: their headers and libraries are of its glibc.
_SYSTEM = ("/usr/include", "/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/usr/local/lib64")
_OPTIONS_OF_PLACES = ("-isystem", "-idirafter", "-iquote", "-I", "-L")
# Flags of an interpreter that was built otherwise, or for the processor at hand.
_LEFT_OUT = (
    "-flto", "-ffat-lto-objects", "-fno-fat-lto-objects", "-fuse-linker-plugin", "-fno-use-linker-plugin", "-fuse-ld=",
    "-specs=", "-mtune=", "-march=native", "-mcpu=native", "-fprofile-", "-fno-semantic-interposition",
    "-lpython3.",
)  # fmt: skip
_OF_X86 = ("-m64", "-m32", "-march=", "-msse", "-mssse", "-mavx", "-mfma", "-mbmi", "-mpopcnt", "-mfpmath", "-mf16c")
_CXX_STANDARDS = ("-std=c++", "-std=gnu++")
_C_STANDARDS = ("-std=c8", "-std=c9", "-std=c1", "-std=c2", "-std=gnu8", "-std=gnu9", "-std=gnu1", "-std=gnu2")
# Options of GNU's linker that zig's doesn't know: they tune or report. With those that take a value as a word.
_LINKER_LEFT_OUT = (
    "--exclude-libs", "-Bsymbolic-functions", "-Bsymbolic-non-weak", "--warn-", "--no-warn", "-Map", "--icf", "-t",
    "--push-state", "--pop-state", "-strip-debug", "--no-keep-memory", "--copy-dt-needed-entries", "--cref", "--trace",
    "--no-copy-dt-needed-entries", "--package-metadata", "--no-gnu-unique", "--unresolved-symbols", "--threads",
    "--no-map-whole-files", "--plugin", "-plugin",
)  # fmt: skip
_LINKER_VALUED = ("--exclude-libs", "-Map", "--plugin", "-plugin", "--unresolved-symbols")
_LINKER_NAMES = {"-R": "-rpath", "-h": "-soname"}
# What gcc takes and clang refuses by default.
_LENIENT = (
    "-Wno-error", "-Wno-error=incompatible-pointer-types", "-Wno-error=incompatible-function-pointer-types",
    "-Wno-error=implicit-function-declaration", "-Wno-error=int-conversion", "-Wno-error=implicit-int",
    "-Wno-error=return-mismatch", "-Wno-error=return-type", "-Wno-error=register", "-Wno-error=c++11-narrowing",
    "-Wno-error=reserved-user-defined-literal", "-Wno-error=invalid-specialization",
    "-Wno-error=missing-template-arg-list-after-template-kw", "-Wno-unknown-warning-option",
    "-Wno-unused-command-line-argument",
)  # fmt: skip


def command(tool: str, zig: str, triple: str, folder: str, words: Sequence[str]) -> list[str]:
    """Return the command line of zig for a call of `tool` with `words`."""
    if tool == "cpp":  # as GNU's does, it reads from standard input if no file is given
        files = [word for word in words if word == "-" or not word.startswith("-")]
        return command("cc", zig, triple, folder, ["-E", *words, *([] if files else ["-x", "c", "-"])])
    if tool not in ("cc", "c++"):
        return [zig, tool, *words]
    if not _VERSION_ASKED.isdisjoint(words):
        return [zig, tool, "-dumpversion"]  # with a target, zig says that it is wrong
    links = _NO_LINK.isdisjoint(words)
    language = "c++" if tool == "c++" or _has_cxx(words, links) else "cc"
    kept = list(_for_linker(_for_compiler(words, triple, language)))
    # Without -O, zig would have undefined behaviour trapped, which gcc does not do.
    line = [zig, language, "-target", triple, "-fno-sanitize=all", *kept, "-idirafter", folder]
    # Debug information of zig's libc++ alone is several times as large as a module.
    return [*line, *(_LENIENT if _compiles(words) else ()), "-g0", *(("-s",) if links else ())]


def _compiles(words: Iterable[str]) -> bool:
    return any(word.endswith((*_CXX_SOURCES, ".c", ".S", ".s")) for word in words)


def _has_cxx(words: Sequence[str], links: bool) -> bool:
    if any(word.endswith(_CXX_SOURCES) or word in ("c++", "-xc++", "-lstdc++") for word in words):
        return True
    return links and any(_is_cxx(word) for word in words if word.endswith(_OBJECTS))


def _is_cxx(path: str) -> bool:
    """Return whether an object file has a mangled name, or what handles exceptions (Itanium C++ ABI, 5.1)."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return False
    return b"__gxx_personality" in content or b"\0_Z" in content


def _for_compiler(words: Iterable[str], triple: str, language: str) -> Iterator[str]:
    """Yield the words but for those that would bring this machine in, or that are of the other language."""
    machine = triple.partition("-")[0]
    others = _CXX_STANDARDS if language == "cc" else _C_STANDARDS
    left_out = (*_LEFT_OUT, *(() if machine == "x86_64" else _OF_X86), *others)
    stream = iter(words)
    for word in stream:
        if word in _OPTIONS_OF_PLACES:
            place = next(stream, "")
            if not _is_system(place):
                yield from (word, place)
        elif word.startswith(left_out) or any(
            word.startswith(option) and _is_system(word[len(option) :]) for option in _OPTIONS_OF_PLACES
        ):
            continue
        else:
            yield word


def _is_system(place: str) -> bool:
    """Return whether headers or libraries of this machine's glibc lie in a folder: `/usr/lib/x86_64-linux-gnu`, say."""
    path = os.path.normpath(place) if place.startswith("/") else place
    return path in _SYSTEM or (os.path.dirname(path) in _SYSTEM and path.endswith(("-linux-gnu", "-linux-musl")))


def _for_linker(words: Iterable[str]) -> Iterator[str]:
    """Yield the words with the linker's options in the form that zig reads, without those that it doesn't know."""
    stream = iter(words)
    for word in stream:
        if word == "-Xlinker":
            options = [next(stream, "")]
            if options[0] in (*_LINKER_NAMES, *_LINKER_VALUED):
                next(stream, "")
                options.append(next(stream, ""))
        elif word.startswith("-Wl,"):
            options = word.split(",")[1:]
        else:
            yield word
            continue
        yield from _linker_options(options)


def _linker_options(options: Sequence[str]) -> Iterator[str]:
    stream = iter(options)
    for option in stream:
        if option.startswith(_LINKER_LEFT_OUT):
            if option in _LINKER_VALUED:
                next(stream, None)
        elif option.startswith(("-l", "-L")):  # those are the compiler's as well
            yield option
        elif option in _LINKER_NAMES or option in ("-rpath", "-soname", "-z"):
            yield f"-Wl,{_LINKER_NAMES.get(option, option)},{next(stream, '')}"
        elif option.startswith("-R"):
            yield f"-Wl,-rpath,{option[2:]}"
        elif option:
            yield f"-Wl,{option}"


def main() -> None:
    """Become zig."""
    tool, zig, triple, folder, *words = sys.argv[1:]
    if "-Wl,--version" in words:  # as CMake and meson learn which linker there is
        sys.stdout.write("LLD 20.1.0 (compatible with GNU linkers)\n")
        return
    if "-dumpmachine" in words:  # as gcc has it: zig refuses the version of glibc in it
        sys.stdout.write(triple.partition(".")[0] + "\n")
        return
    line = command(tool, zig, triple, folder, words)
    os.execv(zig, line)  # noqa: S606 - a list of words


if __name__ == "__main__":
    main()
