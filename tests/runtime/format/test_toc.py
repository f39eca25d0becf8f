"""The table of contents: what it refuses."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged
from airpack_runtime.format import framing, reader, toc
from airpack_runtime.format.framing import LayoutError

from ..conftest import Rewrite, stored_table, table_of


def test_plan_covers_every_byte_once(golden: Path) -> None:
    """The pieces of a file over several frames follow each other without gap."""
    with reader.open_bundle(str(golden)) as bundle:
        contents = bundle.toc()
    done: Dict[str, int] = {}
    for pieces in framing.Plan(contents):
        for piece in pieces:
            assert piece.place == done.get(piece.file.path, 0)
            done[piece.file.path] = piece.place + piece.length
    assert done == {file.path: file.size for file in contents.files}
    assert max(done.values()) > layout.FRAME_LIMIT


def _rename(path: str) -> Rewrite:
    def change(data: Dict[str, Any]) -> None:
        data["files"][0][0] = path

    return change


def _set(table: str, column: int, value: Any) -> Rewrite:
    def change(data: Dict[str, Any]) -> None:
        data[table][column][0] = value

    return change


def _share(field: str, value: Any) -> Rewrite:
    """Give the first distribution another value in a field."""
    return lambda data: data["distributions"][0].update({field: value})


HALF = "a\ud800b"  # JSON can write half a pair of UTF-16 (RFC 8259, 8.2), and nothing else can


@pytest.mark.parametrize(
    "change",
    [
        _rename(HALF),
        lambda data: data["files"][0].__setitem__(-1, HALF),
        lambda data: data["directories"].append(HALF),
        lambda data: data["links"][0].__setitem__(0, HALF),
        *(_share(name, HALF) for name in ("name", "version", "wheel", "sha256", "license", "built_from")),
        _share("top_level", [HALF]),
        lambda data: data.update(requirements=[HALF]),
        lambda data: data.update(creator=HALF),
        lambda data: data["decoder"].update(origin=HALF),
        lambda data: data.update(needs=[[HALF, "", True]]),
        lambda data: data.update(needs=[["libone.so", HALF, True]]),
    ],
)
def test_a_text_that_no_file_can_hold_is_refused(golden: Path, change: Rewrite) -> None:
    """In each of its texts: no name, line or JSON of a command could be written with it."""
    with reader.open_bundle(str(golden)) as bundle:
        data = table_of(bundle)
    change(data)
    body = zlib.compress(json.dumps(data).encode("ascii"))
    with pytest.raises(LayoutError, match="surrogates not allowed"):
        toc.decode(stored_table(data["target"], body))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_rename("../outside"), "a path that leaves the tree"),
        (_rename("/etc/passwd"), "a path that leaves the tree"),
        (_rename("a/../../b"), "a path that leaves the tree"),
        (_rename("a//b"), "a path that leaves the tree"),
        (_rename("a/./b"), "a path that leaves the tree"),
        (_rename(""), "a path that leaves the tree"),
        (_rename("a\0b"), "a path that leaves the tree"),
        (_rename("a\nb"), "a path twice, or one with a control character"),
        (_rename("a\x1b[2Jb"), "a path twice, or one with a control character"),
        (_rename("a\x9bb"), "a path twice, or one with a control character"),
        (_rename("lib"), "a path twice, or one with a control character"),
        (_set("files", 1, 0o4755), "the mode 2541"),
        (_set("files", 2, 1 << 40), "more bytes than there are"),
        (_set("files", 2, -1), "a size below zero"),
        (_set("files", 2, "1"), "something else where a number must be"),
        (_set("files", 2, 1.0), "something else where a number must be"),
        (_set("files", 3, True), "something else where a number must be"),
        (_set("files", 3, -1), "places a file over another"),
        (_set("files", 3, 1 << 62), "more bytes than there are"),
        (_set("frames", 0, 1 << 40), "a frame that is empty or too large"),
        (_set("frames", 0, 0), "a frame that is empty or too large"),
        (_set("frames", 1, layout.FRAME_LIMIT + 1), "a frame that is empty or too large"),
        (_set("frames", 1, None), "something else where a number must be"),
        (lambda data: data["decoder"].update(size=1 << 40), "places the decoder outside"),
        (lambda data: data["decoder"].update(offset=-5), "places the decoder outside"),
        (lambda data: data.update(unpacked_size=1), "a wrong unpacked size"),
        (_set("links", 1, "../../etc/shadow"), "a link to no file"),
        (_set("links", 1, -1), "a link to no file"),
        (lambda data: data["links"][0].append("x"), "columns of different lengths"),
        (lambda data: data["files"][3].append(0), "columns of different lengths"),
        (lambda data: data["files"].pop(), "lacks or mistypes"),
        (lambda data: data.update(files=[[], [], [], []]), "something else where a number must be"),
        (lambda data: data.pop("files"), "lacks or mistypes 'files'"),
        (lambda data: data.update(needs=[["/tmp/libown.so", "", False]]), "needs a library by its path"),
        (lambda data: data.update(needs=[[1, "", False]]), "lacks or mistypes"),
        (lambda data: data.update(needs=[[["libone.so"], "", False]]), "lacks or mistypes"),
        (lambda data: data.update(needs=[["libone.so"]]), "lacks or mistypes"),
        (lambda data: data.update(needs=[["libone.so", 1, False]]), "lacks or mistypes"),
        (lambda data: data.update(needs=[["libc.so.6", "", True]] * 300_000), "more than any environment holds"),
        (lambda data: data.update(needs=[["libc.so.6", "x" * layout.NEEDS_LIMIT, True]]), "more than any environment"),
        (lambda data: data.update(creator=None), "lacks or mistypes"),
        (lambda data: data.update(requirements=[1]), "lacks or mistypes"),
        (lambda data: data["decoder"].update(origin=None), "lacks or mistypes"),
        (lambda data: data["decoder"].update(module=3), "lacks or mistypes"),
        *((_share(name, 7), "lacks or mistypes") for name in ("name", "version", "wheel", "sha256", "license")),
        (_share("top_level", [7]), "lacks or mistypes"),
        (_share("version", "v" * layout.TEXTS_LIMIT), "longer texts than any environment has"),
        (_share("x" * 999, 1), "x" * 150 + "; copy"),
    ],
)
def test_a_hostile_table_of_contents_is_refused(forge: Callable[..., Path], change: Rewrite, problem: str) -> None:
    """Nothing is read further from a bundle whose contents would leave the tree or exceed the limits."""
    path = forge(change)
    with reader.open_bundle(str(path)) as bundle, pytest.raises(BundleDamaged) as caught:
        bundle.toc()
    assert problem in str(caught.value)
    assert str(caught.value).startswith(str(path))
