"""What the pip of a build's environment is told: by files and variables that no other user of the machine reads.

Command lines are for all to read (`/proc/PID/cmdline`), and pip puts the URLs of its indexes on that of another pip,
where a build requirement must itself be built: so users and passwords go into a netrc where that can tell them apart.
"""

from __future__ import annotations

import netrc
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from airpack.base.urls import account_in, without_user
from airpack.sources.isolation import scoped_pip, variables
from airpack.sources.isolation.scoped_pip import Scopes

# What a requirements file may tell as well; with those that take a value as the next word.
_VALUED = ("--index-url", "--extra-index-url", "--find-links", "--trusted-host")
_PLACES = (*_VALUED, "--no-index")
_PORTABLE = re.compile(r"[^\s\"\\#][^\s\"\\]*")  # a word that every version of Python reads alike in a netrc


def told(
    folder: Path, options: Sequence[str], requirements: Sequence[str], env: Mapping[str, str], *, scopes: Scopes = ()
) -> tuple[Path, dict[str, str]]:
    """Return a requirements file, written into the new folder `folder`, and the environment for the pip that gets it.

    `options` are pip's, as command lines have them; `env` is the environment of this process.
    """
    words = list(_parted(options))
    urls = [each["url"] for each in scopes]
    accounts = _accounts([*(value for name, value in words if name in _PLACES), *urls])

    def shared(url: str) -> str:
        return without_user(url) if urlsplit(url).hostname in accounts else url

    lines = []
    for name, value in words:
        if name in _PLACES:
            place = shared(value)
            lines.append(shlex.join([name, place]) if place else name)
    file = folder / "requirements.txt"
    _write(file, "".join(f"{line}\n" for line in (*lines, *requirements)))
    own = {f"PIP_{name[2:].upper().replace('-', '_')}": value for name, value in words if name not in _PLACES}
    proxy = own.pop("PIP_PROXY", env.get("PIP_PROXY"))
    if proxy:  # as --proxy, which pip would put on a command line
        own |= {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": "", "NO_PROXY": ""}
    if urls:
        _write(folder / "scopes.json", scoped_pip.dumps([shared(url) for url in urls]))
        own[scoped_pip.FILE] = str(folder / "scopes.json")
    if accounts:
        text = "".join(f"machine {host} login {user} password {word}\n" for host, (user, word) in accounts.items())
        _write(folder / "netrc", _netrc_of_user(env) + text)
        own["NETRC"] = str(folder / "netrc")
    return file, {**variables.for_pip(env), **own}


def _parted(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options by name, with their values."""
    words = iter(options)
    for word in words:
        name, equals, value = word.partition("=")
        yield name, next(words, "") if name in _VALUED and not equals else value


def _accounts(urls: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the user and the password of each host that has one server here and one account, by its name."""
    servers, accounts = defaultdict(set), defaultdict(set)
    for url in urls:
        host = urlsplit(url).hostname or ""
        servers[host].add(urlsplit(without_user(url)).netloc)
        if account := account_in(url):
            accounts[host].add(account)
    return {
        host: min(found)
        for host, found in accounts.items()
        if len(found) == len(servers[host]) == 1 and all(map(_PORTABLE.fullmatch, min(found)))
    }


def netrcs(env: Mapping[str, str]) -> list[Path]:
    """Return the places of a netrc; pip reads the first that is there."""
    return [Path(env["NETRC"])] if env.get("NETRC") else [Path.home() / name for name in (".netrc", "_netrc")]


def _netrc_of_user(env: Mapping[str, str]) -> str:
    """Return the netrc that pip would read otherwise, empty if there is none, or none that can be read."""
    for place in netrcs(env):
        try:
            netrc.netrc(place)
            return place.read_text(encoding="utf-8") + "\n\n"
        except (OSError, ValueError, netrc.NetrcParseError):
            continue
    return ""


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
