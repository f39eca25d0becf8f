"""Meets a requirements file without a network: by the bundle at hand, else from a wheelhouse beside it.

The `packaging` in the image's own pip reads requirements and versions (PEP 508, PEP 440).
"""

from __future__ import annotations

import codecs
import locale
import os
import re
import sys
from itertools import islice

from airpack_runtime import activation, boot, layout, trust
from airpack_runtime.errors import NO_FILE, NOT_INSTALLED, AzureError, BundleNotFound, reason_of
from airpack_runtime.image import installed, pip_install
from airpack_runtime.image.pip_install import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

    from airpack_runtime.image.installed import Installed
    from airpack_runtime.ready import Ready

# More than any file or requirement has: what reads them may take the square of that, or its cube.
_BYTES, _LONGEST = 1 << 20, 2000  # of a file, and characters of a requirement without its hashes
# Of all files: the squares of the characters of each line, so many more for any, and what each file takes.
_EFFORT, _OF_LINE, _OF_FILE = 5 * 10**7, 60, 10**5
_SHOWN, _VARIABLES = 10, 20  # the most that a message names, and that stand in a line
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_NO_NAME = "a boot takes packages by their names alone, from no path or URL"
_HASH = re.compile(r"\s+--hash(?:=|\s+)(\w+:\w+)")
_HASHES = re.compile(rf"({_HASH.pattern})+")
# What pip would take for an option, a comment, a variable or a line's end, wherever it stands.
_READ_OTHERWISE = re.compile(r"\s[-#]|[$\\\x00-\x1f]")
# Where a row names a path or a URL: the name of what is built from it, or the name and the version in a file's name.
_EGG = re.compile(r"#egg=([\w.-]+)")
_FILE = re.compile(r"([\w.-]+?)-(\d[\w.+!]*)(?:-[^/]*\.whl|\.tar\.gz|\.zip)$")

# The marks of UTF-32 come first: that of UTF-16 (little endian) is the beginning of one of them.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")


def ready_tree(path: str, env: Mapping[str, str]) -> Ready | None:
    """Return a tree that meets the requirements file at `path`, or None if the image meets it by itself.

    Raises AzureError with each requirement that can't be met, and BootError if the bundle can't be booted.
    """
    rows = list(dict.fromkeys(_rows(path, env)))
    folder = os.path.dirname(path)
    ready = _bundle_at_hand(folder, env)
    trees = [ready.tree] if ready else []
    lacking = list(islice(unmet(rows, trees, ready), _SHOWN))
    if not lacking:
        return ready
    bound = trust.binds(env)  # nobody vouches for the wheels beside the file; a pin or a key does for those in a bundle
    places = trees if bound else [folder, *([os.path.dirname(ready.bundle)] if ready else []), *trees]
    houses = [*(os.path.join(place, layout.WHEELHOUSE) for place in places), *([] if bound else [folder])]
    house = next(filter(pip_install.files, houses), None)
    if house is None:
        raise AzureError(
            f"{path} can't be met without a network: {'; '.join(lacking)}: pack it anew from that file, "
            + ("with the wheels in the bundle" if bound else f"or put a folder {layout.WHEELHOUSE} beside it"),
            NOT_INSTALLED,
        )
    absent = list(islice(_not_in(house, rows), _SHOWN))
    if absent:
        raise AzureError(
            f"{path} can't be installed from {house}: {'; '.join(absent)}: add wheels",
            NOT_INSTALLED,
        )
    named = [row._replace(line=str(_requirement(row))) for row in rows]
    return pip_install.install(path, named, house, env, ready.digest if ready and bound else "")


def _not_in(house: str, rows: list[Row]) -> Iterator[str]:
    """Yield a sentence for each requirement that no version in the wheelhouse `house`, or in the image, satisfies."""
    versions = {name: [distribution.version] for name, distribution in installed.distributions().items()}
    versions.update(pip_install.versions(house))
    for row in rows:
        need = _requirement(row)
        if need is None or need.url:
            yield _nameless(row.line)
            continue
        if row.constraint or not _holds(need, ""):
            continue
        known = sorted(versions.get(installed.normalized(need.name), ()))
        if not any(not version or installed.accepts(need, version) for version in known):
            yield f"{need}: it has {', '.join(known) or 'none'}"


def unmet(rows: list[Row], trees: list[str], ready: Ready | None = None) -> Iterator[str]:
    """Yield a sentence for each requirement of a file that neither `trees` nor the image meets.

    A folder's name doesn't tell the project's: as many rows that name one are met as projects of the bundle of `ready`
    were built from one.
    """
    projects = _projects(ready)
    folders = [*map(activation.site_packages_of, trees), *sys.path]
    there = installed.distributions(folders)
    packed = {name: each for name, each in there.items() if each.location in folders[: len(trees)]}
    for row in rows:
        need = _requirement(row)
        direct = _direct(row.line) if need is None or need.url else None
        if direct is not None and not any(_unmet(direct, packed)):
            continue  # the bundle was packed from such a row
        if need is None:
            if direct or "://" in row.line or not next(projects, ""):
                yield _nameless(row.line)
        elif not row.constraint or installed.normalized(need.name) in there:
            yield from _unmet(need, there)


def _projects(ready: Ready | None) -> Iterator[str]:
    """Yield the names of a bundle's distributions that were built from a folder of the machine that packed it."""
    if ready and os.path.isfile(ready.bundle):
        from airpack_runtime.format.reader import open_bundle

        with open_bundle(ready.bundle) as bundle:
            for each in bundle.toc().distributions:
                if each.built_from.startswith(layout.LOCAL):
                    yield each.name


def _unmet(need: Any, there: Mapping[str, Installed]) -> Iterator[str]:
    """Yield a sentence for the requirement `need` if it isn't met, and for each unmet need of the extras that it names.

    `there` has what is installed by normalized name.
    """
    waiting = [(need, "")]
    seen: set[tuple[str, str]] = set()
    while waiting:
        need, extra = waiting.pop(0)
        if not _holds(need, extra):
            continue
        found = there.get(installed.normalized(need.name))
        if need.url:
            yield _nameless(str(need))
        elif found is None:
            yield f"{need}: there is none"
        elif not installed.accepts(need, found.version):
            yield f"{need}: there is {found.version}"
        if found is not None:
            extras = [name for name in sorted(need.extras) if (need.name, name) not in seen]
            seen.update((need.name, name) for name in extras)
            inner = [installed.requirement(text) for text in found.requires if "extra" in text]
            waiting[:0] = [(each, name) for name in extras for each in inner if each is not None]


def _direct(line: str) -> Any | None:
    """Return by name what a row asks for that isn't by name alone, with the version if it tells one, None for no name.

    Raises AzureError without pip.
    """
    egg, file = _EGG.search(line), _FILE.search(line.rpartition("/")[2][-255:])
    text = egg.group(1) if egg else "{}=={}".format(*file.groups()) if file else re.split(r"\s+-", line)[0]
    need = _requirement(Row(False, text))
    if need is not None:
        need.url = None
    return need


def _nameless(line: str) -> str:
    """Return the sentence about a line that isn't a name. What follows an option, or a URL's path, may give access."""
    shown = re.sub(r"((?:^|\s)-(?!e\b|-editable)[\w-]+)[\s=].*|\?.*", lambda cut: cut.group(1) or "?****", line)
    return f"{shown}: {_NO_NAME}"


def _holds(need: Any, extra: str) -> bool:
    return need.marker is None or bool(need.marker.evaluate({"extra": extra}))


def _requirement(row: Row) -> Any | None:
    """Return the Requirement in a row, or None if the row is not a requirement by name (a path, for example).

    Raises AzureError without pip.
    """
    try:
        return None if _READ_OTHERWISE.search(row.line) else installed.requirement(row.line)
    except ImportError as error:
        raise AzureError("this image has no pip, by which requirements are read", NOT_INSTALLED) from error


def _rows(path: str, env: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a requirements file and of the files that it names, each of them once. Raises AzureError."""
    waiting, seen, effort = [(path, False, "")], set(), 0
    while waiting:
        file, constraint, by = waiting.pop(0)
        key = os.path.realpath(file), constraint
        if key in seen:
            continue
        seen.add(key)
        effort += _OF_FILE
        for line in _lines(file, by, env):
            row = Row(constraint, *_parted(line))
            effort += (len(row.line) + _OF_LINE) ** 2
            if len(row.line) > _LONGEST or effort > _EFFORT:
                problem = "a line is too long" if len(row.line) > _LONGEST else "it asks for too much"
                raise AzureError(f"{file}: {problem}", NOT_INSTALLED)
            named = pip_install.files_named(line)
            if not line:
                continue
            if named is None:
                yield row
            else:
                near = os.path.dirname(file)
                waiting += [(os.path.join(near, name), constraint or other, file) for other, name in named]


def _parted(line: str) -> tuple[str, tuple[str, ...]]:
    """Return a requirement without its hashes, and these; where anything else stands there, the line as it is."""
    name = re.split(r"\s--hash", line, maxsplit=1)[0]
    hashes = line[len(name) :]
    return (name.rstrip(), tuple(_HASH.findall(hashes))) if _HASHES.fullmatch(hashes) else (line, ())


def _lines(path: str, by: str, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a file, which the file `by` names, joined and without comments: empty ones too.

    Raises AzureError.
    """
    named = f", which {by} names" if by else ""
    try:
        # A pipe is not waited for.
        with open(path, "rb", opener=lambda place, flags: os.open(place, flags | os.O_NONBLOCK)) as file:
            is_file = os.fstat(file.fileno()).st_mode & 0o170000 == 0o100000
            content = file.read(_BYTES) if is_file else b""
        if not is_file or len(content) == _BYTES:
            raise AzureError(f"{path}{named}: it is no file of requirements", NO_FILE)
        text = re.sub("\r\n?", "\n", decoded(content)).replace("\\\n", " ")
    except (UnicodeError, LookupError) as error:
        raise AzureError(f"{path} can't be decoded ({error}): save it as UTF-8", NOT_INSTALLED) from error
    except OSError as error:
        raise AzureError(f"{path}{named}: {reason_of(error)}", NO_FILE) from error
    for row in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", row).strip()
        line = _VARIABLE.sub(lambda variable: env.get(variable.group(1)) or variable.group(0), line, _VARIABLES)
        yield line


def decoded(content: bytes) -> str:
    """Return the text of a file as pip reads it: by a byte order mark, a coding line (PEP 263), or else as UTF-8.

    Raises LookupError for an encoding that Python doesn't know, UnicodeDecodeError.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n")[:2]:
        coding = _CODING.search(line) if line.startswith(b"#") else None
        if coding:
            name = codecs.lookup(coding.group(1).decode("ascii")).name
            if name in ("idna", "punycode"):  # of names of hosts, and slow
                raise LookupError(f"{name} is no encoding of files")
            return content.decode(name)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        local = locale.getpreferredencoding(False) or sys.getdefaultencoding()
        if codecs.lookup(local).name == "utf-8":
            raise
        return content.decode(local)


def _bundle_at_hand(folder: str, env: Mapping[str, str]) -> Ready | None:
    """Return the tree of AIRPACK_BUNDLE, of the bundle in `folder`, or beside the shim; None if there is no bundle."""
    beside = os.path.join(folder, layout.BUNDLE_NAME)
    given = env if env.get("AIRPACK_BUNDLE") or not os.path.exists(beside) else dict(env, AIRPACK_BUNDLE=beside)
    try:
        path = boot.find_bundle(given)
    except BundleNotFound:
        if env.get("AIRPACK_BUNDLE"):
            raise
        return None
    return boot.ready_tree(path, env, private=True)
