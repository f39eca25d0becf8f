"""Lets only those settings of pip's configuration hold that fit a resolve for an image, here and in builds."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from typing import Any

from airpack.resolve.pip_settings import UNFIT_FOR_BUILDS
from airpack.resolve.pip_worker.adapter import wrap

_PREFIX = "PIP_"
_FILE = "PIP_CONFIG_FILE"


def leave_out(unheeded: frozenset[str], env: MutableMapping[str, str]) -> None:
    """Let pip not see the settings `unheeded`, wherever they are set.

    When pip has read its configuration, `env` is given the rest of it in place of the user's files and variables: so
    any pip that runs in it, such as that of a build's environment, has these settings and no others.
    """

    def filtering(read: Any) -> Any:
        def settings(parser: Any) -> Iterator[tuple[str, Any]]:
            held = [(name, value) for name, value in read(parser) if name not in unheeded]
            _hand_on(dict(held), env)
            yield from held

        return settings

    wrap("settings", filtering)


def _hand_on(settings: dict[str, Any], env: MutableMapping[str, str]) -> None:
    for name in [name for name in env if name.startswith(_PREFIX)]:
        del env[name]
    env[_FILE] = os.devnull
    for name, value in settings.items():
        if name not in UNFIT_FOR_BUILDS:
            env[_PREFIX + name.upper().replace("-", "_")] = str(value)
