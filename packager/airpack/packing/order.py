"""What to pack, how, and where the results go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import NormalizedName

from airpack.requirements.requirements import Requirements
from airpack.resolve.lock import Lock
from airpack.results.keys import SigningKey
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target
from airpack.tree.recipe import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to pack, how, and where the results go.

    `source` is a lock, or requirements to resolve; `skip_installed` leaves out what the image has already, but for
    `whole`, whose other half is in the bundle. `recipe` says how the bundle is made, except for its decoder, which is
    the one for the target, or taken from the wheel `decoder`. `python` is an interpreter of the target's version: it
    builds sources, and with `prove` it imports what was packed, unless `prover` does, which is of the target's
    processor; without an interpreter, neither is done. With `add_missing`, what the import finds missing and a
    well-known project brings is added to the requirements, and an older version is required of what needs a newer
    Python than the target's; they are packed again. `strict` makes warnings of the audit fail the pack; with
    `require_attestations`, so does a file of the lock that no publisher attests.

    `libraries` are names and paths of libraries of the system that go into the bundle as well.

    `output` is the folder of the results. Optional results are a plain tree (`tree`), a folder with the shim and the
    bundle (`drop_in`), a file system image of the kind `image`, an SBOM (`sbom`), and a signature with the key `sign`.
    `cache` is the folder that keeps wheels, bytecode and frames; `env` is the environment of the programs that run.
    """

    source: Requirements | Lock
    target: Target
    output: Path
    cache: Path
    recipe: Recipe = field(default_factory=Recipe)
    tree: Path | None = None
    drop_in: Path | None = None
    python: Interpreter | None = None
    prover: Interpreter | None = None
    decoder: Path | None = None
    jobs: int = 1
    strict: bool = False
    require_attestations: bool = False
    skip_installed: bool = False
    whole: frozenset[NormalizedName] = frozenset()
    prove: bool = True
    add_missing: bool = True
    image: str | None = None
    libraries: tuple[str, ...] = ()
    sign: SigningKey | None = None
    sbom: bool = False
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def importer(self) -> Interpreter | None:
        """The interpreter that imports what was packed: `prover`, of the target's processor, or else `python`."""
        return self.prover or self.python
