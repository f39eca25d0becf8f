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
# Where the curve bends (`tests/benchmarks levels`): levels up to 15 take up to eight times as long for 1 % less, and
# those beyond 11 to 18 times as long for 5 to 9 % less. All are decompressed equally fast.
DEFAULT_LEVEL = 9
# What compresses best within the window that the shim allows: for what is packed once and carried far.
RELEASE_LEVEL = 19


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
