"""What an index has of the packages that conda's file names."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from airpack.base.errors import AirpackError, IndexUnreachable, InvalidRequirement, Unsatisfiable
from airpack.requirements.conda import CondaEnvironment, CondaPackage
from airpack.requirements.requirements import Requirements
from airpack.requirements.rules import Rules
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import resolve
from airpack.target.target import Target

_AT_ONCE = 4  # processes of pip


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What the index has of the project that has the name of a package of conda's.

    `is_known` is False if it has no such project; `version` is that of the wheel for the target, empty if there is none
    in the versions that conda's file wants.
    """

    package: CondaPackage
    is_known: bool
    version: str = ""

    def __str__(self) -> str:
        if not self.is_known:
            return "the index has none"
        return f"the index has {self.package.name} {self.version}" if self.version else "the index has others of it"


def offers(environment: CondaEnvironment, target: Target, *, pip: Pip, cache: Path) -> list[Offer]:
    """Return what the index has for `target` of the packages of conda's that the file names, in the file's order.

    Raises IndexUnreachable if the index doesn't answer.
    """

    def offer(package: CondaPackage) -> Offer:
        return _offer(package, target, pip=pip, cache=cache)

    with ThreadPoolExecutor(_AT_ONCE) as executor:
        return list(executor.map(offer, environment.packages))


def refusal(environment: CondaEnvironment, found: Sequence[Offer]) -> InvalidRequirement:
    """Return the error for the packages of conda's that the file names."""
    listed = ", ".join(f"{offer.package.text} ({offer})" for offer in found)
    return InvalidRequirement(
        f"{environment.path} asks for packages of conda's, which are not wheels: {listed}: write what is needed under "
        "pip:, or take from the index what it has of these names with --conda-from-index"
    )


def _offer(package: CondaPackage, target: Target, *, pip: Pip, cache: Path) -> Offer:
    """Return what the index has of the project with the package's name. Raises IndexUnreachable."""
    if not package.is_nameable:
        return Offer(package=package, is_known=False)
    wanted = Requirements(specifications=[package.requirement], rules=Rules(no_deps=True, only_binary=[":all:"]))
    try:
        lock = resolve(wanted, target, pip=pip.apart(()), cache=cache)
    except Unsatisfiable as error:
        return Offer(package=package, is_known=error.is_known)
    except IndexUnreachable:
        raise
    except AirpackError:  # such as an invalid wheel of a project that there is
        return Offer(package=package, is_known=True)
    return Offer(package=package, is_known=True, version=lock.wheels[0].version)
