"""Containers of several kinds, whose root filesystem holds Python 3.7 with its libraries, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from support import machine

# Where a container finds the shim and what it boots.
GIVEN = "/airpack"
SHIM = "airpack-runtime.pyz"
LOCKED = ["--read-only", "--cap-drop", "all", "--user", "1000", "--network", "none"]
LOCKED += ["--security-opt", "no-new-privileges"]
NOTHING_WRITABLE = [*LOCKED, "--read-only-tmpfs=false"]
MAY_MOUNT = [*LOCKED, "--cap-add", "SYS_ADMIN"]
PRIVILEGED = ["--privileged", "--read-only", "--network", "none"]

# As Docker's own profile does for whoever lacks CAP_SYS_ADMIN.
_NO_NAMESPACES = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mount", "unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
}
# What a Python is installed with and a server doesn't run.
_LEFT_OUT = ("site-packages", "test", "tests", "tkinter", "idlelib", "turtledemo", "lib2to3", "config-*", "_tkinter*")
# What glibc loads when a thread ends, and of its own what older wheels are linked to and this Python may not be.
_LOADED_LATER = ("libgcc_s.so.1", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1")
_LIBRARY = re.compile(r"(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """What containers are made of: the root filesystem, the folder seen as `/airpack`, podman's own storage."""

    python: Path
    root: Path
    given: Path
    storage: Path

    def shim(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs the shim with `words` in a container."""
        return [str(self.python), f"{GIVEN}/{SHIM}", *words]

    def bwrap(self, words: Sequence[str]) -> list[str]:
        """Return the command line that runs `words` as uid 1000 with namespaces of its own and a tmpfs at /tmp."""
        line = [machine.tool("bwrap", "bubblewrap"), "--unshare-all", "--die-with-parent", "--clearenv"]
        line += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
        line += ["--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        line += ["--ro-bind", str(self.given), GIVEN]
        for name, value in self._env.items():
            line += ["--setenv", name, value]
        return [*line, "--", *words]

    def podman(self, options: Sequence[str], words: Sequence[str]) -> list[str]:
        """Return the command line that runs `words` in a container of podman's with `options`."""
        # podman asks for higher limits than a machine without CAP_SYS_RESOURCE may give.
        line = [*self.tool, "run", "--rm", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        line += [*options, "--volume", f"{self.given}:{GIVEN}:ro"]
        for name, value in self._env.items():
            line += ["--env", f"{name}={value}"]
        return [*line, "--rootfs", str(self.root), *words]

    def with_program(self, name: str, folder: Path) -> Box:
        """Return a box whose root filesystem, a copy in `folder`, has a program of this machine's as well."""
        shutil.copytree(self.root, folder, symlinks=True, copy_function=os.link)
        program = Path(machine.tool(name))
        for source in (program, *libraries([program])):
            _add(folder, source)
        # On PATH, where it is a Python's own folder alone.
        (folder / str(self.python.parent)[1:] / program.name).symlink_to(program)
        return replace(self, root=folder)

    def check_nothing_left(self, folder: Path) -> None:
        """Raise AssertionError if a mount, loop device or process lies in `folder`, or podman has a container.

        What podman leaves running to clean up has a while to end.
        """
        deadline = time.monotonic() + 10
        while (left := self._leftovers(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left, left

    def _leftovers(self, folder: Path) -> list[str]:
        found = [line for line in _read(Path("/proc/mounts")).splitlines() if str(folder) in line]
        texts = [*Path("/sys/block").glob("loop*/loop/backing_file"), *Path("/proc").glob("[0-9]*/cmdline")]
        found += [text for text in map(_read, texts) if str(folder) in text]
        return found or machine.run([*self.tool, "ps", "--all", "--quiet"]).stdout.split()

    @property
    def tool(self) -> list[str]:
        """How podman is called: with a storage of its own."""
        storage = [
            "--root",
            f"{self.storage}/root",
            "--runroot",
            f"{self.storage}/run",
            "--tmpdir",
            f"{self.storage}/tmp",
        ]
        storage += ["--storage-driver", "vfs"]
        return [machine.tool("podman"), "--runtime", machine.tool("runc"), "--cgroup-manager", "cgroupfs", *storage]

    @property
    def _env(self) -> dict[str, str]:
        return {"PATH": str(self.python.parent), "HOME": "/nonexistent", "AIRPACK_LOG": "json"}


def build(folder: Path, given: Path, needed: Sequence[Path]) -> Box:
    """Make a box in `folder`: its root filesystem also has the libraries that the files `needed` are linked to."""
    python, root = machine.python37().path.resolve(), folder / "root"
    home = python.parent.parent
    standard = Path("lib", "python3.7")
    inside = root / str(home)[1:] / standard
    shutil.copytree(home / standard, inside, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (inside / "site-packages").mkdir()
    found = libraries([python, *inside.glob("lib-dynload/*.so"), *needed])
    glibc = next(each.parent for each in found if each.name == "libc.so.6")
    for source in (python, *found, *(glibc / name for name in _LOADED_LATER)):
        if given not in source.parents and source.exists():
            _add(root, source)
    for place in ("dev", "etc", "mnt", "proc", "run", "sys", "tmp", "var/tmp", GIVEN[1:]):
        (root / place).mkdir(parents=True)
    subprocess.run(["chmod", "-R", "a+rX", str(root), str(given)], check=True)
    for place in ("tmp", "var/tmp"):
        (root / place).chmod(0o1777)  # which podman's tmpfs there takes over
    return Box(python=python, root=root, given=given, storage=folder / "storage")


def without_namespaces(profile: Path) -> list[str]:
    """Return podman's options for a container in which no user namespace can be made; `profile` is written."""
    profile.write_text(json.dumps(_NO_NAMESPACES))
    return ["--security-opt", f"seccomp={profile}"]


def fuse_device(node: Path) -> list[str]:
    """Return podman's options for a container with /dev/fuse open to all, as udev makes it; `node` is made."""
    os.mknod(node, stat.S_IFCHR, os.makedev(10, 229))
    node.chmod(0o666)
    return ["--device", f"{node}:/dev/fuse"]


def libraries(files: Sequence[Path]) -> set[Path]:
    """Return the shared libraries that programs and extension modules are linked to, by the machine's own loader."""
    done = subprocess.run(["ldd", *map(str, files)], stdout=subprocess.PIPE, text=True, check=False)
    return {Path(name) for name in _LIBRARY.findall(done.stdout)}


def _add(root: Path, source: Path) -> None:
    """Copy a file to the same place below `root`, whatever links lead to it."""
    place = root / str(source)[1:]
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").replace("\0", " ").strip()
    except OSError:  # a process that has ended, or the device
        return ""
