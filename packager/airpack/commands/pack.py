"""`airpack pack`: requirements, or a lock, to a bundle."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from airpack_runtime import layout

from airpack import bundle, cache, filesystem, keys, output, pipeline, pylock, workers
from airpack.commands import options
from airpack.errors import UsageError
from airpack.exclusion import Exclusion
from airpack.interpreter import Interpreter
from airpack.keys import SigningKey
from airpack.lock import Lock
from airpack.resolve import Requirements
from airpack.target import Target

_MAX_LEVEL = 19  # above it, zstd's windows outgrow what the shim allows


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "pack",
        help="resolve requirements for an image and bundle them",
        description="Resolve requirements for an image, fetch the wheels, and write bundle.tar.zst, wheelhouse/, "
        "pylock.toml and manifest.json.",
    )
    parser.set_defaults(run=run)
    what = options.add_requirements(parser)
    what.add_argument("--lock", metavar="FILE", type=Path, help="pack exactly this pylock.toml, without resolving")
    options.add_target(what)
    _add_results(parser)
    _add_exclusion(parser)
    index = options.add_index(parser)
    index.add_argument("--decoder", metavar="WHEEL", type=Path, help="the pyzstd wheel, where the index lacks it")
    _add_how(parser)
    options.add_verbosity(parser, progress=True)


def _add_results(parser: argparse.ArgumentParser) -> None:
    results = parser.add_argument_group("where the results go")
    results.add_argument("-o", "--output", metavar="DIR", type=Path, default=Path("dist"), help="default: dist")
    results.add_argument("--tree", metavar="DIR", type=Path, help="also write the tree as a plain folder to mount")
    results.add_argument(
        "--drop-in", metavar="DIR", type=Path, help="also write the shim and the bundle as a folder for PYTHONPATH"
    )
    results.add_argument(
        "--image", choices=filesystem.KINDS, help="also write the tree as a file system image, which a boot can mount"
    )
    results.add_argument("--sbom", action="store_true", help=f"also write {output.SBOM_NAME}, as `airpack sbom` does")


def _add_exclusion(parser: argparse.ArgumentParser) -> None:
    left_out = parser.add_argument_group("what to leave out of the wheels")
    left_out.add_argument(
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        help="files that match, below site-packages: 'pandas/tests/*'; * takes / as well",
    )
    left_out.add_argument(
        "--slim", action="store_true", help="tests, headers, static libraries, Cython sources and type stubs"
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how")
    how.add_argument(
        "--level",
        metavar="N",
        type=_level,
        default=bundle.DEFAULT_LEVEL,
        help=f"zstd level, 1 to {_MAX_LEVEL} (default: %(default)s; 9 packs eight times as fast, a tenth larger)",
    )
    cores = workers.cores()
    how.add_argument("--jobs", metavar="N", type=options.positive, default=cores, help="default: all cores")
    how.add_argument("--no-bytecode", action="store_true", help="leave the bytecode out: smaller, slower to import")
    how.add_argument("--strict", action="store_true", help="let warnings of the audit fail the pack")
    how.add_argument(
        "--with-wheelhouse", action="store_true", help="put the wheels into the bundle, too, for pip there"
    )
    how.add_argument("--sign", metavar="NAME.key", type=Path, help="sign the bundle, and an image of it")
    options.add_passphrase(how)
    how.add_argument("--no-import", action="store_true", help="don't try to import what was packed")
    options.add_python(how)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command."""
    progress = options.progress(arguments)
    target, source = _source(arguments)
    python = options.find_python(arguments, target, env, progress, lost=_lost(arguments))
    if target.assumed_release:
        progress.note(f"target    {target.name}, taken for Python {target.python_full_version}")
    order = _order(arguments, env, target, source, python)
    packed = pipeline.pack(order, pip=options.pip(arguments, env), progress=progress)
    cache.prune(order.cache, now=time.time())
    for wheel in packed.wheelhouse.lock.wheels:
        if wheel.source is not None:
            who = "this Python" if wheel.built_by_host else f"Python {target.python_version}"
            progress.note(f"built     {wheel.filename} by {who}, from {wheel.source.url}")
    if not arguments.quiet:
        _print(packed, arguments.tree, arguments.drop_in, order.sign)


def _lost(arguments: argparse.Namespace) -> str:
    """Return what a pack does without where there is no interpreter of the target's version."""
    bytecode = [] if arguments.no_bytecode else ["bytecode"]
    proof = [] if arguments.no_import else ["the proof by import"]
    parts = [*bytecode, "builds of sdists", *proof]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _order(
    arguments: argparse.Namespace,
    env: Mapping[str, str],
    target: Target,
    source: Requirements | Lock,
    python: Interpreter | None,
) -> pipeline.Order:
    return pipeline.Order(
        source=source,
        target=target,
        output=arguments.output,
        cache=options.cache(env),
        tree=arguments.tree,
        drop_in=arguments.drop_in,
        python=python,
        compile_bytecode=not arguments.no_bytecode,
        decoder=arguments.decoder,
        level=arguments.level,
        mtime=options.epoch(env, otherwise=bundle.DEFAULT_MTIME),
        jobs=arguments.jobs,
        strict=arguments.strict,
        skip_installed=arguments.skip_installed,
        prove=not arguments.no_import,
        with_wheelhouse=arguments.with_wheelhouse,
        exclusion=Exclusion(globs=tuple(arguments.exclude), slim=arguments.slim),
        image=arguments.image,
        sign=keys.load(arguments.sign, options.passphrase(arguments)) if arguments.sign else None,
        sbom=arguments.sbom,
        env=env,
    )


def _source(arguments: argparse.Namespace) -> tuple[Target, Requirements | Lock]:
    """Return the target, and what to pack for it: requirements, or a lock."""
    path: Path | None = arguments.lock
    if path is None:
        target = options.target(arguments)
        return target, options.requirements(arguments, target)
    if options.is_asked(arguments) or arguments.constraint or arguments.extra or arguments.skip_installed:
        raise UsageError(
            "--lock says all that is packed: leave requirements and --skip-installed out, or leave --lock out"
        )
    if arguments.target is None:
        arguments.target, full_version = pylock.target_of(path)
        arguments.python_version = arguments.python_version or full_version
    target = options.target(arguments)
    return target, pylock.load(path, target)


def _print(packed: pipeline.Packed, tree: Path | None, drop_in: Path | None, key: SigningKey | None) -> None:
    made, contents, lock = packed.bundle, packed.bundle.contents, packed.wheelhouse.lock
    files = len(contents.files) + len(contents.links)
    print(f"wheels    {len(lock.wheels):,} in {packed.wheelhouse.folder}, {(lock.size or 0) / 1e6:,.1f} MB")
    unpacked = f"{contents.unpacked_size / 1e6:,.1f} MB unpacked, {files:,} files"
    print(f"bundle    {made.path}, {made.size / 1e6:,.1f} MB ({unpacked})")
    if packed.excluded.files:
        print(f"excluded  {packed.excluded.files:,} files, {packed.excluded.size / 1e6:,.1f} MB before compression")
    if tree:
        print(f"tree      {tree}")
    if drop_in:
        print(f"drop-in   {drop_in}: set PYTHONPATH to where it is in the image")
    if packed.sbom:
        print(f"sbom      {packed.sbom}")
    print(f"digest    sha256:{made.digest}")
    if key is not None:
        print(f"signed    {made.path}{layout.SIGNATURE_SUFFIX}, by the key {key.id}")
        if drop_in:
            print("          but a drop-in's shim travels with it: the signature binds only a shim in the image")
    if packed.image is not None:
        print(f"image     {packed.image.path}, {packed.image.size / 1e6:,.1f} MB, sha256:{packed.image.sha256}")
    python = f"python{lock.target.python_version}"
    print(
        "boot      airpack shim -o airpack-runtime.pyz, then in the image:\n"
        f"          {python} airpack-runtime.pyz exec --bundle {made.path.name} -- {python} YOUR_PROGRAM.py"
    )


def _level(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= _MAX_LEVEL:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no level: give a number from 1 to {_MAX_LEVEL}")
