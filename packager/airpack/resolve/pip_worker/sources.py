"""Lets pip resolve sdists, source trees and repositories: each is built at once, for the target.

pip would ask its own interpreter for their metadata. Here the metadata is that of the wheel that is packed.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from airpack.base.errors import BuildFailed
from airpack.resolve.pip_worker.adapter import SourceDistribution, wrap
from airpack.resolve.pip_worker.events import Events, Failure
from airpack.sources.content import digest_of
from airpack.sources.source import Builder


def allow_sources(builder: Builder, scratch: Path, events: Events) -> None:
    """Let pip build sources that have no wheel with `builder`, in folders in `scratch`, and report each wheel built."""
    builds = _Builds(builder, scratch, events)
    # Its refusal of sdists in a cross resolve, since it would build for the wrong Python.
    wrap("check_dist_restriction", lambda _: lambda *_, **__: None)
    # Its cache, with wheels that it built under its own Python.
    wrap("kept_wheel", lambda _: lambda *_, **__: None)

    class BuiltDistribution(SourceDistribution):
        """A source distribution whose metadata is that of the wheel built from it."""

        def prepare_distribution_metadata(self, *_: Any, **__: Any) -> None:
            wheel = builds.build(self.req)
            folder = Path(tempfile.mkdtemp(dir=scratch))
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.split("/")[0].endswith(".dist-info")]
                archive.extractall(folder, names)
            self.req.metadata_directory = str(folder / names[0].split("/")[0])
            # As pip does once it has metadata: a path has no name before.
            if self.req.name is None:
                self.req._set_requirement()
            self.req.assert_source_matches_version()

    wrap("distribution_of", lambda make: lambda req: make(req) if _is_wheel(req) else BuiltDistribution(req))


class _Builds:
    """Builds with the indexes that requirements files name as well, known once pip begins to resolve."""

    def __init__(self, builder: Builder, scratch: Path, events: Events) -> None:
        self._builder = builder
        self._scratch = scratch
        self._events = events
        wrap("resolve", self._with_indexes)

    def _with_indexes(self, resolve: Any) -> Any:
        """Return `resolve`, which first tells where pip looks."""

        def resolve_with(resolver: Any, *args: Any, **kwargs: Any) -> Any:
            options = _options_of(resolver.factory._finder)
            self._builder = replace(self._builder, pip_options=[*self._builder.pip_options, *options])
            self._events.emit(index_options=options)
            return resolve(resolver, *args, **kwargs)

        return resolve_with

    def build(self, req: Any) -> Path:
        """Return the path of the wheel built from the source of a pip requirement. Raises Failure."""
        archive, source = Path(req.local_file_path or ""), Path(req.unpacked_source_directory)
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest() if archive.is_file() else None
        content = digest_of(source) if archive.is_dir() or req.editable else ""
        name, required_by = req.name or source.name, getattr(req.comes_from, "name", None)
        if archive.is_dir() or req.editable:
            # The user's own folder: a build leaves files where it runs.
            copy = Path(tempfile.mkdtemp(dir=self._scratch), source.name)
            source = shutil.copytree(source, copy, symlinks=True)
        from airpack.sources.build import build_wheel  # its imports take longer than a resolve that builds nothing

        if getattr(req, "global_options", None):  # newer versions of pip don't have them
            reason = "--global-option is not supported: use --config-settings, which its build backend reads"
            raise Failure("build", name=name, reason=reason, required_by=required_by)
        try:
            built = build_wheel(source, name, self._builder, sha256=sha256, settings=req.config_settings or None)
        except BuildFailed as error:
            raise Failure("build", name=name, reason=error.reason, required_by=required_by) from error
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


def _is_wheel(req: Any) -> bool:
    return bool(req.is_wheel) and not req.editable
