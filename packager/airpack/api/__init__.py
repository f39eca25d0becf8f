"""What `import airpack` gives: the commands `pack` and `lock` as functions, and bundles to read."""

from airpack.api.verbs import lock, open_bundle, pack
from airpack.base.errors import AirpackError
from airpack.bundle.opened import OpenBundle
from airpack.packing.deliver import Packed
from airpack.resolve.lock import Lock

__all__ = ["AirpackError", "Lock", "OpenBundle", "Packed", "lock", "open_bundle", "pack"]
