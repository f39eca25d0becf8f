"""pip's own messages, as pip writes them, and the errors that they become."""

from __future__ import annotations

import pytest
from airpack.base.errors import AirpackError, IndexUnreachable, InvalidRequirement, PipFailed, WriteFailed
from airpack.resolve.failures import pip_messages

NO_NAME = "check the host's name, the network and the proxy"
POOL = (
    "HTTPSConnectionPool(host='example.invalid', port=443): Max retries exceeded with url: /simple/one/ (Caused by "
    "NewConnectionError('<HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno -2] Name or "
    "service not known'))"
)


@pytest.mark.parametrize(
    ("message", "kind", "expected"),
    [
        (
            "Invalid requirement: 'two=>1': Expected end\n    two=>1\n       ^ (from line 2 of /tmp/r.txt)",
            InvalidRequirement,
            "'two=>1' is not a requirement, line 2 of /tmp/r.txt: write two>=1",
        ),
        (
            "ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'absent.txt'",
            InvalidRequirement,
            "requirements file absent.txt can't be read: No such file or directory",
        ),
        (
            POOL,
            IndexUnreachable,
            f"example.invalid/simple/one/ can't be downloaded: Name or service not known: {NO_NAME}",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device: '/tmp/x'",
            WriteFailed,
            "/tmp/x: No space left on device; nothing was changed: free disk space, then try again",
        ),
        (
            (
                "An error occurred during configuration: option timeout: invalid floating-point value: 'abc'. Check "
                "your pip configuration files or environment variables for this value. See https://pip.invalid/ for "
                "more information."
            ),
            PipFailed,
            "pip's settings (pip.conf, PIP_*) have a wrong value: option timeout: invalid floating-point value: 'abc'",
        ),
        (
            "Invalid wheel filename (wrong number of parts): 'one'",
            InvalidRequirement,
            "'one.whl' is no name of a wheel: give the file as its builder named it",
        ),
        (
            "ValueError: Port could not be cast to integer value as 'pa'",
            InvalidRequirement,
            (
                "the URL of an index can't be read: write the signs of its user and password as in a URL "
                "(/ is %2F, : %3A, # %23, ? %3F, @ %40)"
            ),
        ),
        (
            "one-1.0-cp37-cp37m-win_amd64.whl is not a supported wheel on this platform.",
            InvalidRequirement,
            (
                "one-1.0-cp37-cp37m-win_amd64.whl is a wheel for cp37-cp37m-win_amd64, which the target doesn't take: "
                "give the target's own, or its source"
            ),
        ),
        (
            "Invalid requirement: './whl/one-1.0-py3-none-any.whl'",
            InvalidRequirement,
            "'./whl/one-1.0-py3-none-any.whl' is not there: give the path of a wheel from the current folder",
        ),
        (
            (
                "ERROR: Could not install packages due to an OSError: Could not find a suitable TLS CA certificate "
                "bundle, invalid path: /ca.pem"
            ),
            PipFailed,
            (
                "the certificates of authorities should be in /ca.pem, which is not there: check --cert, pip.conf, "
                "PIP_CERT and REQUESTS_CA_BUNDLE"
            ),
        ),
        (
            (
                "ERROR: Could not install packages due to an OSError: Could not find the TLS certificate file, invalid "
                "path: /own.pem"
            ),
            PipFailed,
            (
                "the client's certificate should be in /own.pem, which is not there: check --client-cert, pip.conf and "
                "PIP_CLIENT_CERT"
            ),
        ),
        (
            "ERROR: Could not install packages due to an OSError: Proxy URL had unsupported scheme ftp",
            PipFailed,
            "pip: Proxy URL had unsupported scheme ftp",
        ),
        ("ERROR: something\nERROR: of its own", PipFailed, "pip: something of its own"),
        ("Traceback (most recent call last):\n  File x\nKeyError: 1\n", PipFailed, "pip: KeyError: 1"),
        ("", PipFailed, "pip: it ended without a message; try again with -v"),
    ],
)
def test_a_message_of_pips(message: str, kind: type[AirpackError], expected: str) -> None:
    """It is read where pip tells no facts, and shown in one line where it isn't known."""
    error = pip_messages.error_in(message)
    assert type(error) is kind
    assert str(error) == expected


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("401 Client Error: Unauthorized for url: https://example.invalid/", "give them in ~/.netrc"),
        (
            "403 Client Error: Forbidden for url: x",
            "check the credentials and what they may read",
        ),
        ("git says: pathspec 'v9' did not match any file(s) known to git", "check its branch, tag or commit"),
        ("git says: could not read Username for 'https://a.invalid': terminal prompts disabled", "in ~/.netrc"),
        ("its answer is a page to sign in", "give a user and a password, or a token that is valid, for the index"),
        ("407 Client Error: Proxy Authentication Required for url: x", "give them by --proxy or HTTPS_PROXY"),
        ("500 Server Error: Internal for url: x", "try again later"),
        (
            "[SSL: X] certificate verify failed: self-signed certificate (_ssl.c:1006)",
            "self-signed certificate: give the",
        ),
        (
            "There was a problem confirming the ssl certificate: [SSL] PEM lib (_ssl.c:3905)",
            "--client-cert or pip.conf holds no certificate",
        ),
        ("(Caused by ConnectTimeoutError(<x>, 'Connection to a.invalid timed out. (connect timeout=2)'))", "--timeout"),
        ("[Errno 111] Connection refused", "check the URL, the network, the proxy and the credentials"),
    ],
)
def test_a_url_that_cannot_be_had(reason: str, remedy: str) -> None:
    """What to do goes by the reason."""
    assert remedy in str(pip_messages.unreachable("https://example.invalid/", reason, verb="read"))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (POOL, "Name or service not known"),
        (
            "Max retries exceeded (Caused by ResponseError('too many 503 error responses'))",
            "too many 503 error responses",
        ),
        ("401 Client Error: Unauthorized for url: https://example.invalid/", "401 Client Error: Unauthorized"),
        ("something else (Caused by x)", "something else"),
        (
            "connection error: the connection was closed without a reply.",
            "connection error: the connection was closed without a reply",
        ),
    ],
)
def test_the_innermost_reason_is_told(reason: str, expected: str) -> None:
    """Not the objects around it."""
    assert pip_messages.short_reason(reason) == expected
