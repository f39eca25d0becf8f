"""Bundles made to do harm: refused before anything is written outside the temporary folder, in bounded memory."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import pytest
from airpack_runtime import errors, layout
from airpack_runtime.format import framing, hashing, reader

from .conftest import (
    FOLDERS,
    GOLDEN,
    RAW,
    RLE,
    RUNTIME,
    SITE_PACKAGES,
    boot_in_child,
    bundle_of,
    frame_header,
    needs_target,
    python,
    raw_frame,
    stored_table,
    table_of,
    unpack_in_child,
    write_bundle,
    zstd_frame,
)

pytestmark = needs_target

Change = Callable[[Dict[str, Any]], None]

# What half a million files, the most that the format leaves room for, may take to be read.
MEMORY_LIMIT = 512 << 20
BLOCK = 128 << 10
TARGET = "cp37-manylinux_2_27_x86_64"
FILE, DIRECTORY, PIPE = 0o644, 0o040755, 0o010644


def _everything_in(folder: Path) -> List[str]:
    """Return each path below `folder`, with mode, size and time."""
    found = []
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        found.append(f"{path} {info.st_mode:o} {info.st_size} {info.st_mtime_ns}")
    return found


def _row(table: str, place: int, **fields: Any) -> Change:
    """Return a change of one row of a table, by the columns `f0`, `f1`, ..."""

    def change(data: Dict[str, Any]) -> None:
        for name, value in fields.items():
            data[table][int(name[1:])][place] = value

    return change


def _add(folder: str) -> Change:
    return lambda data: data["directories"].append(folder)


def _link(path: str, target: str) -> Change:
    """Return a change that adds a link."""

    def change(data: Dict[str, Any]) -> None:
        for column, value in zip(data["links"], (path, target)):
            column.append(value)

    return change


_OUTSIDE = "{outside}"  # stands for an existing folder beside the cache

ESCAPES: Dict[str, Change] = {
    "a file in a folder above": _row("files", 0, f0="../../../outside/file"),
    "a file at an absolute path": _row("files", 0, f0=f"{_OUTSIDE}/file"),
    "a file by a folder of the tree and back": _row(
        "files", 0, f0="lib/python3.7/site-packages/../../../../outside/file"
    ),
    "a folder above": _add("../../../outside/folder"),
    "a folder at an absolute path": _add(f"{_OUTSIDE}/folder"),
    "the folder above itself": _add(".."),
    "the tree itself": _add("."),
    "a link in a folder above": _row("links", 0, f0="../../../outside/link"),
    "a link at an absolute path": _row("links", 0, f0=f"{_OUTSIDE}/link"),
    "a link to a file above": _row("links", 0, f1="../../../outside/victim"),
    "a link to a file at an absolute path": _row("links", 0, f1=f"{_OUTSIDE}/victim"),
    "a link to a folder": _row("links", 0, f1=SITE_PACKAGES),
    "a link to a link": _link("x", "lib/python3.7/site-packages/beta/data.txt"),
    "a link to itself": _link("lib/python3.7/site-packages/loop", "lib/python3.7/site-packages/loop"),
    "a link to the checksums": _link("x", layout.SUMS),
    "a link in a file's place": _row("links", 0, f0="bin/alpha-hello"),
    "a character device": _row("files", 0, f1=0o020666),
    "a block device": _row("files", 0, f1=0o060660),
    "a pipe": _row("files", 0, f1=PIPE),
    "a symbolic link": _row("files", 0, f1=0o120777),
    "a folder as a file": _row("files", 0, f1=DIRECTORY),
    "a file that all may write": _row("files", 0, f1=0o666),
    "a file and what lies in it": _row("files", 1, f0="bin/alpha-hello/x"),
    "a file in a folder that isn't listed": _row("files", 0, f0="elsewhere/x"),
    "a folder before the one that it lies in": lambda data: data["directories"].reverse(),
    "a path longer than the system takes": _row("files", 0, f0="x" * 5000),
    "files that overlap": _row("files", 1, f3=-1),
    "an empty frame": _row("frames", 1, f0=0),
    "a frame of more than 4 MiB": _row("frames", 2, f1=1 << 40),
    "a file of 1 TB": _row("files", 0, f2=1 << 40),
    "a decoder that lies behind the end": lambda data: data["decoder"].update(offset=1 << 40),
    "a decoder that is a frame": lambda data: data["decoder"].update(offset=0, size=1251),
    "no decoder": lambda data: data.update(decoder=None),
}


@pytest.mark.parametrize("what", ESCAPES)
def test_what_would_do_harm_is_refused(
    tmp_path: Path, forge: Callable[[Change], Path], only_cache: Path, what: str
) -> None:
    """By a boot and by `unpack`: nothing outside is touched, and nothing is left inside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("mine")

    def change(data: Dict[str, Any]) -> None:
        ESCAPES[what](data)
        for paths in (data["files"][0], *data["links"], data["directories"]):
            paths[:] = [each.replace(_OUTSIDE, str(outside)) for each in paths]
        data["unpacked_size"] = sum(data["files"][2][:-1])

    path = forge(change)
    before = _everything_in(outside), os.stat(str(outside)).st_nlink
    boot_in_child(path).failure()
    unpack_in_child(path, tmp_path / "tree").failure()
    assert (_everything_in(outside), os.stat(str(outside)).st_nlink) == before
    assert sorted(each.name for each in tmp_path.iterdir() if each.name != "only") == ["forged.tar.zst", "outside"]
    kept = [each.name for each in only_cache.iterdir() if each.suffix != ".lock"] if only_cache.exists() else []
    assert kept == []


def test_a_deep_tree_leaves_nothing_when_it_fails(tmp_path: Path, only_cache: Path) -> None:
    """Folders in folders, deeper than Python recurses or descriptors last, are refused or removed again."""
    deep = ["/".join(["d"] * depth) for depth in range(1, 1500)]
    path = write_bundle(
        tmp_path / "bundle",
        [(raw_frame(b"x")[:-1] + b"", 1)],  # cut, so that the unpack fails at its end
        directories=[*FOLDERS, *deep],
        files=[("lib/python3.7/site-packages/x", FILE, 1, 0)],
    )
    try:
        boot_in_child(path).failure()
        left = [each.name for each in only_cache.iterdir() if ".tmp." in each.name] if only_cache.exists() else []
        assert left == []
        unpack_in_child(path, tmp_path / "tree").failure()
        assert not (tmp_path / "tree").exists()
    finally:
        python(
            "-c",
            f"import subprocess; subprocess.call(['rm', '-rf', {str(only_cache)!r}, {str(tmp_path / 'tree')!r}])",
            env={"PATH": os.defpath},
        )


def test_a_pin_is_checked_before_the_target(forge: Callable[[Change], Path], env: Dict[str, str]) -> None:
    """A bundle that is put in the pinned one's place can't have itself passed over as another Python's."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        digest = bundle.digest
    path = forge(lambda data: data.update(target="cp39-manylinux_2_27_x86_64"))
    pinned = {**env, "AIRPACK_DIGEST": digest, "PYTHONPATH": str(RUNTIME)}
    done = python("-m", "airpack_runtime", "exec", "--bundle", str(path), "--", "true", env=pinned)
    assert done.returncode == 97
    assert f"but AIRPACK_DIGEST pins {digest}" in done.stderr


def test_unpack_keeps_to_the_pin_too(tmp_path: Path, env: Dict[str, str]) -> None:
    """Another bundle than the pinned is not unpacked by the command either."""
    pinned = {**env, "AIRPACK_DIGEST": "sha256:0000", "PYTHONPATH": str(RUNTIME)}
    done = python("-m", "airpack_runtime", "unpack", "--bundle", str(GOLDEN), str(tmp_path / "tree"), env=pinned)
    assert done.returncode == 97
    assert "but AIRPACK_DIGEST pins sha256:0000" in done.stderr
    assert not (tmp_path / "tree").exists()


WRONG: Dict[str, List[Any]] = {
    "decoder": [{}, [], 0, False, "", "x", 1, [[]]],
    "target": [None, 0, [], {}],
    "sums": [None, [], {}, "x", [1, 2, 3, 4, 5]],
    **{table: [None, 0, "x", {}, [[]], [None], [{}]] for table in ("frames", "files", "links", "distributions")},
    "directories": [None, 0, "x", {}, [[]], [None], [1], ["\ud800"]],
    "path": [None, 1, [], {}, "\ud800", "\udc80"],
    "module": [None, 1, [], {}, "", "a.b", "a/b", "a\0b", "\ud800", "\xe9", "x" * 10_000],
    "sha256": [None, 1, [], {}, "", "\ud800"],
}


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, values in WRONG.items() for value in values],
    ids=lambda part: ascii(part)[:20],
)
def test_what_has_another_type_ends_in_an_error_of_the_boot(
    tmp_path: Path, only_cache: Path, key: str, value: Any
) -> None:
    """Whatever JSON can hold in place of a name, a number or a table: no exception of Python's comes out."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        data = table_of(bundle)
    if key == "path":
        data.update(files=_table(value), links=[[], []], distributions=[], unpacked_size=0)
    else:
        (data["decoder"] if key in data["decoder"] else data)[key] = value
    content = _stored(json.dumps(data).encode("ascii"))
    before = GOLDEN.read_bytes()[: GOLDEN.read_bytes().index(layout.HEADING) - framing.SKIPPABLE_HEADER.size]
    path = _with_toc(tmp_path / "bundle", content, before)
    outcome = boot_in_child(path).outcome()
    assert not outcome.kind or hasattr(errors, outcome.kind), outcome


def _table(*paths: Any) -> List[List[Any]]:
    """Return the table of empty files with these paths, and of the checksums."""
    return [[*paths, layout.SUMS], *([value] * (len(paths) + 1) for value in (FILE, 0, 0))]


def _stored(body: bytes) -> bytes:
    """Return the content of a table of contents' frame."""
    return stored_table(TARGET, zlib.compress(body, 1))


def _with_toc(path: Path, content: bytes, before: bytes = b"") -> Path:
    """Write a bundle with this table of contents."""
    frame = framing.skippable(layout.TOC_MAGIC, content)
    sizes = [(len(before), 0)] if before else []
    path.write_bytes(before + frame + framing.seek_table([*sizes, (len(frame), 0)]))
    return path


# ---- memory

_MEASURED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))  # the machine is not to suffer
from airpack_runtime import cache, boot, errors
from airpack_runtime.format import reader
from airpack_runtime.provide import unpack
path, folder, cached = sys.argv[1:]
cache.candidates = lambda env: [folder]
try:
    if cached == "True":
        boot.ready_tree(path, {})
    else:
        with reader.open_bundle(path) as bundle:
            unpack.unpack_into(bundle, folder)
    print("a tree")
except errors.BootError as error:
    print(type(error).__name__, error)
with open("/proc/self/status") as file:
    print([line.split()[1] for line in file if line.startswith("VmHWM")][0])
"""


class Measured(NamedTuple):
    """What a boot in a process of its own said, and its peak memory in bytes."""

    said: str
    peak: int


def _measure(path: Path, folder: Path, *, cached: bool = True, timeout: int = 60) -> Measured:
    """Boot in a process of its own. VmHWM is its peak memory; getrusage's would count what pytest had at the fork."""
    done = python(
        "-c", _MEASURED, str(path), str(folder), str(cached), env={"PYTHONPATH": str(RUNTIME)}, timeout=timeout
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said, peak = done.stdout.splitlines()
    return Measured(said, int(peak) * 1024)


def _refused_cheaply(path: Path, folder: Path, limit: int, *, as_well_by_unpack: bool = True) -> None:
    for cached in (True, False) if as_well_by_unpack else (True,):
        said, peak = _measure(path, folder, cached=cached)
        assert said != "a tree"
        assert peak < limit, f"{peak / 1e6:.0f} MB for {said!r}"
        kept = [each.name for each in folder.iterdir() if each.suffix != ".lock"] if folder.exists() else []
        assert kept == []
        if folder.exists():
            for each in folder.iterdir():
                each.unlink()


@pytest.mark.parametrize(
    ("start", "unit", "end"),
    [
        (b'{"requirements":[', b"{},", b"0]}"),
        (b'{"requirements":[', b"[],", b"0]}"),
        (b'{"requirements":[', b"[[]],", b"0]}"),
        (b'{"requirements":[', b"1,", b"0]}"),
        (b'{"requirements":[', b"1000,", b"0]}"),
        (b'{"requirements":[', b'"ab",', b"0]}"),
        (b'{"requirements":[', b'{"a":0},', b"0]}"),
        (b"", b"[", b""),
        (b'{"a":', b'{"a":', b""),
        (b"", b" ", b"{}"),
    ],
    ids=lambda part: part.decode(),
)
def test_a_table_of_contents_that_swells_is_refused(tmp_path: Path, start: bytes, unit: bytes, end: bytes) -> None:
    """64 MiB of JSON, a few hundred kilobytes in the file, can become gigabytes of objects."""
    count = (layout.TOC_LIMIT - len(start + end)) // len(unit)
    path = _with_toc(tmp_path / "bundle", _stored(start + unit * count + end))
    _refused_cheaply(path, tmp_path / "cache", MEMORY_LIMIT, as_well_by_unpack=False)


def test_a_table_of_contents_that_inflates_without_end_is_refused(tmp_path: Path) -> None:
    """A zlib stream of 256 MB, and a table of contents whose stored bytes exceed the limit."""
    packer = zlib.compressobj(9)
    megabyte = bytes(1 << 20)
    stored = b"".join([packer.compress(megabyte) for _ in range(256)]) + packer.flush()
    path = _with_toc(tmp_path / "bundle", stored_table(TARGET, stored))
    _refused_cheaply(path, tmp_path / "cache", MEMORY_LIMIT // 2, as_well_by_unpack=False)
    path = _with_toc(tmp_path / "bundle", stored_table(TARGET, bytes(layout.TOC_STORED_LIMIT)))
    _refused_cheaply(path, tmp_path / "cache", MEMORY_LIMIT // 8)


@pytest.mark.parametrize(
    ("table", "row"), [("files", '"lib/python3.7/site-packages/%x"'), ("directories", '"%x"'), ("links", '"%x"')]
)
def test_a_million_entries_are_refused(tmp_path: Path, table: str, row: str) -> None:
    """The format leaves room for half as many; no environment has them."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        data = table_of(bundle)
    data.update(files=_table("lib/python3.7/site-packages/x"), links=[[], []], distributions=[], unpacked_size=0)
    columns = data[table] if table != "directories" else [data[table]]
    for column in columns[1:]:
        column.extend(["lib/python3.7/site-packages/x" if table == "links" else 0] * 1_000_000)
    columns[0].append("MILLION")
    body = json.dumps(data).replace('"MILLION"', ",".join([row % number for number in range(1_000_000)]))
    path = _with_toc(tmp_path / "bundle", _stored(body.encode("ascii")))
    said, peak = _measure(path, tmp_path / "cache")
    assert said.startswith("BundleDamaged"), said
    assert peak < MEMORY_LIMIT, peak
    assert not (tmp_path / "cache").exists()


def test_a_number_of_many_digits_is_not_read(tmp_path: Path) -> None:
    """Of 60 kB packed it would be millions, for hours: a Python before 3.7.14 reads any, and takes their square."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        body = json.dumps(table_of(bundle))
    body = body.replace("{", '{"x": %s, ' % ("9" * 1_000), 1)
    path = _with_toc(tmp_path / "bundle", _stored(body.encode("ascii")))
    with reader.open_bundle(str(path)) as bundle, pytest.raises(errors.BundleDamaged, match="lists more than any"):
        bundle.toc()


def test_files_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """Files over all of many tiny frames would have millions of pieces, and be far larger than what is stored."""
    frames, files = 4000, 1000
    stored = raw_frame(b"x")
    path = write_bundle(
        tmp_path / "bundle",
        [(stored, 1)] * frames,
        files=[
            (f"lib/python3.7/site-packages/{number}", FILE, frames, -frames if number else 0) for number in range(files)
        ],
    )
    _refused_cheaply(path, tmp_path / "cache", MEMORY_LIMIT // 4)


def _terabyte(path: Path, stored: bytes) -> Path:
    """Write a bundle with one file of 1 TB, in frames that are listed one behind the other, a few of them there."""
    size, count = len(stored), (1 << 40) // layout.FRAME_LIMIT
    checksum = hashing.sha256(stored).hexdigest()
    return write_bundle(
        path,
        [(stored, layout.FRAME_LIMIT)] * 4,
        frames=[[size] * count, [layout.FRAME_LIMIT] * count, [checksum] * count],
        files=[("lib/python3.7/site-packages/x", FILE, 1 << 40, 0)],
    )


@pytest.mark.slow
def test_a_file_of_a_terabyte_is_refused(tmp_path: Path) -> None:
    """By the disk's room before anything of it is written, or by its first frame that isn't there."""
    bomb = zstd_frame([(RLE, BLOCK, b"x")] * 32, frame_header(layout.FRAME_LIMIT))
    path = _terabyte(tmp_path / "bundle", bomb)
    folder = tmp_path / "cache"
    said = _measure(path, folder).said
    assert said.startswith("NoPlace"), said
    assert f"{folder}: has " in said, said
    _refused_cheaply(path, folder, MEMORY_LIMIT)


BOMBS: Dict[str, Tuple[bytes, int]] = {
    "no size in the header, 256 GB": (zstd_frame([(RLE, BLOCK, b"x")] * 2_000_000, frame_header(None)), 4 << 20),
    "a small size in the header": (zstd_frame([(RLE, 4096, b"x")] * 2_000_000, frame_header(4096)), 4096),
    "a size of 4 GB in the header": (zstd_frame([(RLE, BLOCK, b"x")] * 32, frame_header((1 << 32) - 1)), 4 << 20),
    "fewer bytes than in the header": (zstd_frame([(RLE, BLOCK, b"x")] * 31, frame_header(4 << 20)), 4 << 20),
    "two frames": (raw_frame(b"x" * 100) * 2, 100),
    "two frames, the sum listed": (raw_frame(b"x" * 100) * 2, 200),
    "a skippable frame": (framing.skippable(layout.DECODER_MAGIC, bytes(100)), 100),
    "a skippable frame before": (framing.skippable(layout.DECODER_MAGIC, b"") + raw_frame(b"x" * 100), 100),
    "bytes behind its end": (raw_frame(b"x" * 100) + b"x", 100),
    "no last block": (raw_frame(b"x" * 100).replace(b"\x21\x03\x00", b"\x20\x03\x00"), 100),
    "a reserved type of block": (zstd_frame([(3, 100, b"x" * 100)], frame_header(100)), 100),
    "a block that is cut": (zstd_frame([(RAW, 100, b"x")], frame_header(100)), 100),
    "a dictionary": (b"\x28\xb5\x2f\xfd\x23" + b"\x01\x00\x00\x00\x64" + raw_frame(b"x" * 100)[9:], 100),
    "a window of 2 GB": (zstd_frame([(RLE, BLOCK, b"x")] * 64, b"\x28\xb5\x2f\xfd\x80\xa8\x00\x00\x80\x00"), 4 << 20),
    "no frame": (b"PK" * 50, 100),
    "an old format of zstd": (b"\x27\xb5\x2f\xfd" + raw_frame(b"x" * 100)[4:], 100),
    "one byte": (b"x", 1),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_frame_that_is_not_what_is_listed_is_refused(tmp_path: Path, what: str) -> None:
    """Its checksum is right: only its own bytes tell, and memory stays what two frames take."""
    stored, size = BOMBS[what]
    path = write_bundle(tmp_path / "bundle", [(stored, size)], files=[("lib/python3.7/site-packages/x", FILE, size, 0)])
    _refused_cheaply(path, tmp_path / "cache", MEMORY_LIMIT // 4)


def test_a_decoder_that_inflates_without_end_is_refused(tmp_path: Path) -> None:
    """Before it is written, let alone loaded."""
    packer = zlib.compressobj(9)
    megabyte = bytes(1 << 20)
    bomb = b"".join([packer.compress(megabyte) for _ in range(256)]) + packer.flush()
    with reader.open_bundle(str(GOLDEN)) as bundle:
        decoder = bundle.toc().decoder
    assert decoder is not None
    first = raw_frame(b"x")
    decoder = decoder._replace(offset=len(first), size=len(bomb), sha256=hashing.sha256(bomb).hexdigest())
    path = write_bundle(
        tmp_path / "bundle",
        [(first, 1), (bomb, 1)],
        files=[("lib/python3.7/site-packages/x", FILE, 1, 0)],
        decoder=decoder._asdict(),
    )
    _refused_cheaply(path, tmp_path / "cache", MEMORY_LIMIT // 4)


def test_a_small_bundle_of_the_tests_boots(tmp_path: Path, only_cache: Path) -> None:
    """What is refused above is refused for what is wrong with it."""
    files = {"a.py": b"a = 1\n", "b.bin": bytes(range(256)) * 1000, "empty": b""}
    tree = boot_in_child(bundle_of(tmp_path / "bundle", files)).tree()
    assert {name: (tree / SITE_PACKAGES / name).read_bytes() for name in files} == files
    said, peak = _measure(tmp_path / "bundle", tmp_path / "cache")
    assert (said, peak < MEMORY_LIMIT // 8) == ("a tree", True), peak
