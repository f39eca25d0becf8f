"""Mounts an image file (squashfs or EROFS) in each way that this process may be allowed to, and unmounts it.

The kernel's own file systems need CAP_SYS_ADMIN, squashfs a loop device as well; FUSE needs
/dev/fuse and a program. What a container allows can't be told but by trying: EPERM and ENOSYS alike are a "no".
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time

from airpack_runtime.errors import reason
from airpack_runtime.provide import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

SQUASHFS, EROFS = "squashfs", "erofs"
# Where each file system's superblock begins, and how.
_MAGIC = {SQUASHFS: (0, b"hsqs"), EROFS: (1024, b"\xe2\xe1\xf5\xe0")}
_FUSE = {SQUASHFS: "squashfuse", EROFS: "erofsfuse"}
_FLAGS = syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV
# <linux/loop.h>: a loop device that detaches itself when its last user is gone can't be leaked.
_LOOP_CONTROL = "/dev/loop-control"
_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE = 0x4C82, 0x4C0A
_LO_FLAGS_READ_ONLY, _LO_FLAGS_AUTOCLEAR = 1, 4
_LOOP_CONFIG = struct.Struct("=II 52s I 176s 64s")
_TRIES = 16  # other processes take free loop devices, too
_PATIENCE = 10.0  # seconds that a FUSE program has to mount


class Refused(Exception):
    """It can be mounted in no way, or at no place; `ways` says for each why."""

    def __init__(self, ways: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{way}: {why}" for way, why in ways))
        self.ways = ways


def kind_of(fd: int) -> str | None:
    """Tell which file system the open file holds, None if it is no image."""
    for kind, (place, magic) in _MAGIC.items():
        if os.pread(fd, len(magic), place) == magic:
            return kind
    return None


def mount(fd: int, kind: str, place: str, private: bool) -> str:
    """Mount the image in the open file at the empty folder `place`, and return by which way.

    With `private`, also inside namespaces that this process enters for good: what is mounted
    there ends with it. Raises Refused with each way's reason, with nothing left mounted or attached.
    """
    source = f"/proc/self/fd/{fd}"
    ways: list[tuple[str, Callable[[], None]]] = []
    if kind == EROFS:
        ways.append(("erofs", lambda: syscalls.mount(source, place, kind, _FLAGS)))
    ways.append((f"{kind} by a loop device", lambda: _mount_loop(fd, kind, place)))
    ways.append((_FUSE[kind], lambda: _mount_fuse(fd, kind, place, False)))
    if private:
        ways.append((f"{_FUSE[kind]} in a user namespace", lambda: _mount_privately(fd, kind, place)))
    refused = []
    for way, attempt in ways:
        try:
            attempt()
            return way
        except OSError as error:
            refused.append((way, reason(error)))
    raise Refused(refused)


def unmount(place: str) -> None:
    """Unmount what lies at `place`. Raises OSError, EBUSY while anything is used there."""
    try:
        syscalls.unmount(place)
    except PermissionError:
        program = shutil.which("fusermount3") or shutil.which("fusermount")
        if program is None:
            raise
        done = subprocess.run([program, "-u", place], stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise OSError(done.stderr.decode("utf-8", "replace").strip()) from None


def private_tmpfs(size: int) -> str:
    """Mount a tmpfs that can execute, of `size` bytes, in namespaces that this process enters for good.

    Returns its folder: one that is empty, as nothing else could be covered. Raises OSError.
    """
    place = next((each for each in ("/mnt", "/media", "/srv", "/opt") if _is_empty(each)), None)
    if place is None:
        raise FileNotFoundError(2, "there is no empty folder to mount it at")
    syscalls.rehearse_namespaces()
    syscalls.enter_namespaces()
    syscalls.mount("airpack", place, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, f"size={size},mode=0755")
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
        raise OSError(error.errno, f"{_LOOP_CONTROL}: {reason(error)}") from error
    try:
        for _ in range(_TRIES):
            device = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            loop = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
            try:
                flags = _LO_FLAGS_READ_ONLY | _LO_FLAGS_AUTOCLEAR
                fcntl.ioctl(loop, _LOOP_CONFIGURE, _LOOP_CONFIG.pack(fd, 0, b"", flags, b"", b""))
                syscalls.mount(device, place, kind, _FLAGS)
                return
            except OSError as error:
                if error.errno != 16:  # EBUSY: another process was faster
                    raise
            finally:
                os.close(loop)
    finally:
        os.close(control)
    raise OSError(16, "no loop device stays free")


def _mount_fuse(fd: int, kind: str, place: str, bound: bool) -> None:
    """Mount by a FUSE program; one that is `bound` stays in the foreground and ends with this process."""
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
    said = process.communicate()[1].decode("utf-8", "replace").split("\n")
    raise OSError(5, next((line for line in said if line.strip()), "it ended without a word"))


def _bind() -> None:
    syscalls.die_with_parent(signal.SIGTERM)
    syscalls.keep_admin()


def _fuse_program(kind: str) -> str:
    program = shutil.which(_FUSE[kind])
    if program is None:
        raise FileNotFoundError(2, f"there is no {_FUSE[kind]} on PATH")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise PermissionError(13, "/dev/fuse is not to be had")
    return program


def _mount_privately(fd: int, kind: str, place: str) -> None:
    _fuse_program(kind)  # before the namespaces are entered for good
    syscalls.rehearse_namespaces()
    syscalls.enter_namespaces()
    _mount_fuse(fd, kind, place, True)
