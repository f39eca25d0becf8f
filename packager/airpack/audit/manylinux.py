"""What compiled files need from the image, and what each manylinux platform guarantees (PEP 600; auditwheel's data)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from mmap import mmap
from typing import Any

from airpack.audit import elf

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,9}")  # of a symbol; a longer number takes long to read
_MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What one ELF file needs: its machine (`EM_X86_64`), versioned symbols, and libraries by soname.

    `versions` maps a family (`GLIBC`) to the versions asked for, as tuples of numbers. `program` says that it is to be
    run, not loaded; `modules` are the extension modules that a file for another machine has.
    """

    machine: str
    versions: Mapping[str, frozenset[tuple[int, ...]]]
    libraries: tuple[str, ...]
    program: bool = False
    modules: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        versions = {family: sorted(map(list, numbers)) for family, numbers in self.versions.items()}
        return {**asdict(self), "versions": versions, "modules": sorted(self.modules)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Needs:
        """Return what `to_dict` described."""
        return cls(
            machine=data["machine"],
            versions={family: frozenset(map(tuple, numbers)) for family, numbers in data["versions"].items()},
            libraries=tuple(data["libraries"]),
            program=data["program"],
            modules=frozenset(data["modules"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What every image of a manylinux platform has: symbols up to `newest` of each family, and `libraries`."""

    machine: str
    newest: Mapping[str, tuple[int, ...]]
    libraries: frozenset[str]


def needs_of(content: bytes | mmap, budget: elf.Budget | None = None) -> Needs | None:
    """Return what the file `content` needs, None if it is no ELF file. Raises ELFError if it is a damaged one.

    `budget` is that of the files beside it.
    """
    requested = elf.read(content, budget)
    if requested is None:
        return None
    versions: dict[str, set[tuple[int, ...]]] = {}
    for name in requested.versions:
        family, _, number = name.partition("_")
        if _VERSION.fullmatch(number):
            versions.setdefault(family, set()).add(_numbers(number))
    frozen = {family: frozenset(numbers) for family, numbers in versions.items()}
    return Needs(
        machine=requested.machine,
        versions=frozen,
        libraries=requested.libraries,
        program=requested.program,
        modules=frozenset(requested.modules),
    )


def unmet(needs: Needs, policy: Policy) -> Iterator[str]:
    """Yield why an image of `policy` can't load a file: it is for another machine, or needs newer symbols of a family.

    Each is a sentence without its subject.
    """
    if needs.machine != policy.machine:
        yield f"is for another machine ({needs.machine})"
        return
    for family, versions in sorted(needs.versions.items()):
        newest = policy.newest.get(family)
        if newest is not None and max(versions) > newest:
            yield f"needs {family}_{_text(max(versions))}, the target has {family}_{_text(newest)}"


@cache
def policy_for(platform: str) -> Policy | None:
    """Return the policy of a platform (`manylinux_2_27_x86_64`), or None where nothing is known of it.

    auditwheel has data for some versions of glibc: the newest that is not newer than the platform's is taken, with the
    platform's own glibc. None for musllinux, whose symbols have no versions.
    """
    words = platform.split("_", 3)
    if words[0] != "manylinux" or len(words) < 4:
        return None
    glibc, machine = (int(words[1]), int(words[2])), words[3]
    data = json.loads((files("auditwheel.policy") / "manylinux-policy.json").read_text(encoding="utf-8"))
    known = {
        tuple(map(int, each["name"].split("_")[1:])): each for each in data if each["name"].startswith("manylinux_2")
    }
    name = max((each for each in known if each <= glibc), default=None)
    if name is None:
        return None
    newest = dict(_newest(known[name], machine))
    newest["GLIBC"] = max(newest.get("GLIBC", glibc), glibc)
    return Policy(machine=_MACHINES[machine], newest=newest, libraries=frozenset(known[name]["lib_whitelist"]))


def _newest(policy: Mapping[str, Any], machine: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    for family, versions in policy["symbol_versions"][machine].items():
        numbers = [_numbers(version) for version in versions if version.replace(".", "").isdigit()]
        if numbers:
            yield family, max(numbers)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part)


def _text(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
