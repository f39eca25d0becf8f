"""Proof by import: boots a bundle as an image would, and imports all that it brings, under the target's interpreter."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import airpack_runtime
from airpack_runtime import host, layout
from airpack_runtime.reader import open_bundle
from airpack_runtime.toc import Distribution, Toc
from packaging.utils import canonicalize_name

from airpack import local_boot
from airpack.audit import NOTE, WARNING, Finding
from airpack.image import ImagePackage
from airpack.interpreter import Interpreter
from airpack.tree import requirements_in

# Seconds for one import; the slowest known, a cold tensorflow, takes ten.
_TIMEOUT = 120
# Only the standard library and the tree are on the path. What fails is told through a file: a module may print.
_CHILD = """
import sys
runtime, tree, module, answer = sys.argv[1:]
sys.path.append(runtime)
from airpack_runtime import activation
sys.path.remove(runtime)
import importlib, json, os, site, traceback
activation.activate(tree, os.environ)
for each in (site.setquit, site.setcopyright, site.sethelper):
    each()
sys.argv[:] = [""]
try:
    importlib.import_module(module)
except BaseException as error:
    missing, cause = [], error
    while cause is not None:
        missing += [cause.name] if isinstance(cause, ModuleNotFoundError) and cause.name else []
        cause = cause.__cause__ or cause.__context__
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    with open(answer, "w") as file:
        json.dump({"error": last, "missing": missing}, file)
    os._exit(1)
os._exit(0)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A module that can't be imported: the last line of its error, and the modules it found missing."""

    module: str
    error: str
    missing: tuple[str, ...] = ()


def obstacle(target: str, scratch: Path) -> str | None:
    """Say why nothing could be imported for a target on this machine; None if it could."""
    objection = host.objection(target)
    if objection:
        return f"this is {objection}"
    if os.statvfs(scratch).f_flag & os.ST_NOEXEC:
        return f"{scratch} is mounted noexec"
    return None


def prove(
    bundle: Path,
    python: Interpreter,
    scratch: Path,
    *,
    provided: Iterable[ImagePackage],
    executor: Executor,
    on_module: Callable[[int], None] = lambda _: None,
) -> list[Finding]:
    """Return a finding for each top-level module of `bundle` that can't be imported.

    `provided` is what the image brings itself, and this machine has not. The tree is
    unpacked into `scratch` by the shim under `python`; each import has a process of its
    own, with nothing else on the path, and no network where this machine can forbid it.
    Raises BootFailed if the bundle can't be booted at all.
    """
    tree = scratch / "tree"
    local_boot.unpack(bundle, tree, python)
    with open_bundle(str(bundle)) as opened:
        toc = opened.toc()
    start = [*_offline(), str(python.path), "-I", "-S", "-B", "-c", _CHILD]
    work = [(each, module) for each in toc.distributions for module in modules_of(paths_of(toc, each))]

    left_out = [each.key for each in provided]

    def attempt(number: int) -> Finding | None:
        distribution, module = work[number]
        failure = _import(start, tree, module, scratch / str(number))
        on_module(1)
        return _finding(failure, distribution, toc, tree, left_out) if failure else None

    return [each for each in executor.map(attempt, range(len(work))) if each is not None]


def count_modules(toc: Toc) -> int:
    """Return how many modules `prove` imports."""
    return sum(len(modules_of(paths_of(toc, each))) for each in toc.distributions)


def paths_of(toc: Toc, distribution: Distribution) -> list[str]:
    """Return the paths of a distribution's files in the tree."""
    files, links = toc.files[slice(*distribution.files)], toc.links[slice(*distribution.links)]
    return [*(file.path for file in files), *(link.path for link in links)]


def modules_of(paths: Iterable[str]) -> list[str]:
    """Return the modules and packages that lie at the top among `paths`, sorted.

    Of a namespace package (PEP 420), which is nobody's, it is the packages in it.
    """
    inside = [
        PurePosixPath(path).relative_to(layout.SITE_PACKAGES)
        for path in paths
        if path.startswith(f"{layout.SITE_PACKAGES}/") and path.endswith((".py", ".so"))
    ]
    packages = {path.parent for path in inside if path.name.partition(".")[0] == "__init__"} - {PurePosixPath()}
    found = set()
    for path in inside:
        above = [parent for parent in reversed(path.parents) if parent in packages]
        if above:
            found.add(".".join(above[0].parts))
        elif len(path.parts) == 1:
            found.add(path.name.partition(".")[0])
    return sorted(name for name in found if name.replace(".", "").isidentifier() and not name.startswith("__"))


def _offline() -> list[str]:
    """Return what to begin a command line with so that it finds no network; nothing where that isn't allowed."""
    for words in (["unshare", "-rn"], ["unshare", "-n"]) if shutil.which("unshare") else ():
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return []


def _import(start: Sequence[str], tree: Path, module: str, scratch: Path) -> Failure | None:
    scratch.mkdir()
    answer = scratch / "answer.json"
    line = [*start, str(Path(airpack_runtime.__file__).parent.parent), str(tree), module, str(answer)]
    env = {"PATH": os.defpath, "HOME": str(scratch), "TMPDIR": str(scratch), "LANG": "C.UTF-8"}
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(
        line, cwd=scratch, env=env, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
    )
    try:
        status = process.wait(_TIMEOUT)
    except subprocess.TimeoutExpired:
        return Failure(module=module, error=f"it took more than {_TIMEOUT} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if status == 0:
        return None
    if answer.exists():
        said = json.loads(answer.read_text(encoding="utf-8"))
        return Failure(module=module, error=said["error"], missing=tuple(said["missing"]))
    return Failure(module=module, error=f"the process ended with status {status}")


def _finding(failure: Failure, distribution: Distribution, toc: Toc, tree: Path, left_out: Iterable[str]) -> Finding:
    """Judge a failure: what an extra that nobody asked for or the image itself would bring isn't one."""
    severity, remedy = WARNING, f"look at it: airpack run DIST -- python -c 'import {failure.module}'"
    missing = [name for name in failure.missing if name.partition(".")[0] not in _top_level(toc)]
    optional = [name for name in missing if _among(name, _of_extras(distribution, toc, tree))]
    provided = [name for name in missing if _among(name, left_out)]
    if provided:
        severity, remedy = NOTE, "the image has it, so that this can't be tried here"
    elif optional:
        severity, remedy = NOTE, f"it belongs to an extra of {distribution.name} that isn't asked for"
    elif missing:
        remedy = f"no requirement of it brings {missing[0]}: add what does"
    elif "cannot open shared object file" in failure.error:
        remedy = "this machine lacks that library: make sure that the image has it"
    sentence = f"{distribution.version}: import {failure.module} fails here: {failure.error}"
    return Finding(severity=severity, package=distribution.name, sentence=sentence, remedy=remedy)


def _top_level(toc: Toc) -> set[str]:
    return {name for each in toc.distributions for name in each.top_level}


def _of_extras(distribution: Distribution, toc: Toc, tree: Path) -> Iterator[str]:
    """Yield the distributions that only an extra requires."""
    for path in paths_of(toc, distribution):
        if path.endswith(".dist-info/METADATA"):
            for need in requirements_in(tree / path):
                if "extra" in str(need.marker):
                    yield canonicalize_name(need.name)


def _among(module: str, distributions: Iterable[str]) -> bool:
    """Tell whether a module's name is one of these distributions', or part of it (`yaml` of `pyyaml`)."""
    name = re.sub(r"[_.]+", "-", module.partition(".")[0]).lower()
    return any(name in each or each in name for each in distributions)
