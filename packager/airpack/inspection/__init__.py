"""What a bundle contains, and how two bundles differ: as values for people, SBOMs and other tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airpack.base.extras import from_extra

if TYPE_CHECKING:
    from airpack.inspection.inventory import Inventory


def sbom_writer() -> Callable[[Inventory], str]:
    """Return `sbom.dumps`, the function that writes an SBOM.

    Raises MissingExtra if `airpack[sbom]` is not installed.
    """
    with from_extra("an SBOM", "cyclonedx-python-lib", "sbom"):
        from airpack.inspection.sbom import dumps  # noqa: PLC0415 - it may be missing, and takes a quarter of a second
    return dumps
