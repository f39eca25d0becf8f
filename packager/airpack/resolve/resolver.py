"""requirements + Target -> Lock, by pip in a subprocess that is prepared for the target."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from airpack.base.errors import InvalidRequirement, PipFailed, Unsatisfiable
from airpack.base.urls import filename_in, public, token_in, without_access
from airpack.requirements.requirements import Listing, Requirements, written
from airpack.requirements.rules import Rules
from airpack.resolve.failures import extras
from airpack.resolve.lock import IndexAccess, Lock, LockedWheel
from airpack.resolve.passed_over import PassedOver
from airpack.resolve.pip import Answer, Pip
from airpack.sources.source import Builder, Built, Deferred, Source
from airpack.target.installed import write_metadata
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target


def lock_of(
    source: Requirements | Lock,
    target: Target,
    *,
    pip: Pip,
    cache: Path,
    python: Interpreter | None = None,
    skip_installed: bool = False,
) -> Lock:
    """Return the lock that `source` is, completed, or that it resolves to. Raises what `resolve` raises."""
    if isinstance(source, Lock):
        return complete(source, pip=pip, cache=cache, python=python)
    return resolve(source, target, pip=pip, cache=cache, python=python, skip_installed=skip_installed)


def resolve(
    requirements: Requirements,
    target: Target,
    *,
    pip: Pip,
    cache: Path,
    python: Interpreter | None = None,
    skip_installed: bool = False,
) -> Lock:
    """Return the wheels that `requirements` mean for `target`.

    A version that must be compiled yields to an older one that has a wheel, unless `requirements` say otherwise, and
    one whose build fails to any other; the lock and a note of `pip`'s tell so.

    What has no wheel is built from its source by `python`, an interpreter of the target's version, and kept in
    `cache`. With `skip_installed`, packages of the image that satisfy the requirements are left out. Raises
    BuildFailed, Unsatisfiable, Conflict, UnknownMarker, InvalidRequirement, InvalidWheel, IndexUnreachable,
    HashMismatch, WriteFailed, or PipFailed with pip's own words.
    """
    if requirements.is_empty:
        raise InvalidRequirement("nothing is required: the project, or the group, names no requirement")
    builder = replace(_builder(target, pip, cache, python), defers=requirements.defers)
    answer, installs = _ask(requirements, target, builder, pip=pip, skip_installed=skip_installed)
    built = {parse_wheel_filename(wheel.path.name)[:2]: wheel for wheel in answer.built}
    deferred = {(canonicalize_name(each.name), Version(each.version)): each for each in answer.deferred}
    wheels = [_locked(install, built, deferred) for install in installs]
    wheels = [replace(wheel, index=answer.indexes.get(wheel.key, "")) for wheel in wheels]
    passed_over = answer.passed_over_for({wheel.key: wheel.version for wheel in wheels})
    _tell(answer, passed_over, installs, pip)
    for wheel in wheels if builder.for_another_system else ():
        if wheel.source is not None:
            pip.note(
                f"warning: {wheel.filename} was built here: what its setup.py asks of the system, Linux has answered"
            )
    access = IndexAccess(
        options=answer.index_options, urls=answer.urls, provenance=answer.provenance, sizes=answer.sizes
    )
    return Lock(
        target=target,
        requirements=answer.requirements,
        wheels=tuple(sorted(_hashed(wheels, access, pip), key=lambda wheel: wheel.key)),
        added=tuple(requirements.added),
        provided=answer.provided,
        exclude_newer=requirements.rules.exclude_newer,
        passed_over=passed_over,
        access=access,
    )


def _ask(
    requirements: Requirements, target: Target, builder: Builder, *, pip: Pip, skip_installed: bool
) -> tuple[Answer, list[dict[str, Any]]]:
    """Return pip's answer, and what it would install (`install` of its installation report)."""
    with tempfile.TemporaryDirectory(prefix="airpack-resolve-") as folder:
        report, installed = Path(folder, "report.json"), Path(folder, "installed")
        if skip_installed:
            write_metadata(target.installed or (), installed)
        request = _request(target, builder, installed if skip_installed else None)
        request |= {"prefer_newest": requirements.rules.prefer_newest, "kept": dict(requirements.kept)}
        release = f"--python-version={target.python_full_version}"
        arguments = ["--dry-run", release, f"--report={report}", *requirements.arguments()]
        with written(requirements.listings, Path(folder)) as files:
            answer = pip.run(request, [*arguments, *files], on_build=lambda what: pip.note(f"building {what}"))
        installs: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    if not installs:
        raise _nothing_left(answer, requirements.files)
    return answer, installs


def _tell(answer: Answer, passed_over: Sequence[PassedOver], installs: Sequence[Mapping[str, Any]], pip: Pip) -> None:
    """Tell the user how an answer came about, and what the lock can't hold."""
    for text, current in answer.legacy.items():
        pip.note(f"note: {text!r} is read as {current!r}, as older pips read it")
    for each in passed_over:
        pip.note(f"note: {each}")
    for source in answer.deferred:
        pip.note(f"note: {source.name} {source.version} must be compiled, which is done when it is packed")
    for line in extras.warnings_of(answer.missing_extras, installs):
        pip.note(line)
    for url in answer.urls.values():
        if token := token_in(url):
            pip.note(
                f"warning: {public(url)} needs a token ({token}), which no lock holds: pack from the lock where the "
                "cache, or the wheelhouse, has this file"
            )


def complete(lock: Lock, *, pip: Pip, cache: Path, python: Interpreter | None = None) -> Lock:
    """Return `lock` with a wheel for all that it locks without one: found by its hashes, or built from its source.

    Raises what `resolve` raises, and Unsatisfiable for an empty lock.
    """
    if not lock.wheels and not lock.to_find:
        raise Unsatisfiable(
            f"nothing is left to pack: the lock has no package for {lock.target.name}", requirement="", required_by=()
        )
    if not lock.to_find:
        return lock
    wheels, access = list(lock.wheels), lock.access
    options = access.lines
    if pip.index_url:  # what the user names now replaces the lock's
        options = [line.replace("--index-url", "--extra-index-url") for line in options]
    exact = replace(pip.apart(()), note=pip.note)  # what the lock names may be yanked
    # If a single line has a hash, pip wants one for each.
    for hashed in (True, False):
        lines = [line for line in lock.to_find if (" --hash=" in line) == hashed]
        if lines:
            places = [*options, *(lock.places.get(line, "the lock") for line in lines)]
            listing = Listing(source="the lock", lines=[*options, *lines], places=places)
            sources = Requirements(listings=[listing], rules=Rules(no_deps=True))
            found = resolve(sources, lock.target, pip=exact, cache=cache, python=python)
            wheels += found.wheels
            for wheel in found.wheels:
                content = wheel.source.content if wheel.source else ""
                if lock.contents.get(wheel.key, content) != content:
                    pip.note(
                        f"warning: the folder of {wheel.key} was edited since it was locked: lock again to record it"
                    )
            access = access.joined(found.access)
    return replace(lock, wheels=tuple(sorted(wheels, key=lambda wheel: wheel.key)), to_find=(), access=access)


def _builder(target: Target, pip: Pip, cache: Path, python: Interpreter | None) -> Builder:
    return Builder(
        target=target.name,
        python_version=target.python_version,
        platform=target.platform,
        tags=[str(tag) for tag in target.tags],
        python=str(python.path) if python else None,
        cache=cache,
        pip_options=pip.connection.options(),
        scopes=pip.scopes.to_dict()["scopes"],
    )


def _request(target: Target, builder: Builder, installed: Path | None) -> dict[str, Any]:
    """Return the request to pip's process; `installed` is a folder with the metadata of the image's packages."""
    return {
        "do": "resolve",
        "builder": builder.to_dict(),
        "target": {
            "python_full_version": target.python_full_version,
            "tags": [str(tag) for tag in target.tags],
            "marker_environment": dict(target.marker_environment),
            "installed": str(installed) if installed else None,
        },
    }


def _nothing_left(answer: Answer, files: Sequence[str]) -> Unsatisfiable:
    asked = ", ".join(answer.requirements)
    reason = "the image has it all" if answer.provided else "the target's markers rule out all requirements"
    told = f"nothing is left to pack: {reason} ({asked})" if asked else f"nothing is required in {', '.join(files)}"
    return Unsatisfiable(told, requirement=asked, required_by=())


def _hashed(wheels: Sequence[LockedWheel], access: IndexAccess, pip: Pip) -> list[LockedWheel]:
    """Return `wheels` with the hashes of those that the index gives none of, or none that a lock may have (MD5).

    They are downloaded for that, once more when they are packed. Raises IndexUnreachable.
    """
    urls = {wheel.key: access.urls.get(wheel.url, wheel.url) for wheel in wheels if not wheel.sha256}
    if not urls:
        return list(wheels)
    with tempfile.TemporaryDirectory(prefix="airpack-hash-") as folder:
        files = [{"url": url, "path": str(Path(folder, name))} for name, url in urls.items()]
        downloaded = pip.run({"do": "fetch", "files": files, "jobs": 1}, access.for_fetch).downloaded
    return [
        replace(wheel, sha256=downloaded[urls[wheel.key]].sha256, size=downloaded[urls[wheel.key]].size)
        if wheel.key in urls
        else wheel
        for wheel in wheels
    ]


def _locked(
    install: Mapping[str, Any],
    built: Mapping[tuple[NormalizedName, Version], Built],
    deferred: Mapping[tuple[NormalizedName, Version], Deferred],
) -> LockedWheel:
    """Return the wheel that an entry of a pip installation report names (its specification: version 1).

    `built` are the wheels that were built for the resolve, `deferred` the sources that were not.
    """
    metadata, download = install["metadata"], install["download_info"]
    name = canonicalize_name(metadata["name"])  # as a lock has it: the same bundle with or without one
    wheel = built.get((name, Version(metadata["version"])))
    if wheel is not None:
        return _locked_build(wheel, metadata, _source(download, wheel))
    later = deferred.get((name, Version(metadata["version"])))
    if later is not None:
        source = Source(url=without_access(download["url"]), sha256=later.sha256, settings=later.settings)
        return LockedWheel.unbuilt(source, name, metadata["version"], metadata.get("requires_python", ""))
    return LockedWheel(
        name=name,
        version=metadata["version"],
        filename=_filename(download["url"]),
        url=without_access(download["url"]),
        sha256=_sha256(download),
        requires_python=metadata.get("requires_python", ""),
    )


def _locked_build(wheel: Built, metadata: Mapping[str, Any], source: Source) -> LockedWheel:
    """Return the wheel that was built from `source`."""
    content = wheel.path.read_bytes()
    return LockedWheel(
        name=canonicalize_name(metadata["name"]),
        version=metadata["version"],
        filename=wheel.path.name,
        url=wheel.path.as_uri(),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        requires_python=metadata.get("requires_python", ""),
        source=source,
        built_by_host=wheel.by_host,
        built_from=source.identity,
    )


def _filename(url: str) -> str:
    """Return the file name at the end of a wheel's URL; an index can't make it lead elsewhere. Raises PipFailed."""
    name = filename_in(url)
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename as error:
        raise PipFailed(f"{url} is not a wheel, and was not built: {error}") from error
    return name


def _source(download: Mapping[str, Any], built: Built) -> Source:
    """Return what a wheel was built from, by its direct URL (PEP 610)."""
    vcs = download.get("vcs_info", {})
    return Source(
        url=without_access(download["url"]),
        sha256=_sha256(download) or built.sha256,
        content="" if vcs else built.content,
        subdirectory=download.get("subdirectory", ""),
        vcs=vcs.get("vcs", ""),
        commit=vcs.get("commit_id", ""),
        settings=built.settings,
    )


def _sha256(download: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an archive by its direct URL (PEP 610), empty if it is not an archive or has no hash.

    Some indexes give it in capital letters, which PEP 503 allows.
    """
    sha256: str = download.get("archive_info", {}).get("hashes", {}).get("sha256", "")
    return sha256.lower()
