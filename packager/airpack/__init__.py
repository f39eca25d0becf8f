"""airpack carries Python packages across an air gap.

From Python: `pack`, `lock` and `open_bundle`, as `airpack.api` describes them. The stages that they run are
requirements -> Lock -> Wheelhouse -> Tree -> Bundle, each a folder; `airpack.packing.pack.pack` chains them.
"""

from typing import TYPE_CHECKING, Any

from airpack_runtime import __version__

if TYPE_CHECKING:
    from airpack.api import AirpackError, Lock, OpenBundle, Packed, lock, open_bundle, pack

__all__ = ["AirpackError", "Lock", "OpenBundle", "Packed", "__version__", "lock", "open_bundle", "pack"]


def __getattr__(name: str) -> Any:
    """Return a name of `airpack.api`, which is imported only then: commands start without it (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'airpack' has no attribute {name!r}")
    from airpack import api  # noqa: PLC0415

    return getattr(api, name)
