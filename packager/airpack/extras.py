"""What comes with an extra, and the command that installs it where it is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airpack.errors import MissingExtra, UsageError
from airpack.inventory import Inventory

if TYPE_CHECKING:
    from airpack.oci.placement import Pulled
    from airpack.oci.push import Pushed


_REGISTRY = ("a registry", "urllib3", "oci")


def sbom_writer() -> Callable[[Inventory], str]:
    """Return `sbom.dumps`. Raises MissingExtra if its library isn't installed."""
    with _from_extra("an SBOM", "cyclonedx-python-lib", "sbom"):
        from airpack.sbom import dumps  # noqa: PLC0415 - it may be missing, and takes a quarter of a second
    return dumps


def pusher() -> Callable[..., Pushed]:
    """Return `oci.push.push`. Raises MissingExtra if its library isn't installed."""
    with _from_extra(*_REGISTRY):
        from airpack.oci.push import push  # noqa: PLC0415 - it may be missing
    return push


def puller() -> Callable[..., Pulled]:
    """Return `oci.placement.place`. Raises MissingExtra if its library isn't installed."""
    with _from_extra(*_REGISTRY):
        from airpack.oci.placement import place  # noqa: PLC0415 - it may be missing
    return place


@contextmanager
def _from_extra(what: str, library: str, extra: str) -> Iterator[None]:
    """Raise MissingExtra for an import that fails."""
    try:
        yield
    except ImportError as error:
        raise MissingExtra(what, library, extra) from error


# The library behind a scheme of a URL, and the extra that brings it.
_STORES = {
    **dict.fromkeys(("az", "abfs", "abfss"), ("adlfs", "az")),
    **dict.fromkeys(("s3", "s3a"), ("s3fs", "s3")),
    **dict.fromkeys(("gs", "gcs"), ("gcsfs", "gs")),
}


def object_stores(url: str, scheme: str) -> Callable[..., tuple[Any, str]]:
    """Return `fsspec.core.url_to_fs` for URLs with `scheme`. Raises MissingExtra or UsageError."""
    library, extra = _STORES.get(scheme, ("fsspec", "store"))
    if importlib.util.find_spec(library) is None or importlib.util.find_spec("fsspec") is None:
        raise MissingExtra(f"{scheme}://", library, extra)
    from fsspec.core import url_to_fs  # noqa: PLC0415 - it may be missing
    from fsspec.registry import get_filesystem_class  # noqa: PLC0415

    try:
        get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url} can't be opened: {error}") from error
    return url_to_fs  # type: ignore[no-any-return]
