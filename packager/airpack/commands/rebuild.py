"""`airpack rebuild`: packs again what was packed, and says whether the bytes agree."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack import rebuild, workers
from airpack.commands import options
from airpack.errors import NotRebuilt, UsageError
from airpack.printable import plain

_SHOWN = 40  # lines of differences


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "rebuild",
        help="pack again from the lock, and compare the bytes",
        description="Pack a folder of results again, from its pylock.toml, manifest.json and wheelhouse/, and say "
        "whether the bundle's bytes agree, and if not, which member differs and how. Where the tools aren't those of "
        "the manifest, the content must agree: each file's path, mode and SHA-256.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("dist", metavar="DIST", type=Path, help="a folder of results")
    index = options.add_index(parser)
    index.add_argument("--decoder", metavar="WHEEL", type=Path, help="the pyzstd wheel, where the index lacks it")
    cores = workers.cores()
    parser.add_argument("--jobs", metavar="N", type=options.positive, default=cores, help="default: all cores")
    options.add_python(parser)
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command. Raises NotRebuilt."""
    if arguments.dist.is_file():
        raise UsageError(f"{arguments.dist} is a file: give the folder of results that it was packed into")
    progress = options.progress(arguments)
    means = rebuild.Means(
        obtain_python=lambda target: options.obtain_python(arguments, target, env, progress),
        decoder=arguments.decoder,
        cache=options.cache(env),
        pip=options.pip(arguments, env),
        jobs=arguments.jobs,
    )
    rebuilt = rebuild.rebuild(arguments.dist, means, progress=progress)
    differences = rebuilt.comparison.differences
    if not arguments.quiet:
        for wheel in rebuilt.built:
            print(f"taken     {plain(wheel)} from the wheelhouse: it was built from source when it was packed")
        for tool in rebuilt.tools:
            print(plain(f"tool      {tool.name} was {tool.before}, and is {tool.here}"))
        for difference in differences[:_SHOWN]:
            print(plain(f"differs   {difference}"))
        if len(differences) > _SHOWN:
            print(f"          and {len(differences) - _SHOWN:,} more")
    if not rebuilt.agrees:
        raise NotRebuilt(rebuilt.bundle, len(differences))
    if arguments.quiet:
        return
    if rebuilt.comparison.same_bytes:
        print(f"rebuilt   {rebuilt.bundle}, byte for byte\ndigest    sha256:{rebuilt.digest}")
    else:
        print(f"rebuilt   {rebuilt.bundle}: its content agrees, its bytes differ with the tools")
        print(f"content   sha256:{rebuilt.content_digest}")
