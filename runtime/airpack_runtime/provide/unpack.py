"""Writes a bundle's tree into a folder: in parallel, every frame checked, all or nothing."""

from __future__ import annotations

import os
import signal

from airpack_runtime import layout
from airpack_runtime.errors import UnpackFailed, reason
from airpack_runtime.format import decoder
from airpack_runtime.format import toc as contents
from airpack_runtime.provide.storage import lack_of_room, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from airpack_runtime.format.reader import Bundle, Decompress

# Each worker holds one frame, compressed and raw: this bounds memory on large machines.
MAX_WORKERS = 8
# root's workers may run as another user: all may read a tree, its folder decides who gets there.
_FOLDER_MODE = 0o755
_SCRATCH = ".airpack-unfinished-"
# Those between are the C library's own: Python warns of them. Python 3.7 has no signal.valid_signals.
_SIGNALS = {*range(1, 32), *range(signal.SIGRTMIN, signal.NSIG)}


def unpack(bundle: Bundle, folder: str, workers: int | None = None) -> None:
    """Write the tree of `bundle` into `folder`, which is made unless it is there, empty.

    Every frame is hashed before it is decompressed. `workers` defaults to the
    processors this process may use, at most MAX_WORKERS, and is 1 in a process of several
    threads. Raises BundleDamaged, WrongTarget, or UnpackFailed (a full disk, say), once
    all workers have ended. What was written so far is left for the caller to remove.
    """
    toc = bundle.toc()
    bundle.check_structure()
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), MAX_WORKERS)
    try:
        os.makedirs(folder, exist_ok=True)
        decompress = decoder.load(bundle, folder)
        prefix = folder + os.sep
        strict = False
        for directory in toc.directories:
            os.mkdir(prefix + directory, _FOLDER_MODE)
            if directory is toc.directories[0]:  # a umask, and an ACL that is inherited, hold for all alike
                strict = os.stat(prefix + directory).st_mode & 0o777 != _FOLDER_MODE
            if strict:
                os.chmod(prefix + directory, _FOLDER_MODE)
        _run(_Frames(bundle, decompress, prefix, strict), workers)
        for link in toc.links:
            _link(prefix + link.target, prefix + link.path)
    except UnicodeError as error:
        problem = f"this Python's file system encoding can't name {error.args[1]!r}: start it with PYTHONUTF8=1"
        raise UnpackFailed(folder, problem) from error
    except OSError as error:
        raise UnpackFailed(folder, reason(error)) from error


def unpack_into(bundle: Bundle, folder: str) -> None:
    """Write the tree of `bundle` into `folder`, which is made if need be and may be a mount point.

    Either all of it is there afterwards or nothing; what an unpack that was killed
    left is replaced. Raises UnpackFailed if something else lies there, and what
    `unpack` raises.
    """
    toc = bundle.toc()
    paths = [*toc.directories, *(file.path for file in toc.files), *(link.path for link in toc.links)]
    names = sorted({path.partition("/")[0] for path in paths} | {layout.TREE_NOTE})
    existed = os.path.isdir(folder)
    scratch = f"{folder}/{_SCRATCH}{os.getpid()}"
    try:
        _make_room(folder, names)
        _check_room(folder, toc)
        unpack(bundle, scratch)
        with open(f"{scratch}/{layout.TREE_NOTE}", "w") as note:  # so that it can be booted as it is
            note.write(layout.tree_note(bundle.target, bundle.digest))
        with _Uninterrupted():
            for name in names:
                os.rename(f"{scratch}/{name}", f"{folder}/{name}")
    except (OSError, UnpackFailed) as error:
        raise UnpackFailed(folder, reason(error)) from error
    finally:
        with _Uninterrupted():
            remove(scratch)
            if not existed and os.path.isdir(folder) and not os.listdir(folder):
                os.rmdir(folder)


def _make_room(folder: str, names: list[str]) -> None:
    """Make `folder`, and remove what an unpack that was killed left in it. Raises UnpackFailed."""
    os.makedirs(folder, exist_ok=True)
    found = os.listdir(folder)
    unfinished = [name for name in found if name.startswith(_SCRATCH)]
    others = [name for name in found if name not in unfinished]
    if others and not (unfinished and set(others) <= set(names)):
        raise UnpackFailed(folder, "it is not empty; name a folder that is, or that doesn't exist yet")
    for name in (*others, *unfinished):
        remove(f"{folder}/{name}")


def _check_room(folder: str, toc: contents.Toc) -> None:
    """Raise UnpackFailed before the first byte where the last has no room: a bomb must not fill the disk."""
    lack = lack_of_room(folder, toc.unpacked_size, len(toc.files))
    if lack:
        raise UnpackFailed(folder, f"it {lack} (the tree takes {toc.unpacked_size / 1e6:.1f} MB)")


class _Uninterrupted:
    """Lets signals, Ctrl-C for one, wait until the block has ended: what handles any of them may raise."""

    def __enter__(self) -> None:
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        try:
            self.block()
        except BaseException:  # of one that came just before
            self.allow()
            raise

    def __exit__(self, *exc_info: object) -> None:
        self.allow()

    def block(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _SIGNALS)

    def allow(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


class _Frames:
    """The frames to be written. Processes that write them together take one by one, whichever is next."""

    def __init__(self, bundle: Bundle, decompress: Decompress, prefix: str, strict: bool) -> None:
        self.bundle = bundle
        self._decompress = decompress
        self._prefix = prefix
        self._strict = strict  # the umask takes away more than it should, and is the whole process's
        # Those that hold no file are checked all the same: who pins a bundle wants it whole.
        self._plan = contents.Plan(bundle.toc())
        # From both ends: only one can write to a file at a time, and a large one has many frames, side by side.
        numbers = range(len(self._plan))
        self._order = [each for pair in zip(numbers, reversed(numbers)) for each in pair][: len(numbers)]

    def write(self) -> None:
        """Write all frames."""
        for number in self._order:
            self._write(number)

    def write_some(self, parent: int | None = None) -> None:
        """Write what no other process has taken, as long as `parent` lives. A failure ends the others' work as well."""
        try:
            while parent in (None, os.getppid()):
                turn = self.bundle.take_turn()
                if turn >= len(self._order):
                    return
                self._write(self._order[turn])
            raise ProcessLookupError
        finally:
            self.stop()

    def stop(self) -> None:
        """Leave none for any process to take."""
        self.bundle.set_turn(len(self._order))

    def _write(self, number: int) -> None:
        view = memoryview(self.bundle.frame(number, self._decompress))
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        for file, place, offset, length in self._plan[number]:
            fd = os.open(self._prefix + file.path, flags, file.mode)
            try:
                if self._strict:
                    os.fchmod(fd, file.mode)
                done = 0
                while done < length:
                    done += os.pwrite(fd, view[offset + done : offset + length], place + done)
            finally:
                os.close(fd)


def _run(frames: _Frames, workers: int) -> None:
    """Write `frames`, in this process and `workers` - 1 children of it, and raise what goes wrong.

    Threads would wait for each other at each system call. A child's status tells whether all went well: if not,
    all is written again here, which raises what the child met.
    """
    children: list[int] = []
    signals = _Uninterrupted()
    with signals:
        try:
            _fork(frames, workers - 1, children)
            if children:
                try:
                    signals.allow()
                    frames.write_some()
                finally:
                    signals.block()
        finally:
            frames.stop()
            failed = sum(map(_failed, children))  # `any` would not wait for all
    if failed or not children:
        frames.write()


def _fork(frames: _Frames, count: int, children: list[int]) -> None:
    """Start processes that write `frames`, and note their numbers: fewer where more aren't possible."""
    try:
        if len(os.listdir("/proc/self/task")) > 1:  # what another thread has locked stays locked in a child
            return
        frames.bundle.set_turn(0)
        parent = os.getpid()
        for _ in range(count):
            child = os.fork()
            if not child:  # signals stay blocked: it must never go on with what its parent was at
                try:
                    frames.write_some(parent)
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
    except (OSError, RuntimeError):  # the container's process limit, say; a subinterpreter
        pass


def _failed(child: int) -> bool:
    try:
        return os.waitpid(child, 0)[1] != 0
    except ChildProcessError:  # the program has told the system not to keep how its children end
        return True


def _link(target: str, path: str) -> None:
    try:
        os.link(target, path)
    except OSError:  # CIFS and some FUSE file systems have no hard links
        import shutil

        shutil.copy(target, path)
