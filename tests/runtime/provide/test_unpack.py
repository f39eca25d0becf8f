"""Unpacking: the tree is the one that was packed, or none."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, List, Optional

import pytest
from airpack_runtime.errors import BundleDamaged, UnpackFailed
from airpack_runtime.format import framing, reader
from airpack_runtime.provide import compare, unpack

from ..conftest import RUNTIME, SITE_PACKAGES, needs_target, sums_of, umask

pytestmark = needs_target


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_tree_is_what_was_packed(tmp_path: Path, golden: Path, workers: int) -> None:
    """Every file, mode and link is as the table of contents says, whatever the number of workers."""
    tree = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        contents = bundle.toc()
        unpack.unpack(bundle, str(tree), workers)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        assert compare.difference(bundle, str(tree), str(scratch)) is None
    assert sorted(sums_of(tree)) == sorted(
        [file.path for file in contents.files] + [link.path for link in contents.links]
    )
    for link in contents.links:
        assert os.path.samefile(str(tree / link.path), str(tree / link.target))


def test_modes_do_not_depend_on_the_umask(tmp_path: Path, golden: Path) -> None:
    """Workers of another user can read what root unpacked under a strict umask."""
    with umask(0o077):
        with reader.open_bundle(str(golden)) as bundle:
            unpack.unpack(bundle, str(tmp_path / "tree"))
        assert os.umask(0o077) == 0o077
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "tree").rglob("*")}
    assert modes == {0o755, 0o644}


def test_nobody_else_can_exchange_what_is_unpacked(tmp_path: Path, golden: Path) -> None:
    """Not in a new folder, nor in one above it, under a umask that lets them; another umask may keep more from them."""
    for mask, mode in ((0o000, 0o755), (0o002, 0o755), (0o077, 0o700)):
        with umask(mask), reader.open_bundle(str(golden)) as bundle:
            unpack.unpack_into(bundle, f"{tmp_path}/{mask}/new//tree/")
        for folder in (str(mask), f"{mask}/new", f"{mask}/new/tree"):
            assert (tmp_path / folder).stat().st_mode & 0o777 == mode, folder


def test_every_flipped_byte_of_a_frame_is_found(tmp_path: Path, golden: Path) -> None:
    """A frame is hashed before it is decompressed."""
    data = bytearray(golden.read_bytes())
    with reader.open_bundle(str(golden)) as bundle:
        frames = [frame for frame, pieces in zip(bundle.toc().frames, framing.Plan(bundle.toc())) if pieces]
    for number, frame in enumerate(frames):
        place = frame.offset + frame.size // 2
        data[place] ^= 1
        path = tmp_path / "flipped"
        path.write_bytes(data)
        data[place] ^= 1
        with reader.open_bundle(str(path)) as bundle, pytest.raises(BundleDamaged, match=r"frame \d+ is damaged"):
            unpack.unpack(bundle, str(tmp_path / f"tree{number}"))


def test_a_worker_that_fails_fails_the_unpack(tmp_path: Path, golden: Path) -> None:
    """An error in any worker is raised, not swallowed: here a folder lies where a file must go."""
    tree = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        last = bundle.toc().files[-1].path
        os.makedirs(str(tree))
        made = os.mkdir

        def mkdir(path: str, *args: Any) -> None:
            made(path, *args)
            if path.endswith(os.path.dirname(last)):
                made(os.path.join(str(tree), last))

        os.mkdir = mkdir  # type: ignore[assignment]
        try:
            with pytest.raises(UnpackFailed, match="Is a directory"):
                unpack.unpack(bundle, str(tree), 4)
        finally:
            os.mkdir = made


def _whole(golden: Path, tree: Path, before_each: Optional[Callable[[int], None]] = None) -> bool:
    """Unpack by two workers, and tell whether the tree is what was packed.

    Each worker calls `before_each` with the number of the frame that it reads next, and takes long enough for the
    other to get one.
    """
    read = reader.Bundle.frame

    def replaced(bundle: reader.Bundle, number: int, decompress: reader.Decompress) -> bytes:
        if before_each is not None:
            before_each(number)
            time.sleep(0.05)
        return read(bundle, number, decompress)

    with reader.open_bundle(str(golden)) as bundle:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(reader.Bundle, "frame", replaced)
            unpack.unpack(bundle, str(tree), 2)
        scratch = tree.with_name(tree.name + ".scratch")
        scratch.mkdir()
        return compare.difference(bundle, str(tree), str(scratch)) is None


def test_workers_share_the_frames(golden: Path, tmp_path: Path) -> None:
    """Each is written by one process, and both have written some: the first waits for the second."""
    path = tmp_path / "notes"

    def noted() -> List[List[str]]:
        return [line.split() for line in path.read_text().splitlines()]

    def note(number: int) -> None:
        with open(str(path), "a") as notes:
            notes.write("%d %d\n" % (os.getpid(), number))
        end = time.monotonic() + 60
        while len({process for process, _ in noted()}) < 2 and time.monotonic() < end:
            time.sleep(0.01)

    assert _whole(golden, tmp_path / "tree", note)
    with reader.open_bundle(str(golden)) as bundle:
        assert sorted(int(number) for _, number in noted()) == list(range(len(bundle.toc().frames)))
    assert len({process for process, _ in noted()}) == 2


def _interrupt() -> None:
    raise KeyboardInterrupt


def _refuse() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("act", [_end, _refuse, _interrupt])
def test_what_a_child_could_not_write_is_written_by_its_parent(
    golden: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], act: Callable[[], None]
) -> None:
    """Whether it was killed, for its memory say, or met what is no longer so; it says nothing of its own."""
    parent = os.getpid()
    assert _whole(golden, tmp_path / "tree", lambda _: act() if os.getpid() != parent else None)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_others_end_when_a_child_fails(golden: Path, tmp_path: Path) -> None:
    """A damaged bundle is told of before all of it was written; here, the parent then writes all."""
    parent = os.getpid()
    written: List[int] = []

    def note(number: int) -> None:
        if os.getpid() != parent:
            _refuse()
        if not written:
            with suppress(ChildProcessError):  # it failed before this process took its first
                os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        written.append(number)

    assert _whole(golden, tmp_path / "tree", note)
    with reader.open_bundle(str(golden)) as bundle:
        frames = len(bundle.toc().frames)
    assert frames <= len(written) <= frames + 1 < 2 * frames - 1


def test_a_program_that_ignores_its_children_gets_its_tree(golden: Path, tmp_path: Path) -> None:
    """Then the system doesn't say how they ended."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert _whole(golden, tmp_path / "tree")
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("where", ["parent", "child"])
def test_a_signal_while_it_forks_loses_no_child(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A program's handler may raise what would pass for a refused fork; a child never goes on as the program."""

    def handle(*_: object) -> None:
        raise TimeoutError

    fork, me = os.fork, os.getpid()

    def signalled() -> int:
        child = fork()
        if (os.getpid() == me) == (where == "parent"):
            os.kill(os.getpid(), signal.SIGUSR1)
        return child

    monkeypatch.setattr(os, "fork", signalled)
    before = signal.signal(signal.SIGUSR1, handle)
    try:
        if where == "parent":
            with reader.open_bundle(str(golden)) as bundle, pytest.raises(UnpackFailed):
                unpack.unpack(bundle, str(tmp_path / "tree"), 2)
        else:
            assert _whole(golden, tmp_path / "tree")
    finally:
        if os.getpid() != me:
            os._exit(9)
        signal.signal(signal.SIGUSR1, before)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


@pytest.mark.parametrize("why", ["limit", "thread"])
def test_without_children_one_process_does_all(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Where the container allows no more processes; and where another thread might have locked what a child needs."""
    asked = []

    def fork() -> int:
        asked.append(why)
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    if why == "thread":
        thread.start()
    try:
        assert _whole(golden, tmp_path / "tree")
    finally:
        over.set()
    assert asked == ([] if why == "thread" else ["limit"])


_KILLED = """
import os, sys, time
from airpack_runtime.format import reader
from airpack_runtime.provide import unpack
parent, read = os.getpid(), reader.Bundle.frame
def replaced(bundle, number, decompress):
    if os.getpid() == parent:
        time.sleep(60)
    print(os.getpid(), flush=True)
    while os.getppid() == parent:
        time.sleep(0.01)
    return read(bundle, number, decompress)
reader.Bundle.frame = replaced
with reader.open_bundle(sys.argv[1]) as bundle:
    unpack.unpack(bundle, sys.argv[2], 2)
"""


def test_a_child_ends_with_its_parent(golden: Path, tmp_path: Path) -> None:
    """It writes no more than the frame that it is at."""
    words = [sys.executable, "-c", _KILLED, str(golden), str(tmp_path / "tree")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(RUNTIME)})
    assert process.stdout is not None
    first = process.stdout.readline()
    process.kill()
    process.wait()
    rest = process.stdout.read()  # until the child has ended as well
    process.stdout.close()
    assert int(first) != process.pid
    assert rest.count(b"\n") <= 2


def test_without_hard_links_the_files_are_copied(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFS has none."""

    def refuse(*_: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    tree = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack(bundle, str(tree))
        link = bundle.toc().links[0]
    assert (tree / link.path).read_bytes() == (tree / link.target).read_bytes()
    assert not os.path.samefile(str(tree / link.path), str(tree / link.target))


def test_unpack_into_finishes_what_was_killed(tmp_path: Path, golden: Path) -> None:
    """An init container that is restarted finds its own leftovers, and replaces them."""
    folder = tmp_path / "volume"
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack_into(bundle, str(folder))
        whole = sums_of(folder)
        (folder / SITE_PACKAGES / "alpha" / "data.txt").unlink()
        (folder / ".airpack-unfinished-1" / "share").mkdir(parents=True)
        unpack.unpack_into(bundle, str(folder))
        assert sums_of(folder) == whole
        with pytest.raises(UnpackFailed, match="it is not empty"):
            unpack.unpack_into(bundle, str(folder))
