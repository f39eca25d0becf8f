"""A requirements file without a network: met by the bundle at hand, else installed from a wheelhouse beside it.

Requirements and versions are read by the `packaging` in the image's own pip (PEP 508, PEP 440).
"""

from __future__ import annotations

import os
import re
import sys

from airpack_runtime import boot, layout, trust
from airpack_runtime.errors import NO_FILE, NOT_INSTALLED, AzureError, BundleNotFound, reason
from airpack_runtime.image import pip_install, probe
from airpack_runtime.ready import Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

# Options that say where distributions come from, or which to prefer: not whether what is there will do.
_PASSED_OVER = (
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "--no-binary", "--only-binary"),
    *("--no-index", "--pre", "--prefer-binary", "--require-hashes"),
)
_NESTED = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_HASH = re.compile(r"\s--hash\S*(\s+\S*:\S+)?")


def ready_tree(path: str, env: Mapping[str, str]) -> Ready | None:
    """Return a tree that meets the requirements file at `path`, None if the image meets it by itself.

    Raises AzureError with each requirement that can't be met, and BootError where the bundle can't be booted.
    """
    rows = list(_rows(path, env, False, ()))
    folder = os.path.dirname(path)
    ready = _bundle_at_hand(folder, env)
    trees = [ready.tree] if ready else []
    lacking = list(unmet(rows, trees))
    if not lacking:
        return ready
    signer = trust.required_key(env)  # wheels that lie about are signed by nobody; those of the bundle are
    places = trees if signer else [folder, *([os.path.dirname(ready.bundle)] if ready else []), *trees]
    houses = [*(os.path.join(place, layout.WHEELHOUSE) for place in places), *([] if signer else [folder])]
    house = next((each for each in houses if pip_install.files(each)), None)
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


def _not_in(house: str, rows: list[tuple[bool, str]]) -> Iterator[str]:
    """Yield a sentence for each requirement of which neither a wheelhouse nor the image has a fitting version."""
    versions = {probe.key(str(each["name"])): [str(each["version"])] for each in probe.installed()}
    versions.update(pip_install.versions(house))
    for constraint, need in _parsed(rows):
        if constraint or isinstance(need, str) or need.url or not _holds(need, ""):
            continue
        known = sorted(versions.get(probe.key(need.name), ()))
        if not any(not each or need.specifier.contains(each, prereleases=True) for each in known):
            yield f"{need}: it has {', '.join(known) or 'none'}"


def unmet(rows: list[tuple[bool, str]], trees: list[str]) -> Iterator[str]:
    """Yield a sentence for each requirement of a file that neither `trees` nor the image meets."""
    folders = [*(f"{tree}/{layout.SITE_PACKAGES}" for tree in trees), *sys.path]
    there = {probe.key(str(each["name"])): each for each in probe.installed(folders)}
    for constraint, need in _parsed(rows):
        if isinstance(need, str):
            yield need
        elif not constraint or probe.key(need.name) in there:
            yield from _unmet(need, "", there, set())


def _unmet(need: Any, extra: str, there: Mapping[str, Any], seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield what of one requirement isn't met; of what is there, its requirements for the extras asked for count."""
    if not _holds(need, extra):
        return
    found = there.get(probe.key(need.name))
    if need.url:
        yield f"{need}: that is installed from elsewhere"
    elif found is None:
        yield f"{need}: there is none"
    elif not need.specifier.contains(found["version"], prereleases=True):
        yield f"{need}: there is {found['version']}"
    for each in sorted(need.extras) if found is not None else ():
        if (need.name, each) not in seen:
            seen.add((need.name, each))
            for text in found["requires"] if found is not None else ():
                if "extra" in text:
                    yield from _unmet(type(need)(text), each, there, seen)


def _holds(need: Any, extra: str) -> bool:
    return need.marker is None or bool(need.marker.evaluate({"extra": extra}))


def _parsed(rows: list[tuple[bool, str]]) -> Iterator[tuple[bool, Any]]:
    """Yield whether each row is a constraint, and its Requirement; a sentence where there can't be one."""
    try:
        from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        yield False, "this image has no pip, by which requirements are read"
        return
    for constraint, line in rows:
        text = _HASH.sub("", line).strip()
        try:
            yield constraint, Requirement(text)
        except InvalidRequirement:
            yield constraint, f"{text}: that is installed from elsewhere"


def _rows(path: str, env: Mapping[str, str], constraint: bool, above: tuple[str, ...]) -> Iterator[tuple[bool, str]]:
    """Yield the requirements of a file and of those that it names, as pip reads them; True for constraints."""
    if path in above:
        return
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read().replace("\\\n", " ")
    except UnicodeDecodeError as error:
        raise AzureError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8", NOT_INSTALLED) from error
    except OSError as error:
        named = f", which {above[-1]} names" if above else ""
        raise AzureError(f"{path}{named}: {reason(error)}", NO_FILE) from error
    for row in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", row).strip()
        line = _VARIABLE.sub(lambda found: env.get(found.group(1)) or found.group(0), line)
        words = line.replace("=", " ", 1).split() if line.startswith("-") else []
        if words[:1] and words[0] in _NESTED:
            nested = os.path.join(os.path.dirname(path), words[-1])
            yield from _rows(nested, env, constraint or _NESTED[words[0]], (*above, path))
        elif line and not (words and words[0] in _PASSED_OVER):
            yield constraint, line


def _bundle_at_hand(folder: str, env: Mapping[str, str]) -> Ready | None:
    """Return the tree of AIRPACK_BUNDLE, of a bundle beside the file, or beside the shim; None if there is none."""
    beside = os.path.join(folder, layout.BUNDLE_NAME)
    given = env if env.get("AIRPACK_BUNDLE") or not os.path.exists(beside) else dict(env, AIRPACK_BUNDLE=beside)
    try:
        path = boot.find_bundle(given)
    except BundleNotFound:
        if env.get("AIRPACK_BUNDLE"):
            raise
        return None
    return boot.ready_tree(path, env, private=True)
