"""Imports modules in forks of itself, as its standard input asks; it runs under the target's Python, 3.7 or newer.

A Python's start, and the imports below, take as long as most modules do. Only the standard library and the tree are on
the path. What came of an import goes through a file, as a module may print; the exit status of its process is told.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import json
import os
import resource
import signal
import site
import sys
import time
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# A process that has taken so many seconds, or so many kilobytes of memory, imports no further module.
_SECONDS, _MEMORY = 20, 256 << 10


def serve(runtime: str, tree: str) -> None:
    """Import from `tree` what each line of standard input lists: modules, the folder and the answer's place of each.

    One process imports the modules of a line, until one of them fails or changes what others meet; those are left that
    have no answer then.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    sys.path.append(runtime)
    importlib.import_module("airpack_runtime.activation")
    sys.path.remove(runtime)
    gc.freeze()  # what is here already is no work for the forks' collectors
    is_first = os.getpid() == 1  # of a namespace of its own: all others in it are what a module has started
    for line in sys.stdin:
        process = os.fork()
        if not process:
            if is_first:
                os.setsid()
            for number in range(2):
                os.dup2(2, number)  # which is /dev/null
            _import_all(json.loads(line), tree)
            os._exit(0)
        status = os.waitpid(process, 0)[1]
        if is_first:
            _end_all()
        os.write(1, b"%d" % (-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)))


def _end_all() -> None:
    """End all other processes of this one's namespace."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def _import_all(tasks: Sequence[Sequence[str]], tree: str) -> None:
    """Import modules until one fails, or changes what others meet: unless that is the first, no answer tells of it."""
    first = time.monotonic()
    for number, (module, home, answer) in enumerate(tasks):
        os.chdir(home)
        os.environ.update(HOME=home, TMPDIR=home)
        facts, is_clean = _tried(module, tree)
        if is_clean or number == 0:
            with open(answer, "w") as file:
                json.dump(facts, file)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if not is_clean or time.monotonic() - first > _SECONDS or used > _MEMORY:
            break


def _tried(module: str, tree: str) -> tuple[dict[str, Any], bool]:
    """Return the facts of an import, and whether it succeeded and changed nothing that others meet."""
    facts: dict[str, Any] = {"error": None, "missing": [], "files": [], "origin": "", "loaded": []}
    is_clean, began = False, time.monotonic()
    try:
        activation = sys.modules["airpack_runtime.activation"]
        activation.activate(tree, os.environ)
        for each in (site.setquit, site.setcopyright, site.sethelper):
            each()
        sys.argv[:] = [""]
        before = _surroundings(tree)
        began = time.monotonic()
        importlib.import_module(module)
        facts["took"] = time.monotonic() - began
        facts["loaded"] = _loaded(tree)
        is_clean = not _is_changed(before, _surroundings(tree))
    except BaseException as cause:  # noqa: BLE001 - whatever it is, the import failed
        facts.setdefault("took", time.monotonic() - began)
        facts.update(_failure(cause))
    return {**facts, "began": began}, is_clean


def _failure(cause: BaseException | None) -> dict[str, Any]:
    """Return what an exception says of an import that failed."""
    assert cause is not None
    files = [frame.filename for frame in traceback.extract_tb(cause.__traceback__)]
    files += [cause.filename] if isinstance(cause, SyntaxError) and isinstance(cause.filename, str) else []
    facts = {
        "error": traceback.format_exception_only(type(cause), cause)[-1],
        "files": files,
        "origin": cause.name if isinstance(cause, ImportError) and isinstance(cause.name, str) else "",
    }
    seen: list[BaseException] = []
    missing: list[str] = []
    while cause is not None and cause not in seen:
        seen.append(cause)
        missing += [cause.name] if isinstance(cause, ModuleNotFoundError) and isinstance(cause.name, str) else []
        cause = cause.__cause__ or cause.__context__
    return {**facts, "missing": missing}


def _loaded(tree: str) -> list[str]:
    """Return the paths in the tree of what this process has loaded."""
    loaded = [_file_of(module) for module in list(sys.modules.values())]
    try:
        with open("/proc/self/maps") as maps:
            loaded += [line.split(None, 5)[-1].rstrip("\n") for line in maps]
    except OSError:  # of a sandbox that has no /proc
        pass
    return sorted({file[len(tree) + 1 :] for file in loaded if file.startswith(tree + "/")})


def _file_of(module: Any) -> str:
    # A module may have made its __dict__ a property that loads all that it can (apipkg): its type's own is read.
    own = vars(type(sys))["__dict__"].__get__
    try:
        names: Any = own(module) if issubclass(type(module), type(sys)) else module.__dict__
        return str(names["__file__"])
    except Exception:  # noqa: BLE001 - a module may be any object
        return ""


def _surroundings(tree: str) -> tuple[list[Any], dict[str, set[str]]]:
    """Return what decides how a module is found, and what else it meets, but for modules of the tree.

    These are what is equal unless it was changed, and the names that the standard library's modules have. Where a file
    of the tree is loaded by a name that is not its own, nor an alias in its own package, that is a change.
    """
    packages = sys.modules["airpack_runtime.activation"].site_of(tree) + "/"
    names, tops = {}, {}
    for name, module in list(sys.modules.items()):
        file = _file_of(module)
        if file.startswith(packages):
            tops[name] = file[len(packages) :].partition("/")[0].partition(".")[0]
        elif type(module) is type(sys):
            names[name] = {
                key
                for key, value in list(vars(module).items())
                if not (key.startswith("__") or isinstance(value, type(sys)))
            }
    firsts = [(name, name.partition(".")[0], top) for name, top in tops.items()]
    posing = [name for name, first, top in firsts if first not in (top, tops.get(first))]
    own = {key: id(value) for key, value in vars(builtins).items()}
    return [
        sys.path[:],
        sys.path_hooks[:],
        own,
        posing,
        os.getcwd(),
        dict(os.environ),
        len(sys._current_frames()),
    ], names


def _is_changed(before: tuple[list[Any], dict[str, set[str]]], after: tuple[list[Any], dict[str, set[str]]]) -> bool:
    return before[0] != after[0] or any(after[1].get(name, names) - names for name, names in before[1].items())


if __name__ == "__main__":
    serve(*sys.argv[1:])
