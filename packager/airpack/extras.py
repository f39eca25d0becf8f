"""What comes with an extra, and the command that installs it where it is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airpack.errors import MissingExtra
from airpack.inventory import Inventory

if TYPE_CHECKING:
    from airpack.oci.placement import Pulled
    from airpack.oci.push import Pushed


def sbom_writer() -> Callable[[Inventory], str]:
    """Return `sbom.dumps`. Raises MissingExtra if its library isn't installed."""
    try:
        from airpack.sbom import dumps  # noqa: PLC0415 - it may be missing, and takes a quarter of a second
    except ImportError as error:
        raise MissingExtra("an SBOM", "cyclonedx-python-lib", "sbom") from error
    return dumps


def pusher() -> Callable[..., Pushed]:
    """Return `oci.push.push`. Raises MissingExtra if its library isn't installed."""
    try:
        from airpack.oci.push import push  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        raise MissingExtra("a registry", "urllib3", "oci") from error
    return push


def puller() -> Callable[..., Pulled]:
    """Return `oci.placement.place`. Raises MissingExtra if its library isn't installed."""
    try:
        from airpack.oci.placement import place  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        raise MissingExtra("a registry", "urllib3", "oci") from error
    return place
