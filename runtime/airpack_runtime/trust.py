"""Which bundles may be booted here: decided by their digest, and by who signed them."""

from __future__ import annotations

import os

from airpack_runtime import cache, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

# The image's own rule whose bundles it takes. Not beside the shim: whoever delivers the bundle may write there.
KEY_FILE = "/etc/airpack/key.pub"
# Each variable that is read, here or by what `activation` exports.
_NAMES = ("BUNDLE", "DIGEST", "PUBLIC_KEY", "MODE", "LOG", "DISABLE", "ON_ERROR", "CACHE_DIR", "ACTIVE", "PYTHON")
SETTINGS = frozenset("AIRPACK_" + name for name in _NAMES)
_OWN = "AIRPACK"
_ALIKE = ("AIRP", "AIPA")  # what the name of a variable that is meant for airpack may begin with
_PARTING = dict.fromkeys(map(ord, "_-. "))  # is left out: AIR_PACK, AIRPACK.DIGEST
_PEM_START, _PEM_END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


def check_pin(path: str, digest: str, env: Mapping[str, str]) -> None:
    """Raise WrongDigest if AIRPACK_DIGEST is set and names another digest."""
    pinned = env.get("AIRPACK_DIGEST", digest).strip().lower()
    if pinned not in (digest, f"sha256:{digest}"):
        from airpack_runtime.errors import WrongDigest

        raise WrongDigest(path, pinned, digest)


def check(path: str, kind: str, digest: str, env: Mapping[str, str]) -> None:
    """Raise WrongDigest, NotSigned or BadKey unless the settings allow to boot the bundle or image at `path`.

    `kind` is `layout.SIGNED_BUNDLE` or `SIGNED_IMAGE`, `digest` its digest without "sha256:".
    """
    check_pin(path, digest, env)
    key = required_key(env)
    if key:
        from airpack_runtime.format import signature

        signature.check(path, kind, digest, key)


def binds(env: Mapping[str, str]) -> bool:
    """Return whether a pin or a key says what may be booted: then nothing that they don't cover is used. Raises BadKey.

    What can't be pinned or signed is a plain folder of packages, and wheels beside a requirements file.
    """
    return "AIRPACK_DIGEST" in env or bool(required_key(env))


def required_key(env: Mapping[str, str]) -> str:
    """Return the public key that must have signed a bundle, in base64; empty if no signature is required.

    A key in the image's own KEY_FILE is required whatever the environment says. Raises BadKey, or UnknownSetting if a
    variable that nothing reads seems to be meant as a key or a pin.
    """
    for name in unread(env):
        from airpack_runtime import errors

        errors.check_unread(name, env[name], SETTINGS)
    given = env.get("AIRPACK_PUBLIC_KEY")
    try:
        os.lstat(KEY_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return "" if given is None else public_key("AIRPACK_PUBLIC_KEY", given.strip())
    except OSError:  # whether it exists can't be told: if it can't be read either, it is refused below
        pass
    own = public_key(KEY_FILE, KEY_FILE)
    if given is not None and public_key("AIRPACK_PUBLIC_KEY", given.strip()) != own:
        from airpack_runtime.errors import BadKey

        raise BadKey("AIRPACK_PUBLIC_KEY", f"is not the key in {KEY_FILE}, which binds: unset it")
    return own


def is_fixed() -> bool:
    """Return whether the image has a key of its own, which no word in the environment stands in for."""
    return os.path.lexists(KEY_FILE)


def unread(env: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that seem to be meant for airpack, and that nothing reads."""
    return [name for name in env if name not in SETTINGS and is_meant(name)]


def is_meant(name: str) -> bool:
    """Return whether a variable seems to be meant for airpack; one like a key or a pin, also by one wrong letter."""
    name = name.upper().translate(_PARTING)
    if name.startswith(_ALIKE) or _OWN in name:
        return True
    if not any(map(name.count, ("DIGEST", "KEY", "PUB", "SHA2"))):
        return False
    at = len(os.path.commonprefix([name, _OWN]))
    rest, own = name[at:], _OWN[at:]
    # A letter is wrong or two have changed places, there is one too many, or one is missing.
    return rest[2:].startswith(own[2:]) or rest[1:].startswith(own) or rest.startswith(own[1:])


def public_key(source: str, given: str) -> str:
    """Return a public key in base64. Raises BadKey.

    `given` is the key itself in base64, or the absolute path of a PEM file; `source` is where it was given.
    """
    if given.startswith(layout.PUBLIC_KEY_START):
        return given
    text = cache.read(given) if given.startswith("/") else ""
    body = "".join(text.partition(_PEM_START)[2].partition(_PEM_END)[0].split())
    if not body.startswith(layout.PUBLIC_KEY_START) or text.count(_PEM_START) > 1:
        from airpack_runtime.format import signature

        raise signature.bad_key(source, given)
    return body
