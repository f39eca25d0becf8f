"""Mounts an image file (squashfs or EROFS) in the first way that this process is allowed to, and unmounts it.

The kernel's own file systems need CAP_SYS_ADMIN, and squashfs a loop device as well; FUSE needs /dev/fuse and a
program. Only a try tells what a container allows: EPERM and ENOSYS both mean that it doesn't.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time

from airpack_runtime.errors import NotMounted, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

SQUASHFS, EROFS = "squashfs", "erofs"
# The offset of each file system's superblock in the image, and its first bytes.
_MAGIC = {SQUASHFS: (0, b"hsqs"), EROFS: (1024, b"\xe2\xe1\xf5\xe0")}
_FUSE = {SQUASHFS: "squashfuse", EROFS: "erofsfuse"}
# <sys/mount.h>
_MS_RDONLY, _MS_NOSUID, _MS_NODEV = 1, 2, 4
_MS_REC, _MS_PRIVATE = 1 << 14, 1 << 18
# <linux/sched.h>
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
# <linux/prctl.h>
_PR_SET_PDEATHSIG, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 47, 2
# <linux/capability.h>
_CAPABILITY_VERSION_3, _CAP_SYS_ADMIN = 0x20080522, 21
_FLAGS = _MS_RDONLY | _MS_NOSUID | _MS_NODEV
# <linux/loop.h>: with AUTOCLEAR, a loop device detaches itself when its last user is gone, so that none leaks.
_LOOP_CONTROL = "/dev/loop-control"
_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE = 0x4C82, 0x4C0A
_LO_FLAGS_READ_ONLY, _LO_FLAGS_AUTOCLEAR = 1, 4
_LOOP_CONFIG = struct.Struct("=II 52s I 176s 64s")
_TRIES = 16  # other processes take free loop devices, too
_PATIENCE = 10.0  # seconds until a FUSE program must have mounted
_libc = ctypes.CDLL(None, use_errno=True)


def kind_of(fd: int) -> str | None:
    """Return the file system in an open image file, SQUASHFS or EROFS, or None if it is neither."""
    for kind, (place, magic) in _MAGIC.items():
        if os.pread(fd, len(magic), place) == magic:
            return kind
    return None


def mount(image: str, fd: int, kind: str, place: str, private: bool) -> str:
    """Mount the image file that is open as `fd` at the empty folder `place`, and return by which way.

    `image` is its path, for the error; `kind` what `kind_of` returns. `private` also allows this process to enter
    namespaces for good: what is mounted there ends with it. Raises NotMounted with each way's reason; then nothing
    is left mounted or attached.
    """
    source = f"/proc/self/fd/{fd}"
    ways: dict[str, Callable[[], None]] = {}
    if kind == EROFS:
        ways["erofs"] = lambda: _mount(source, place, kind, _FLAGS)
    ways[f"{kind} by a loop device"] = lambda: _mount_loop(fd, kind, place)
    ways[_FUSE[kind]] = lambda: _mount_fuse(fd, kind, place, bound=False)
    if private:
        ways[f"{_FUSE[kind]} in a user namespace"] = lambda: _mount_privately(fd, kind, place)
    reasons = {}
    for way, attempt in ways.items():
        try:
            attempt()
            return way
        except OSError as error:
            reasons[way] = reason_of(error)
    raise NotMounted(image, reasons)


def unmount(place: str) -> None:
    """Unmount the file system at `place`. Raises OSError: EBUSY while a process uses it."""
    try:
        _unmount(place)
    except PermissionError:
        program = shutil.which("fusermount3") or shutil.which("fusermount")
        if program is None:
            raise
        done = subprocess.run([program, "-u", place], stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise OSError(done.stderr.decode("utf-8", "replace").strip()) from None


def private_tmpfs(size: int) -> str:
    """Mount a tmpfs of `size` bytes without noexec, in namespaces that this process enters for good; return where.

    That is an empty folder, so that the mount hides no file. Raises OSError.
    """
    place = next(filter(_is_empty, ("/mnt", "/media", "/srv", "/opt")), None)
    if place is None:
        raise FileNotFoundError(2, "there is no empty folder to mount it at")
    rehearse_namespaces()
    enter_namespaces()
    _mount("airpack", place, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size},mode=0755")
    return place


def _is_empty(folder: str) -> bool:
    try:
        return not os.listdir(folder)
    except OSError:
        return False


def _mount_loop(fd: int, kind: str, place: str) -> None:
    try:
        control = os.open(_LOOP_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(error.errno, f"{_LOOP_CONTROL}: {reason_of(error)}") from error
    try:
        for _ in range(_TRIES):
            device = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            loop = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
            try:
                flags = _LO_FLAGS_READ_ONLY | _LO_FLAGS_AUTOCLEAR
                fcntl.ioctl(loop, _LOOP_CONFIGURE, _LOOP_CONFIG.pack(fd, 0, b"", flags, b"", b""))
                _mount(device, place, kind, _FLAGS)
                return
            except OSError as error:
                if error.errno != 16:  # EBUSY: another process took that device
                    raise
            finally:
                os.close(loop)
    finally:
        os.close(control)
    raise OSError(16, "no loop device stays free")


def _mount_fuse(fd: int, kind: str, place: str, *, bound: bool) -> None:
    """Mount by a FUSE program; if `bound`, it stays in the foreground and ends with this process. Raises OSError."""
    program = _fuse_program(kind)
    options = ["-f"] if bound else []
    if os.getuid() == 0 and not bound:
        options += ["-o", "allow_other"]  # root's workers may run as another user
    before = os.stat(place).st_dev
    process = subprocess.Popen(
        [program, *options, f"/proc/self/fd/{fd}", place],
        pass_fds=[fd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=_bind if bound else None,  # noqa: PLW1509 - one thread
    )
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        status = process.poll()
        if os.stat(place).st_dev != before:
            return
        if status is not None and (status or bound):
            break
        time.sleep(0.002)
    process.kill()
    lines = process.communicate()[1].decode("utf-8", "replace").split("\n")
    raise OSError(5, next((line for line in lines if line.strip()), "it ended without a message"))


def _bind() -> None:
    _die_with_parent(signal.SIGTERM)
    _keep_admin()


def _fuse_program(kind: str) -> str:
    program = shutil.which(_FUSE[kind])
    if program is None:
        raise FileNotFoundError(2, f"there is no {_FUSE[kind]} on PATH")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise PermissionError(13, "/dev/fuse can't be opened")
    return program


def _mount_privately(fd: int, kind: str, place: str) -> None:
    _fuse_program(kind)  # raises before the namespaces are entered for good
    rehearse_namespaces()
    enter_namespaces()
    _mount_fuse(fd, kind, place, bound=True)


def _mount(source: str, place: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount a file system (mount(2)). Raises OSError."""
    kind_bytes = kind.encode() if kind else None
    option_bytes = options.encode() if options else None
    _check(_libc.mount(os.fsencode(source), os.fsencode(place), kind_bytes, ctypes.c_ulong(flags), option_bytes))


def _unmount(place: str) -> None:
    """Unmount the file system at `place` (umount2(2)). Raises OSError: EBUSY while a process uses it."""
    _check(_libc.umount2(os.fsencode(place), 0))


def _unshare(namespaces: int) -> None:
    """Give this process new namespaces (unshare(2)). Raises OSError."""
    _check(_libc.unshare(namespaces))


def _die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when its parent ends, even after an execve(2)."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def enter_namespaces() -> None:
    """Give this process a new user and mount namespace, in which it may mount, and keep its uid.

    The process must have a single thread. Raises OSError where namespaces are forbidden.
    """
    uid, gid = os.getuid(), os.getgid()
    _unshare(_CLONE_NEWUSER | _CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)


def rehearse_namespaces(*, user: bool = True) -> None:
    """Enter namespaces and mount there in a child process. Raises OSError with what failed there.

    This process could not leave them again after a failure halfway. Without `user`, it is a mount namespace alone.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            if user:
                enter_namespaces()
            else:
                _unshare(_CLONE_NEWNS)
                _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
            _mount("airpack", "/", "tmpfs", 0)
            status = 0
        except OSError as error:
            status = error.errno or 1
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    number = status >> 8 if not status & 0x7F else 1  # killed, by a filter of system calls
    if number:
        raise OSError(number, os.strerror(number))


def _keep_admin() -> None:
    """Keep CAP_SYS_ADMIN of the user namespace after the next execve(2), where a uid other than 0 would lose it."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _check(_libc.capget(header, data))
    data[2] |= 1 << _CAP_SYS_ADMIN  # inheritable
    _check(_libc.capset(header, data))
    _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, ctypes.c_ulong(_CAP_SYS_ADMIN), 0, 0))


def _check(status: int) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
