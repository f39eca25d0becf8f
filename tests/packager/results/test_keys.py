"""Private keys: how they are written and read, and what signs with them."""

from __future__ import annotations

import base64
import os
import stat
import sys
from pathlib import Path

import pytest
from airpack.base import extras
from airpack.base.errors import InvalidKey
from airpack.results import keys
from airpack_runtime import layout
from airpack_runtime.errors import NotSigned
from airpack_runtime.format import ed25519, signature
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.airpack import Airpack

SIG = f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"


def test_a_key_is_written_for_its_owner_alone(airpack: Airpack, tmp_path: Path) -> None:
    """Whatever the umask; in the forms that other tools read; what the image takes is printed."""
    before = os.umask(0)
    try:
        assert airpack("keygen", "-o", tmp_path / "team.v1") == 0
    finally:
        os.umask(before)
    private, public = tmp_path / "team.v1.key", tmp_path / "team.v1.pub"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (private, public)] == [0o600, 0o644]
    loaded = serialization.load_pem_private_key(private.read_bytes(), None)
    assert isinstance(loaded, Ed25519PrivateKey)
    other = serialization.load_pem_public_key(public.read_bytes())
    assert isinstance(other, Ed25519PublicKey)
    assert loaded.public_key().public_bytes_raw() == other.public_bytes_raw()
    key = keys.load_public(public)
    assert base64.b64decode(key)[12:] == other.public_bytes_raw()
    assert airpack.out == (
        f"private   {private}: it signs; keep it off the image and out of the repository\n"
        f"public    {public}, the key {signature.key_id(key)}\n"
        "image     COPY team.v1.pub /etc/airpack/key.pub\n"
        "          or set AIRPACK_PUBLIC_KEY to the path, or the middle line, of team.v1.pub\n"
    )


@pytest.mark.parametrize("suffix", [".key", ".pub"])
def test_a_key_is_never_overwritten(airpack: Airpack, tmp_path: Path, suffix: str) -> None:
    """Neither half; and no half of a new one is left."""
    place = tmp_path / f"team{suffix}"
    place.write_text("mine")
    assert airpack("keygen", "-o", tmp_path / "team") == 1
    assert airpack.error == (
        f"airpack: error: {place} is there already, and keys are never overwritten: give another name"
    )
    assert [path.name for path in tmp_path.glob("team*")] == [place.name]
    assert place.read_text() == "mine"


def test_a_private_key_may_be_encrypted(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """By a passphrase in a file, which each use needs again."""
    secret, wrong, empty = (tmp_path / name for name in ("secret", "wrong", "empty"))
    secret.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    empty.write_text("\n")
    assert airpack("keygen", "-q", "-o", tmp_path / "team", "--passphrase-file", secret) == 0
    key = tmp_path / "team.key"
    assert "ENCRYPTED PRIVATE KEY" in key.read_text()
    for words, problem in (
        ([], f"{key} is encrypted: give --passphrase-file"),
        (["--passphrase-file", wrong], f"{key} is not a private key in PEM that this passphrase opens"),
        (
            ["--passphrase-file", empty],
            f"{empty} is empty: write the passphrase into it, or leave out --passphrase-file",
        ),
    ):
        assert airpack("sign", packed, "--key", key, *words) != 0
        assert airpack.error == f"airpack: error: {problem}"
        assert not (packed / SIG).exists()
    assert airpack("sign", packed, "--key", key, "--passphrase-file", secret) == 0
    assert airpack("keygen", "-q", "-o", tmp_path / "plain") == 0
    assert airpack("sign", packed, "--key", tmp_path / "plain.key", "--passphrase-file", secret) == 1
    assert airpack.error.endswith("plain.key is not encrypted: leave --passphrase-file out")


def test_what_is_no_key_to_sign_with(airpack: Airpack, packed: Path, team: Path, tmp_path: Path) -> None:
    """The public half, another kind of key, no key: each is told, and nothing is signed."""
    other = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "ec.key").write_bytes(other.private_bytes(*pem))
    for name, problem in (
        ("team.pub", "is not a private key in PEM: give the .key file that airpack keygen wrote"),
        ("ec.key", "is no Ed25519 key: make one with airpack keygen"),
        ("none.key", "No such file or directory"),
    ):
        assert airpack("sign", packed, "--key", tmp_path / name) == 1
        assert airpack.error.endswith(problem)
    assert not (packed / SIG).exists()


def test_verify_needs_a_public_key(airpack: Airpack, packed: Path, team: Path) -> None:
    """The private one, or no file, is told as such."""
    for name, problem in (
        ("team.key", "is not a file with one Ed25519 public key in PEM"),
        ("none", "can't be read (No such file or directory)"),
    ):
        path = team.with_name(name)
        assert airpack("verify", packed, "--key", path) == 1
        remedy = "give the .pub file of airpack keygen; without it, nothing is trusted"
        assert airpack.error == f"airpack: error: --key={path} {problem}: {remedy}"


def test_only_who_signs_needs_cryptography(
    airpack: Airpack, packed: Path, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its absence is told with the command that installs it; `verify --key` is the shim's own code."""
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for words in (["keygen", "-o", team.with_name("new")], ["sign", packed, "--key", f"{team}.key"]):
        assert airpack(*words) == 1
        needed = "cryptography, which isn't installed"
        assert airpack.error == f"airpack: error: a private key needs {needed}: {extras.install('sign')}"
    assert airpack("verify", packed, "--key", f"{team}.pub", "--no-import") == 0


Bytes32 = st.binary(min_size=32, max_size=32)


@settings(deadline=None, max_examples=150)
@given(secret=Bytes32, message=st.binary(max_size=200), place=st.integers(0, 95), bit=st.integers(0, 7))
@example(secret=bytes(32), message=b"", place=95, bit=7)
def test_the_shims_verifier_judges_as_the_library_does(secret: bytes, message: bytes, place: int, bit: int) -> None:
    """Random keys and messages; then with one bit of the key, or of the signature, flipped."""
    private = Ed25519PrivateKey.from_private_bytes(secret)
    whole = private.public_key().public_bytes_raw() + private.sign(message)
    assert ed25519.verify(whole[:32], message, whole[32:])
    flipped = bytearray(whole)
    flipped[place] ^= 1 << bit
    public, made = bytes(flipped[:32]), bytes(flipped[32:])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(made, message)
        expected = True
    except InvalidSignature:
        expected = False
    assert ed25519.verify(public, message, made) == expected
    assert not expected


def _pkcs8(algorithm: bytes) -> str:
    """Return a private key in PEM with the object identifier `algorithm`, as DER encodes it."""
    identifier = b"\x30" + bytes([len(algorithm) + 2]) + b"\x06" + bytes([len(algorithm)]) + algorithm
    body = b"\x02\x01\x00" + identifier + b"\x04\x02\xaa\xbb"
    encoded = base64.b64encode(b"\x30" + bytes([len(body)]) + body).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{encoded}\n-----END PRIVATE KEY-----\n"


def test_a_key_of_an_unknown_kind_is_told(tmp_path: Path) -> None:
    """The library's error for it is none of its usual ones."""
    path = tmp_path / "unknown.key"
    path.write_text(_pkcs8(b"\x2a\x03\x04"))
    with pytest.raises(InvalidKey) as caught:
        keys.load(path)
    assert str(caught.value) == f"{path} can't be used (Unknown key type: 1.2.3.4): make a key with airpack keygen"


def test_what_a_key_signs_holds(tmp_path: Path) -> None:
    """By its public half; a key that is read again is the same, and its private half is never shown."""
    key = keys.generate(tmp_path / "team")
    assert keys.load(tmp_path / "team.key").public == key.public == keys.load_public(tmp_path / "team.pub")
    assert repr(key) == f"SigningKey(public={key.public!r})"
    artefact = tmp_path / "artefact"
    (tmp_path / "artefact.sig").write_text(key.sign(layout.SIGNED_IMAGE, "ab" * 32))
    signature.check(str(artefact), layout.SIGNED_IMAGE, "ab" * 32, key.public)
    with pytest.raises(NotSigned, match="but its signature is of the image"):
        signature.check(str(artefact), layout.SIGNED_IMAGE, "cd" * 32, key.public)
