"""Lets a resolve take sdists, source trees and repositories: each is built at once, for the target.

pip would ask its own interpreter for their metadata. Here the wheel that the target
gets is what is asked, so that what was resolved is what is packed.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from pip._internal.cache import WheelCache
from pip._internal.cli import cmdoptions
from pip._internal.distributions.sdist import SourceDistribution
from pip._internal.operations import prepare
from pip._internal.resolution.resolvelib.resolver import Resolver
from pip._internal.utils.temp_dir import TempDirectory

from airpack.base.errors import BuildFailed
from airpack.resolve.pip_worker.events import Events, Failure
from airpack.resolve.sources import Builder


def allow_sources(builder: Builder, events: Events) -> None:
    """Make pip build what has no wheel with `builder`, and tell of each wheel built."""
    builders = [builder]
    # Its refusal of sdists in a cross resolve, which would build for the wrong Python.
    cmdoptions.check_dist_restriction = lambda *_, **__: None
    # Its cache holds wheels that it built under its own Python.
    WheelCache.get_cache_entry = lambda *_, **__: None

    _build_with_the_finders_indexes(builders, events)

    class BuiltDistribution(SourceDistribution):
        """A source distribution whose metadata is that of its wheel."""

        def prepare_distribution_metadata(self, *_: Any, **__: Any) -> None:
            wheel = _built(self.req, builders[-1], events)
            folder = Path(TempDirectory(kind="metadata", globally_managed=True).path)
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.split("/")[0].endswith(".dist-info")]
                archive.extractall(folder, names)
            self.req.metadata_directory = str(folder / names[0].split("/")[0])
            # As pip does once it has metadata: a path has no name before.
            if self.req.name is None:
                self.req._set_requirement()
            self.req.assert_source_matches_version()

    make = prepare.make_distribution_for_install_requirement
    prepare.make_distribution_for_install_requirement = lambda req: (
        make(req) if _is_wheel(req) else BuiltDistribution(req)
    )


def _build_with_the_finders_indexes(builders: list[Builder], events: Events) -> None:
    """Let builds look where requirements files say, too, which pip knows by the time that it resolves."""
    resolve = Resolver.resolve

    def resolve_with(self: Resolver, *args: Any, **kwargs: Any) -> Any:
        options = _options_of(self.factory._finder)
        builders.append(replace(builders[0], pip_options=options))
        events.emit(index_options=options)
        return resolve(self, *args, **kwargs)

    Resolver.resolve = resolve_with


def _options_of(finder: Any) -> list[str]:
    """Return where a finder looks, as options of pip's command line."""
    scope = finder.search_scope
    names = ["--index-url", *["--extra-index-url"] * len(scope.index_urls)]
    options = [word for name, url in zip(names, scope.index_urls, strict=False) for word in (name, url)]
    options = ["--no-index"] if scope.no_index else options
    options += [word for place in scope.find_links for word in ("--find-links", place)]
    return options + [word for host in finder.trusted_hosts for word in ("--trusted-host", host)]


def _is_wheel(req: Any) -> bool:
    return bool(req.is_wheel) and not req.editable


def _built(req: Any, builder: Builder, events: Events) -> Path:
    archive = Path(req.local_file_path or "")
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest() if archive.is_file() else None
    name = req.name or Path(req.unpacked_source_directory).name
    source = Path(req.unpacked_source_directory)
    if archive.is_dir() or req.editable:
        # The user's own folder: a build leaves things where it runs.
        copy = Path(TempDirectory(kind="source", globally_managed=True).path, source.name)
        shutil.copytree(source, copy, symlinks=True)
        source = copy
    from airpack.resolve.build import (
        build_wheel,  # what it imports takes longer than many a resolve that builds nothing
    )

    by = getattr(req.comes_from, "name", None)
    if getattr(req, "global_options", None):  # not every pip has them any more
        reason = "--global-option can't be honoured: tell its build backend with --config-settings"
        raise Failure("build", name=name, reason=reason, required_by=by)
    try:
        built = build_wheel(source, name, builder, sha256=sha256, settings=req.config_settings or None)
    except BuildFailed as error:
        raise Failure("build", name=name, reason=error.reason, required_by=by) from error
    events.emit(built=str(built.path), by_host=built.by_host, settings=built.settings)
    return built.path
