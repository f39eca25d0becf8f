"""Which bundles may be booted here: by their digest, and by who signed them."""

from __future__ import annotations

import os

from airpack_runtime import cache, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

# The image's own word on whose bundles it takes. Not beside the shim: there the bundle's bearer may write.
KEY_FILE = "/etc/airpack/key.pub"
_PEM_START, _PEM_END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


def check_pin(path: str, digest: str, env: Mapping[str, str]) -> None:
    """Raise WrongDigest unless the bundle is the one that AIRPACK_DIGEST names, if it is set."""
    pinned = env.get("AIRPACK_DIGEST", digest).strip().lower()
    if pinned not in (digest, f"sha256:{digest}"):
        from airpack_runtime.errors import WrongDigest

        raise WrongDigest(path, pinned, digest)


def check(path: str, kind: str, digest: str, env: Mapping[str, str]) -> None:
    """Raise WrongDigest, NotSigned or BadKey unless the settings allow this bundle, or image, to be booted.

    `kind` is `layout.SIGNED_BUNDLE` or `SIGNED_IMAGE`, `digest` what AIRPACK_DIGEST pins of it.
    """
    check_pin(path, digest, env)
    key = required_key(env)
    if key:
        from airpack_runtime.format import signature

        signature.check(path, kind, digest, key)


def required_key(env: Mapping[str, str]) -> str:
    """Return the public key that must have signed what is booted, in base64; empty if any bundle will do.

    The image's file binds whatever the environment says. Raises BadKey.
    """
    given = env.get("AIRPACK_PUBLIC_KEY")
    try:
        os.lstat(KEY_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return "" if given is None else public_key("AIRPACK_PUBLIC_KEY", given.strip())
    except OSError:  # it can't be told whether there is one: what can't be read is refused below
        pass
    own = public_key(KEY_FILE, KEY_FILE)
    if given is not None and public_key("AIRPACK_PUBLIC_KEY", given.strip()) != own:
        from airpack_runtime.errors import BadKey

        raise BadKey("AIRPACK_PUBLIC_KEY", f"is not the key in {KEY_FILE}, which binds: unset it")
    return own


def public_key(source: str, given: str) -> str:
    """Return the base64 of a public key, which is given as such, or as the path of a file in PEM. Raises BadKey."""
    if given.startswith(layout.PUBLIC_KEY_START):
        return given
    text = cache.read(given) if given.startswith("/") else ""
    body = "".join(text.partition(_PEM_START)[2].partition(_PEM_END)[0].split())
    if not body.startswith(layout.PUBLIC_KEY_START) or text.count(_PEM_START) > 1:
        from airpack_runtime.format import signature

        raise signature.bad_key(source, given)
    return body
