"""What the pip of a build's environment is told, and where it stands."""

from __future__ import annotations

import netrc
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from airpack.sources.isolation import pip_files


def _told(folder: Path, options: Sequence[str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the lines of the file, and the variables; each file is for its owner alone."""
    folder.mkdir(exist_ok=True)
    file, variables = pip_files.told(folder, options, ["setuptools>=40"], {"HOME": str(folder), **env})
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    del variables["HOME"]
    return file.read_text().splitlines(), variables


def test_places_stand_in_a_file_and_accounts_in_another(tmp_path: Path) -> None:
    """Both are read by pip; the URLs that it hands on to another pip have no password."""
    options = ["--index-url", "https://u:S3%40CRET@a.invalid/simple", "--find-links", "/a b", "--trusted-host=c"]
    lines, variables = _told(tmp_path / "pip", [*options, "--cert=/ca.pem", "--no-index"], {})
    assert lines == [
        "--index-url https://a.invalid/simple",
        "--find-links '/a b'",
        "--trusted-host c",
        "--no-index",
        "setuptools>=40",
    ]
    assert variables == {"PIP_CERT": "/ca.pem", "NETRC": str(tmp_path / "pip" / "netrc")}
    assert netrc.netrc(variables["NETRC"]).authenticators("a.invalid") == ("u", "", "S3@CRET")


@pytest.mark.parametrize(
    "urls",
    [
        ["https://u:one@a.invalid/x", "https://u:two@a.invalid/y"],
        ["https://u:one@a.invalid/x", "https://a.invalid:8443/y"],
        ["https://u:o%20ne@a.invalid/x"],
        ["https://token@a.invalid/x"],
    ],
)
def test_what_a_netrc_can_not_tell_stays_in_the_file(tmp_path: Path, urls: list[str]) -> None:
    """Two accounts or two servers of one host, a password with a space, a token alone."""
    options = [word for url in urls for word in ("--extra-index-url", url)]
    lines, variables = _told(tmp_path / "pip", options, {})
    assert lines[:-1] == [f"--extra-index-url {url}" for url in urls]
    assert variables == {}


def test_the_users_netrc_holds_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account in a URL goes before that of the same host there; one that can't be read counts for nothing."""
    (tmp_path / "own").write_text("machine a.invalid login me password mine\nmachine b.invalid login me password mine")
    options = ["--index-url", "https://u:S3CRET@a.invalid/simple"]
    _, variables = _told(tmp_path / "pip", options, {"NETRC": str(tmp_path / "own")})
    accounts = netrc.netrc(variables["NETRC"])
    assert accounts.authenticators("a.invalid") == ("u", "", "S3CRET")
    assert accounts.authenticators("b.invalid") == ("me", "", "mine")
    (tmp_path / "own").write_text("nonsense")
    _, variables = _told(tmp_path / "other", options, {"NETRC": str(tmp_path / "own")})
    assert list(netrc.netrc(variables["NETRC"]).hosts) == ["a.invalid"]


def test_a_proxy_is_told_by_variables(tmp_path: Path) -> None:
    """Its option would stand on the command line of another pip."""
    proxy = "http://u:S3CRET@p.invalid:3128"
    expected = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": "", "NO_PROXY": ""}
    assert _told(tmp_path / "one", [f"--proxy={proxy}"], {})[1] == expected
    assert _told(tmp_path / "two", [], {"PIP_PROXY": proxy})[1] == expected
