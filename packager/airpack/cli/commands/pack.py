"""`airpack pack`: makes a bundle of requirements, or of a lock."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from airpack.base import cache
from airpack.base.console import Progress
from airpack.bundle import image_file
from airpack.cli import answers, general, inputs, options, outcome, pip_options, screen
from airpack.cli.output import results_folder
from airpack.inspection import changes
from airpack.packing.deliver import Packed
from airpack.packing.order import Order
from airpack.packing.pack import pack
from airpack.resolve import pylock
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import lock_of
from airpack.results import overwrite
from airpack.results.folder import LOCK, SBOM
from airpack.tree.exclusion import Exclusion
from airpack.tree.recipe import DEFAULT_LEVEL, DEFAULT_MTIME, RELEASE_LEVEL, Recipe
from airpack.wheels import decoders


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "pack",
        description="Resolve requirements for an image, fetch the wheels, and write bundle.tar.zst, wheelhouse/, "
        "pylock.toml and manifest.json.",
    )
    parser.set_defaults(run=run)
    what = options.add_requirements(parser)
    what.add_argument("--lock", metavar="FILE", type=Path, help="pack exactly what this lock lists, without resolving")
    what.add_argument(
        "--with-library",
        metavar="PATH|NAME",
        action="append",
        default=[],
        help="put a library of the system into the bundle as well: a file, what is needed of a .deb or a wheel, or, by "
        "its name (libGL.so.1), this machine's",
    )
    options.add_target(what)
    _add_results(parser)
    _add_exclusion(parser)
    index = pip_options.add_index(parser)
    index.add_argument("--decoder", metavar="WHEEL", type=Path, help="the decoder's wheel, if the index has it not")
    _add_packing(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def _add_results(parser: argparse.ArgumentParser) -> None:
    results = parser.add_argument_group("where the results go")
    results.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=results_folder,
        default=Path("dist"),
        help="the folder of the results (default: dist)",
    )
    results.add_argument("--tree", metavar="DIR", type=Path, help="also write the tree as a plain folder to mount")
    results.add_argument(
        "--drop-in", metavar="DIR", type=Path, help="also write the shim and the bundle as a folder for PYTHONPATH"
    )
    results.add_argument(
        "--image", choices=image_file.KINDS, help="also write the tree as a file system image that a boot can mount"
    )
    results.add_argument("--sbom", action="store_true", help=f"also write {SBOM}, as `airpack sbom` does")


def _add_exclusion(parser: argparse.ArgumentParser) -> None:
    left_out = parser.add_argument_group("what to leave out of the wheels")
    left_out.add_argument(
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        help="leave out files that match, below site-packages: 'pandas/tests/*'; * matches / as well",
    )
    left_out.add_argument(
        "--slim", action="store_true", help="leave out tests, headers, static libraries, Cython sources and type stubs"
    )


def _add_packing(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how to pack")
    level = how.add_mutually_exclusive_group()
    level.add_argument(
        "--level",
        metavar="N",
        type=_level,
        default=DEFAULT_LEVEL,
        help=f"zstd level, 1 to {RELEASE_LEVEL} (default: %(default)s)",
    )
    level.add_argument(
        "--release",
        dest="level",
        action="store_const",
        const=RELEASE_LEVEL,
        help=f"the smallest bundle, --level {RELEASE_LEVEL}: 9 percent smaller, and compressed in 18 times the time",
    )
    general.add_jobs(how)
    how.add_argument(
        "--no-bytecode", action="store_true", help="leave out bytecode: the bundle is smaller, imports are slower"
    )
    how.add_argument(
        "--dry-run", action="store_true", help="write nothing; show what would be added, removed, built and fetched"
    )
    how.add_argument("--strict", action="store_true", help="fail on warnings of the audit as well")
    how.add_argument(
        "--with-wheelhouse", action="store_true", help="also put the wheels into the bundle, for pip in the image"
    )
    options.add_sign(how, "sign the bundle, and its image if there is one")
    tried = how.add_mutually_exclusive_group()
    tried.add_argument("--no-import", action="store_true", help="don't try to import what was packed")
    tried.add_argument(
        "--add-missing",
        action="store_true",
        default=None,
        help="add what the import finds missing and a well-known project brings (setuptools, for pkg_resources), go "
        "back to an older version of what is too new for the Python or for another project, and pack again (default, "
        "but for locks and with --no-deps)",
    )
    how.add_argument(
        "--no-add-missing",
        dest="add_missing",
        action="store_false",
        default=None,
        help="add nothing, and only warn of what is missing or too new",
    )
    options.add_python(how)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    progress = general.progress(arguments)
    if arguments.dry_run:
        with pip_options.kept(arguments, env, progress, ahead=arguments.lock is None) as pip:
            _foresee(arguments, _order(arguments, env, progress), pip, progress)
        return
    order, packed = execute(arguments, env, progress)
    progress.total()
    answers.give(arguments, progress, outcome.to_dict(packed, order), outcome.lines(packed, order))


def execute(arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress) -> tuple[Order, Packed]:
    """Pack what the arguments ask for; return what was ordered and what was packed. Raises AirpackError."""
    with pip_options.kept(arguments, env, progress, ahead=arguments.lock is None) as pip:
        order = _order(arguments, env, progress)
        packed = pack(order, pip=pip, progress=progress)
    cache.prune(order.cache, now=time.time())
    for wheel in packed.wheelhouse.lock.wheels:
        if wheel.source is not None:
            builder = "this Python" if wheel.built_by_host else f"Python {order.target.python_version}"
            progress.note(f"built     {wheel.filename} by {builder}, from {wheel.source.address}")
    return order, packed


def _foresee(arguments: argparse.Namespace, order: Order, pip: Pip, progress: Progress) -> None:
    """Show what a pack would add to what lies at its output, remove from it, build and fetch; write nothing."""
    overwrite.check(order.output, tree=order.tree, drop_in=order.drop_in)
    with progress.stage("resolve", "wheels") as advance:
        lock = lock_of(
            order.source,
            order.target,
            pip=pip,
            cache=order.cache,
            python=order.python,
            skip_installed=order.skip_installed,
        )
        advance(len(lock.wheels))
    path = order.output / LOCK
    change = changes.between(pylock.read(path) if path.exists() else None, lock)
    result = {
        "output": order.output,
        **answers.of_lock(lock),
        "size": answers.size_of(lock),
        "changes": change.to_dict(),
    }
    counted = f"{screen.counted(len(lock.wheels), 'wheel')} for {lock.target.name}; nothing was written"
    lines = [*change.lines(), *answers.size_lines(lock), f"packed    would be {counted}"]
    answers.give(arguments, progress, result, lines)


def _uses_of_python(arguments: argparse.Namespace) -> str:
    """Return what this pack needs an interpreter of the target's version for, in words."""
    bytecode = [] if arguments.no_bytecode else ["bytecode"]
    imports = [] if arguments.no_import else ["the import check"]
    uses = [*bytecode, "builds of sdists", *imports]
    return " and ".join(filter(None, [", ".join(uses[:-1]), uses[-1]]))


def _order(arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress) -> Order:
    target, source = inputs.what_to_pack(arguments, env, progress)
    decoders.pin_for(target)  # a target that no bundle can be made for ends here
    python, foreign = options.find_pythons(arguments, target, env, progress, lost=_uses_of_python(arguments))
    return Order(
        source=source,
        target=target,
        output=arguments.output,
        cache=cache.folder(env),
        recipe=Recipe(
            level=arguments.level,
            mtime=options.epoch(env, otherwise=DEFAULT_MTIME),
            compiler=None if arguments.no_bytecode else python,
            with_wheelhouse=arguments.with_wheelhouse,
            exclusion=Exclusion(globs=tuple(arguments.exclude), slim=arguments.slim),
        ),
        tree=arguments.tree,
        drop_in=arguments.drop_in,
        python=python,
        prover=foreign,
        decoder=arguments.decoder,
        jobs=arguments.jobs,
        strict=arguments.strict,
        require_attestations=arguments.require_attestations,
        skip_installed=arguments.skip_installed,
        prove=not arguments.no_import,
        add_missing=not arguments.no_deps if arguments.add_missing is None else arguments.add_missing,
        image=arguments.image,
        libraries=tuple(arguments.with_library),
        sign=options.signing_key(arguments),
        sbom=arguments.sbom,
        env=env,
    )


def _level(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= RELEASE_LEVEL:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a level: give a number from 1 to {RELEASE_LEVEL}")
