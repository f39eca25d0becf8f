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
    scene: _Scene | None = None
    for module, home, answer in tasks:
        os.chdir(home)
        os.environ.update(HOME=home, TMPDIR=home)
        facts, after = _tried(module, tree, scene)
        if scene is None or after is not None:
            with open(answer, "w") as file:
                json.dump(facts, file)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if after is None or time.monotonic() - first > _SECONDS or used > _MEMORY:
            break
        scene = after


def _tried(module: str, tree: str, scene: _Scene | None) -> tuple[dict[str, Any], _Scene | None]:
    """Return the facts of an import, and the scene after it: None if it failed or changed what others meet."""
    facts: dict[str, Any] = {"error": None, "missing": [], "files": [], "origin": "", "loaded": []}
    after, began = None, time.monotonic()
    try:
        if scene is None:
            _activate(tree)
            scene = _Scene(tree)
        state = _state()
        began = time.monotonic()
        importlib.import_module(module)
        facts["took"] = time.monotonic() - began
        later = _Scene(tree)
        facts["loaded"] = later.loaded()
        after = later if state == _state() and later.is_like(scene) else None
    except BaseException as cause:  # noqa: BLE001 - whatever it is, the import failed
        facts.setdefault("took", time.monotonic() - began)
        facts.update(_failure(cause))
    return {**facts, "began": began}, after


def _activate(tree: str) -> None:
    """Put the tree on the path, and what else an interpreter has that has started as usual."""
    sys.modules["airpack_runtime.activation"].activate(tree, os.environ)
    for each in (site.setquit, site.setcopyright, site.sethelper):
        each()
    sys.argv[:] = [""]


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


def _file_of(module: Any) -> str:
    # A module may have made its __dict__ a property that loads all that it can (apipkg): its type's own is read.
    own = vars(type(sys))["__dict__"].__get__
    try:
        names: Any = own(module) if issubclass(type(module), type(sys)) else module.__dict__
        return str(names["__file__"])
    except Exception:  # noqa: BLE001 - a module may be any object
        return ""


def _state() -> list[Any]:
    """Return what decides how a module is found, and what else it meets: it is equal unless that was changed."""
    own = {key: id(value) for key, value in vars(builtins).items()}
    return [sys.path[:], sys.path_hooks[:], own, os.getcwd(), dict(os.environ), len(sys._current_frames())]


class _Scene:
    """The modules that are loaded: the files of those of the tree, and the names in the others."""

    def __init__(self, tree: str) -> None:
        self._tree = tree + "/"
        packages = sys.modules["airpack_runtime.activation"].site_of(tree) + "/"
        self._files = {}
        self._names = {}
        for name, module in list(sys.modules.items()):
            file = _file_of(module)
            if file.startswith(self._tree):
                self._files[name] = file
            elif type(module) is type(sys):
                self._names[name] = set(vars(module))
        own = [(name, file[len(packages) :]) for name, file in self._files.items() if file.startswith(packages)]
        tops = {name: path.partition("/")[0].partition(".")[0] for name, path in own}
        firsts = [(name, name.partition(".")[0], top) for name, top in tops.items()]
        # Files that were loaded by a name that is not their own, nor an alias in their own package.
        self._posing = [name for name, first, top in firsts if first not in (top, tops.get(first))]

    def loaded(self) -> list[str]:
        """Return the paths in the tree of what this process has loaded."""
        files = [*self._files.values()]
        try:
            with open("/proc/self/maps") as maps:
                files += [line.split(None, 5)[-1].rstrip("\n") for line in maps]
        except OSError:  # of a sandbox that has no /proc
            pass
        return sorted({file[len(self._tree) :] for file in files if file.startswith(self._tree)})

    def is_like(self, before: _Scene) -> bool:
        """Return whether the modules of `before` have no further names, and no other file poses as another module."""
        grown = [name for name, names in before._names.items() if self._names.get(name, names) - names]
        return self._posing == before._posing and not any(
            _is_own(key, value)
            for name in grown
            for key, value in list(vars(sys.modules[name]).items())
            if key not in before._names[name]
        )


def _is_own(key: str, value: Any) -> bool:
    """Return whether a name in a module is more than its submodule, or a note of the interpreter's."""
    return not (key.startswith("__") or isinstance(value, type(sys)))


if __name__ == "__main__":
    serve(*sys.argv[1:])
