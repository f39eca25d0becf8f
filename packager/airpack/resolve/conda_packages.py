"""What an index has of the packages that conda's file names: an error that says what may be taken from there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from airpack.base.errors import AirpackError, BuildFailed, IndexUnreachable, InvalidRequirement, Unsatisfiable
from airpack.requirements.conda import CondaEnvironment, CondaPackage
from airpack.requirements.requirements import Requirements
from airpack.requirements.rules import Rules
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import resolve
from airpack.target.target import Target

_AT_ONCE = 4  # processes of pip


def refusal(environment: CondaEnvironment, target: Target, *, pip: Pip, cache: Path) -> InvalidRequirement:
    """Return the error for the packages of conda's that the file names, each with what the index has of its name.

    Raises IndexUnreachable if the index doesn't answer.
    """

    def described(package: CondaPackage) -> str:
        return f"{package.text} ({_offered(package, target, pip=pip, cache=cache)})"

    with ThreadPoolExecutor(_AT_ONCE) as executor:
        listed = ", ".join(executor.map(described, environment.packages))
    return InvalidRequirement(
        f"{environment.path} asks for packages of conda's, which are not wheels: {listed}: write what is needed under "
        "pip:, or take the projects of these names from the index with --conda-from-index"
    )


def _offered(package: CondaPackage, target: Target, *, pip: Pip, cache: Path) -> str:
    """Return what the index has for the target of the project that has the package's name, in words."""
    wanted = Requirements(specifications=[package.requirement], rules=Rules(no_deps=True, only_binary=[":all:"]))
    try:
        lock = resolve(wanted, target, pip=pip.apart(()), cache=cache)
    except Unsatisfiable as error:
        return "the index has none for the target" if error.is_known else "the index has none"
    except BuildFailed:
        return "the index has its source"
    except IndexUnreachable:
        raise
    except AirpackError as error:
        return f"the index has none: {error}"
    return ", ".join(f"the index has {wheel.name} {wheel.version}" for wheel in lock.wheels)
