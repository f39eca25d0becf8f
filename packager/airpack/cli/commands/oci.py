"""`airpack oci`: writes bundles as an OCI image layout, which any tool can push."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airpack.base import staging
from airpack.base.interrupts import threads
from airpack.cli import answers, general, options, screen
from airpack.cli.output import several
from airpack.oci import image
from airpack.oci.image import Image
from airpack.results.folder import Results
from airpack.tree.recipe import DEFAULT_MTIME


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "oci",
        description="Write a bundle as an OCI image (image-spec 1.1) into a folder that any tool can push. A "
        "container that mounts the image has the packages without unpacking them. A signature and an SBOM beside the "
        "bundle are included. Bundles for different platforms make one multi-platform image. The same bundles give the "
        "same bytes.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("places", metavar="BUNDLE|DIST", type=Path, nargs="+", help="bundles, or folders of results")
    parser.add_argument("-o", "--output", metavar="LAYOUT", type=several, required=True, help="the folder to write")
    parser.add_argument(
        "--split",
        action="store_true",
        help="a layer for each distribution, small ones together, so that an update moves only layers that changed",
    )
    options.add_sign(parser)
    general.add_jobs(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command."""
    folder: Path = arguments.output
    image.check_output(folder)
    key, created = options.signing_key(arguments), options.epoch(env, otherwise=DEFAULT_MTIME)
    image_options = image.Options(split=arguments.split, created=created, key=key)
    progress = general.progress(arguments)
    places = [Results.at(place) for place in arguments.places]
    with staging.scratch_in(folder.parent) as scratch, threads(arguments.jobs) as executor:
        aside = scratch / folder.name
        images = image.write(
            places,
            aside,
            image_options,
            executor=executor,
            progress=progress,
        )
        staging.place({aside: folder}, aside=scratch)
    for results in places:
        options.tell_unsigned(results, key, progress)
    lines = [*map(_about, images)]
    lines += [f"beside    {referrer.artifact_type}" for written in images for referrer in written.referrers]
    lines.append(f"push      airpack push {folder} REGISTRY/REPOSITORY:TAG")
    answers.give(arguments, progress, {"layout": folder, "images": [*map(_to_dict, images)]}, lines)


def _to_dict(written: Image) -> dict[str, Any]:
    """Return an image as the document for programs has it."""
    return {
        "platform": image.platform(written.descriptor),
        "digest": written.descriptor.digest,
        "target": written.target,
        "layers": [{"digest": layer.descriptor.digest, "size": layer.descriptor.size} for layer in written.layers],
        "beside": [referrer.artifact_type for referrer in written.referrers],
    }


def _about(written: Image) -> str:
    sizes = [layer.descriptor.size for layer in written.layers]
    layers = f"{screen.counted(len(sizes), 'layer')}, {screen.amount(sum(sizes))}"
    platform = image.platform(written.descriptor)
    return f"image     {platform}, {layers}, of {written.target}\ndigest    {written.descriptor.digest}"
