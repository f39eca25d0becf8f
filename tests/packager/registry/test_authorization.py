"""Authorization: a password, or a token that the registry's token server gives for it."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack.base.console import Silent
from airpack.base.errors import RegistryError
from airpack.oci.layout import Layout
from airpack.registry import manifests
from airpack.registry.client import Client
from airpack.registry.push import push
from airpack.registry.reference import Endpoint, Reference
from support import layouts, unreliable
from support import registry as real
from support.airpack import Airpack
from support.listener import Listener, listening
from support.unreliable import Unreliable

# `htpasswd -nbB reader 'correct horse'`
HTPASSWD = "reader:$2y$05$ceY9BdP1u8iq9Wi4dOBjw.0SVnjGnhFPkp/M/t1IGWrTe5udwybxG\n"


def test_a_token_is_fetched_and_renewed(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path
) -> None:
    """From the server that the registry names, with the password of podman's file; it runs out after three requests."""
    registry.password = unreliable.PASSWORD
    registry.lasts = 3
    push(oci_layout, endpoint, progress=Silent())
    assert unreliable.pull_all(endpoint, tmp_path / "got") == layouts.read_all(oci_layout)
    assert len(registry.tokens) > 5


def test_a_wrong_password_is_told_and_not_shown(oci_layout: Layout, endpoint: Endpoint, registry: Unreliable) -> None:
    """The line names the file that it is in, and what to do."""
    registry.password = "another"  # noqa: S105 - of this test
    with pytest.raises(RegistryError) as caught:
        push(oci_layout, endpoint, progress=Silent())
    source = endpoint.env["REGISTRY_AUTH_FILE"]
    problem = f"it refuses the credentials of {source}: podman login {registry.address}"
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"


def test_without_credentials_the_line_says_how_to_log_in(oci_layout: Layout, registry: Unreliable) -> None:
    """Where the registry asks for some."""
    registry.password = unreliable.PASSWORD
    endpoint = Endpoint(reference=Reference.parse(f"{registry.address}/models/churn"), env={"HOME": "/nonexistent"})
    with pytest.raises(RegistryError) as caught:
        push(oci_layout, endpoint, progress=Silent())
    problem = f"it asks who you are: podman login {registry.address}, or docker login"
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"


@pytest.mark.parametrize("to_push", [True, False], ids=["an upload's location", "a download's redirect"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another host", "another port"])
def test_another_server_gets_no_credentials(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, tmp_path: Path, to_push: bool, host: str
) -> None:
    """A registry sends blobs to other servers; one that asks for credentials names a token server of its own."""
    registry.password = unreliable.PASSWORD
    if not to_push:
        push(oci_layout, endpoint, progress=Silent())
    with unreliable.serve(password=unreliable.PASSWORD) as other:
        registry.elsewhere = f"http://{host}:{other.address.rpartition(':')[2]}"
        with pytest.raises(RegistryError) as caught:
            if to_push:
                push(oci_layout, endpoint, progress=Silent())
            else:
                unreliable.pull_all(endpoint, tmp_path / "got")
        assert len(other.requests) > 0
        assert [request for request in other.requests if "/token" in request] == []
        assert not any(other.tokens)
    reason = f"it sends this request to {host}, which asks for credentials and does not get the registry's"
    assert str(caught.value) == f"{registry.address}/models/churn: {reason}: ask whoever administers the registry"


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Serve, on another port, what wants to be told a secret."""
    with listening() as listener:
        yield listener


# What names the registry to one reader of URLs, and the listener to another; and what no reader takes.
_ODD = (
    "http://{listener}\\@{registry}",
    "http://{listener}/\t@{registry}",
    "http://{listener}#@{registry}",
    "http://{registry}@{listener}",
    "http:\\\\{listener}",
    "HTTP://{listener}",
    "//{listener}",
    "http://{listener}\u2100@{registry}",
    "http://[{listener}",
    "file:///etc",
)


@pytest.mark.parametrize("form", _ODD)
@pytest.mark.parametrize("sent", ["an upload's location", "a download's redirect"])
def test_no_spelling_of_a_url_leads_credentials_astray(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, listener: Listener, form: str, sent: str
) -> None:
    """Whoever decides where they go, and whoever sends them, read the URL alike; else nobody gets them."""
    registry.password = unreliable.PASSWORD
    if "download" in sent:
        push(oci_layout, endpoint, progress=Silent())
    registry.elsewhere = form.format(listener=listener.address, registry=registry.address)
    with tempfile.TemporaryDirectory() as folder, pytest.raises(RegistryError):
        if "upload" in sent:
            push(oci_layout, endpoint, progress=Silent())
        else:
            unreliable.pull_all(endpoint, Path(folder, "got"))
    assert listener.secrets == []


@pytest.mark.parametrize(
    ("realm", "problem"),
    [
        ("http://example.test/token", "the credentials would go to its token server without TLS"),
        ("http://example.test\\@127.0.0.1/token", "it names a token server by what is no URL of one"),
        ("file:///etc/passwd", "it names a token server by what is no URL of one"),
        ("/token", "it names a token server by what is no URL of one"),
        ("http://[/token", "it names a token server by what is no URL of one"),
    ],
)
def test_a_token_server_is_one_that_all_read_alike(
    oci_layout: Layout, endpoint: Endpoint, registry: Unreliable, realm: str, problem: str
) -> None:
    """Its URL decides whether the password goes there without TLS."""
    registry.password, registry.realm = unreliable.PASSWORD, realm
    with pytest.raises(RegistryError) as caught:
        push(oci_layout, endpoint, progress=Silent())
    assert str(caught.value) == f"{registry.address}/models/churn: {problem}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_token_server_sends_no_password_elsewhere(tmp_path: Path, listener: Listener, status: int) -> None:
    """A redirect of its own is followed without the password, and not with a refresh token."""
    with listening(status=status, location=f"http://{listener.address}/token") as tokens:
        for auth in ({"auth": base64.b64encode(b"user:hush").decode()}, {"identitytoken": "hush"}):
            with unreliable.serve(password="hush", realm=f"http://{tokens.address}/token") as registry:  # noqa: S106
                path = tmp_path / "auth.json"
                path.write_text(json.dumps({"auths": {registry.address: auth}}))
                reference = Reference.parse(f"{registry.address}/models/churn")
                client = Client(Endpoint(reference=reference, env={"REGISTRY_AUTH_FILE": str(path)}))
                with pytest.raises(RegistryError):
                    manifests.fetch(client, "1")
        assert len(tokens.secrets) == 2
        assert listener.secrets == []


def test_a_refresh_token_becomes_a_token(tmp_path: Path) -> None:
    """As `az acr login` leaves one: it goes to the token server in a form (OAuth2), not to the registry."""
    with unreliable.serve(password=unreliable.PASSWORD) as registry:
        auths = {registry.address: {"identitytoken": unreliable.PASSWORD}}
        path = tmp_path / "auth.json"
        path.write_text(json.dumps({"auths": auths}))
        env = {"REGISTRY_AUTH_FILE": str(path)}
        client = Client(Endpoint(reference=Reference.parse(f"{registry.address}/models/churn"), env=env))
        assert manifests.fetch(client, "1") is None
        assert [request for request in registry.requests if "token" in request] == ["POST /token"]


@pytest.mark.slow
def test_the_password_is_that_of_podmans_file(
    airpack: Airpack, signed: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Basic authentication; without it, or with a wrong one, there is one line, which doesn't show it; nor does -v."""
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "of this test", "path": str(tmp_path / "htpasswd")}}
    with real.serve(tmp_path / "registry", auth=auth) as registry:
        name = f"{registry.address}/models/churn"
        assert airpack("push", "-q", signed, name) == 1
        login = f"podman login {registry.address}"
        assert airpack.error == f"airpack: error: {name}: it asks who you are: {login}, or docker login"
        (home / ".docker").mkdir()
        (home / ".docker" / "config.json").write_text(_auths(registry.address, "reader", "wrong horse"))
        assert airpack("push", "-v", signed, name) == 1
        source = home / ".docker" / "config.json"
        assert airpack.error == f"airpack: error: {name}: it refuses the credentials of {source}: {login}"
        assert "Traceback" in airpack.err
        encoded = base64.b64encode(b"reader:wrong horse").decode()
        assert not [secret for secret in ("wrong horse", encoded) if secret in airpack.err + airpack.out]
        (tmp_path / "auth.json").write_text(_auths(registry.address, "reader", "correct horse"))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
        assert airpack("push", "-q", signed, name) == 0, airpack.err
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 0, airpack.err
    assert layouts.files(tmp_path / "got") == layouts.files(signed)


def _auths(address: str, user: str, password: str) -> str:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {address: {"auth": auth}}})
