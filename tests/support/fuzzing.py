"""Feeds each reader of foreign files with changed ones: `python -m support.fuzzing READER SECONDS SEED`.

The process has a limit on its memory. What it begins with, and each input that once was a finding, is kept in
`fixtures/fuzz/READER`. A finding is any exception but the reader's own, and more than `PATIENCE` for one input: it is
written into the current folder, and belongs into the corpus with the change that mends it.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from airpack.audit import elf
from airpack.base.errors import AirpackError
from airpack.delta.head import Head
from airpack.oci.layout import INDEX, MANIFEST_TYPE, MARKER, Layout
from airpack.resolve import pylock
from airpack.resolve.lock import LockedWheel
from airpack.results.manifest import Manifest
from airpack.target.target import DEFAULT, Target
from airpack.verify import tree
from airpack.wheels import record, wheelfile
from airpack_runtime import layout
from airpack_runtime.errors import BootError
from airpack_runtime.format import signature, toc
from airpack_runtime.format.framing import LayoutError

from support.bundles import SITE_PACKAGES
from support.forged import INFO, Forged
from support.machine import FIXTURES

CORPUS = FIXTURES / "fuzz"
MEMORY = 1 << 30  # bytes of address space beside what the process has when it begins
PATIENCE = 20  # seconds for one input
_LONGEST = 1 << 20  # bytes of an input

# Reads an input; a folder is there for those that read files. Raises an own error, or nothing.
Reader = Callable[[Path, bytes], object]
_OWN = (AirpackError, BootError, LayoutError, elf.ELFError)
_WORDS = (
    b"\\ud800",
    b"\0",
    b"\n",
    b",",
    b'"',
    b"[",
    b"{",
    b"(",
    b"9" * 5000,
    b"-1",
    b"1e999",
    b"null",
    b"\xff",
    b"\x1b[2J",
    b"..",
)


def _in_wheel(name: str) -> Reader:
    """Return what reads the text `name` in the folder *.dist-info of a wheel."""

    def read(folder: Path, data: bytes) -> None:
        forged = Forged()
        forged.replace(f"{INFO}/{name}", data)
        path = forged.write(folder)
        wheel = LockedWheel(name="one", version="1.0", filename=path.name, url="", sha256="")
        with wheelfile.opened(wheel, path, Target.parse(DEFAULT)) as opened:
            assert opened.placed

    return read


def _at(name: str, read: Callable[[Path], object]) -> Reader:
    """Return what reads a file called `name`."""

    def read_file(folder: Path, data: bytes) -> None:
        (folder / name).write_bytes(data)
        read(folder / name)

    return read_file


def _layout(folder: Path, data: bytes) -> None:
    """Read an OCI image layout by its index.json, and the manifests that this lists."""
    (folder / MARKER).write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / INDEX).write_bytes(data)
    opened = Layout(folder)
    for descriptor in opened.index:
        opened.manifest(descriptor)


def _oci_manifest(folder: Path, data: bytes) -> None:
    """Read a manifest in a layout."""
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs" / "sha256" / digest).write_bytes(data)
    entry = {"mediaType": MANIFEST_TYPE, "digest": f"sha256:{digest}", "size": len(data)}
    _layout(folder, json.dumps({"manifests": [entry]}).encode())


def _delta_head(_: Path, data: bytes) -> None:
    """Read the head of a delta, whose reader raises ValueError."""
    try:
        Head.loads(data)
    except ValueError:
        return


def _record(_: Path, data: bytes) -> None:
    """Read the RECORD of a bundle, whose reader raises ValueError."""
    try:
        record.parse(data, SITE_PACKAGES)
    except ValueError:
        return


def _lock(path: Path) -> None:
    """Read a lock, and choose its wheels for a target."""
    locked = pylock.read(path)
    locked.for_target(locked.target())


def _signature(path: Path) -> None:
    key = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    signature.check(str(path).removesuffix(layout.SIGNATURE_SUFFIX), layout.SIGNED_BUNDLE, "0" * 64, key)


READERS: Mapping[str, Reader] = {
    "METADATA": _in_wheel("METADATA"),
    "WHEEL": _in_wheel("WHEEL"),
    "RECORD": _in_wheel("RECORD"),
    "entry_points.txt": _in_wheel("entry_points.txt"),
    "RECORD-of-a-bundle": _record,
    "ELF": lambda _, data: elf.read(data),
    "manifest": _at("manifest.json", Manifest.load),
    "lock": _at("pylock.toml", _lock),
    "index": _layout,
    "oci-manifest": _oci_manifest,
    "tree-note": _at(layout.TREE_NOTE, lambda path: tree.note_in(path.parent)),
    "signature": _at(f"bundle{layout.SIGNATURE_SUFFIX}", _signature),
    "delta-head": _delta_head,
    "table-of-contents": lambda _, data: toc.decode(data),
}


def changed(data: bytes, chance: random.Random) -> bytes:
    """Return an input with some changes: bytes turned, left out, repeated, words put in."""
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        start, length = chance.randrange(len(data) + 1), chance.choice((1, 2, 8, 64, 1024))
        part = data[start : start + length]
        what = chance.randrange(4)
        if what == 0:
            part = bytes(byte ^ 1 << chance.randrange(8) for byte in part[:1]) + part[1:]
        elif what == 1:
            part = b""
        elif what == 2:
            part *= chance.choice((2, 50, 5000))
        else:
            part += chance.choice(_WORDS) * chance.choice((1, 1, 3, 5000))
        data = (data[:start] + part + data[start + length :])[:_LONGEST]
    return data


def run(name: str, seconds: float, seed: int) -> int:
    """Feed the reader `name` for so many seconds, at least with its whole corpus; return the number of inputs."""
    kept = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    chance, end, count = random.Random(seed), time.monotonic() + seconds, 0  # noqa: S311 - nothing secret
    with tempfile.TemporaryDirectory(prefix="airpack-fuzz-") as folder:
        while count < len(kept) or time.monotonic() < end:
            data = kept[count] if count < len(kept) else changed(chance.choice(kept), chance)
            _feed(name, Path(folder), data)
            count += 1
    return count


def _feed(name: str, folder: Path, data: bytes) -> None:
    """Let a reader read an input; where that is a finding, write it into the current folder and raise."""
    signal.alarm(PATIENCE)
    try:
        READERS[name](folder, data)
    except _OWN:
        return
    except BaseException:
        Path(f"finding-{name}-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
        raise
    finally:
        signal.alarm(0)


def _late(*_: object) -> None:
    raise TimeoutError(f"one input takes more than {PATIENCE} seconds")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _late)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, has + MEMORY))
    print(run(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])), "inputs")
