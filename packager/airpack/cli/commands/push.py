"""`airpack push`: a bundle into a registry, as an OCI image."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airpack.base.console import Progress
from airpack.base.errors import UsageError, from_extra
from airpack.base.interrupts import cores, threads
from airpack.cli import options, screen
from airpack.oci import image
from airpack.oci.layout import MARKER, Layout
from airpack.registry.reference import DEFAULT_TAG
from airpack.results.folder import Results
from airpack.tree.recipe import DEFAULT_MTIME


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "push",
        help="put a bundle into a registry, as an OCI image",
        description="Put a bundle into a registry, as an OCI image that podman, containerd or Kubernetes can mount; "
        "its signature and its SBOM refer to it (OCI 1.1). Blobs that the registry has are not sent again. Credentials "
        "are those of podman login or docker login.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "place",
        metavar="BUNDLE|DIST|LAYOUT",
        type=Path,
        help="a bundle, a folder of results, or what airpack oci wrote",
    )
    options.add_registry(parser)
    parser.add_argument("--split", action="store_true", help="a layer for each distribution, as airpack oci --split")
    parser.add_argument(
        "--mount-from",
        metavar="REPOSITORY",
        action="append",
        default=[],
        help="another repository of the registry, which may have some of the blobs",
    )
    options.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Carry out the command. Raises RegistryError."""
    with from_extra("a registry", "urllib3", "oci"):
        from airpack.registry.push import push  # noqa: PLC0415 - it may be missing
    progress = options.progress(arguments)
    access = options.access(arguments, env, progress)
    if access.reference.digest is not None:
        raise UsageError(f"{access.reference} has a digest, which comes from what is pushed: give a tag, or neither")
    wanted = image.Options(split=arguments.split, created=options.epoch(env, otherwise=DEFAULT_MTIME))
    with _layout_of(arguments.place, wanted, progress) as layout:
        done = push(layout, access, mount_from=arguments.mount_from, progress=progress)
    if arguments.quiet:
        return
    print(f"pushed    {done.reference}")
    print(f"tag       {access.reference.tag or DEFAULT_TAG}")
    print(f"sent      {screen.counted(done.blobs_sent, 'blob')}, {screen.amount(done.sent)}")
    if done.blobs_skipped:
        print(f"there     {screen.counted(done.blobs_skipped, 'blob')}, {screen.amount(done.skipped)}, by now")


@contextmanager
def _layout_of(place: Path, wanted: image.Options, progress: Progress) -> Iterator[Layout]:
    """Give the layout at `place`, or one of the bundle that is there, until the block ends. Raises UsageError."""
    if (place / MARKER).exists():
        if wanted.split:
            raise UsageError(f"{place} is a layout, whose layers are what they are: give --split to airpack oci")
        yield Layout(place)
        return
    with tempfile.TemporaryDirectory(prefix="airpack-push-") as folder:
        with threads(cores()) as executor:
            image.write([Results.at(place)], Path(folder, "layout"), wanted, executor=executor, progress=progress)
        yield Layout(Path(folder, "layout"))
