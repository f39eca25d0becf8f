"""Replaces the shim's process by a command whose Pythons find the packages.

Every start of a container waits for this: what only errors and other images need is imported inside functions.
"""

from __future__ import annotations

import os
import sys

from airpack_runtime import boot, layout, trust
from airpack_runtime.ready import TREE, Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping, Sequence

_PYTHONS = ("python", "python3", f"python3.{sys.version_info[1]}")
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as shells end for a file that they can't run, or a command that they can't find


def guarded(run: Callable[[], int], given: str | None, *, verbose: bool = False) -> int:
    """Return what `run` returns, or the exit status for the error that it raises, which is told in one line.

    `given` is the bundle or tree that the command line named. With `verbose`, the traceback of a BootError is told.
    """
    try:
        return run()
    except KeyboardInterrupt:
        warn("interrupted; nothing was left behind")
        return boot.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a traceback may hold what acts on a terminal
        from airpack_runtime.care.log import with_doctor
        from airpack_runtime.errors import BootError, printable, reason_of

        if isinstance(error, BootError) and not verbose:
            warn(with_doctor(error, boot.shim_root(), given) if error.status == BootError.status else error)
            return error.status
        if isinstance(error, OSError):  # standard output is full, or closed
            warn(f"{error.filename or 'standard output'}: {reason_of(error)}")
            return BootError.status
        from traceback import format_exc

        print(*map(printable, format_exc().splitlines()), sep="\n", file=sys.stderr, flush=True)
        return getattr(error, "status", 1)


def warn(message: object) -> None:
    """Write a line to standard error at once: a buffer would be lost when another program replaces this one."""
    from airpack_runtime.errors import printable

    print(f"airpack: {printable(str(message))}", file=sys.stderr, flush=True)


def execute(words: Sequence[str], bundle: str | None = None, tree: str | None = None, mode: str | None = None) -> int:
    """Replace this process by a command that finds the packages; return an exit status if that fails. Raises BootError.

    `bundle`, or a `tree` that is mounted already, stand in for AIRPACK_BUNDLE, `mode` for AIRPACK_MODE.
    """
    if not words:
        warn("exec needs a command: exec [--bundle PATH] -- COMMAND [ARG ...]")
        return 2
    env = _environment(bundle, tree, TREE if tree else mode)
    words = list(words)
    hiding = _hiding(words)
    if hiding and not boot.is_disabled(env):
        warn(f"{words[0]} {hiding} sees none of the packages: leave that option out")
    path, first = None, ""
    # Of several interpreters on PATH, "python" is the one that runs the shim, since it is the target's. It runs the
    # scripts of the bundle as well, which need no /bin/sh then.
    if sys.executable and words[0] in _PYTHONS:
        words[0] = sys.executable
    else:
        path = _which(words[0], env)
        head = _head(path)
        first = head.partition("\n")[0]
        if sys.executable and path and (layout.LAUNCHER in head or first.rpartition("/env ")[2] in _PYTHONS):
            words[:1] = [sys.executable, path]
    try:
        os.execvpe(words[0], words, env)
    except FileNotFoundError:
        needed = first[2:].split()[0] if first[:2] == "#!" else "its loader"
        warn(f"{path}: {needed} is missing" if path else f"{words[0]}: command not found")
        return NOT_FOUND
    except OSError as error:
        warn(f"{words[0]}: {error.strerror}")
        return NOT_EXECUTABLE


def _hiding(words: Sequence[str]) -> str | None:
    """Return the option of a Python in a command that keeps the packages from it (-I, -E, -S), None if none does."""
    for word in words[1:] if os.path.basename(words[0]).startswith("python") else ():
        behind = word[1:].lstrip("bBdEhiIOPqRsSuvVx")  # the letters of options that take no value
        if word[:1] != "-" or word == "-":
            return None
        if set(word[: len(word) - len(behind)]) & set("IES"):
            return word
        if behind:
            return None
    return None


def _which(name: str, env: Mapping[str, str]) -> str | None:
    """Return the path of a program, as `os.execvpe` finds it: shutil takes longer to import than a warm start."""
    folders = [""] if os.sep in name else os.get_exec_path(env)
    paths = [os.path.join(folder, name) for folder in folders]
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def _head(path: str | None) -> str:
    """Return how a program begins, empty if it can't be read."""
    try:
        with open(path or os.devnull, encoding="latin-1") as file:
            return file.read(256)
    except OSError:
        return ""


def _environment(bundle: str | None, tree: str | None, mode: str | None) -> dict[str, str]:
    """Return the environment of the command that `exec` runs, with the packages provided. Raises BootError.

    This process may enter namespaces for it, in which only what it becomes sees the packages.
    """
    env = dict(os.environ)
    if boot.is_disabled(env):
        return env
    for name in trust.unread(env):
        from airpack_runtime.errors import check_unread

        warn(check_unread(name, env[name], trust.SETTINGS))
    given = bundle or tree
    env.update({name: value for name, value in (("AIRPACK_BUNDLE", given), ("AIRPACK_MODE", mode)) if value})
    if any(name.startswith("AZUREML_EXTRA_") for name in env):
        from airpack_runtime.image import azure

        ready = None if given else azure.ready_tree(env, warn)
        if ready is not None or azure.needs_nothing(env):
            return azure.handled(_exported(ready, env) if ready else env)
        env = azure.handled(env)
    return _exported(boot.ready_tree(boot.find_bundle(env), env, private=True), env)


def _exported(ready: Ready, env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` so that each Python started with it finds the packages of a tree; log the boot. Raises BootError."""
    if os.pathsep in boot.dropin():
        from airpack_runtime.errors import BootError

        raise BootError(f"the shim lies in {boot.shim_root()}, and a colon can't stand in PYTHONPATH: move it")
    exported = dict(env)
    boot.pass_on(ready, exported)
    from airpack_runtime.care import log

    log.write(ready, exported, always=True)
    return exported
