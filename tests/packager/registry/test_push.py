"""`airpack push` and `airpack pull` with Debian's registry, and what other tools find there."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import itertools
import json
import os
import re
import shutil
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack.base.console import Silent
from airpack.base.interrupts import threads
from airpack.bundle.opened import OpenBundle
from airpack.oci import image
from airpack.oci.layout import Layout
from airpack.registry import pull
from airpack.registry.push import push
from airpack.registry.reference import Endpoint, Reference
from airpack.registry.retries import Patience
from airpack.results.folder import Results
from airpack_runtime import layout
from airpack_runtime.format.reader import open_bundle
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support import cutting, unreliable
from support import registry as real
from support.airpack import Airpack
from support.registry import Registry
from support.wheels import build_wheel

NAME = layout.BUNDLE_NAME
SIG = f"{NAME}{layout.SIGNATURE_SUFFIX}"
DIGEST = f"sha256:{'1' * 64}"
# `htpasswd -nbB reader 'correct horse'`
HTPASSWD = "reader:$2y$05$ceY9BdP1u8iq9Wi4dOBjw.0SVnjGnhFPkp/M/t1IGWrTe5udwybxG\n"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Run Debian's registry."""
    with real.serve(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home without anybody's credentials."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _told(registry: Registry) -> str:
    """Return how the output tells the bytes that were uploaded."""
    return f"{sum(registry.uploaded().values()) / 1e6:.1f} MB"


def _digest(folder: Path) -> str:
    with open_bundle(str(folder / NAME)) as bundle:
        return f"sha256:{bundle.digest}"


def test_pull_gives_the_bytes_that_were_pushed(
    airpack: Airpack, signed: Path, registry: Registry, tmp_path: Path
) -> None:
    """With the signature; the output names the image by its digest, by which it can be pulled as well."""
    assert airpack("push", signed, f"{registry.address}/models/churn:1.4") == 0, airpack.err
    pushed, tag, sent = airpack.out.splitlines()
    reference = pushed.removeprefix("pushed    ")
    assert reference.startswith(f"{registry.address}/models/churn@sha256:")
    assert tag == "tag       1.4"
    assert sent == f"sent      5 blobs, {_told(registry)}"
    assert airpack("pull", reference, "-o", tmp_path / "got") == 0, airpack.err
    lines = airpack.out.splitlines()
    assert lines == [
        f"pulled    {reference}",
        f"bundle    {tmp_path}/got/{NAME}, {(signed / NAME).stat().st_size / 1e6:.1f} MB",
        f"digest    {_digest(signed)}",
        f"beside    {SIG}",
    ]
    assert _files(tmp_path / "got") == _files(signed)


def test_what_is_there_is_told(airpack: Airpack, signed: Path, registry: Registry) -> None:
    """A second push, to another tag, moves manifests alone; the registry's own log says the same."""
    assert airpack("push", "-q", signed, f"{registry.address}/models/churn") == 0, airpack.err
    before = registry.uploaded()
    assert airpack("push", signed, f"{registry.address}/models/churn:2") == 0, airpack.err
    _, _, sent, there = airpack.out.splitlines()
    assert re.fullmatch(r"sent      0 blobs, [2-4]\.\d kB", sent)
    assert there == f"present   5 blobs, {_told(registry)}, not sent again"
    assert registry.uploaded() == before
    assert airpack("push", signed, f"{registry.address}/other", "--mount-from", "models/churn") == 0, airpack.err
    assert registry.uploaded() == before


def test_the_bundle_gets_the_name_that_is_asked_for(
    airpack: Airpack, signed: Path, registry: Registry, tmp_path: Path
) -> None:
    """Its signature the same one, with a suffix, as the shim looks for it."""
    assert airpack("push", "-q", signed, f"{registry.address}/models/churn") == 0, airpack.err
    assert airpack("pull", "-q", f"{registry.address}/models/churn", "-o", tmp_path / "a" / "churn.tar.zst") == 0
    names = {NAME: "churn.tar.zst", SIG: "churn.tar.zst.sig"}
    assert _files(tmp_path / "a") == {names[name]: content for name, content in _files(signed).items()}


def test_an_earlier_bundle_is_replaced_and_nothing_else(
    airpack: Airpack, signed: Path, registry: Registry, tmp_path: Path
) -> None:
    """With its signature, which isn't of the new one; what is no bundle stays, and what a pack wrote."""
    assert airpack("push", "-q", signed / NAME, f"{registry.address}/signed") == 0, airpack.err
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / NAME).write_bytes((signed / NAME).read_bytes())
    assert airpack("push", "-q", plain, f"{registry.address}/unsigned") == 0, airpack.err
    got = tmp_path / "got"
    assert airpack("pull", "-q", f"{registry.address}/signed", "-o", got) == 0, airpack.err
    assert sorted(_files(got)) == [NAME, SIG]
    assert airpack("pull", "-q", f"{registry.address}/unsigned", "-o", got) == 0, airpack.err
    assert sorted(_files(got)) == [NAME]
    (got / NAME).write_text("mine")
    assert airpack("pull", f"{registry.address}/signed", "-o", got) == 1
    advice = "is no bundle: move it away, or give --output another name"
    assert airpack.error == f"airpack: error: {got}/{NAME} {advice}"
    assert _files(got) == {NAME: b"mine"}
    (plain / "manifest.json").write_text("{}")
    assert airpack("pull", f"{registry.address}/signed", "-o", plain) == 1
    assert airpack.error == f"airpack: error: {plain} holds what a pack wrote: give --output a folder of its own"


def test_a_new_signature_is_the_one_that_is_pulled(
    airpack: Airpack, signed: Path, registry: Registry, tmp_path: Path
) -> None:
    """The image is the same, and has both; nothing of it moves for a new key."""
    copy = Path(shutil.copytree(signed, tmp_path / "copy"))
    name = f"{registry.address}/models/churn"
    assert airpack("push", copy, name) == 0, airpack.err
    before = airpack.out.splitlines()[0]
    assert airpack("keygen", "-q", "-o", tmp_path / "new") == 0
    for key in (tmp_path / "new.key", signed.parent / "team.key", tmp_path / "new.key"):
        assert airpack("sign", "-q", copy / NAME, "--key", key) == 0, airpack.err
        assert airpack("push", copy, name) == 0, airpack.err
        assert airpack.out.splitlines()[0] == before
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 0, airpack.err
        assert airpack("verify", "-q", tmp_path / "got", "--key", key.with_suffix(".pub"), "--no-import") == 0


def test_a_split_bundle_comes_back_whole(airpack: Airpack, registry: Registry, wheels: Path, tmp_path: Path) -> None:
    """Byte for byte, with its SBOM; after one changed pin, one layer moves."""
    for name in ("one", "two", "three"):
        build_wheel(wheels, name, files={f"{name}/__init__.py": "", f"{name}/data.bin": os.urandom(400_000)})
    assert airpack.pack("one", "two", "three", "-q", "--no-import", "--sbom") == 0, airpack.err
    assert airpack("push", airpack.output, f"{registry.address}/models/churn:1", "--split") == 0, airpack.err
    assert airpack("pull", f"{registry.address}/models/churn:1", "-o", tmp_path / "got") == 0, airpack.err
    assert (tmp_path / "got" / NAME).read_bytes() == (airpack.output / NAME).read_bytes()
    assert (tmp_path / "got" / "sbom.cdx.json").read_bytes() == (airpack.output / "sbom.cdx.json").read_bytes()
    before = registry.uploaded()
    build_wheel(wheels, "two", "2.0", files={"two/__init__.py": "", "two/data.bin": os.urandom(400_000)})
    assert airpack.pack("one", "two", "three", "-q", "--no-import") == 0, airpack.err
    assert airpack("push", airpack.output, f"{registry.address}/models/churn:2", "--split") == 0, airpack.err
    moved = sum(size for digest, size in registry.uploaded().items() if digest not in before)
    with OpenBundle.at(airpack.output / NAME) as contents:
        packed = {
            each.name: size for each, size in zip(contents.toc.distributions, contents.packed_sizes(), strict=True)
        }
    own = packed["two"]
    assert own < moved <= 1.2 * own


def test_skopeo_reads_what_was_pushed(airpack: Airpack, signed: Path, registry: Registry, tmp_path: Path) -> None:
    """It shows the image, and copies it; what it has copied is the same layout, and can be pushed again."""
    assert airpack("push", "-q", signed, f"{registry.address}/models/churn:1") == 0, airpack.err
    source = f"docker://{registry.address}/models/churn:1"
    shown = real.skopeo(["inspect", "--tls-verify=false", source])
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["Labels"]["io.airpack.digest"] == _digest(signed)
    copied = real.skopeo(["copy", "--src-tls-verify=false", source, f"oci:{tmp_path}/copy:bundle"])
    assert copied.returncode == 0, copied.stderr
    assert airpack("push", "-q", tmp_path / "copy", f"{registry.address}/again") == 0, airpack.err
    assert airpack("pull", "-q", f"{registry.address}/again", "-o", tmp_path / "got") == 0, airpack.err
    assert _files(tmp_path / "got") == {NAME: (signed / NAME).read_bytes()}
    there = f"docker://{registry.address}/mirror/churn:1"
    copied = real.skopeo(["copy", "--src-tls-verify=false", "--dest-tls-verify=false", source, there])
    assert copied.returncode == 0, copied.stderr
    assert airpack("pull", "-q", f"{registry.address}/mirror/churn:1", "-o", tmp_path / "mirrored") == 0, airpack.err
    assert _files(tmp_path / "mirrored") == {NAME: (signed / NAME).read_bytes()}


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
        assert not [each for each in ("wrong horse", encoded) if each in airpack.err + airpack.out]
        (tmp_path / "auth.json").write_text(_auths(registry.address, "reader", "correct horse"))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
        assert airpack("push", "-q", signed, name) == 0, airpack.err
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 0, airpack.err
    assert _files(tmp_path / "got") == _files(signed)


def _auths(address: str, user: str, password: str) -> str:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {address: {"auth": auth}}})


def test_a_certificate_must_be_trusted(
    airpack: Airpack, signed: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an authority of the system's, or one that the environment names; else one line says so."""
    certificate = _certificate(tmp_path)
    tls = {"tls": {"certificate": str(certificate), "key": str(tmp_path / "key.pem")}}
    with real.serve(tmp_path / "registry", http=tls) as registry:
        name = f"{registry.address}/models/churn"
        assert airpack("push", "-q", signed, name) == 1
        problem = "its certificate isn't trusted (self-signed certificate): give its authority's in SSL_CERT_FILE"
        assert airpack.error == f"airpack: error: {name}: {problem}"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert airpack("push", "-q", signed, name) == 0, airpack.err
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 1
        assert airpack.error.startswith(f"airpack: error: {registry.address}: REQUESTS_CA_BUNDLE: {tmp_path}/none.pem ")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert airpack("pull", "-q", name, "-o", tmp_path / "got") == 0, airpack.err
    assert _files(tmp_path / "got") == _files(signed)


def _certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1, of its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry of a test")])
    now = dt.datetime.now(dt.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1))
    builder = builder.not_valid_after(now + dt.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "certificate.pem"


def test_ctrl_c_leaves_nothing_by_halves(airpack: Airpack, signed: Path, tmp_path: Path) -> None:
    """An interrupted pull writes nothing; a push that is repeated sends what is missing."""

    def interrupt(blob: bytes) -> bytes:
        if len(blob) > 100_000:
            os.kill(os.getpid(), signal.SIGINT)
        return blob

    with unreliable.serve() as registry:
        name = f"{registry.address}/models/churn"
        registry.on_upload = lambda size: interrupt(bytes(size))
        assert airpack("push", signed, name) == 130
        assert airpack.error == "airpack: error: interrupted; nothing was changed"
        assert registry.manifests == {}
        registry.on_upload = None
        assert airpack("push", signed, name) == 0, airpack.err
        registry.spoil = interrupt
        assert airpack("pull", name, "-o", tmp_path / "got") == 130
        assert not (tmp_path / "got").exists()
        registry.spoil = None
        assert airpack("pull", name, "-o", tmp_path / "got") == 0, airpack.err
    assert _files(tmp_path / "got") == _files(signed)


def test_ctrl_c_waits_for_no_registry(airpack: Airpack, signed: Path) -> None:
    """One that has fallen silent in the middle of an upload has two minutes else."""
    over, answers, uploads = threading.Event(), [], itertools.count()

    def fall_silent(_: int) -> None:
        if next(uploads) == 0:
            os.kill(os.getpid(), signal.SIGINT)
        answers.append(over.wait(60))

    with unreliable.serve(on_upload=fall_silent) as registry:
        assert airpack("push", signed, f"{registry.address}/models/churn") == 130
        over.set()
    assert answers
    assert all(answers)


def test_a_bad_line_to_the_registry(signed: Path, registry: Registry, tmp_path: Path) -> None:
    """Cut after up to 1.2 MB, here, there and in between, it only takes longer; the real one resumes no upload."""
    with threads(2) as executor:
        image.write([Results.at(signed)], tmp_path / "layout", image.Options(), executor=executor, progress=Silent())
    patience = Patience(tries=40, sleep=lambda *_: None)
    cuts = 0
    for seed in range(8):
        with cutting.to(registry.address, most=1_200_000, seed=seed) as line:
            reference = Reference.parse(f"{line.address}/models/churn{seed}:1")
            endpoint = Endpoint(reference=reference, env={}, patience=patience, at_once=2)
            push(Layout(tmp_path / "layout"), endpoint, progress=Silent())
            pull.place(endpoint, tmp_path / f"{seed}", progress=Silent())
            cuts += line.cuts
        assert _files(tmp_path / f"{seed}") == _files(signed)
    assert cuts > 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["churn"], "churn names no image in a registry: write REGISTRY/REPOSITORY[:TAG]"),
        (["models/churn"], "models/churn names no registry: write it first, as in registry.example/models/churn"),
        (["https://registry.example/churn"], "https://registry.example/churn is a URL: leave https:// out"),
        (["registry.example/Churn"], "registry.example/Churn: a repository's name is in lower case"),
        (["me:secret@registry.example/churn"], "a registry's name holds no credentials: log in with docker or podman"),
        (
            [f"localhost:1/churn@{DIGEST}"],
            f"localhost:1/churn@{DIGEST} names a digest, which the push itself determines",
        ),
    ],
)
def test_a_name_that_is_none_is_a_usage_error(airpack: Airpack, signed: Path, words: list[str], message: str) -> None:
    """The line says how to write it, and never repeats a password."""
    assert airpack("push", signed, *words) == 2
    assert airpack.error.startswith(f"airpack: error: {message}")


def test_without_the_extra(airpack: Airpack, signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it is told, and nothing else is imported for it."""
    for name in [name for name in sys.modules if name.startswith(("airpack.oci.", "urllib3"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "urllib3", None)
    expected = "airpack: error: a registry needs urllib3, which isn't installed: pip install 'airpack[oci]'"
    for words in (["push", signed, "localhost/churn"], ["pull", "localhost/churn"]):
        assert airpack(*words) == 1
        assert airpack.error == expected


def test_another_platform_is_not_taken_for_this_one(
    airpack: Airpack, signed: Path, registry: Registry, tmp_path: Path
) -> None:
    """The line says what there is."""
    assert airpack("push", "-q", signed, f"{registry.address}/models/churn") == 0, airpack.err
    assert airpack("pull", f"{registry.address}/models/churn", "-o", tmp_path, "--platform", "linux/arm64") == 2
    told = "has linux/amd64, and no one image for linux/arm64: name one with --platform"
    assert airpack.error == f"airpack: error: {registry.address}/models/churn {told}"


def test_what_is_pulled_can_be_read_by_others(
    airpack: Airpack, signed: Path, registry: Registry, tmp_path: Path
) -> None:
    """Its mode follows the umask, as that of any file."""
    assert airpack("push", "-q", signed, f"{registry.address}/models/churn") == 0, airpack.err
    assert airpack("pull", "-q", f"{registry.address}/models/churn", "-o", tmp_path / "got") == 0, airpack.err
    assert stat.S_IMODE((tmp_path / "got" / NAME).stat().st_mode) == 0o644
