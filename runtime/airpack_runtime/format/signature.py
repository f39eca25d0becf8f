"""Signatures: a small text file beside a bundle, or an image or a note of its tree, that says who signed it.

    airpack-signature 1
    bundle sha256:...       `bundle` and the bundle digest; or `image` and the SHA-256 of the image file;
                            or `tree` and the SHA-256 of the tree's note, which holds the tree's content digest
    key ...                 the key's id: 16 digits of the SHA-256 of its SubjectPublicKeyInfo in DER
    signature ...           the Ed25519 signature (RFC 8032) of the first two lines, in base64

The packager writes by this module and the shim reads by it. A public key is handled in the form that its PEM file
has between the lines BEGIN and END: base64 (RFC 8410).
"""

from __future__ import annotations

import os
from binascii import Error, a2b_base64, b2a_base64

from airpack_runtime import cache, layout
from airpack_runtime.errors import BadKey, NotSigned, reason_of
from airpack_runtime.format import ed25519
from airpack_runtime.format.hashing import sha256

_VERSION = 1
_HEADING = f"{layout.SIGNATURE_HEADING} {_VERSION}"
_KEY_START = a2b_base64(layout.PUBLIC_KEY_START)
_COPY_AGAIN = "copy it again from where it was signed"


def message(kind: str, digest: str) -> str:
    """Return the message to sign for a bundle with this digest, or for an image or a tree's note with this SHA-256.

    `kind` is one of `layout.SIGNED_BUNDLE`, `SIGNED_IMAGE` and `SIGNED_TREE`.
    """
    return f"{_HEADING}\n{kind} sha256:{digest}\n"


def dumps(text: str, key: str, signature: bytes) -> str:
    """Return the text of a signature file, for the message `text` signed by `key`."""
    return f"{text}key {key_id(key)}\nsignature {_base64(signature)}\n"


def key_id(key: str) -> str:
    """Return the id of a public key: 16 hexadecimal digits. Raises BadKey."""
    return str(sha256(_KEY_START + raw_key(key)).hexdigest()[:16])


def raw_key(key: str) -> bytes:
    """Return the 32 bytes of a public key. Raises BadKey unless `key` is their canonical base64."""
    data = _bytes(key)
    if data is None or len(data) != len(_KEY_START) + 32 or not data.startswith(_KEY_START):
        raise BadKey(key, "is no Ed25519 public key")
    return data[len(_KEY_START) :]


def bad_key(source: str, given: str) -> BadKey:
    """Return the error for a key that can't be read: `given` is a key or the path of one, `source` where it stands."""
    if not given:
        return BadKey(source, "is empty")
    where = source if given == source else f"{source}={given}"
    if not given.startswith("/"):
        return BadKey(where, "is neither an Ed25519 public key in base64 nor an absolute path")
    try:
        os.close(os.open(given, os.O_RDONLY | os.O_NONBLOCK))
        return BadKey(where, "is not a file with one Ed25519 public key in PEM")
    except OSError as error:
        return BadKey(where, f"can't be read ({reason_of(error)})")


def check(path: str, kind: str, digest: str, key: str) -> None:
    """Raise NotSigned unless the signature file beside `path` is by `key`, and of this kind and digest."""
    place = path + layout.SIGNATURE_SUFFIX
    wanted = key_id(key)
    if not os.path.lexists(place):
        remedy = f"airpack sign it with the key {wanted}, and put {os.path.basename(place)} beside it"
        raise NotSigned(path, "is not signed", remedy)
    lines = cache.read(place).split("\n")
    heading, _, version = lines[0].partition(" ")
    if heading == layout.SIGNATURE_HEADING and version.isdecimal() and version != str(_VERSION):
        problem = f"has a signature of version {version[:9]}, and only {_VERSION} is known"
        raise NotSigned(path, problem, "use the shim of the airpack that signed it")
    subject, signer, signature = _parsed(lines, path)
    if subject != f"{kind} sha256:{digest}":
        problem = f"is the {kind} sha256:{digest}, but its signature is of the {subject}"
        raise NotSigned(path, problem, "put the signature of this very file beside it, or sign it")
    if signer != wanted:
        raise NotSigned(path, f"is signed with the key {signer}", f"sign it with {wanted}, which is asked for")
    if not ed25519.verify(raw_key(key), message(kind, digest).encode(), signature):
        raise NotSigned(path, "has a signature that doesn't hold: it is damaged, or forged", _COPY_AGAIN)


def _parsed(lines: list[str], path: str) -> tuple[str, str, bytes]:
    """Return the signed kind and digest, the signer's key id, and the signature, from the lines of a signature file.

    Raises NotSigned unless they are as `dumps` writes them.
    """
    words = [line.partition(" ") for line in lines]
    signature = _bytes(words[3][2]) if lines[4:] == [""] else None
    if signature is None or lines[0] != _HEADING or [word[0] for word in words[2:4]] != ["key", "signature"]:
        raise NotSigned(path, f"has a {layout.SIGNATURE_SUFFIX} that can't be read, or is none", _COPY_AGAIN)
    return lines[1], words[2][2], signature


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")


def _bytes(text: str) -> bytes | None:
    """Return the bytes that a base64 text stands for, or None if `_base64` would write them differently."""
    try:
        data = a2b_base64(text)
    except (Error, ValueError):
        return None
    return data if _base64(data) == text else None
