"""Verifies Ed25519 signatures (RFC 8032, 5.1) with Python's integers, as no secret is handled here.

As OpenSSL does, it verifies the equation without the cofactor, and compares R as bytes. It is stricter than OpenSSL
with public keys: it refuses bytes that aren't the canonical encoding of a point, and points of small order, for
which anybody could sign (a key of all zeros is one).
"""

from __future__ import annotations

from airpack_runtime.format.hashing import sha512

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

    Point = Tuple[int, int, int, int]  # extended coordinates: X/Z, Y/Z, and T with XY = ZT

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1
_NEUTRAL = (0, 1, 1, 0)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` (64 bytes) is a signature of `message` by the public key `public` (32 bytes)."""
    key = _decoded(public)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or len(signature) != 64 or scalar >= _ORDER:
        return False
    x, y, z, _ = _doubled(_doubled(_doubled(key)))
    if x == 0 and y == z:
        return False
    challenge = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % _ORDER
    minus_key = (_P - key[0], key[1], 1, _P - key[3])
    return _encoded(_combined(scalar, challenge, minus_key)) == signature[:32]


def _combined(scalar: int, other: int, point: Point) -> Point:
    """Return `scalar` times the base point plus `other` times `point`; each step uses two bits of both."""
    table = [_NEUTRAL]
    for _ in range(3):
        table.append(_added(table[-1], _BASE))
    for _ in range(12):
        table.append(_added(table[-4], point))
    total = _NEUTRAL
    for shift in range(252, -2, -2):
        total = _doubled(_doubled(total))
        total = _added(total, table[(scalar >> shift & 3) + 4 * (other >> shift & 3)])
    return total


def _added(one: Point, other: Point) -> Point:
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a = (y1 - x1) * (y2 - x2) % _P
    b = (y1 + x1) * (y2 + x2) % _P
    c = 2 * t1 * t2 % _P * _D % _P
    d = 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _doubled(point: Point) -> Point:
    x, y, z, _ = point
    a, b = x * x % _P, y * y % _P
    h, g = a + b, a - b
    e = h - (x + y) * (x + y) % _P
    f = 2 * z * z % _P + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _decoded(data: bytes) -> Point | None:
    """Return the point that 32 bytes encode, or None if they aren't a point's canonical encoding (5.1.3)."""
    number = int.from_bytes(data, "little")
    y, odd = number & (1 << 255) - 1, number >> 255
    if len(data) != 32 or y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if x * x % _P != square or (x == 0 and odd):
        return None
    if x & 1 != odd:
        x = _P - x
    return x, y, 1, x * y % _P


def _encoded(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, _P - 2, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


_BASE = _decoded((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or _NEUTRAL
