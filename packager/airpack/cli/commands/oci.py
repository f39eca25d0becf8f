"""`airpack oci`: bundles as an OCI image layout, which any tool can push."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airpack.base import staging
from airpack.base.interrupts import cores, threads
from airpack.cli import options, screen
from airpack.oci import image
from airpack.oci.image import Image
from airpack.results import keys
from airpack.results.folder import Results
from airpack.tree.recipe import DEFAULT_MTIME


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "oci",
        help="write bundles as an OCI image layout",
        description="Write a bundle as an OCI image (image-spec 1.1) into a folder that any tool can push. What mounts "
        "the image has the packages, without unpacking. A signature and an SBOM beside the bundle go along. Bundles "
        "for different platforms make one multi-platform image. The same bundles give the same bytes.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("places", metavar="BUNDLE|DIST", type=Path, nargs="+", help="bundles, or folders of results")
    parser.add_argument("-o", "--output", metavar="LAYOUT", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--split",
        action="store_true",
        help="a layer for each distribution, small ones together, so that a changed pin moves that layer alone",
    )
    parser.add_argument(
        "--sign", metavar="NAME.key", type=Path, help="sign the tree, so that shims with that key take its volumes"
    )
    options.add_passphrase(parser)
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command."""
    folder: Path = arguments.output
    image.check_output(folder)
    key = keys.load(arguments.sign, options.passphrase(arguments)) if arguments.sign else None
    created = options.epoch(env, otherwise=DEFAULT_MTIME)
    wanted = image.Options(split=arguments.split, created=created, key=key)
    progress = options.progress(arguments)
    with staging.scratch_in(folder.parent) as scratch, threads(cores()) as executor:
        aside = scratch / folder.name
        images = image.write(
            [Results.at(place) for place in arguments.places], aside, wanted, executor=executor, progress=progress
        )
        staging.place({aside: folder}, aside=scratch)
    if arguments.quiet:
        return
    for each in images:
        print(_about(each))
    for each in images:
        for refers in each.referrers:
            print(f"beside    {refers.artifact_type}")
    print(f"push      airpack push {folder} REGISTRY/REPOSITORY:TAG")


def _about(made: Image) -> str:
    sizes = [each.descriptor.size for each in made.layers]
    layers = f"{screen.counted(len(sizes), 'layer')}, {screen.amount(sum(sizes))}"
    return (
        f"image     {image.platform(made.descriptor)}, {layers}, of {made.target}\ndigest    {made.descriptor.digest}"
    )
