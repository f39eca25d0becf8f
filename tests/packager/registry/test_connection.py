"""Connections to a registry: proxies, certificates, and the messages where a connection fails."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest
from airpack.base.console import Silent
from airpack.base.errors import RegistryError
from airpack.oci.layout import Layout
from airpack.registry.push import push
from airpack.registry.reference import Reference
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support import layouts, unreliable
from support import registry as real
from support.airpack import Airpack
from support.unreliable import Unreliable


def test_a_proxy_is_asked_where_the_environment_names_one(
    oci_layout: Layout, registry: Unreliable, tmp_path: Path, waits: list[float]
) -> None:
    """By the name of the registry, which this machine needn't know; NO_PROXY excepts it, and loopback needs none."""
    plain = unreliable.endpoint_of(registry, tmp_path, waits)
    env = {"HTTP_PROXY": f"http://{registry.address}"}
    endpoint = replace(plain, reference=Reference.parse("registry.invalid/models/churn"), env=env, plain_http=True)
    push(oci_layout, endpoint, progress=Silent())
    assert unreliable.pull_all(endpoint, tmp_path / "got") == layouts.read_all(oci_layout)
    assert all(request.split()[1].startswith("http://registry.invalid/v2/") for request in registry.requests)
    with pytest.raises(RegistryError) as caught:
        push(oci_layout, replace(endpoint, env={**env, "NO_PROXY": "registry.invalid"}), progress=Silent())
    problem = "this machine knows no host registry.invalid: check the registry's name"
    assert str(caught.value) == f"registry.invalid/models/churn: {problem}"
    push(oci_layout, replace(plain, env={**plain.env, "HTTP_PROXY": "http://127.0.0.1:1"}), progress=Silent())


def test_nobody_listens(oci_layout: Layout, tmp_path: Path, waits: list[float]) -> None:
    """It is tried for half a minute."""
    with unreliable.serve() as gone:
        endpoint = unreliable.endpoint_of(gone, tmp_path, waits)
    with pytest.raises(RegistryError) as caught:
        push(oci_layout, endpoint, progress=Silent())
    assert str(caught.value).endswith("/models/churn: the registry refuses connections, 7 times: try again later")
    assert waits == [0.5, 1, 2, 4, 8, 16]


def test_nothing_is_done_where_nobody_listens(airpack: Airpack, signed: Path, tmp_path: Path, home: Path) -> None:
    """A wrong port is told at once, before a layer is compressed; a missing bundle, before that."""
    with unreliable.serve() as gone:
        name = f"{gone.address}/models/churn"
    advice = f"nothing listens at http://{gone.address}: check its name and port, or start the registry"
    assert airpack("push", tmp_path / "none", name) == 1
    assert airpack.error.startswith(f"airpack: error: no bundle at {tmp_path}/none")
    for words in (["push", signed, name], ["pull", name, "-o", tmp_path / "got"]):
        assert airpack(*words) == 1
        assert airpack.err == f"airpack: error: {name}: {advice}\n"
    assert not (tmp_path / "got").exists()


def test_a_certificate_must_be_trusted(
    airpack: Airpack, signed: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an authority of the system's, or one that the environment names; else one line says so."""
    certificate = _certificate(tmp_path)
    tls = {"tls": {"certificate": str(certificate), "key": str(tmp_path / "key.pem")}}
    with real.serve(tmp_path / "registry", http=tls) as registry:
        name = f"{registry.address}/models/churn"
        assert airpack("push", "-q", signed, name) == 1
        problem = (
            "its certificate isn't trusted (self-signed certificate): name its authority's certificate in SSL_CERT_FILE"
        )
        assert airpack.error == f"airpack: error: {name}: {problem}"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert airpack("push", "-q", signed, name) == 0, airpack.err
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 1
        assert airpack.error.startswith(f"airpack: error: {registry.address}: REQUESTS_CA_BUNDLE: {tmp_path}/none.pem ")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 0, airpack.err
    assert layouts.files(tmp_path / "got") == layouts.files(signed)


def _certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1, of its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry of a test")])
    now = dt.datetime.now(dt.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1))
    builder = builder.not_valid_after(now + dt.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "certificate.pem"
