"""What packages require of each other on a target, extras that are asked for included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from airpack.target.target import Target


def parsed(texts: Iterable[str]) -> list[Requirement]:
    """Return the requirements that `texts` are; one that isn't PEP 508's is passed over."""
    found = []
    for text in texts:
        with suppress(InvalidRequirement):
            found.append(Requirement(text))
    return found


def requirements_in(metadata: Path) -> list[Requirement]:
    """Return the requirements in a METADATA file (core metadata)."""
    return parsed(parse_email(metadata.read_bytes())[0].get("requires_dist", ()))


def holds(need: Requirement, extra: str, target: Target) -> bool:
    """Tell whether a requirement's marker holds; one that hangs on an unknown value was settled by the resolve."""
    if need.marker is None:
        return True
    if any(variable in str(need.marker) for variable in target.unknown_markers):
        return False
    return need.marker.evaluate({**target.marker_environment, "extra": extra})


def closure(
    packages: Mapping[NormalizedName, Sequence[Requirement]], asked: Iterable[Requirement], target: Target
) -> Iterator[tuple[NormalizedName, Requirement]]:
    """Yield each requirement that holds on `target`, with the package that has it.

    `packages` holds the requirements of each package that there is, `asked` what the user asked for. The
    requirements of an extra are yielded where anything asks for that extra.
    """
    waiting = [(key, "") for key in packages]
    waiting += [(canonicalize_name(each.name), extra) for each in asked for extra in each.extras]
    done: set[tuple[NormalizedName, str]] = set()
    while waiting:
        key, extra = waiting.pop()
        if (key, extra) in done or key not in packages:
            continue
        done.add((key, extra))
        for need in packages[key]:
            if holds(need, extra, target) and not (extra and holds(need, "", target)):
                waiting += [(canonicalize_name(need.name), each) for each in need.extras]
                yield key, need
