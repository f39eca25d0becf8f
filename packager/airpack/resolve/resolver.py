"""requirements + Target -> Lock, by pip in a subprocess that is prepared for the target."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from airpack.base.errors import InvalidRequirement, PipFailed, Unsatisfiable
from airpack.resolve.lock import Access, Lock, LockedWheel, Source
from airpack.resolve.pip import Answer, Pip
from airpack.resolve.sources import Builder, Built
from airpack.target.installed import ImagePackage
from airpack.target.interpreter import Interpreter
from airpack.target.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What the user asked for: requirements (PEP 508), requirements files, constraints files.

    A file is a path or a URL.
    """

    specifications: Sequence[str] = ()
    files: Sequence[str] = ()
    constraints: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """Return them as arguments of `pip install`."""
        arguments = []
        for file in self.files:
            arguments += ["--requirement", file]
        for file in self.constraints:
            arguments += ["--constraint", file]
        return [*arguments, *self.specifications]


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

    What has no wheel is built from its sdist, under `python`, the target's
    interpreter, and kept in `cache`. With `skip_installed`, what the image has and
    satisfies the requirements is left out. Raises BuildFailed, Unsatisfiable, Conflict,
    UnknownMarker, InvalidRequirement, IndexUnreachable, HashMismatch, or PipFailed with pip's own words.
    """
    builder = Builder(
        target=target.name,
        python=str(python.path) if python else None,
        tags=[str(tag) for tag in target.tags],
        cache=cache,
        pip_options=pip.index_options(),
    )
    if not requirements.arguments():
        raise InvalidRequirement("nothing is required: the project, or the group, names no requirement")
    with tempfile.TemporaryDirectory(prefix="airpack-resolve-") as folder:
        report, installed = Path(folder, "report.json"), Path(folder, "installed")
        if skip_installed:
            _write_metadata(target.installed or (), installed)
        request = _request(target, builder, installed if skip_installed else None)
        release = f"--python-version={target.python_full_version}"
        answer = pip.run(request, ["--dry-run", release, f"--report={report}", *requirements.arguments()])
        installs: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    if not installs:
        raise _nothing_left(answer)
    built = {parse_wheel_filename(each.path.name)[:2]: each for each in answer.built}
    wheels = [_locked(install, built) for install in installs]
    return Lock(
        target=target,
        requirements=answer.requirements,
        wheels=tuple(sorted(wheels, key=lambda wheel: wheel.key)),
        provided=tuple(ImagePackage(name=name, version=version) for name, version in answer.provided),
        access=Access(options=answer.index_options, urls=answer.urls),
    )


def _nothing_left(answer: Answer) -> Unsatisfiable:
    asked = ", ".join(answer.requirements) or "they name nothing"
    why = "the image has it all" if answer.provided else "the target's markers rule out all requirements"
    return Unsatisfiable(f"nothing is left to pack: {why} ({asked})", requirement=asked, required_by=())


def _request(target: Target, builder: Builder, installed: Path | None) -> dict[str, Any]:
    """Return what pip's process is told; `installed` is a folder with the metadata of what the image has."""
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


def _write_metadata(installed: Iterable[ImagePackage], folder: Path) -> None:
    """Write the metadata of what an image has as pip finds that of what is installed (core metadata 2.1)."""
    folder.mkdir()
    for package in installed:
        if not package.is_nameable:
            continue
        place = folder / f"{package.key.replace('-', '_')}-{package.version}.dist-info"
        place.mkdir(exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {package.key}", f"Version: {package.version}"]
        lines += [f"Provides-Extra: {each}" for each in package.extras]
        lines += [f"Requires-Dist: {each}" for each in package.requires]
        place.joinpath("METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


def complete(lock: Lock, *, pip: Pip, cache: Path, python: Interpreter | None = None) -> Lock:
    """Return `lock` with a wheel built of each source that it locks. Raises what `resolve` raises."""
    if not lock.to_build:
        return lock
    with tempfile.TemporaryDirectory(prefix="airpack-build-") as folder:
        # A file, as only its lines can hold the settings of a build.
        file = Path(folder, "requirements.txt")
        file.write_text("".join(f"{line}\n" for line in lock.to_build), encoding="utf-8")
        sources = Requirements(files=[str(file)], specifications=["--no-deps"])
        built = resolve(sources, lock.target, pip=pip, cache=cache, python=python)
    wheels = sorted([*lock.wheels, *built.wheels], key=lambda wheel: wheel.key)
    return replace(lock, wheels=tuple(wheels), to_build=(), access=built.access)


def _locked(install: dict[str, Any], built: Mapping[tuple[NormalizedName, Version], Built]) -> LockedWheel:
    """Read one entry of pip's installation report (its specification: version 1)."""
    metadata, download = install["metadata"], install["download_info"]
    name = canonicalize_name(metadata["name"])  # as a lock has it: the same bundle with or without one
    made = built.get((name, Version(metadata["version"])))
    if made is not None:
        content = made.path.read_bytes()
        source = _source(download, made.settings)
        return LockedWheel(
            name=name,
            version=metadata["version"],
            filename=made.path.name,
            url=made.path.as_uri(),
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            requires_python=metadata.get("requires_python", ""),
            source=source,
            built_by_host=made.by_host,
            built_from=source.identity,
        )
    return LockedWheel(
        name=name,
        version=metadata["version"],
        filename=_filename(download["url"]),
        url=download["url"],
        sha256=download["archive_info"].get("hashes", {}).get("sha256", ""),
        requires_python=metadata.get("requires_python", ""),
    )


def _filename(url: str) -> str:
    """Return the wheel's name that ends `url`; an index can't make it lead elsewhere. Raises PipFailed."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename as error:
        raise PipFailed(f"{url} is no wheel, and was not built: {error}") from error
    return name


def _source(download: Mapping[str, Any], settings: Mapping[str, Any]) -> Source:
    """Read where a wheel that was built here came from (PEP 610)."""
    sha256 = download.get("archive_info", {}).get("hashes", {}).get("sha256", "")
    vcs = download.get("vcs_info", {})
    revision = f"@{vcs['commit_id']}" if vcs else ""
    return Source(
        url=f"{vcs['vcs']}+{download['url']}{revision}" if vcs else download["url"], sha256=sha256, settings=settings
    )
