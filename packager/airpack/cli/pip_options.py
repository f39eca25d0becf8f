"""pip's own options, in pip's own spelling, and the values that they stand for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from airpack.base.console import Progress
from airpack.base.errors import UsageError
from airpack.requirements.rules import Rules, moment_before, moment_of
from airpack.requirements.windows import as_here
from airpack.resolve.connection import Connection, Scopes
from airpack.resolve.pip import Pip

_REPEATED: dict[str, Any] = {"action": "append", "default": []}
_EVERY = "NAME|:all:|:none:"
# What has no meaning with a lock, which names the files already; --no-deps and --require-hashes hold for it anyway.
_RESOLVING = ("only_binary", "no_binary", "prefer_binary", "prefer_newest", "pre", "config_settings", "exclude_newer")


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add the options that steer a resolve."""
    group = parser.add_argument_group("which files to take (pip's own options)")
    group.add_argument("--only-binary", metavar=_EVERY, help="take only wheels of these projects", **_REPEATED)
    group.add_argument("--no-binary", metavar=_EVERY, help="build these projects from their sources", **_REPEATED)
    preference = group.add_mutually_exclusive_group()
    preference.add_argument(
        "--prefer-binary", action="store_true", help="take an older wheel rather than any newer source, as pip does"
    )
    preference.add_argument(
        "--prefer-newest",
        action="store_true",
        help="compile the newest version where it has no wheel (default: the newest that has a wheel, or whose source "
        "is pure Python, is taken)",
    )
    group.add_argument("--pre", action="store_true", help="take pre-releases as well")
    group.add_argument("--no-deps", action="store_true", help="leave out what the requirements themselves require")
    group.add_argument("--require-hashes", action="store_true", help="refuse requirements without --hash")
    group.add_argument(
        "--exclude-newer",
        "--uploaded-prior-to",
        metavar="DATE|P7D",
        type=_moment,
        help="take only files uploaded before this date or time (ISO 8601; UTC), or this age ('P7D', '7 days'); the "
        "lock records the moment",
    )
    group.add_argument(
        "-C",
        "--config-settings",
        "--config-setting",
        metavar="KEY=VALUE",
        type=_setting,
        help="a setting for the backends that build the requirements (PEP 517)",
        **_REPEATED,
    )


def rules(arguments: argparse.Namespace) -> Rules:
    """Return the rules of the resolve."""
    return Rules(
        only_binary=arguments.only_binary,
        no_binary=arguments.no_binary,
        prefer_binary=arguments.prefer_binary,
        prefer_newest=arguments.prefer_newest,
        pre=arguments.pre,
        no_deps=arguments.no_deps,
        require_hashes=arguments.require_hashes,
        config_settings=arguments.config_settings,
        exclude_newer=arguments.exclude_newer,
    )


def check_with_lock(arguments: argparse.Namespace) -> None:
    """Raise UsageError if an option is given that can't apply to a lock."""
    for name in _RESOLVING:
        if getattr(arguments, name):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} steers a resolve, and --lock names each file already: leave it out, or lock again with it"
            )


def add_index(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that name package indexes, and say how to reach them; return their group."""
    group = parser.add_argument_group("where packages come from (pip's own options; its configuration applies as well)")
    group.add_argument("-i", "--index-url", metavar="URL", help="the package index to use instead of PyPI")
    group.add_argument("--extra-index-url", metavar="URL", help="an additional index", **_REPEATED)
    group.add_argument(
        "-f",
        "--find-links",
        metavar="PATH",
        type=as_here,
        help="a folder, or a web page, with wheels and sdists",
        **_REPEATED,
    )
    group.add_argument(
        "--allow-several-indexes",
        metavar="NAME|:all:",
        help="take this project from any of several indexes that have it, and neither refuse nor warn",
        **_REPEATED,
    )
    group.add_argument("--no-index", action="store_true", help="use only --find-links")
    group.add_argument(
        "--trusted-host", metavar="HOST[:PORT]", help="trust this host without checking its certificate", **_REPEATED
    )
    group.add_argument("--cert", metavar="PATH", help="the certificate authorities to trust (PEM)")
    group.add_argument("--client-cert", metavar="PATH", help="a private key and its certificate (PEM)")
    group.add_argument("--proxy", metavar="URL", help="the proxy to go through")
    group.add_argument("--retries", metavar="N", type=_count, help="how often to try a connection again")
    group.add_argument("--timeout", "--default-timeout", metavar="SECONDS", type=_seconds, help="of a connection")
    return group


def pip(arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress) -> Pip:
    """Return the pip that resolves and downloads; `progress` shows its warnings. Raises UsageError."""
    for option, path in (("--cert", arguments.cert), ("--client-cert", arguments.client_cert)):
        if path is not None and not os.path.exists(path):
            raise UsageError(f"{option} {path} does not exist: give the path of a PEM file")
    return Pip(
        env=env,
        index_url=arguments.index_url,
        extra_index_urls=arguments.extra_index_url,
        find_links=arguments.find_links,
        no_index=arguments.no_index,
        connection=Connection(
            trusted_hosts=arguments.trusted_host,
            cert=arguments.cert,
            client_cert=arguments.client_cert,
            proxy=arguments.proxy,
            retries=arguments.retries,
            timeout=arguments.timeout,
        ),
        scopes=Scopes(scopes=getattr(arguments, "scopes", ()), several=arguments.allow_several_indexes),
        verbose=arguments.verbose,
        note=progress.note,
    )


def kept(
    arguments: argparse.Namespace, env: Mapping[str, str], progress: Progress, *, ahead: bool
) -> AbstractContextManager[Pip]:
    """Return `pip` with processes that carry out more than one request; with `ahead`, one is started if none is yet.

    Raises UsageError.
    """
    processes = None if arguments.verbose else getattr(arguments, "processes", None)
    return replace(pip(arguments, env, progress), processes=processes).kept(ahead=ahead)


def _moment(text: str) -> datetime:
    with suppress(ValueError):
        return moment_before(text, datetime.now(timezone.utc))
    with suppress(ValueError):
        return moment_of(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a moment: write 2026-10-01, 2026-10-01T12:00:00Z, P7D or '7 days'"
    )


def _setting(text: str) -> str:
    if text.partition("=")[0] and "=" in text:
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is not a setting: write KEY=VALUE")


def _count(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if 0 < seconds < float("inf"):
        return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
