"""Which files of a project a resolve may take, and how its sources are built, in pip's own terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

from packaging.version import Version

from airpack.base.errors import UsageError

_AGE = re.compile(r"P?(\d{1,5}) *(d|days?|w|weeks?)", re.IGNORECASE)
_FIRST_PIP = "26.0"  # the first with --uploaded-prior-to


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The options of `pip install` that steer a resolve, as the user gives them.

    `only_binary` and `no_binary` hold what pip takes: names, `:all:`, `:none:`. `config_settings` are `KEY=VALUE`.
    With `prefer_newest`, which pip doesn't have, a version that must be compiled doesn't yield to an older one that
    has a wheel. Files uploaded at `exclude_newer` or later are left out; None takes all.
    """

    only_binary: Sequence[str] = ()
    no_binary: Sequence[str] = ()
    prefer_binary: bool = False
    prefer_newest: bool = False
    pre: bool = False
    no_deps: bool = False
    require_hashes: bool = False
    config_settings: Sequence[str] = ()
    exclude_newer: datetime | None = None

    def arguments(self) -> list[str]:
        """Return them as options of pip's command line. Raises UsageError if the installed pip lacks one."""
        flags = {
            "--prefer-binary": self.prefer_binary,
            "--pre": self.pre,
            "--no-deps": self.no_deps,
            "--require-hashes": self.require_hashes,
        }
        arguments = [flag for flag, given in flags.items() if given]
        arguments += [f"--only-binary={names}" for names in self.only_binary]
        arguments += [f"--no-binary={names}" for names in self.no_binary]
        arguments += [f"--config-settings={setting}" for setting in self.config_settings]
        if self.exclude_newer is not None:
            installed = version("pip")
            if Version(installed) < Version(_FIRST_PIP):
                raise UsageError(
                    f"--exclude-newer needs pip {_FIRST_PIP} or newer, and airpack's is {installed}: "
                    "pip install --upgrade pip, or leave it out"
                )
            arguments.append(f"--uploaded-prior-to={moment_text(self.exclude_newer)}")
        return arguments


def moment_of(text: str) -> datetime:
    """Return the moment that a date or a time gives (ISO 8601, UTC unless it says otherwise). Raises ValueError."""
    moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text.strip()))
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)


def moment_before(age: str, now: datetime) -> datetime:
    """Return the moment that is an age before `now`: `P7D` (pip's form), `7 days` or `2 weeks`. Raises ValueError."""
    parts = _AGE.fullmatch(age.strip())
    if parts is None:
        raise ValueError(age)
    try:
        return now.replace(microsecond=0) - timedelta(days=int(parts[1]) * (7 if parts[2][0] in "wW" else 1))
    except OverflowError as error:
        raise ValueError(age) from error


def moment_text(moment: datetime) -> str:
    """Return a moment as a lock has it: `2026-10-01T00:00:00Z` (RFC 3339)."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
