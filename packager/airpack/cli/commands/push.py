"""`airpack push`: puts a bundle into a registry, as an OCI image."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airpack.base.console import Progress
from airpack.base.errors import UsageError
from airpack.base.extras import from_extra
from airpack.base.interrupts import threads
from airpack.cli import answers, general, options, screen
from airpack.oci import image
from airpack.oci.layout import MARKER, Layout
from airpack.registry.reference import DEFAULT_TAG
from airpack.results.folder import Results
from airpack.tree.recipe import DEFAULT_MTIME

# Options that come too late for an OCI layout: what it can't be any more, and what is to be done before.
_TOO_LATE = {
    "split": ("split", "give --split to airpack oci"),
    "sign": ("signed", "give --sign to airpack oci"),
    "digest": ("checked", "check the bundle before, by airpack verify --digest"),
    "key": ("checked", "check the bundle before, by airpack verify --key"),
}


def add(commands: options.Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "push",
        description="Put a bundle into a registry, as an OCI image that podman, containerd or Kubernetes can mount. "
        "Its signature and SBOM are attached to it (OCI 1.1 referrers). Blobs that the registry has are not sent "
        "again. Credentials are those of podman login or docker login.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "place",
        metavar="BUNDLE|DIST|LAYOUT",
        type=Path,
        help="a bundle, a folder of results, or an OCI layout that airpack oci wrote",
    )
    options.add_registry(parser)
    parser.add_argument("--split", action="store_true", help="a layer for each distribution, as airpack oci --split")
    options.add_sign(parser)
    parser.add_argument(
        "--mount-from",
        metavar="REPOSITORY",
        action="append",
        default=[],
        help="another repository of the registry that may have some of the blobs",
    )
    general.add_jobs(parser)
    general.add_pins(parser)
    answers.add_arguments(parser)
    general.add_verbosity(parser, progress=True)


def run(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Run the command. Raises RegistryError."""
    with from_extra("a registry", "urllib3", "oci"):
        from airpack.registry.client import Client  # noqa: PLC0415 - urllib3 may be missing
        from airpack.registry.push import push  # noqa: PLC0415
    progress = general.progress(arguments)
    endpoint = options.endpoint(arguments, env, progress)
    if endpoint.reference.digest is not None:
        raise UsageError(f"{endpoint.reference} names a digest, which the push itself determines: give a tag, or none")
    key, created = options.signing_key(arguments), options.epoch(env, otherwise=DEFAULT_MTIME)
    image_options = image.Options(split=arguments.split, created=created, key=key)
    given = _given(arguments)
    Client(endpoint).greet()
    with _oci_layout(given, arguments.jobs, image_options, progress) as oci_layout:
        pushed = push(oci_layout, endpoint, mount_from=arguments.mount_from, progress=progress)
    tag = endpoint.reference.tag or DEFAULT_TAG
    lines = [
        f"pushed    {pushed.reference}",
        f"tag       {tag}",
        f"sent      {screen.counted(pushed.blobs_sent, 'blob')}, {screen.amount(pushed.sent)}",
    ]
    if pushed.blobs_skipped:
        present = f"{screen.counted(pushed.blobs_skipped, 'blob')}, {screen.amount(pushed.skipped)}"
        lines.append(f"present   {present}, not sent again")
    if key is not None:
        lines.append(f"signed    volumes of it, by the key {key.id}")
    result = {
        "reference": str(pushed.reference),
        "tag": tag,
        "sent": {"blobs": pushed.blobs_sent, "size": pushed.sent},
        "present": {"blobs": pushed.blobs_skipped, "size": pushed.skipped},
    }
    answers.give(arguments, progress, result, lines)


def _given(arguments: argparse.Namespace) -> Layout | Results:
    """Return the OCI layout, or the bundle, that the user named. Raises UsageError, AuditFailed or BundleNotFound."""
    place: Path = arguments.place
    if not (place / MARKER).exists():
        results = general.pins(arguments).checked(Results.at(place))
        with results.open_bundle():  # before a registry is asked for anything
            return results
    for option, (done, before) in _TOO_LATE.items():
        if getattr(arguments, option):
            raise UsageError(f"{place} is an OCI layout, which can't be {done} any more: {before}")
    return Layout(place)


@contextmanager
def _oci_layout(given: Layout | Results, jobs: int, how: image.Options, progress: Progress) -> Iterator[Layout]:
    """Give the OCI layout that the user named, or a temporary one of the bundle."""
    if isinstance(given, Layout):
        yield given
        return
    options.tell_unsigned(given, how.key, progress)
    with tempfile.TemporaryDirectory(prefix="airpack-push-") as folder:
        with threads(jobs) as executor:
            image.write([given], Path(folder, "layout"), how, executor=executor, progress=progress)
        yield Layout(Path(folder, "layout"))
