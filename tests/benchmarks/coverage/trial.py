"""Imports what a bundle brings of a project, twice: by airpack's own proof, and after a boot in the tests' sandbox.

    python tests/benchmarks/coverage/trial.py DIST REQUIREMENT

The sandbox has a real Python 3.7 without packages, another user, a read-only root and no network; the shim alone gives
it the bundle. Status 1 and a line say which module can't be imported. A library of the system's that is missing here is
only noted: the image must have it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from airpack.audit.finding import WARNING
from airpack.base.interrupts import cores, threads
from airpack.bundle.opened import OpenBundle
from airpack.results.proof import TriedImport
from airpack.shim import local_boot, write
from airpack.target.interpreter import Interpreter
from airpack.target.requires import holds
from airpack.target.target import Target
from airpack.verify import imports
from airpack.verify.imports import ImportFinding, TriedImage
from airpack.verify.shares import Share, modules_in, shares_of
from airpack.wheels.metadata import requirements_in
from airpack_runtime import layout
from benchmarks.coverage.reasons import reason
from benchmarks.process import Failed, execute
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support import machine, sandbox

_LIMIT = 400.0  # seconds of a boot with its imports; this machine may be busy
_LIBRARY = "cannot open shared object file"  # what glibc says of a library that is missing
_SHIM = "airpack-runtime.pyz"
_IMPORTS = """
import importlib, json, sys
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = "%s: %s" % (type(error).__name__, error)
sys.stdout.flush()
with open("/tmp/failed.json", "w") as file:
    json.dump(failed, file)
"""


def main(argv: Sequence[str]) -> int:
    """Try the imports; return the status."""
    dist, requirement = Path(argv[0]), Requirement(argv[1])
    bundle, python = dist / layout.BUNDLE_NAME, machine.python37()
    with tempfile.TemporaryDirectory(dir=dist.parent) as folder:
        tree, boot = Path(folder, "tree"), Path(folder, "boot")
        local_boot.unpack(bundle, tree, python)
        with OpenBundle.at(bundle) as opened:
            target, shares = Target.from_name(opened.toc.target), shares_of(opened.toc)
        modules = _modules(shares, tree, requirement, target)
        failed, tried = _prove(tree, modules, shares, python, target)
        failed = {**_boot(bundle, boot, python, tried), **failed}
    for module in [module for module, error in failed.items() if _LIBRARY in error]:
        print(f"note: import {module}: {failed.pop(module)}: the image must have it")
    if not modules:
        failed[str(requirement)] = "it brings no module"
    for module, error in failed.items():
        print(f"import {module}: {error}")
    return 1 if failed else 0


def _modules(shares: Sequence[Share], tree: Path, requirement: Requirement, target: Target) -> list[tuple[Share, str]]:
    """Return the modules of a project; those of what it requires if it has none itself."""
    by_name = {canonicalize_name(share.name): share for share in shares}
    own = by_name[canonicalize_name(requirement.name)]
    found = modules_in([own])
    if found:
        return found
    metadata = next(tree / path for path in own.paths if path.endswith(".dist-info/METADATA"))
    required = [each for each in requirements_in(metadata.read_bytes()) if holds(each, "", target)]
    return modules_in(by_name[canonicalize_name(each.name)] for each in required)


def _prove(
    tree: Path, modules: Sequence[tuple[Share, str]], shares: Sequence[Share], python: Interpreter, target: Target
) -> tuple[dict[str, str], list[str]]:
    """Return the errors of airpack's proof, and the modules that it doesn't excuse (such as for an extra).

    Those of other projects are not tried, as if they were known to succeed.
    """
    everything = modules_in(shares)
    known = {module: TriedImport(module=module, package=share.name, started=0, took=0) for share, module in everything}
    image = TriedImage(
        target=target, known={name: known[name] for name in known.keys() - {each for _, each in modules}}
    )
    with threads(cores()) as executor:
        proof = imports.prove(tree, everything, python, image, executor=executor)
    findings = [each for each in proof.findings if isinstance(each, ImportFinding)]
    failed = {each.failure.module: f"{each.failure.error}: {each.remedy}" for each in findings}
    excused = {each.failure.module for each in findings if each.severity != WARNING}
    return {name: error for name, error in failed.items() if name not in excused}, [
        module for _, module in modules if module not in excused
    ]


def _boot(bundle: Path, folder: Path, python: Interpreter, modules: Sequence[str]) -> Mapping[str, str]:
    """Return the errors of imports after a boot in the sandbox, by module."""
    (folder / "tmp").mkdir(parents=True)
    (folder / "tmp").chmod(0o777)
    write.write_zipapp(folder / _SHIM, None)
    words = ["python3.7", f"/{_SHIM}", "exec", "--bundle", f"/{bundle.name}", "--", "python3.7", "-c", _IMPORTS]
    mounts = {f"/{_SHIM}": folder / _SHIM, f"/{bundle.name}": bundle}
    line = sandbox.command(python.path, [*words, *modules], mounts=mounts, env={}, tmp=folder / "tmp")
    try:
        execute(line, limit=_LIMIT)
        failed: dict[str, str] = json.loads((folder / "tmp" / "failed.json").read_text())
    except Failed as error:
        return dict.fromkeys(modules[:1], f"in the sandbox: {reason(error.said)}")
    return {name: f"in the sandbox: {error}" for name, error in failed.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
