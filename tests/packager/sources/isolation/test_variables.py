"""Which variables of the environment a build sees."""

from __future__ import annotations

import pytest
from airpack.sources.isolation import variables

_SECRETS = (
    "AZURE_CLIENT_SECRET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN",
    "CI_JOB_TOKEN", "SYSTEM_ACCESSTOKEN", "TWINE_PASSWORD", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NETRC",
    "UV_INDEX_PRIVATE_PASSWORD", "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "DOCKER_AUTH_CONFIG", "KUBECONFIG", "VAULT_ADDR",
    "GOOGLE_APPLICATION_CREDENTIALS", "SSH_AUTH_SOCK", "GIT_CONFIG_PARAMETERS", "DATABASE_URL", "CMAKE_TOKEN",
    "NPY_SECRET", "MY_TOKEN_DIR", "BASH_FUNC_x%%",
)  # fmt: skip
_TOOLS = (
    "CC",
    "CFLAGS",
    "MYSQLCLIENT_LDFLAGS",
    "HDF5_DIR",
    "CMAKE_PREFIX_PATH",
    "HOME",
    "LC_ALL",
    "CARGO_HOME",
    "PATH",
)


@pytest.mark.parametrize("name", _SECRETS)
def test_accounts_and_tokens_are_not_for_builds(name: str) -> None:
    """Whatever they are called: only what is known to steer tools is seen."""
    assert variables.for_builds({name: "S3CRET"}) == {}


@pytest.mark.parametrize("name", _TOOLS)
def test_what_steers_tools_is_seen(name: str) -> None:
    """Unless a URL in it has an account."""
    assert variables.for_builds({name: "/opt/x"}) == {name: "/opt/x"}
    assert variables.for_builds({name: "https://u:S3CRET@a.invalid"}) == {}


@pytest.mark.parametrize(
    "value",
    [
        *("//me:S3CRET@h", "https://me:hu/sh-S3CRET@h", "me:S3CRET@127.0.0.1:9", "me:S3CRET@h", "-DX=1 me:S3/CRET@h"),
        *("https:/me:S3CRET@h", "https://h/x?S3CRET", "https://h/x?sig=S3CRET", "https://h/x#token=S3CRET"),
    ],
)
def test_no_spelling_of_an_account_is_seen(value: str) -> None:
    """Wherever a variable that steers tools has it."""
    for name in ("CUSTOM_DIR", "FOO_FLAGS", "CMAKE_X", "HTTPS_PROXY"):
        assert variables.for_builds({name: value}) == {}


@pytest.mark.parametrize("name", ["PATH", "LD_LIBRARY_PATH", "OPENSSL_ROOT", "LDFLAGS"])
def test_an_at_sign_in_a_path_is_no_account(name: str) -> None:
    """Folders have one in their names where accounts are of a domain."""
    env = {name: "-L/opt:/home/me@corp.invalid/lib" if name == "LDFLAGS" else "/opt:/home/me@corp.invalid/bin"}
    assert variables.for_builds(env) == env
    env = {"PATH": "/usr//bin:bin:/home/me@corp.invalid/bin"}
    assert variables.for_builds(env) == env


def test_a_proxy_is_seen_without_its_account() -> None:
    """A build may download something; the pip of its environment has the proxy as it is."""
    env = {"http_proxy": "http://a.invalid:3128", "HTTPS_PROXY": "http://u:S3CRET@a.invalid:3128"}
    assert variables.for_builds(env) == {"http_proxy": "http://a.invalid:3128"}
    assert variables.for_pip(env) == env


def test_the_user_names_further_ones() -> None:
    """By AIRPACK_BUILD_ENV, which needs no value of theirs on a command line."""
    env = {"AIRPACK_BUILD_ENV": "LICENCE_TOKEN, BUILDS", "LICENCE_TOKEN": "a", "BUILDS": "b", "OTHER": "c"}
    assert variables.for_builds(env) == {"LICENCE_TOKEN": "a", "BUILDS": "b"}


def test_pips_own_settings_are_for_pip() -> None:
    """But for those that `pip_files` tells it."""
    env = {"PIP_CACHE_DIR": "/c", "PIP_INDEX_URL": "https://u:S3CRET@a.invalid", "PIP_PROXY": "x", "GITHUB_TOKEN": "x"}
    assert variables.for_pip(env) == {"PIP_CACHE_DIR": "/c"}
