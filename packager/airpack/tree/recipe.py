"""The recipe of a bundle: all options that its bytes depend on, besides the lock and the versions of tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airpack.target.interpreter import Interpreter
from airpack.tree.exclusion import Exclusion
from airpack.wheels.decoders import Decoder

# 1980-01-01, the oldest time that a zip can hold: what wheels are commonly built with.
DEFAULT_MTIME = 315532800
# The fastest of the levels that compress best. A pack takes longer, once, as frames are cached; every boot has fewer
# bytes to read, and decompresses them as fast as at other levels.
DEFAULT_LEVEL = 17


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a bundle is made from its wheels.

    `level` is zstd's, `mtime` the modification time of every member in seconds since the epoch. `decoder` goes into
    the bundle; it is None if the target's Python reads zstd itself. `compiler` compiles the modules to
    bytecode, None for no bytecode. `with_wheelhouse` puts the wheels into the bundle as well; `exclusion` says which
    files stay out.
    """

    level: int = DEFAULT_LEVEL
    mtime: int = DEFAULT_MTIME
    decoder: Decoder | None = None
    compiler: Interpreter | None = None
    with_wheelhouse: bool = False
    exclusion: Exclusion = field(default_factory=Exclusion)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as the manifest lists it, under `options`."""
        return {
            "level": self.level,
            "mtime": self.mtime,
            "bytecode": self.compiler is not None,
            "with_wheelhouse": self.with_wheelhouse,
            **self.exclusion.to_dict(),
            "decoder": self.decoder and self.decoder.origin,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, decoder: Decoder | None, compiler: Interpreter | None) -> Recipe:
        """Return the recipe that `to_dict` described; `compiler` is used if it had bytecode.

        Raises KeyError, TypeError or ValueError for a description that is incomplete or mistyped.
        """
        return cls(
            level=int(data["level"]),
            mtime=int(data["mtime"]),
            decoder=decoder,
            compiler=compiler if data["bytecode"] else None,
            with_wheelhouse=bool(data["with_wheelhouse"]),
            exclusion=Exclusion.from_dict(data),
        )
