"""Files of a bundle, one by one: `airpack cat` and `airpack extract`."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from airpack.bundle.opened import OpenBundle
from airpack_runtime import layout
from airpack_runtime.format import framing, toc
from support import machine
from support.airpack import Airpack

GOLDEN = machine.FIXTURES / "golden" / layout.BUNDLE_NAME
LARGE = b"".join(b"%07d\n" % number for number in range(700_000))  # over two frames
LINE = [sys.executable, "-m", "airpack"]


def _frame_of(opened: OpenBundle, path: str) -> toc.Frame:
    return opened.toc.frames[framing.Plan(opened.toc).frame_of(opened.find(path)[1])]


def _cat(path: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*LINE, "cat", str(GOLDEN), path], capture_output=True, check=False)


@pytest.mark.parametrize(
    "path", ["lib/python3.7/site-packages/beta/large.bin", "site-packages/beta/large.bin", "beta/large.bin"]
)
def test_cat_writes_a_file_as_it_is(path: str) -> None:
    """One of several frames, too; `lib/python3.7/site-packages/` may be left out, or its beginning."""
    done = _cat(path)
    assert (done.returncode, done.stdout, done.stderr) == (0, LARGE, b"")


def test_cat_follows_links_and_knows_the_list_of_sums() -> None:
    """A link has its target's content; SHA256SUMS is in the tar, though no boot writes it."""
    link = _cat("beta/data.txt")
    assert link.stdout == b"the same words in two wheels\n" * 5000
    assert _cat("alpha/empty.txt").stdout == b""
    sums = _cat("SHA256SUMS").stdout.decode()
    assert f"{hashlib.sha256(LARGE).hexdigest()}  lib/python3.7/site-packages/beta/large.bin\n" in sums


def test_cat_ends_quietly_when_its_reader_does() -> None:
    """As a program that SIGPIPE ends, by the shell's count."""
    with subprocess.Popen([*LINE, "cat", str(GOLDEN), "beta/large.bin"], stdout=subprocess.PIPE, stderr=-1) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(8) == b"0000000\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


def test_a_damaged_frame_is_not_written_out(tmp_path: Path) -> None:
    """The file that it holds can't be had; that of another frame can."""
    with OpenBundle.at(GOLDEN) as opened:
        frame = _frame_of(opened, "alpha/__init__.py")
    data = bytearray(GOLDEN.read_bytes())
    data[frame.offset + frame.size // 2] ^= 1
    (tmp_path / "bundle").write_bytes(data)
    done = subprocess.run([*LINE, "cat", tmp_path / "bundle", "alpha/__init__.py"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"frame 1 is damaged (its SHA-256 differs)" in done.stderr
    done = subprocess.run([*LINE, "cat", tmp_path / "bundle", "beta/large.bin"], capture_output=True, check=False)
    assert done.stdout == LARGE


def test_only_the_frames_concerned_are_read(tmp_path: Path) -> None:
    """The system sees the seek table's end, the table of contents and one frame being read, not the rest."""
    with OpenBundle.at(GOLDEN) as opened:
        frames = opened.toc.frames
        frame = _frame_of(opened, "gamma.pth")
    wanted = {(frame.offset, frame.size)}
    every = {(each.offset, each.size) for each in frames}
    assert len(every) > 3
    for words, expected in ((["cat", GOLDEN, "gamma.pth"], wanted), (["inspect", GOLDEN], set())):
        log = tmp_path / "strace.log"
        calls = "trace=pread64,read,readv,preadv,preadv2,mmap,sendfile,copy_file_range"
        line = [machine.tool("strace"), "-f", "-y", "-e", calls, "-o", str(log), *LINE, *map(str, words)]
        done = machine.run(line)
        assert done.returncode == 0, done.stderr
        reads = [each for each in log.read_text().splitlines() if f"<{GOLDEN}>" in each]
        assert reads
        assert all("pread64(" in each for each in reads), reads
        places = {(int(m[2]), int(m[1])) for m in (re.search(r", (\d+), (\d+)\) = ", each) for each in reads) if m}
        assert len(places) == len(reads)
        assert places & every == expected
        assert sum(size for _, size in places - every) < 20_000


def _extract(*words: object) -> subprocess.CompletedProcess[str]:
    return machine.run([*LINE, "extract", str(GOLDEN), *map(str, words)])


def test_extract_gives_what_tar_gives(tmp_path: Path) -> None:
    """All files with their modes, links as links (in the tar symbolic, where they lead to another distribution's)."""
    done = _extract("-o", tmp_path / "ours")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "theirs").mkdir()
    tar = [*machine.tar_zstd(), "-xf", str(GOLDEN), "-C", str(tmp_path / "theirs")]
    assert machine.run(tar).returncode == 0
    trees = []
    for folder in (tmp_path / "ours", tmp_path / "theirs"):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        trees.append([(path.relative_to(folder), path.read_bytes(), path.stat().st_mode) for path in files])
        packages = folder / "lib/python3.7/site-packages"
        assert (packages / "beta" / "data.txt").samefile(packages / "alpha" / "data.txt")
    assert trees[0] == trees[1]
    assert done.stdout.startswith(f"{len(trees[0])} files, 5.8 MB, in ")
    check = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "ours", check=False)
    assert check.returncode == 0


def test_globs_name_files_by_their_whole_path(tmp_path: Path) -> None:
    """`*` takes `/` as well; a plain path is one; a link whose target isn't asked for is a file."""
    done = _extract("-o", tmp_path / "out", "*/METADATA", "beta/data.txt")
    assert (done.returncode, done.stderr) == (0, "")
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == [
        "lib/python3.7/site-packages/alpha-1.0.dist-info/METADATA",
        "lib/python3.7/site-packages/beta-2.0.dist-info/METADATA",
        "lib/python3.7/site-packages/beta/data.txt",
        "lib/python3.7/site-packages/gamma-1.0.dist-info/METADATA",
    ]
    assert (tmp_path / "out/lib/python3.7/site-packages/beta/data.txt").stat().st_nlink == 1


def test_a_glob_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    """Also beside one that does; nothing is written."""
    done = _extract("-o", tmp_path / "out", "*/METADATA", "*.exe")
    assert done.returncode == 1
    hint = f"airpack inspect --files {GOLDEN} lists what it holds"
    assert done.stderr == f"airpack: error: {GOLDEN} holds no path that '*.exe' matches: {hint}\n"
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced(tmp_path: Path) -> None:
    """What lies there stays as it is, and nothing comes beside it; other files may join it."""
    out = tmp_path / "out"
    (out / "lib/python3.7/site-packages/alpha").mkdir(parents=True)
    (out / "lib/python3.7/site-packages/alpha/data.txt").write_text("mine\n")
    done = _extract("-o", out)
    assert done.returncode == 1
    place = out / "lib/python3.7/site-packages/alpha/data.txt"
    hint = "exists already: move it away, or name another folder with -o"
    assert done.stderr == f"airpack: error: {place} {hint}\n"
    assert [path for path in out.rglob("*") if path.is_file()] == [place]
    assert place.read_text() == "mine\n"
    done = _extract("-o", out, "alpha/__init__.py", "*/METADATA")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (out / "lib/python3.7/site-packages/alpha").iterdir()) == [
        "__init__.py",
        "data.txt",
    ]


def test_a_glob_may_begin_with_site_packages(tmp_path: Path) -> None:
    """Without `lib/pythonX.Y/` before it."""
    done = _extract("-o", tmp_path / "out", "site-packages/gamma*/METADATA")
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == tmp_path / "out/lib/python3.7/site-packages/gamma-1.0.dist-info/METADATA"


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    """It would lead the files out of the folder."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "lib/python3.7").mkdir(parents=True)
    (out / "lib/python3.7/site-packages").symlink_to(elsewhere)
    done = _extract("-o", out, "alpha/__init__.py")
    assert done.returncode == 1
    assert "is not a folder, and must be one" in done.stderr
    assert list(elsewhere.iterdir()) == []


def test_a_damaged_frame_leaves_nothing_behind(tmp_path: Path) -> None:
    """All of what was asked for, or none."""
    with OpenBundle.at(GOLDEN) as opened:
        frame = _frame_of(opened, "gamma.pth")
    data = bytearray(GOLDEN.read_bytes())
    data[frame.offset + frame.size // 2] ^= 1
    (tmp_path / "bundle").write_bytes(data)
    done = machine.run([*LINE, "extract", str(tmp_path / "bundle"), "-o", str(tmp_path / "out")])
    assert done.returncode == 1
    assert "is damaged (its SHA-256 differs)" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, airpack: Airpack) -> None:
    """Neither files nor folders: here the second top folder can't be put in place."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "bin").write_text("mine")
    assert airpack("extract", GOLDEN, "-o", tmp_path / "out") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bin"]


def test_what_is_no_folder_is_not_written_into(tmp_path: Path, airpack: Airpack) -> None:
    """A file, or a link that leads nowhere."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    for name in ("file", "link"):
        assert airpack("extract", GOLDEN, "-o", tmp_path / name) == 1
        assert airpack.error == f"airpack: error: {tmp_path}/{name} is not a folder: name another one with -o"
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.alone
def test_a_full_disk_is_told_by_the_folder(tmp_path: Path, airpack: Airpack) -> None:
    """And nothing is left on it, for a key or an SBOM neither."""
    if os.getuid():
        machine.lacking("the right to mount", "run the tests as root")
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", full], check=True)
    try:
        (full / "rest").write_bytes(bytes(16 << 10))
        for words, place in (
            (["extract", GOLDEN, "-o", full / "out"], full / "out"),
            (["sbom", GOLDEN, "-o", full / "sbom.json"], full),
        ):
            assert airpack(*words) == 1
            hint = "nothing was changed: free disk space, then try again"
            assert airpack.error == f"airpack: error: {place}: No space left on device; {hint}"
        assert [path.name for path in full.iterdir()] == ["rest"]
    finally:
        subprocess.run(["umount", full], check=True)
