"""Which shared libraries the image has, and which of those that a bundle needs it lacks."""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import activation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Iterator, Mapping, Sequence

    from airpack_runtime.format.toc import Need


# Loads each library in a process of its own, for a minute at most; writes what went wrong, 1 if anything did, and 0.
_TRY = """
import ctypes, os, signal, sys
signal.alarm(60)
for name in sys.argv[1:]:
    if not os.fork():
        signal.alarm(9)
        try:
            ctypes.CDLL(name)
            os._exit(0)
        except OSError as error:
            os.write(1, str(error).encode("utf-8", "replace"))
        finally:
            os._exit(1)
    os.write(1, b"\\1\\0"[not os.wait()[1] :])
"""


def loadable(env: Mapping[str, str], wanted: set[str] | None = None) -> dict[str, str]:
    """Return the libraries that the loader finds for this process, those of `wanted` if it is given: paths by name.

    They are in its cache, its own folders, LD_LIBRARY_PATH, and beside this Python, which may name that folder itself.
    """
    own = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"]
    own += [f"{folder}/{os.uname().machine}-linux-gnu" for folder in own[:2]]
    kind, found = _kind("/proc/self/exe"), {}
    for path in _paths((*env.get("LD_LIBRARY_PATH", "").split(":"), *own, f"{sys.base_exec_prefix}/lib")):
        name = os.path.basename(path)
        if name not in found and (wanted is None or name in wanted) and _kind(path) == kind:
            found[name] = path
    return found


def _paths(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        if os.path.isdir(folder):
            yield from (f"{folder}/{name}" for name in os.listdir(folder) if ".so" in name)
    if os.path.isfile("/etc/ld.so.cache"):
        with open("/etc/ld.so.cache", "rb") as file:
            yield from map(os.fsdecode, re.findall(rb"/[^\0]+", file.read()))


def _kind(path: str) -> bytes:
    """Return the class, the byte order and the machine in the header of an ELF file (gABI), empty for none."""
    try:
        with open(path, "rb") as file:
            head = file.read(20)
    except OSError:
        return b""
    return head[:6] + head[18:] if head.startswith(b"\x7fELF") else b""


def absent(needs: Sequence[Need], env: Mapping[str, str]) -> list[str]:
    """Return a sentence for each library that the loader wouldn't find, with who needs it and what has it."""
    found = loadable(env, {need.library for need in needs}) if needs else {}
    return [f"{need.library} ({need.about})" for need in needs if need.library not in found]


def unloadable(needs: Sequence[Need]) -> Iterator[str]:
    """Yield a sentence for each library that can't be loaded: the loader's own, with who needs it and what has it.

    A Python of their own loads them, each in a process that it may end. They are the image's: nothing of a bundle runs,
    nor what lies in the current folder, which an empty entry of LD_LIBRARY_PATH stands for (ld.so(8)).
    """
    from subprocess import PIPE, run

    if needs:
        line = [activation.interpreter(), "-Ic", _TRY, *(need.library for need in needs)]
        told = run(line, stdout=PIPE, stderr=PIPE, cwd="/", check=False).stdout.decode("utf-8", "replace")
        late = ["there was no time to try it\1"] * len(needs)
        for need, problem in zip(needs, told.split("\0")[:-1] + late):
            if problem.endswith("\1"):
                yield f"{problem[:-1] or need.library} ({need.about})"
