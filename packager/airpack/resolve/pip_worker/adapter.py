"""The one door to pip's internals: each name of theirs that airpack uses or replaces stands here, as data.

pip promises none of them to anyone. All are looked up before a command begins, so that a pip that lacks one ends in one
line and not in the middle of a resolve. Other modules take a name from here as if this module defined it, and replace
what pip has by `wrap`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from operator import attrgetter
from typing import Any

# pip's logger, and that of the libraries in it.
LOGGER, VENDORED = "pip", "pip._vendor"
# For each name that airpack has for it: the module, and the name within. `fetch` imports only what it needs: the
# modules of a resolve take a tenth of a second.
FETCH: Mapping[str, str] = {
    "VERSION": "pip:__version__",
    "Text": "pip._vendor.rich.text:Text",
    "create_command": "pip._internal.commands:create_command",
    "DiagnosticPipError": "pip._internal.exceptions:DiagnosticPipError",
    "HashError": "pip._internal.exceptions:HashError",
    "HashErrors": "pip._internal.exceptions:HashErrors",
    "HashMismatch": "pip._internal.exceptions:HashMismatch",
    "HashMissing": "pip._internal.exceptions:HashMissing",
    "HashUnpinned": "pip._internal.exceptions:HashUnpinned",
    "InstallationError": "pip._internal.exceptions:InstallationError",
    "NetworkConnectionError": "pip._internal.exceptions:NetworkConnectionError",
    "response_chunks": "pip._internal.network.utils:response_chunks",
    "ConnectionFailed": "pip._vendor.requests.exceptions:ConnectionError",
    "RequestException": "pip._vendor.requests.exceptions:RequestException",
    "HTTPError": "pip._vendor.urllib3.exceptions:HTTPError",
}
RESOLVE: Mapping[str, str] = {
    "InstallCommand": "pip._internal.commands.install:InstallCommand",
    "MetadataInconsistent": "pip._internal.exceptions:MetadataInconsistent",
    "MetadataInvalid": "pip._internal.exceptions:MetadataInvalid",
    "direct_url": "pip._internal.utils.direct_url_helpers:direct_url_from_link",
    "get_environment": "pip._internal.metadata:get_environment",
    "metadata_distribution": "pip._internal.metadata:get_metadata_distribution",
    "InvalidRequirement": "pip._vendor.packaging.requirements:InvalidRequirement",
    "InvalidSpecifier": "pip._vendor.packaging.specifiers:InvalidSpecifier",
    "Marker": "pip._vendor.packaging.markers:Marker",
    "Op": "pip._vendor.packaging.markers:Op",
    "Value": "pip._vendor.packaging.markers:Value",
    "Variable": "pip._vendor.packaging.markers:Variable",
    "Tag": "pip._vendor.packaging.tags:Tag",
    "SourceDistribution": "pip._internal.distributions.sdist:SourceDistribution",
}
# What is replaced in pip: by each command, and by a resolve.
SETTINGS: Mapping[str, str] = {
    "settings": "pip._internal.cli.parser:ConfigOptionParser._get_ordered_configuration_items",
    "user_agent": "pip._internal.network.session:user_agent",
}
WRAPPED: Mapping[str, str] = {
    "best_candidate": "pip._internal.index.package_finder:PackageFinder.find_best_candidate",
    "check_dist_restriction": "pip._internal.cli.cmdoptions:check_dist_restriction",
    "conflict_error": "pip._internal.resolution.resolvelib.factory:Factory.get_installation_error",
    "default_environment": "pip._vendor.packaging.markers:default_environment",
    "distribution_of": "pip._internal.operations.prepare:make_distribution_for_install_requirement",
    "evaluate_marker": "pip._vendor.packaging.markers:Marker.evaluate",
    "index_content": "pip._internal.index.collector:_get_index_content",
    "index_pages": "pip._internal.models.search_scope:SearchScope.get_index_urls_locations",
    "git_account": "pip._internal.vcs.git:Git.get_netloc_and_auth",
    "html_link": "pip._internal.models.link:Link.from_element",
    "installed_environment": "pip._internal.resolution.resolvelib.factory:get_default_environment",
    "json_link": "pip._internal.models.link:Link.from_json",
    "kept_wheel": "pip._internal.cache:WheelCache.get_cache_entry",
    "editable_prepared": "pip._internal.operations.prepare:RequirementPreparer.prepare_editable_requirement",
    "editable_requirement": "pip._internal.req.constructors:install_req_from_editable",
    "link_candidate": "pip._internal.resolution.resolvelib.factory:Factory._make_base_candidate_from_link",
    "link_hashes": "pip._internal.operations.prepare:RequirementPreparer._get_linked_req_hashes",
    "lines_of_file": "pip._internal.req.req_file:preprocess",
    "option_parser": "pip._internal.req.req_file:build_parser",
    "page_body": "pip._vendor.requests.models:Response.iter_content",
    "page_kind": "pip._internal.index.collector:_ensure_api_header",
    "page_links": "pip._internal.index.package_finder:parse_links",
    "page_failed": "pip._internal.index.collector:_handle_get_simple_fail",
    "parse_editable": "pip._internal.req.constructors:parse_editable",
    "parse_files": "pip._internal.req.req_file:RequirementsFileParser.parse",
    "parse_line": "pip._internal.req.constructors:parse_req_from_line",
    "read_requirement": "pip._vendor.packaging.requirements:Requirement.__init__",
    "read_requirements": "pip._internal.req.req_file:get_file_content",
    "read_specifiers": "pip._vendor.packaging.specifiers:SpecifierSet.__init__",
    "rejecting": "pip._internal.resolution.resolvelib.reporter:PipReporter.rejecting_candidate",
    "file_body": "pip._internal.network.download:response_chunks",
    "resolve": "pip._internal.resolution.resolvelib.resolver:Resolver.resolve",
    "metadata_alone": "pip._internal.operations.prepare:RequirementPreparer._fetch_metadata_only",
    "served_metadata": "pip._internal.operations.prepare:get_metadata_distribution",
    "skipped_link": "pip._internal.index.package_finder:PackageFinder._log_skipped_link",
    "target_tags": "pip._internal.models.target_python:TargetPython.get_sorted_tags",
    "url_requirement": "pip._internal.resolution.resolvelib.factory:Factory._make_requirements_from_install_req",
    "wheel_metadata": "pip._internal.distributions.wheel:WheelDistribution.get_metadata_distribution",
}
# Attributes that a class of pip gives its objects: by the class, as properties, as annotations or in `__init__`.
ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "pip._internal.index.package_finder:PackageFinder": ("find_all_candidates", "search_scope", "trusted_hosts"),
    "pip._internal.index.package_finder:BestCandidateResult": ("applicable_candidates",),
    "pip._internal.models.search_scope:SearchScope": ("find_links", "index_urls", "no_index"),
    "pip._internal.models.link:Link": (
        *("comes_from", "file_path", "filename", "hash", "hash_name", "is_existing_dir", "is_file", "is_hash_allowed"),
        *("is_vcs", "is_wheel", "is_yanked"),
        *("requires_python", "scheme", "subdirectory_fragment", "url", "url_without_fragment", "yanked_reason"),
    ),
    "pip._internal.req.req_install:InstallRequirement": (
        *("comes_from", "config_settings", "constraint", "editable", "extras", "has_hash_options", "is_direct"),
        *("download_info", "is_wheel", "link", "local_file_path", "match_markers", "specifier"),
        *("metadata_directory", "unpacked_source_directory", "_set_requirement", "assert_source_matches_version"),
    ),
    "pip._internal.resolution.resolvelib.candidates:ExtrasCandidate": ("base", "extras", "name", "project_name"),
    "pip._internal.resolution.resolvelib.factory:Factory": (
        *("_build_failures", "_finder", "_link_candidate_cache", "preparer"),
    ),
    "pip._internal.operations.prepare:RequirementPreparer": ("require_hashes", "_get_linked_req_hashes", "_session"),
    "pip._internal.resolution.resolvelib.resolver:Resolver": ("_result", "factory"),
    "pip._vendor.packaging.markers:Marker": ("_markers",),
}


class UnfitPip(Exception):
    """The pip at hand lacks `missing`, a name of its internals; `version` is pip's, `fits` the versions to install."""

    def __init__(self, missing: str) -> None:
        super().__init__(missing)
        self.missing = missing
        self.version = _version()
        self.fits = _bound()


def check(*names: Mapping[str, str]) -> None:
    """Look up `names`, and with those of a resolve the attributes as well. Raises UnfitPip for the first missing."""
    for table in names:
        for place in table.values():
            _look_up(place)
    if RESOLVE in names:
        for place, attributes in ATTRIBUTES.items():
            absent = sorted(set(attributes) - set(_attributes(_look_up(place))))
            if absent:
                raise UnfitPip(f"{place}.{absent[0]}")


def __getattr__(name: str) -> Any:
    """Return what pip has under one of airpack's names for it. Raises UnfitPip."""
    place = FETCH.get(name) or RESOLVE.get(name)
    if place is None:
        raise AttributeError(name)
    return _look_up(place)


def wrap(name: str, make: Callable[[Any], Any]) -> None:
    """Replace what pip has, one of SETTINGS or WRAPPED, by what `make` returns for it. Raises UnfitPip."""
    place = SETTINGS.get(name) or WRAPPED[name]
    module, _, path = place.partition(":")
    owner, _, attribute = path.rpartition(".")
    holder = _look_up(f"{module}:{owner}") if owner else importlib.import_module(module)
    setattr(holder, attribute, make(_look_up(place)))


def _look_up(place: str) -> Any:
    module, _, path = place.partition(":")
    try:
        return attrgetter(path)(importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise UnfitPip(place) from error


def _attributes(cls: type) -> Iterator[str]:
    """Yield the attributes that the objects of a class have, as far as the class shows them."""
    for base in cls.__mro__:
        yield from vars(base)
        yield from getattr(base, "__annotations__", {})
        yield from getattr(getattr(vars(base).get("__init__"), "__code__", None), "co_names", ())


def _version() -> str:
    try:
        return metadata.version("pip")
    except metadata.PackageNotFoundError:
        return "(none)"


def _bound() -> str:
    """Return the versions of pip that airpack's own metadata allows."""
    for requirement in metadata.requires("airpack") or ():
        if matched := re.fullmatch(r"pip\b *([^;]*)", requirement):
            return ",".join(reversed(matched[1].strip(" ()").split(",")))
    return ""
