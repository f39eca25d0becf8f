"""Reads pip's own messages, where pip has no other way to tell what happened.

This is the one place where the text of another program decides anything: pip's log, and the errors of the libraries
in it. What airpack's own side of that process reports comes as facts (see `diagnosis`).
"""

from __future__ import annotations

import re

from airpack.base.errors import AirpackError, IndexUnreachable, InvalidRequirement, PipFailed, WriteFailed
from airpack.base.lines import clause
from airpack.base.urls import public
from airpack.requirements.requirements import invalid_requirement

_BAD_OPTION = "Invalid requirement: "  # of a line with an option that is wrong; pip's reason follows the line
_INVALID = re.compile(r"[Ii]nvalid (?:requirement|constraint): *'?(.*?)'?(?::| \(|$)", re.MULTILINE)
_PLACE = re.compile(r"\(from (line \d+ of [^)]+)\)")
_FROM_FILE = re.compile(r"-[rc] (.+) \(line (\d+)\)")
_UNANSWERED = re.compile(r"HTTPS?ConnectionPool\(host='([^']+)'.*?with url: (\S+) \(Caused by (.*)\)")
_REFUSED = re.compile(r"OSError: \[Errno (\d+)\] ([^:'\n]+)(?:: '(.*)')?")
_UNREADABLE = re.compile(r"Could not open (\w+) file: (?:\[Errno \d+\] )?(.*?): '?(.*?)'?$", re.MULTILINE)
_SETTING = re.compile(r"An error occurred during configuration: (.*?)\.?(?: Check your|\s*$)", re.DOTALL)
_WHEEL_NAME = re.compile(r"Invalid wheel filename[^:]*: '?([^'\n]+)'?")
_OTHER_TARGET = re.compile(r"(\S+\.whl) is not a supported wheel on this platform")
_BAD_URL = re.compile(r"ValueError: (?:Port could not be cast|Port out of range|Invalid IPv6 URL)")
_NO_FILE = re.compile(r"Could not find (?:a suitable TLS (CA) certificate bundle|the TLS .*file), invalid path: (.+)")
_NO_SOCKS = "Missing dependencies for SOCKS support"
_OS_ERROR = "Could not install packages due to an OSError: "  # pip installs nothing here
_NO_TIMES = re.compile(r"^Index (\S+).*? does not provide upload-time metadata")
# The innermost sentences of what urllib3 and requests nest in each other.
_CAUSES = (
    re.compile(r"(too many \d+ error responses)"),
    re.compile(r"\[Errno -?\d+\] ([\w ,]+)"),
    re.compile(r"(\d{3} (?:Client|Server) Error: .+?)(?: for url|$)", re.MULTILINE),
    re.compile(r"(certificate verify failed: [^(]+?) \("),
    re.compile(r"(Connection to \S+ timed out|Read timed out)"),
)
# What to do about a URL that can't be had, by the reason as `short_reason` gives it.
_REMEDIES = (
    (re.compile("401 "), "it asks for a user and a password: give them in ~/.netrc, a keyring or the index's URL"),
    (re.compile("403 "), "the server forbids it: check the credentials and what they may read, or another index"),
    (re.compile("pathspec|remote ref"), "check its branch, tag or commit"),
    (
        re.compile("could not read (?:Username|Password)|Authentication failed"),
        "give git the account, such as in ~/.netrc",
    ),
    (re.compile("a page to sign in"), "give a user and a password, or a token that is valid, for the index"),
    (re.compile("429 "), "the server asks to be asked less often: try again later, or name a mirror"),
    (re.compile("407 "), "the proxy asks for a user and a password: give them by --proxy or HTTPS_PROXY"),
    (
        re.compile("certificate verify failed"),
        "give the certificate of the server's authority by --cert",
    ),
    (re.compile("Name or service|name resolution|nodename"), "check the host's name, the network and the proxy"),
    (
        re.compile("neither a URL nor"),
        "write it without quotation marks and variables, which pip.conf doesn't put in (--index-url, PIP_INDEX_URL)",
    ),
    (re.compile(r"NO_CERTIFICATE|PEM lib"), "a file of --cert, --client-cert or pip.conf holds no certificate (PEM)"),
    (
        re.compile("redirects"),
        "its server is set up wrong, or sends those it doesn't know round: check the URL's end, and the credentials",
    ),
    (re.compile("no page of an index"), "give the URL of the index itself, which mostly ends in /simple/"),
    (re.compile("that pip can't read"), "try again; if it stays so, whoever runs the index must mend the page"),
    (re.compile("timed out"), "check the network and the proxy, or give it longer by --timeout"),
    (re.compile(r"\b5\d\d "), "the server failed: try again later, or name another index"),
)
_CHECK_ACCESS = "check the URL, the network, the proxy and the credentials"


def bad_option_in(message: str) -> str | None:
    """Return what pip says of an option that is wrong, None for another message."""
    return one_line(message).rpartition(": error: ")[2] if message.startswith(_BAD_OPTION) else None


def error_in(message: str) -> AirpackError:  # noqa: PLR0911 - one for each kind of message
    """Return the error for a message that pip printed: in airpack's words if the message is known, else in pip's."""
    if invalid := _INVALID.search(message):
        place = _PLACE.search(message)
        return invalid_requirement(invalid[1].strip(), place[1] if place else None)
    if unanswered := _UNANSWERED.search(message):
        return unreachable(f"{unanswered[1]}{unanswered[2]}", unanswered[3], verb="downloaded")
    if refused := _REFUSED.search(message):
        return WriteFailed.from_os(OSError(int(refused[1]), refused[2]), refused[3] or "pip's temporary folder")
    if unreadable := _UNREADABLE.search(message):
        return InvalidRequirement(f"{unreadable[1]} file {unreadable[3]} can't be read: {unreadable[2]}")
    if setting := _SETTING.search(message):
        return PipFailed(f"pip's settings (pip.conf, PIP_*) have a wrong value: {setting[1]}")
    if wheel := _WHEEL_NAME.search(message):
        return invalid_requirement(f"{wheel[1].removesuffix('.whl')}.whl", None)
    if _BAD_URL.search(message):  # which may be a part of the password
        return InvalidRequirement(
            "the URL of an index can't be read: write the signs of its user and password as in a URL (/ is %2F, : %3A, "
            "# %23, ? %3F, @ %40)"
        )
    if other := _OTHER_TARGET.search(message):
        tags = other[1].removesuffix(".whl").split("-", 2)[-1]
        return InvalidRequirement(
            f"{other[1]} is a wheel for {tags}, which the target doesn't take: give the target's own, or its source"
        )
    if unconnected := _unconnected(message):
        return unconnected
    return PipFailed(
        f"pip: {one_line(message).removeprefix(_OS_ERROR) or 'it ended without a message; try again with -v'}"
    )


def _unconnected(message: str) -> AirpackError | None:
    """Return the error for a message of why an index can't be asked, None for another message."""
    if missing := _NO_FILE.search(message):
        if missing[1]:
            what, names = "certificates of authorities", "--cert, pip.conf, PIP_CERT and REQUESTS_CA_BUNDLE"
        else:
            what, names = "client's certificate", "--client-cert, pip.conf and PIP_CLIENT_CERT"
        return PipFailed(f"the {what} should be in {missing[2]}, which is not there: check {names}")
    if _NO_SOCKS in message:
        return PipFailed(
            "the proxy speaks SOCKS, for which pip needs PySocks: pip install PySocks beside airpack, or name an HTTP "
            "proxy by --proxy or HTTPS_PROXY"
        )
    if untimed := _NO_TIMES.search(message):
        return IndexUnreachable(
            f"{public(untimed[1])} doesn't say when its files were uploaded (PEP 700): leave out --exclude-newer, or "
            "name another index"
        )
    return None


def place_in(comes_from: str) -> str:
    """Return the line and the file in what pip says of where a requirement comes from, empty if there is none."""
    found = _FROM_FILE.fullmatch(comes_from)
    return f"line {found[2]} of {found[1]}" if found else ""


def unreachable(url: str, reason: str, *, verb: str) -> IndexUnreachable:
    """Return the error for a URL that can't be `verb` (downloaded, read), for a reason as the libraries tell it."""
    short = short_reason(reason)
    otherwise = "check the path" if url.startswith(("file:", "git+file:")) else _CHECK_ACCESS
    remedy = next((remedy for pattern, remedy in _REMEDIES if pattern.search(short)), otherwise)
    return IndexUnreachable(f"{url} can't be {verb}: {short}: {remedy}")


def one_line(message: str) -> str:
    """Return a message in one line of at most 500 characters; of a traceback, or pip's usage, its last line."""
    lines = [line.strip().removeprefix("ERROR: ") for line in message.splitlines() if line.strip()]
    return clause(lines[-1] if lines and lines[0].startswith(("Traceback", "Usage:")) else " ".join(lines)[:500])


def short_reason(reason: str) -> str:
    """Return the innermost sentence of an error that urllib3 or requests raised around others."""
    for pattern in _CAUSES:
        if cause := pattern.search(reason):
            return cause[1]
    return clause(one_line(reason.split("(Caused by", 1)[0])[:200])
