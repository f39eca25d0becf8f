"""The options of `pack` and `lock` as Python has them: named and meant as on the command line (docs/commands.md)."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TypedDict

Place = str | PathLike[str]
Places = Sequence[Place]


class ResolveOptions(TypedDict, total=False):
    """What is asked for, for which image, and from where."""

    requirement: Places
    editable: Places
    constraint: Places
    extra: Sequence[str]
    group: Sequence[str]
    conda_from_index: bool
    require_attestations: bool
    only_binary: Sequence[str]
    no_binary: Sequence[str]
    prefer_binary: bool
    prefer_newest: bool
    pre: bool
    no_deps: bool
    require_hashes: bool
    exclude_newer: str
    config_settings: Sequence[str]
    target: Place
    python_version: str
    skip_installed: bool
    index_url: str
    extra_index_url: Sequence[str]
    find_links: Places
    allow_several_indexes: Sequence[str]
    no_index: bool
    trusted_host: Sequence[str]
    cert: Place
    client_cert: Place
    proxy: str
    retries: int
    timeout: float
    python: Place
    no_python_download: bool


class LockOptions(ResolveOptions, total=False):
    """Those of `lock`."""

    upgrade: bool
    upgrade_package: Sequence[str]


class PackOptions(ResolveOptions, total=False):
    """Those of `pack`."""

    lock: Place
    with_library: Sequence[str]
    tree: Place
    drop_in: Place
    image: str
    sbom: bool
    exclude: Sequence[str]
    slim: bool
    decoder: Place
    level: int
    jobs: int
    no_bytecode: bool
    strict: bool
    with_wheelhouse: bool
    sign: Place
    passphrase_file: Place
    no_import: bool
    add_missing: bool
