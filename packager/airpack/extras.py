"""What comes with an extra, and the command that installs it where it is missing."""

from __future__ import annotations

from collections.abc import Callable

from airpack.errors import MissingExtra
from airpack.inventory import Inventory


def sbom_writer() -> Callable[[Inventory], str]:
    """Return `sbom.dumps`. Raises MissingExtra if its library isn't installed."""
    try:
        from airpack.sbom import dumps  # noqa: PLC0415 - it may be missing, and takes a quarter of a second
    except ImportError as error:
        raise MissingExtra("an SBOM", "cyclonedx-python-lib", "sbom") from error
    return dumps
