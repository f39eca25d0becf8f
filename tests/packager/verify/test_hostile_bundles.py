"""Bundles made to do harm, as the packager's commands meet them; the boot's side is `tests/runtime/test_hostile.py`.

Hostile wheels are in `tests/packager/wheels/test_wheelfile.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airpack.bundle.opened import OpenBundle
from airpack.cli.app import main
from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged
from airpack_runtime.format import toc
from airpack_runtime.format.reader import open_bundle
from support import measured
from support.bundles import GOLDEN, rewritten

Change = Callable[[toc.Toc], toc.Toc]
HALF = "\ud800"  # JSON can write it, and nothing else can
EVIL = "\x1b[2J\x9b31m\u202e\r\x07"  # clears a screen, colours it, turns its text round


def _file(**fields: Any) -> Change:
    return lambda old: old._replace(files=(old.files[0]._replace(**fields), *old.files[1:]))


def _link(**fields: Any) -> Change:
    return lambda old: old._replace(links=(old.links[0]._replace(**fields), *old.links[1:]))


def _frame(**fields: Any) -> Change:
    return lambda old: old._replace(frames=(old.frames[0]._replace(**fields), *old.frames[1:]))


def _share(**fields: Any) -> Change:
    return lambda old: old._replace(distributions=(old.distributions[0]._replace(**fields), *old.distributions[1:]))


HARM: dict[str, Change] = {
    "a file above": _file(path="../evil"),
    "a file above by a folder": _file(path="lib/python3.7/site-packages/../../evil"),
    "an absolute path": _file(path="/tmp/evil"),
    "no path": _file(path=""),
    "a NUL in a path": _file(path="e\0vil"),
    "a line break in a path": _file(path="e\nvil"),
    "a backslash in a path": _file(path="e\\vil"),
    "a path twice": lambda old: old._replace(links=(*old.links, toc.Link(old.files[0].path, old.files[0].path))),
    "a file of a terabyte": _file(size=1 << 40),
    "a file of less than nothing": _file(size=-1),
    "a file in no frame": _file(start=1 << 60),
    "a file that begins before the tar": _file(start=-1),
    "a file in another's place": lambda old: old._replace(files=(old.files[1], old.files[0], *old.files[2:])),
    "a file that all may write": _file(mode=0o777),
    "a file with the bits of a user": _file(mode=0o4755),
    "a link above": _link(path="../evil"),
    "a link to a file above": _link(target="../../../etc/passwd"),
    "a link to a link": lambda old: old._replace(links=(*old.links, toc.Link("x", old.links[0].path))),
    "a frame of a terabyte": _frame(raw_size=1 << 40),
    "a frame of nothing": _frame(size=0),
    "a decoder without end": lambda old: old._replace(decoder=old.decoder and old.decoder._replace(size=1 << 40)),
    "sums behind the end": lambda old: old._replace(sums=old.sums._replace(size=1 << 40)),
    "another size than all files have": lambda old: old._replace(unpacked_size=0),
    "shares that overlap": _share(files=(0, 1 << 30)),
    "shares that are no numbers": _share(files=("0", None)),
    "a version that is no text": _share(version={"a": 1}),
    "half a pair of UTF-16 in a path": _file(path=f"e{HALF}vil"),
    "half a pair of UTF-16 in a name": _share(name=HALF),
    "half a pair of UTF-16 in a licence": _share(license=HALF),
    "half a pair of UTF-16 in a requirement": lambda old: old._replace(requirements=(HALF,)),
    "half a pair of UTF-16 in a library": lambda old: old._replace(needs=(toc.Need(HALF, "", True),)),
    "hundreds of thousands of libraries": lambda old: old._replace(needs=(toc.Need("libc.so.6", "", True),) * 300_000),
    "a library that is known and not": lambda old: old._replace(needs=(toc.Need("libc.so.6", "", "no"),)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", HARM)
def test_what_would_do_harm_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every command that looks inside, in one line; nothing is written anywhere."""
    folder = tmp_path / "here"
    folder.mkdir()
    path = folder / "forged"
    rewritten(path, HARM[what])
    monkeypatch.chdir(folder)
    before = sorted(tmp_path.rglob("*"))
    for words in (
        ["inspect", path],
        ["diff", GOLDEN, path],
        ["diff", path, GOLDEN],
        ["cat", path, "beta/large.bin"],
        ["extract", path, "-o", folder / "out"],
        ["verify", "-q", "--no-import", path],
        ["sbom", path, "-o", folder / "sbom.json"],
        ["tree", path],
        ["report", path, "-o", folder / "report.html"],
    ):
        assert main([str(word) for word in words]) == (2 if words[0] == "diff" else 1)
        told = capsys.readouterr()
        assert len(told.err.splitlines()) == 1
        assert "bug in airpack" not in told.err
    assert sorted(tmp_path.rglob("*")) == before
    assert not os.path.lexists("/tmp/evil")


def _evil(text: str) -> str:
    return f"{EVIL}{text}"


def _evil_share(share: toc.Distribution) -> toc.Distribution:
    texts: dict[str, Any] = {
        name: _evil(getattr(share, name)) for name in ("name", "version", "wheel", "sha256", "license", "built_from")
    }
    return share._replace(**texts, top_level=tuple(map(_evil, share.top_level)))


def _everywhere(old: toc.Toc) -> toc.Toc:
    """Return a table of contents with what acts on a terminal in each of its texts."""
    assert old.decoder is not None
    return old._replace(
        creator=_evil(old.creator),
        requirements=tuple(map(_evil, old.requirements)),
        sums=old.sums._replace(path=_evil(old.sums.path)),
        files=tuple(each._replace(path=each.path + EVIL) for each in old.files),
        links=tuple(toc.Link(each.path + EVIL, each.target + EVIL) for each in old.links),
        decoder=old.decoder._replace(origin=_evil(old.decoder.origin)),
        distributions=tuple(map(_evil_share, old.distributions)),
    )


@pytest.mark.parametrize(
    "words",
    [
        ["inspect"],
        ["inspect", "--files"],
        ["inspect", "--files", "--json"],
        ["diff", str(GOLDEN)],
        ["diff", str(GOLDEN), "--files"],
        ["diff", str(GOLDEN), "--json"],
        ["verify", "--no-import"],
        ["verify", "--no-import", "--json"],
        ["sbom"],
        ["cat", layout.SUMS],
    ],
    ids=" ".join,
)
def test_no_text_of_a_bundle_acts_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Names, versions, licences, paths: whoever made it would choose what an auditor sees."""
    path = tmp_path / "forged"
    rewritten(path, _everywhere)
    place = [words[0], str(path), *words[1:]]
    main(place)
    told = capsys.readouterr()
    shown = told.err if words[0] == "cat" else told.out + told.err  # a file's content is what was asked for
    assert shown or words[0] == "cat"
    assert not {*EVIL} & {*shown} - {"[", "2", "J", "3", "1", "m"}


def test_a_bundle_that_unpacks_to_far_more_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes can be terabytes: by its table of contents, before a frame is read."""
    monkeypatch.setattr("airpack.bundle.opened._RATIO_FREE", 1000)
    monkeypatch.setattr("airpack.bundle.opened._RATIO_LIMIT", 1 / 1000)
    with (
        pytest.raises(BundleDamaged, match=r"it would unpack to [\d,]+ bytes, far more than a bundle of its size does"),
        OpenBundle.at(GOLDEN),
    ):
        pass


_ZEROS = 40  # frames


def _with_zeros(old: toc.Toc) -> toc.Toc:
    """Return a table of contents with more frames, of zeros."""
    zeros = toc.Frame(0, 30, layout.FRAME_LIMIT, "0" * 64)
    return old._replace(frames=(*old.frames, *[zeros] * _ZEROS))


def test_a_tar_of_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Some kilobytes can be a gigabyte of it, which a reader of its headers would keep."""
    path = tmp_path / "forged"
    rewritten(path, _with_zeros)
    with (
        pytest.raises(BundleDamaged, match=r"[\d,]+ bytes of its tar are no file's, far more than \d+ headers take;"),
        OpenBundle.at(path),
    ):
        pass


def test_checksums_of_more_than_their_lines_are_refused(tmp_path: Path) -> None:
    """The shim reads them at once: some kilobytes could be gigabytes of them."""
    path = tmp_path / "forged"
    rewritten(path, lambda old: _with_zeros(old)._replace(sums=old.sums._replace(size=_ZEROS * layout.FRAME_LIMIT)))
    with open_bundle(str(path)) as bundle, pytest.raises(BundleDamaged, match=r"gives files more bytes than there are"):
        bundle.toc()


_MOST = 590_000  # of what a table of contents may list


def _files(old: toc.Toc) -> toc.Toc:
    last, share = old.files[-1], old.distributions[-1]
    added = [toc.File(f"{number:x}", 0o644, 0, last.start) for number in range(_MOST)]
    owned = share._replace(files=(share.files[0], share.files[1] + _MOST))
    return old._replace(files=(*old.files, *added), distributions=(*old.distributions[:-1], owned))


def _distributions(old: toc.Toc) -> toc.Toc:
    last = old.distributions[-1]
    empty = last._replace(files=(last.files[1],) * 2, links=(last.links[1],) * 2, top_level=())
    return old._replace(distributions=(*old.distributions, *(empty._replace(name=f"n{n:x}") for n in range(55_000))))


def _modules(old: toc.Toc) -> toc.Toc:
    first = old.distributions[0]._replace(top_level=tuple(f"m{number:x}" for number in range(1_100_000)))
    return old._replace(distributions=(first, *old.distributions[1:]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        _files,
        _distributions,
        _modules,
        lambda old: old._replace(requirements=("a",) * 1_150_000),
        lambda old: old._replace(requirements=("a" + ",>=1" * 4_000_000,)),
    ],
    ids=["files", "distributions", "modules", "requirements", "a long requirement"],
)
def test_no_table_of_contents_takes_much(tmp_path: Path, change: Callable[[toc.Toc], toc.Toc]) -> None:
    """As much of each kind as it can list: each command ends within the limits of memory and time."""
    path = tmp_path / "forged"
    rewritten(path, change)
    assert path.stat().st_size < 10_000_000
    for words in (["verify", "--no-import"], ["inspect"], ["inspect", "--json"], ["sbom", "-o", tmp_path / "sbom"]):
        done = measured.airpack(*words, path)
        assert done.status in (0, 1), done.text
        assert "bug in airpack" not in done.text
        assert done.memory < 1_500_000_000, words
        assert done.seconds < 60, words


@pytest.mark.parametrize(
    ("limit", "words", "problem"),
    [
        ("bundle.opened._MOST_DISTRIBUTIONS", ["inspect"], "it has more than 0 distributions"),
        ("inspection.inventory._MOST_METADATA", ["sbom"], "its METADATA is larger than 0 MiB"),
        ("inspection.inventory._MOST_METADATA", ["licenses"], "its METADATA is larger than 0 MiB"),
        ("inspection.inventory._MOST_REQUIREMENTS", ["tree"], "its packages have more than 0 requirements"),
    ],
)
def test_more_than_any_environment_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], limit: str, words: list[str], problem: str
) -> None:
    """In time and memory, packages that all need each other grow with the square of their number, or more."""
    monkeypatch.setattr(f"airpack.{limit}", 0)
    assert main([*words, str(GOLDEN)]) == 1
    assert capsys.readouterr().err == f"airpack: error: {GOLDEN}: {problem}; copy it again from where it was packed\n"


def test_two_distributions_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However they are spelt: no resolve installs two."""
    path = tmp_path / "forged"
    rewritten(path, _share(name="Beta"))
    assert main(["sbom", str(path)]) == 1
    problem = "it has two distributions called beta; copy it again from where it was packed"
    assert capsys.readouterr().err == f"airpack: error: {path}: {problem}\n"
