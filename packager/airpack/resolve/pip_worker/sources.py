"""Lets pip resolve sdists, source trees and repositories: each is built for the target.

pip would ask its own interpreter for their metadata. Here the metadata is that of the wheel that is packed; an sdist
whose metadata no build changes (PEP 643) is built only once it is chosen. Where nothing is packed yet, an sdist of an
index that must be compiled is not: its backend prepares the metadata (PEP 517).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

from airpack.base.errors import BuildFailed
from airpack.base.urls import without_access
from airpack.resolve.pip_worker.adapter import MetadataInconsistent, SourceDistribution, direct_url, wrap
from airpack.resolve.pip_worker.events import Events, Failure
from airpack.resolve.pip_worker.settings import tell_git_by_variables
from airpack.sources.compiled import tree_must_compile
from airpack.sources.content import digest_of
from airpack.sources.copied import copied
from airpack.sources.source import Builder
from airpack.sources.static import static_metadata

# So many builds that fail are enough: of one project, before its other sources are passed over unbuilt; and in all.
_FAILURES_OF_PROJECT, _FAILURES = 3, 10


class Unbuildable(MetadataInconsistent):
    """A source of an index that can't be built: pip passes it over, as it does one whose metadata is wrong."""

    def __init__(self, req: Any, failure: Failure) -> None:
        super().__init__(req, "build", "a wheel", "none")
        self.facts = failure.facts
        self.project = canonicalize_name(failure.facts["name"])

    def __str__(self) -> str:
        return str(self.facts["reason"])


class Unseen(MetadataInconsistent):
    """A source of an index that isn't built to read its metadata, as enough others of its project were."""

    def __init__(self, req: Any) -> None:
        super().__init__(req, "metadata", "known", "unknown")


def allow_sources(builder: Builder, scratch: Path, events: Events, *, looks: int | None) -> None:
    """Let pip build sources that have no wheel with `builder`, in folders in `scratch`, and report each wheel built.

    Of each project, `looks` versions at most are built for their metadata; None sets no limit.
    """
    builds = _Builds(builder, scratch, events, looks)
    # Its refusal of sdists in a cross resolve, since it would build for the wrong Python.
    wrap("check_dist_restriction", lambda _: lambda *_, **__: None)
    # Its cache, with wheels that it built under its own Python.
    wrap("kept_wheel", lambda _: lambda *_, **__: None)

    class BuiltDistribution(SourceDistribution):
        """A source distribution whose metadata is that of the wheel built from it."""

        def prepare_distribution_metadata(self, *_: Any, **__: Any) -> None:
            self.req.metadata_directory = str(builds.metadata(self.req))
            # As pip does once it has metadata: a path has no name before.
            if self.req.name is None:
                self.req._set_requirement()
            self.req.assert_source_matches_version()
            # An editable repository is to pip the folder of its clone, which is gone once pip ends.
            if self.req.editable and self.req.link.is_vcs:
                self.req.download_info = direct_url(self.req.link, self.req.unpacked_source_directory)

    wrap("distribution_of", lambda make: lambda req: make(req) if _is_wheel(req) else BuiltDistribution(req))
    wrap("resolve", builds.resolving)
    tell_git_by_variables(os.environ)


class _Unbuilt(dict[Any, Any]):
    """What pip could not build, by its link, which it leaves out; and the other sources of a project given up.

    They need not be downloaded.
    """

    def __init__(self, builds: _Builds) -> None:
        super().__init__()
        self._builds = builds

    def __contains__(self, link: object) -> bool:
        """Return whether pip is to leave out what a link leads to."""
        return super().__contains__(link) or self._builds.gives_up(_project(link)) is not None


class _Builds:
    """Builds with the indexes that requirements files name as well, known once pip begins to resolve."""

    def __init__(self, builder: Builder, scratch: Path, events: Events, looks: int | None) -> None:
        self._builder = builder
        self._scratch = scratch
        self._events = events
        self._built: set[str] = set()
        self._failures: list[Failure] = []
        self._looks = looks
        self._seen: Counter[str] = Counter()

    def resolving(self, resolve: Any) -> Any:
        """Return pip's `resolve`, which first tells where pip looks, and builds what was chosen but not built yet."""

        def resolve_and_build(resolver: Any, *args: Any, **kwargs: Any) -> Any:
            options = _options_of(resolver.factory._finder)
            self._builder = replace(self._builder, pip_options=[*self._builder.pip_options, *options])
            self._events.emit(index_options=options)
            resolver.factory._build_failures = _Unbuilt(self)
            while True:
                resolved = resolve(resolver, *args, **kwargs)
                failed = self._build_chosen(resolver._result.mapping.values() if resolver._result else ())
                if not failed:
                    self._events.emit(unbuildable=[failure.facts for failure in self._failures])
                    return resolved
                resolver.factory._build_failures.update(failed)

        return resolve_and_build

    def metadata(self, req: Any) -> Path:
        """Return a folder with the metadata of a pip requirement's source, which is built if the metadata needs it.

        Raises Failure, or Unbuildable or Unseen for what is one of several in an index.
        """
        source = Path(req.unpacked_source_directory)
        static = static_metadata(source) if Path(req.local_file_path or "").is_file() else None
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        if static is not None:
            info = folder / f"{canonicalize_name(static['Name']).replace('-', '_')}-{static['Version']}.dist-info"
            info.mkdir()
            shutil.copyfile(source / "PKG-INFO", info / "METADATA")
            return info
        if not req.is_direct:
            name = canonicalize_name(req.name)
            if self._seen[name] == self._looks:
                raise Unseen(req)
            self._seen[name] += 1
        purpose = "" if req.is_direct else " to read its metadata"  # which says whether it is the one to take
        made = self._try(req, purpose, alone=self._defers(req))
        if made.is_dir():
            return made
        with zipfile.ZipFile(made) as archive:
            names = [name for name in archive.namelist() if name.split("/")[0].endswith(".dist-info")]
            archive.extractall(folder, names)
        return folder / names[0].split("/")[0]

    def gives_up(self, project: str) -> Failure | None:
        """Return why the other sources of a project are passed over unbuilt, None while they are tried."""
        name = canonicalize_name(project)
        failures = [each for each in self._failures if canonicalize_name(each.facts["name"]) == name]
        reasons = {each.facts["reason"] for each in failures}
        # Two that fail for one reason will hardly be alone with it.
        return failures[0] if len(failures) >= _FAILURES_OF_PROJECT or len(reasons) < len(failures) else None

    def _build_chosen(self, chosen: Any) -> dict[Any, Unbuildable]:
        """Build the chosen sources that aren't built; return why one of them can't be, by its link. Raises Failure."""
        for candidate in chosen:
            req = candidate.get_install_requirement()
            if candidate.is_installed or req is None or _is_wheel(req) or req.link.url in self._built:
                continue
            if self._defers(req):
                archive = hashlib.sha256(Path(req.local_file_path).read_bytes()).hexdigest()
                facts = {"version": str(candidate.version), "sha256": archive, "settings": req.config_settings or {}}
                self._events.emit(deferred=candidate.name, **facts)
                continue
            try:
                self._try(req, "")
            except Unbuildable as error:
                return {req.link: error}
        return {}

    def _defers(self, req: Any) -> bool:
        """Return whether the source of a pip requirement is not built: nothing is packed, and it must be compiled.

        What can't be compiled here at all is told now.
        """
        can_compile = self._builder.python is not None and not self._builder.for_another_system
        is_sdist = not req.is_direct and Path(req.local_file_path or "").is_file()
        waits = self._builder.defers and can_compile and is_sdist
        return waits and tree_must_compile(Path(req.unpacked_source_directory))

    def _try(self, req: Any, purpose: str, *, alone: bool = False) -> Path:
        """Return the path of the wheel built from the source of a pip requirement; or, `alone`, of metadata without it.

        Raises Failure or Unbuildable.
        """
        if not req.is_direct and (failure := self.gives_up(req.name or "")):
            raise Unbuildable(req, failure)
        try:
            made = self._build(req, purpose, alone=alone)
        except Failure as failure:
            self._failures.append(failure)
            if req.is_direct or len(self._failures) >= _FAILURES:
                raise self._failures[0] from failure
            raise Unbuildable(req, failure) from failure
        if made.is_file():
            self._built.add(req.link.url)
        return made

    def _build(self, req: Any, purpose: str, *, alone: bool) -> Path:
        """See `_try`. Raises Failure."""
        archive, source = Path(req.local_file_path or ""), Path(req.unpacked_source_directory)
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest() if archive.is_file() else None
        is_folder = req.link.is_existing_dir()  # the user's own: a clone of a repository is pip's
        content = digest_of(source) if is_folder else ""
        name, required_by = req.name or req.link.filename, getattr(req.comes_from, "name", None)
        if is_folder:
            source = copied(source, Path(tempfile.mkdtemp(dir=self._scratch)))
        from airpack.sources.build import (
            build_wheel,
            metadata_of,
        )  # its imports take longer than a resolve that builds nothing

        version = _version(req.link.filename) if req.link is not None else ""
        place = req.comes_from if isinstance(req.comes_from, str) else ""
        facts = {"name": name, "version": version, "required_by": required_by, "place": place, "source": source_of(req)}
        if getattr(req, "global_options", None):  # newer versions of pip don't have them
            reason = "--global-option is not supported: use --config-settings, which its build backend reads"
            raise Failure("build", reason=reason, **facts)

        def tell() -> None:
            self._events.emit(building=f"{name} {version}".strip() + purpose)

        settings = req.config_settings or None
        try:
            if alone and sha256:
                info = metadata_of(source, name, self._builder, sha256=sha256, settings=settings, on_start=tell)
                if info is not None:
                    return info
            built = build_wheel(source, name, self._builder, sha256=sha256, settings=settings, on_start=tell)
        except BuildFailed as error:
            reason = error.reason.replace(f"{source}/", "").replace(str(source), "its source")
            raise Failure("build", reason=reason, **facts) from error
        self._events.emit(
            built=str(built.path),
            by_host=built.by_host,
            settings=built.settings,
            sha256=sha256 or "",
            content=content,
        )
        return built.path


def _options_of(finder: Any) -> list[str]:
    """Return the places where a pip finder looks, as pip command line options."""
    scope = finder.search_scope
    names = ["--index-url", *["--extra-index-url"] * len(scope.index_urls)]
    options = [word for name, url in zip(names, scope.index_urls, strict=False) for word in (name, url)]
    options = ["--no-index"] if scope.no_index else options
    options += [word for place in scope.find_links for word in ("--find-links", place)]
    return options + [word for host in finder.trusted_hosts for word in ("--trusted-host", host)]


def source_of(req: Any) -> str:
    """Return the folder or URL that a requirement of pip's names, without credentials; empty if it names none."""
    if not req.is_direct:
        return ""
    inside = f"#subdirectory={inside}" if (inside := req.link.subdirectory_fragment) else ""
    return (req.link.file_path if req.link.is_file else without_access(req.link.url_without_fragment)) + inside


def _project(link: Any) -> str:
    """Return the project of the sdist that a link leads to, empty for something else."""
    with suppress(InvalidSdistFilename):
        return parse_sdist_filename(link.filename)[0]
    return ""


def _version(filename: str) -> str:
    """Return the version that the file name of an sdist has, empty if it has none."""
    with suppress(InvalidSdistFilename):
        return str(parse_sdist_filename(filename)[1])
    return ""


def _is_wheel(req: Any) -> bool:
    return bool(req.is_wheel) and not req.editable
