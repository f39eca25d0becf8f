"""Private keys (Ed25519, RFC 8032), by the library cryptography; the shim checks signatures with code of its own."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airpack_runtime import trust
from airpack_runtime.format import signature

from airpack.base import files
from airpack.base.errors import InvalidKey, OutputRefused, WriteFailed
from airpack.base.extras import from_extra
from airpack.base.interrupts import uninterrupted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE, PUBLIC = ".key", ".pub"


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A private key, ready to sign; `public` is its public half, in base64 as in its PEM file."""

    public: str
    _private: Ed25519PrivateKey = field(repr=False)

    @property
    def id(self) -> str:
        """The key's id, as signatures, logs and manifests have it."""
        return signature.key_id(self.public)

    def sign(self, kind: str, digest: str) -> str:
        """Return the text of the signature file for a bundle or an image (`kind`) with this digest."""
        text = signature.message(kind, digest)
        return signature.dumps(text, self.public, self._private.sign(text.encode()))


def generate(name: Path, passphrase: bytes | None = None) -> SigningKey:
    """Write a new key to NAME.key (PKCS #8 in PEM, for its owner alone) and NAME.pub, and return it.

    Raises OutputRefused if either is there already, MissingExtra without cryptography, OSError.
    """
    crypto, kind = _cryptography()
    private = kind.generate()
    cipher = crypto.BestAvailableEncryption(passphrase) if passphrase else crypto.NoEncryption()
    secret = private.private_bytes(crypto.Encoding.PEM, crypto.PrivateFormat.PKCS8, cipher)
    public = _public_pem(private)
    with ExitStack() as undo:
        with uninterrupted():
            for suffix, data, mode in ((PRIVATE, secret, 0o600), (PUBLIC, public, 0o644)):
                path = name.with_name(name.name + suffix)
                descriptor = _create(path, mode)
                undo.callback(path.unlink)
                _write(descriptor, path, data)
        undo.pop_all()  # only now: a Ctrl-C that came meanwhile removes both
    return _of(private)


def load(path: Path, passphrase: bytes | None = None) -> SigningKey:
    """Read a private key. Raises InvalidKey, MissingExtra without cryptography, OSError."""
    crypto, kind = _cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm

    data = files.read_given(path)
    try:
        private = crypto.load_pem_private_key(data, passphrase)
    except UnsupportedAlgorithm as error:  # which is no ValueError
        raise InvalidKey(path, f"can't be used ({error}): make a key with airpack keygen") from error
    except TypeError as error:
        problem = "is not encrypted: leave --passphrase-file out"
        raise InvalidKey(path, problem if passphrase else "is encrypted: give --passphrase-file") from error
    except ValueError as error:
        hint = " that this passphrase opens" if passphrase else ": give the .key file that airpack keygen wrote"
        raise InvalidKey(path, f"is not a private key in PEM{hint}") from error
    if not isinstance(private, kind):
        raise InvalidKey(path, "is no Ed25519 key: make one with airpack keygen")
    return _of(private)


def load_public(path: Path) -> str:
    """Return the public key in a PEM file, in base64. Raises BadKey (of `airpack_runtime.errors`)."""
    key = trust.public_key("--key", str(path.absolute()))
    signature.raw_key(key)
    return key


def _create(path: Path, mode: int) -> int:
    """Return the descriptor of a new file, which from its first moment has this `mode`. Raises OutputRefused."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise OutputRefused(path, "is there already, and keys are never overwritten: give another name") from error


def _write(descriptor: int, path: Path, data: bytes) -> None:
    """Write the new file at `path`, through to the disk, and close it. Raises WriteFailed."""
    with open(descriptor, "wb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(descriptor)  # a signature may be deployed before the key has reached the disk
        except OSError as error:
            raise WriteFailed.from_os(error, path) from error


def _cryptography() -> tuple[Any, type[Ed25519PrivateKey]]:
    """Return the library's module `serialization` and its class of private keys. Raises MissingExtra without it."""
    with from_extra("a private key", "cryptography", "sign"):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    return serialization, Ed25519PrivateKey


def _public_pem(private: Ed25519PrivateKey) -> bytes:
    crypto, _ = _cryptography()
    made: bytes = private.public_key().public_bytes(crypto.Encoding.PEM, crypto.PublicFormat.SubjectPublicKeyInfo)
    return made


def _of(private: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(public="".join(_public_pem(private).decode("ascii").splitlines()[1:-1]), _private=private)
