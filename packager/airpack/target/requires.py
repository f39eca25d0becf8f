"""What packages require of each other on a target, with the extras that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.target.legacy import marker_holds
from airpack.target.target import Target


def holds(requirement: Requirement, extra: str, target: Target) -> bool:
    """Return whether a requirement counts on `target` for `extra`, empty for none, by its marker (PEP 508).

    One whose marker needs a value that the target doesn't know counts as none: the resolve has decided on it.
    """
    if requirement.marker is None:
        return True
    if target.unknown_variable(requirement.marker) is not None:
        return False
    return marker_holds(requirement.marker, {**target.marker_environment, "extra": extra})


def closure(
    packages: Mapping[NormalizedName, Sequence[Requirement]], asked: Iterable[Requirement], target: Target
) -> Iterator[tuple[NormalizedName, Requirement]]:
    """Yield each requirement that counts on `target`, after the name of the package that has it.

    `packages` are the requirements of every package there is; `asked` is what the user asked for. The requirements of
    an extra count if the user or another package asks for that extra.
    """
    waiting = [(name, "") for name in packages]
    waiting += [(canonicalize_name(requirement.name), extra) for requirement in asked for extra in requirement.extras]
    done: set[tuple[NormalizedName, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in done or name not in packages:
            continue
        done.add((name, extra))
        for requirement in packages[name]:
            if holds(requirement, extra, target) and not (extra and holds(requirement, "", target)):
                waiting += [(canonicalize_name(requirement.name), inner) for inner in requirement.extras]
                yield name, requirement
