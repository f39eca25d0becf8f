"""Meets a requirements file without a network: by the bundle at hand, else from a wheelhouse beside it.

The `packaging` in the image's own pip reads requirements and versions (PEP 508, PEP 440).
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import boot, layout, trust
from airpack_runtime.errors import NO_FILE, NOT_INSTALLED, AzureError, BundleNotFound, reason_of
from airpack_runtime.image import installed, pip_install
from airpack_runtime.image.pip_install import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

    from airpack_runtime.image.installed import Installed
    from airpack_runtime.ready import Ready

# Options about where distributions come from, or which to prefer: they don't decide whether an installed one will do.
_PASSED_OVER = (
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "--no-binary", "--only-binary"),
    *("--no-index", "--pre", "--prefer-binary", "--require-hashes"),
)
_NESTED = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_ELSEWHERE = "that is installed from elsewhere"
_HASH = re.compile(r"\s--hash\S*(\s+\S*:\S+)?")


def ready_tree(path: str, env: Mapping[str, str]) -> Ready | None:
    """Return a tree that meets the requirements file at `path`, or None if the image meets it by itself.

    Raises AzureError with each requirement that can't be met, and BootError if the bundle can't be booted.
    """
    rows = list(_rows(path, env, False, ()))
    folder = os.path.dirname(path)
    ready = _bundle_at_hand(folder, env)
    trees = [ready.tree] if ready else []
    lacking = list(unmet(rows, trees))
    if not lacking:
        return ready
    signer = trust.required_key(env)  # nobody signed the wheels beside the file; those in the bundle are signed
    places = trees if signer else [folder, *([os.path.dirname(ready.bundle)] if ready else []), *trees]
    houses = [*(os.path.join(place, layout.WHEELHOUSE) for place in places), *([] if signer else [folder])]
    house = next(filter(pip_install.files, houses), None)
    if house is None:
        raise AzureError(
            f"{path} can't be met without a network: {'; '.join(lacking)}: pack it anew from that file, "
            + ("with the wheels in the signed bundle" if signer else f"or put a folder {layout.WHEELHOUSE} beside it"),
            NOT_INSTALLED,
        )
    absent = list(_not_in(house, rows))
    if absent:
        raise AzureError(f"{path} can't be installed from {house}: {'; '.join(absent)}: add wheels", NOT_INSTALLED)
    return pip_install.install(path, rows, house, env)


def _not_in(house: str, rows: list[Row]) -> Iterator[str]:
    """Yield a sentence for each requirement that no version in the wheelhouse `house`, or in the image, satisfies."""
    versions = {name: [distribution.version] for name, distribution in installed.distributions().items()}
    versions.update(pip_install.versions(house))
    for row in rows:
        need = _requirement(row)
        if row.constraint or need is None or need.url or not _holds(need, ""):
            continue
        known = sorted(versions.get(installed.normalized(need.name), ()))
        if not any(not version or need.specifier.contains(version, prereleases=True) for version in known):
            yield f"{need}: it has {', '.join(known) or 'none'}"


def unmet(rows: list[Row], trees: list[str]) -> Iterator[str]:
    """Yield a sentence for each requirement of a file that neither `trees` nor the image meets."""
    folders = [*(f"{tree}/{layout.SITE_PACKAGES}" for tree in trees), *sys.path]
    there = installed.distributions(folders)
    for row in rows:
        need = _requirement(row)
        if need is None:
            yield f"{_without_hash(row)}: {_ELSEWHERE}"
        elif not row.constraint or installed.normalized(need.name) in there:
            yield from _unmet(need, there)


def _unmet(need: Any, there: Mapping[str, Installed]) -> Iterator[str]:
    """Yield a sentence for the requirement `need` if it isn't met, and for each unmet need of the extras that it names.

    `there` has what is installed by normalized name.
    """
    waiting = [(need, "")]
    seen: set[tuple[str, str]] = set()
    while waiting:
        need, extra = waiting.pop(0)
        if not _holds(need, extra):
            continue
        found = there.get(installed.normalized(need.name))
        if need.url:
            yield f"{need}: {_ELSEWHERE}"
        elif found is None:
            yield f"{need}: there is none"
        elif not need.specifier.contains(found.version, prereleases=True):
            yield f"{need}: there is {found.version}"
        if found is not None:
            extras = [name for name in sorted(need.extras) if (need.name, name) not in seen]
            seen.update((need.name, name) for name in extras)
            waiting[:0] = [(type(need)(text), name) for name in extras for text in found.requires if "extra" in text]


def _holds(need: Any, extra: str) -> bool:
    return need.marker is None or bool(need.marker.evaluate({"extra": extra}))


def _requirement(row: Row) -> Any | None:
    """Return the Requirement in a row, or None if the row is not a requirement by name (a path, for example).

    Raises AzureError without pip.
    """
    try:
        from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    except ImportError as error:
        raise AzureError("this image has no pip, by which requirements are read", NOT_INSTALLED) from error
    try:
        return Requirement(_without_hash(row))
    except InvalidRequirement:
        return None


def _without_hash(row: Row) -> str:
    return _HASH.sub("", row.line).strip()


def _rows(path: str, env: Mapping[str, str], constraint: bool, above: tuple[str, ...]) -> Iterator[Row]:
    """Yield the rows of a requirements file and of the files that it names, as pip reads them. Raises AzureError.

    `above` are the files that led to it, which it must not name again.
    """
    if path in above:
        return
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read().replace("\\\n", " ")
    except UnicodeDecodeError as error:
        raise AzureError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8", NOT_INSTALLED) from error
    except OSError as error:
        named = f", which {above[-1]} names" if above else ""
        raise AzureError(f"{path}{named}: {reason_of(error)}", NO_FILE) from error
    for row in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", row).strip()
        line = _VARIABLE.sub(lambda variable: env.get(variable.group(1)) or variable.group(0), line)
        words = line.replace("=", " ", 1).split() if line.startswith("-") else []
        if words[:1] and words[0] in _NESTED:
            nested = os.path.join(os.path.dirname(path), words[-1])
            yield from _rows(nested, env, constraint or _NESTED[words[0]], (*above, path))
        elif line and not (words and words[0] in _PASSED_OVER):
            yield Row(constraint, line)


def _bundle_at_hand(folder: str, env: Mapping[str, str]) -> Ready | None:
    """Return the tree of AIRPACK_BUNDLE, of the bundle in `folder`, or beside the shim; None if there is no bundle."""
    beside = os.path.join(folder, layout.BUNDLE_NAME)
    given = env if env.get("AIRPACK_BUNDLE") or not os.path.exists(beside) else dict(env, AIRPACK_BUNDLE=beside)
    try:
        path = boot.find_bundle(given)
    except BundleNotFound:
        if env.get("AIRPACK_BUNDLE"):
            raise
        return None
    return boot.ready_tree(path, env, private=True)
