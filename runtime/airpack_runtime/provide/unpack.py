"""Writes a bundle's tree into a folder: by several processes, every frame checked, all of it or nothing."""

from __future__ import annotations

import os
import signal

from airpack_runtime import layout
from airpack_runtime.errors import UnpackFailed, reason_of
from airpack_runtime.format import decoder
from airpack_runtime.format.framing import Plan
from airpack_runtime.provide.storage import reason_against_size, remove, set_mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from airpack_runtime.format.reader import Bundle, Decompress
    from airpack_runtime.format.toc import Toc

# Each worker process holds one frame, compressed and raw: this limits the memory that they take on large machines.
MAX_WORKERS = 8
# root's workers may run as another user: everyone may read a tree, and its cache folder decides who gets there.
_FOLDER_MODE = 0o755
_SCRATCH = ".airpack-unfinished-"
# The signals between these ranges are the C library's own, and Python warns of them. 3.7 lacks signal.valid_signals.
_SIGNALS = {*range(1, 32), *range(signal.SIGRTMIN, signal.NSIG)}


def unpack(bundle: Bundle, folder: str, workers: int | None = None) -> None:
    """Write the tree of `bundle` into `folder`, which is empty or doesn't exist yet.

    Every frame is hashed before it is decompressed. `workers` is the number of processes that write: by default one
    for each processor that this process may use, at most MAX_WORKERS; in a process of several threads always 1.
    Raises BundleDamaged, WrongTarget or UnpackFailed (on a full disk, for example) when all workers have ended. The
    caller removes what was written until then.
    """
    toc = bundle.toc()
    bundle.check_structure()
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), MAX_WORKERS)
    try:
        os.makedirs(folder, exist_ok=True)
        set_mode(folder, _FOLDER_MODE)  # whatever the umask
        decompress = decoder.load(bundle, folder)
        prefix = folder + os.sep
        strict = False
        for directory in toc.folders():
            os.mkdir(prefix + directory, _FOLDER_MODE)
            if directory is toc.directories[0]:  # a umask or an inherited ACL is the same for all
                strict = os.stat(prefix + directory).st_mode & 0o777 != _FOLDER_MODE
            if strict:
                set_mode(prefix + directory, _FOLDER_MODE)
        _run(_Frames(bundle, decompress, prefix, strict), workers)
        for link in toc.links:
            _link(prefix + link.target, prefix + link.path)
    except UnicodeError as error:
        reason = f"this Python's file system encoding can't name {error.args[1]!r}: start it with PYTHONUTF8=1"
        raise UnpackFailed(folder, reason) from error
    except OSError as error:
        raise UnpackFailed(folder, reason_of(error)) from error


def unpack_into(bundle: Bundle, folder: str) -> None:
    """Write the tree of `bundle` with its note into `folder`, which may be a mount point, and need not exist.

    Afterwards, all of it is there or nothing. What a killed call left is replaced. Raises UnpackFailed if
    anything else lies there, and what `unpack` raises.
    """
    toc = bundle.toc()
    names = sorted({path.partition("/")[0] for path in toc.paths()} | {layout.TREE_NOTE})
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
        raise UnpackFailed(folder, reason_of(error)) from error
    finally:
        with _Uninterrupted():
            remove(scratch)
            if not existed and os.path.isdir(folder) and not os.listdir(folder):
                os.rmdir(folder)


def _make_room(folder: str, names: list[str]) -> None:
    """Create `folder`, and remove what a killed unpack left in it. Raises UnpackFailed if other files lie there."""
    _make(folder)
    entries = os.listdir(folder)
    unfinished = [name for name in entries if name.startswith(_SCRATCH)]
    others = [name for name in entries if name not in unfinished]
    if others and not (unfinished and set(others) <= set(names)):
        raise UnpackFailed(folder, "it is not empty; name a folder that is, or that doesn't exist yet")
    for name in (*others, *unfinished):
        remove(f"{folder}/{name}")


def _make(folder: str) -> None:
    """Create a folder and those above it: whatever the umask, others can't exchange what is loaded from there."""
    above = os.path.dirname(folder)
    if above and not os.path.isdir(above):
        _make(above)
    if not os.path.isdir(folder):  # it is the same where a path ends in a slash
        os.mkdir(folder, _FOLDER_MODE)
        set_mode(folder, os.stat(folder).st_mode & _FOLDER_MODE)


def _check_room(folder: str, toc: Toc) -> None:
    """Raise UnpackFailed if there is no room for the whole tree: a bundle made to do harm must not fill the disk."""
    reason = reason_against_size(folder, toc.unpacked_size, len(toc.files))
    if reason:
        raise UnpackFailed(folder, f"it {reason} (the tree takes {toc.unpacked_size / 1e6:.1f} MB)")


class _Uninterrupted:
    """Delays signals such as Ctrl-C until the end of the block, because their handlers may raise."""

    def __enter__(self) -> None:
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        try:
            self.block()
        except BaseException:  # from the handler of a signal that came just before
            self.allow()
            raise

    def __exit__(self, *exc_info: object) -> None:
        self.allow()

    def block(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _SIGNALS)

    def allow(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


class _Frames:
    """The frames to write. Processes that share the work each take the next frame, one at a time."""

    def __init__(self, bundle: Bundle, decompress: Decompress, prefix: str, strict: bool) -> None:
        self.bundle = bundle
        self._decompress = decompress
        self._prefix = prefix
        self._strict = strict  # modes are set explicitly, as the umask or an ACL would change them
        # Frames without a file of the tree are checked as well: whoever pins a bundle wants all of it intact.
        self._plan = Plan(bundle.toc())
        # From both ends in turn: only one process at a time can write to a file, and a large file fills many
        # neighbouring frames.
        numbers = range(len(self._plan))
        self._order = [number for pair in zip(numbers, reversed(numbers)) for number in pair][: len(numbers)]

    def write(self) -> None:
        """Write all frames."""
        for number in self._order:
            self._write(number)

    def write_some(self, parent: int | None = None) -> None:
        """Write frames that no other process has taken, as long as `parent` is this process's parent.

        A failure leaves no frame for the other processes either, so that they end.
        """
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
        """Leave no frame for any process to take."""
        self.bundle.set_turn(len(self._order))

    def _write(self, number: int) -> None:
        view = memoryview(self.bundle.frame(number, self._decompress))
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        for file, place, offset, length in self._plan[number]:
            fd = os.open(self._prefix + file.path, flags, file.mode)
            try:
                if self._strict:
                    set_mode(fd, file.mode)
                done = 0
                while done < length:
                    done += os.pwrite(fd, view[offset + done : offset + length], place + done)
            finally:
                os.close(fd)


def _run(frames: _Frames, workers: int) -> None:
    """Write `frames` by this process and `workers` - 1 child processes. Raises what goes wrong.

    Threads would wait for each other at each system call. A child's status tells whether it succeeded. If one failed,
    this process writes all frames again, and meets and raises the same error.
    """
    children: list[int] = []
    signals = _Uninterrupted()
    with signals:
        try:
            children.extend(_forked(frames, workers - 1))
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


def _forked(frames: _Frames, count: int) -> Iterator[int]:
    """Start `count` processes that write `frames`, fewer where more aren't possible; yield the number of each."""
    try:
        if len(os.listdir("/proc/self/task")) > 1:  # a lock that another thread holds would stay locked in a child
            return
        frames.bundle.set_turn(0)
        parent = os.getpid()
        for _ in range(count):
            child = os.fork()
            if not child:  # signals stay blocked: a child must never return to what its parent was doing
                try:
                    frames.write_some(parent)
                    os._exit(0)
                finally:
                    os._exit(1)
            yield child
    except (OSError, RuntimeError):  # the container's limit of processes; a subinterpreter
        pass


def _failed(child: int) -> bool:
    """Wait for a child process to end, and tell whether it failed."""
    try:
        return os.waitpid(child, 0)[1] != 0
    except ChildProcessError:  # the program ignores SIGCHLD, so that the kernel keeps no status
        return True


def _link(target: str, path: str) -> None:
    try:
        os.link(target, path)
    except OSError:  # CIFS and some FUSE file systems have no hard links
        import shutil

        shutil.copyfile(target, path)
        set_mode(path, os.stat(target).st_mode & 0o777)
