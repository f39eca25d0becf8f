"""`airpack rebuild`: packs results again, and compares the bytes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from airpack.base import cache
from airpack.base.console import plain
from airpack.base.errors import NotRebuilt, UsageError
from airpack.cli import answers, general, options, pip_options
from airpack.packing.rebuild import EarlierPack, RebuildOptions, Rebuilt, rebuild
from airpack.results.folder import Results

_SHOWN = 40  # lines of differences


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "rebuild",
        description="Pack a folder of results again, from its pylock.toml, manifest.json and wheelhouse/, and compare "
        "the bundles. If their bytes differ, show which files differ, and how. If the tools here have other versions "
        "than the manifest records, only the content must agree: each file's path, mode and SHA-256.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("dist", metavar="DIST", type=Path, help="a folder of results")
    index = pip_options.add_index(parser)
    index.add_argument("--decoder", metavar="WHEEL", type=Path, help="the decoder's wheel, if the index has it not")
    general.add_jobs(parser)
    options.add_python(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises NotRebuilt."""
    if arguments.dist.is_file():
        raise UsageError(f"{arguments.dist} is a file: give the folder of results that it was packed into")
    earlier = EarlierPack.read(Results.in_folder(arguments.dist))
    progress = general.progress(arguments)
    rebuild_options = RebuildOptions(
        obtain_python=lambda target: options.obtain_python(arguments, target, env, progress),
        decoder=arguments.decoder,
        cache=cache.folder(env),
        pip=pip_options.pip(arguments, env, progress),
        jobs=arguments.jobs,
    )
    rebuilt = rebuild(earlier, rebuild_options, progress=progress)
    comparison = rebuilt.comparison
    result = {
        "bundle": rebuilt.bundle,
        "digest": f"sha256:{rebuilt.digest}",
        "content_digest": f"sha256:{rebuilt.content_digest}",
        "same_bytes": comparison.same_bytes,
        "same_content": comparison.same_content,
        "differences": len(comparison.differences),
        "tools": [{"name": each.name, "packed": each.packed, "here": each.here} for each in rebuilt.tools],
        "built": list(rebuilt.built),
    }
    error = None if rebuilt.agrees else NotRebuilt(rebuilt.bundle, len(comparison.differences))
    answers.give(arguments, progress, result, _lines(rebuilt), error=error)
    if error is not None:
        raise error


def _lines(rebuilt: Rebuilt) -> Iterator[str]:
    differences = rebuilt.comparison.differences
    for wheel in rebuilt.built:
        yield plain(f"taken     {wheel} from the wheelhouse: it was built from source when it was packed")
    for tool in rebuilt.tools:
        yield plain(f"tool      {tool.name} was {tool.packed}, and is {tool.here}")
    for difference in differences[:_SHOWN]:
        yield plain(f"differs   {difference}")
    if len(differences) > _SHOWN:
        yield f"          and {len(differences) - _SHOWN:,} more"
    if rebuilt.comparison.same_bytes:
        yield f"rebuilt   {rebuilt.bundle}, byte for byte"
        yield f"digest    sha256:{rebuilt.digest}"
    elif rebuilt.agrees:
        yield f"rebuilt   {rebuilt.bundle}: the content agrees; the bytes differ because tools differ"
        yield f"content   sha256:{rebuilt.content_digest}"
