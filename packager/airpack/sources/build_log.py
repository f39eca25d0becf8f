"""Reads why a build failed in what it printed: the sentence that matters is seldom the last one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from airpack.base import extras
from airpack.base.lines import clause
from airpack.base.urls import redacted
from airpack.sources import headers

_LONGEST = 300  # characters of a sentence
# What pip, build and setuptools print around a failure, and what projects print after their own message.
_NOISE = re.compile(
    r"(?:https?://\S+|hint:.*|note:.*|.*error originates from a subprocess.*|.*not a problem with pip.*"
    r"|\[end of output\]|\W*|error: (?:subprocess-exited-with-error|metadata-generation-failed)|exit code: \d+"
    r"|.*did not run successfully.*|(?:during|the above).*exception.*|ninja: build stopped.*|make.*\*\*\*.*"
    r"|error: command .* failed with exit (?:code|status) \d+|Traceback \(most recent call last\):|\s*File \".*"
    r"|.*deprecat.*|.*Warning:.*|\[notice\].*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """A failure that is known by what a tool prints: `sentence` is a format with the groups of `pattern`."""

    pattern: re.Pattern[str]
    sentence: str | Callable[[re.Match[str]], str]

    def told(self, match: re.Match[str]) -> str:
        """Return the sentence for what the pattern found."""
        return self.sentence(match) if callable(self.sentence) else self.sentence.format(*match.groups())


def _known(pattern: str, sentence: str | Callable[[re.Match[str]], str]) -> _Known:
    return _Known(pattern=re.compile(pattern, re.MULTILINE), sentence=sentence)


def _undeclared(match: re.Match[str]) -> str:
    module = match[1].partition(".")[0]
    return (
        f"its build imports {module}, which its pyproject.toml does not require: require a version that does, or build "
        "its wheel yourself (pip wheel --no-build-isolation) and give the folder of the wheel with --find-links"
    )


def _no_c(match: re.Match[str]) -> str:
    compiler = next(filter(None, match.groups()))
    return f"the C compiler is missing on this machine ({compiler}): {extras.install('build')} brings one"


_RUST = "it is written in Rust, and the Rust compiler is missing: install it (https://rustup.rs)"
_COMPILER = "there is no {} on this machine: install it"
_CMAKE = "CMake is missing: pip install cmake"

_HEADER = _known(
    r"fatal error: (?:'(\S+?)' file not found|(\S+?): No such file or directory)",
    lambda match: f"the header {match[1] or match[2]} is missing",
)
_LIBRARY = _known(
    r"(?:cannot find -l|unable to find (?:dynamic )?system library ['\"]|unable to find library -l)([\w+.-]+)",
    "the linker finds no library {0}",
)

# The first that is found tells the cause: what explains others stands before them.
_TABLE = (
    _known(r"The 'sklearn' PyPI package is deprecated", "`sklearn` is a deprecated name: require scikit-learn"),
    _known(
        r"pg_config executable not found",
        "pg_config executable not found: psycopg2-binary has a wheel, else install PostgreSQL's headers (libpq-dev)",
    ),
    _known(
        r"mysql_config(?:: command)? not found|Can not find valid pkg-config name",
        "MySQL's headers are missing: require PyMySQL, which needs none, or build its wheel on a system as old as the "
        "image that has them (Debian: default-libmysqlclient-dev pkg-config), and give its folder with --find-links",
    ),
    _known(r"requires a different Python: (\S+) not in '(.+?)'", "it or its build needs Python {1}, this is {0}"),
    _known(
        r"cannot be built because it requires rustc (\S+) or newer, while the currently active rustc version is (\S+)",
        "it needs a Rust compiler from {0} on, this machine has {1}",
    ),
    _known(
        r"can't find Rust compiler|Cargo, the Rust package manager, is not installed|[Rr]ustc? (?:is )?not found"
        r"|No such file or directory: '(?:cargo|rustc)'|program 'cargo' not found"
        r"|cargo(?: is)? not (?:found|installed)",
        _RUST,
    ),
    _known(
        r"failed to (?:download|get|fetch|query)[^\n]*(?:crates\.io|as a dependency|replaced source)",
        "cargo, which builds its Rust code, can't download what that needs from crates.io: see cargo's settings",
    ),
    _known(
        r"No matching distribution found for (.+)",
        "its build requires {0}, which the index doesn't have for this Python",
    ),
    _known(
        r"Unknown compiler\(s\): \[\['gfortran'|No Fortran compiler found|No CMAKE_Fortran_COMPILER",
        _COMPILER.format("Fortran compiler (gfortran)"),
    ),
    _known(
        r"unable to execute '(\S+?)': No such file|command '(\S*?(?:cc|\+\+|clang)[\d.-]*)' failed: No such file",
        _no_c,
    ),
    _known(r"(\S*(?:gcc|g\+\+|cc|clang)): (?:command )?not found", _no_c),
    _known(r"No (CMAKE_C(?:XX)?_COMPILER) could be found", _no_c),
    _known(r"Unknown compiler\(s\): \[\['(\S+?)'", _no_c),
    _known(
        r"CMake must be installed|No such file or directory: '(?:\S*/)?cmake'"
        r"|Problem with the CMake installation|cmake: (?:command )?not found",
        _CMAKE,
    ),
    _known(
        r"No such file or directory: '(?:\S*/)?"
        r"(swig|git|make|ninja|bazel|autoconf|meson|pkg-config|nvcc|java|go|npm|perl)'",
        "it needs the program {0}, which this machine doesn't have: install it",
    ),
    _HEADER,
    _LIBRARY,
    _known(r"^\S*meson\.build:\d+:\d+: ERROR: (.+)", "{0}"),
    _known(
        r"setuptools-scm was unable to detect version|Error getting the version from source `vcs`",
        "its version is that of its repository's tags, which are not here: set SETUPTOOLS_SCM_PRETEND_VERSION to it",
    ),
    _known(
        r"use_2to3 is invalid",
        "it is Python 2's, translated by 2to3, which setuptools no longer does: require a newer version",
    ),
    _known(r"^(\S+\.\w+:\d+):(?:\d+:)? (?:fatal )?error: (.+)", "{0}: {1}"),
    _known(r"^\s*(?:ld(?:\.\w+)?|\S*/ld|lld): (?:error: )?(undefined .+)", "{0}"),
    _known(r"CMake Error at \S+ \(\w+\):\s+((?:.+\n)+?)\s*\n", "{0}"),
    _known(r"^(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?", _undeclared),
)
# Of a project that is hard to build, another that is the same and has wheels.
_SAME = {"uwsgi": "pyuwsgi"}
_RAISED = re.compile(
    r"^(?P<kind>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Failed|Failure)): *(?P<said>.*)", re.MULTILINE
)
_WRAPPERS = (
    "CalledProcessError",
    "BackendUnavailable",
    "CompileError",
    "LinkError",
    "DistutilsExecError",
    "SystemExit",
)
_ERROR = re.compile(r"^\s*(?:error|ERROR|Error)[:!] *(.+)", re.MULTILINE)


def sentence_in(log: str, name: str = "", *, by_zig: bool = False) -> str:
    """Return the sentence in a build's output that says why it failed, with a remedy where one is known.

    `name` is the project's; `by_zig` says that zig compiled, which sees none of this machine's headers and libraries.
    """
    for known in _TABLE:
        if match := known.pattern.search(log):
            missing = next(filter(None, match.groups()), "") if known in (_HEADER, _LIBRARY) else ""
            same = _SAME.get(canonicalize_name(name))
            remedy = headers.remedy(missing, by_zig=by_zig) if missing else ""
            remedy = f": require {same}, which is the same and has a wheel" if same else remedy
            return _one_line(known.told(match) + remedy)
    raised = [match for match in _RAISED.finditer(log) if match["kind"].rpartition(".")[2] not in _WRAPPERS]
    if raised and (said := _paragraph(log, raised[-1].start("said"))):
        return _one_line(f"{raised[-1]['kind']}: {said}")
    for match in _ERROR.finditer(log):
        if not _NOISE.fullmatch(match[0].strip()):
            return _one_line(match[1])
    return last_line(log)


def last_line(text: str) -> str:
    """Return the last line of a program's output that says something."""
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not _NOISE.fullmatch(line)]
    return _one_line((said or [line for line in lines if line] or ["it failed without a message"])[-1])


def _paragraph(log: str, start: int) -> str:
    """Return what begins at `start`, up to an empty line: an exception's message may have several lines."""
    lines: Sequence[str] = log[start:].splitlines()
    end = next((number for number, line in enumerate(lines) if number and not line.strip()), len(lines))
    said = [line.strip() for line in lines[:end]]
    return " ".join(line for number, line in enumerate(said) if line and (number == 0 or not _NOISE.fullmatch(line)))


def _one_line(text: str) -> str:
    line = redacted(clause(text))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
