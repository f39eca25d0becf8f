"""Signs with Ed25519 by the textbook (RFC 8032, 5.1.6), in affine coordinates: slow, and unlike the shim's verifier."""

from __future__ import annotations

import functools
import hashlib
from binascii import b2a_base64
from pathlib import Path
from typing import Tuple

from airpack_runtime import layout
from airpack_runtime.format import signature

Point = Tuple[int, int]

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, P - 2, P) % P
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def _added(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    both = _D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + both, P - 2, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - both, P - 2, P) % P


def _times(scalar: int, point: Point = _BASE) -> Point:
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = _added(total, point)
        point, scalar = _added(point, point), scalar >> 1
    return total


def _encoded(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def _scalar(secret: bytes) -> int:
    half = int.from_bytes(hashlib.sha512(secret).digest()[:32], "little")
    return (half & (1 << 254) - 8) | 1 << 254


@functools.lru_cache(maxsize=None)
def public_of(secret: bytes) -> bytes:
    """Return the public key of 32 secret bytes."""
    return _encoded(_times(_scalar(secret)))


@functools.lru_cache(maxsize=None)  # a key signs a message the same each time (RFC 8032, 5.1.6)
def sign(secret: bytes, message: bytes) -> bytes:
    """Return the signature of a message."""
    nonce = _number(hashlib.sha512(secret).digest()[32:], message)
    commitment = _encoded(_times(nonce))
    challenge = _number(commitment, public_of(secret), message)
    return commitment + ((nonce + challenge * _scalar(secret)) % ORDER).to_bytes(32, "little")


class Signer:
    """A key pair for tests: `public` is its public half in base64, as settings take it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        spki = bytes.fromhex("302a300506032b6570032100") + public_of(secret)
        self.public = b2a_base64(spki, newline=False).decode()
        self.id = signature.key_id(self.public)
        self.pem = f"-----BEGIN PUBLIC KEY-----\n{self.public}\n-----END PUBLIC KEY-----\n"

    def text(self, digest: str, kind: str = layout.SIGNED_BUNDLE) -> str:
        """Return a signature's file."""
        said = signature.message(kind, digest)
        return signature.dumps(said, self.public, sign(self._secret, said.encode()))

    def sign(self, path: Path, digest: str, kind: str = layout.SIGNED_BUNDLE) -> Path:
        """Write the signature beside `path`, and return its path."""
        place = path.with_name(path.name + layout.SIGNATURE_SUFFIX)
        place.write_text(self.text(digest, kind))
        return place


SIGNER, OTHER = Signer(b"\1" * 32), Signer(b"\2" * 32)
