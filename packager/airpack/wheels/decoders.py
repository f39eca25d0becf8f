"""The zstd decoder that a bundle carries: pyzstd's extension module for the target's Python.

Its wheel is pinned by hash for each target. pyzstd has a C extension with libzstd up to 0.18; later versions are pure
Python over `backports.zstd`, whose extension module is the decoder of 3.13t: it is that of `compression.zstd`, by which
Python 3.14 reads zstd itself and needs no decoder.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from airpack.base import cache, files
from airpack.base.errors import AirpackError, NoDecoder
from airpack.requirements.requirements import Requirements
from airpack.requirements.rules import Rules
from airpack.resolve.pip import Pip
from airpack.resolve.resolver import resolve
from airpack.target.target import Target
from airpack.wheels.wheelhouse import download

MODULE = "_zstd"
PROJECT = "pyzstd"
_BACKPORT = "backports.zstd"
_BACKPORTED = "cp313t"  # pyzstd's extension was never built for it

# (python tag, libc, machine): (version, SHA-256 of the wheel)
_WHEELS = {
    ("cp37", "manylinux", "x86_64"): ("0.15.10", "a15a3ef14cb929b07e0a98639f2ebcd69a0038d6e31367157018ec841a54d8fa"),
    ("cp37", "manylinux", "aarch64"): ("0.15.10", "80ca483ee2084d36dc570004b6793f99c58d2df201c630f60518bca3518faa5d"),
    ("cp37", "musllinux", "x86_64"): ("0.15.10", "5ae5f8ab4accc980fa8e6696a402176e20a717ab2b296cd8d62b6a86cafc5f9c"),
    ("cp37", "musllinux", "aarch64"): ("0.15.10", "99902df14861e4f40ed1eb403a17356188428d12bb10d53de10d1ea24996b838"),
    ("cp38", "manylinux", "x86_64"): ("0.16.1", "22f7b5d93b5e7d3b3bd4a0f665b2bfab61a9cc78cb19b4f9d2faa454ae19133e"),
    ("cp38", "manylinux", "aarch64"): ("0.16.1", "3cba92b21b12bff45c0393e022ca4e6029aa5d4d3f11d1d9f05ca9a13245d325"),
    ("cp38", "musllinux", "x86_64"): ("0.16.1", "15a242d03c1516e1325d41a43b05c95abce0306d6f9782408b44f6225fadea9b"),
    ("cp38", "musllinux", "aarch64"): ("0.16.1", "3fcf498488cf2a866142a35d0c14c021a58c7d96b25bafd13c72676458912011"),
    ("cp39", "manylinux", "x86_64"): ("0.16.2", "3b766a6aeb8dbb6c46e622e7a1aebfa9ab03838528273796941005a5ce7257b1"),
    ("cp39", "manylinux", "aarch64"): ("0.16.2", "20ac2c15656cc6194c4fed1cb0e8159f9394d4ea1d58be755448743d2ec6c9c4"),
    ("cp39", "musllinux", "x86_64"): ("0.16.2", "988f0ba19b14c2fe0afefc444ac1edfb2f497b7d7c3212b2f587504cc2ec804e"),
    ("cp39", "musllinux", "aarch64"): ("0.16.2", "1c6c0a677aac7c0e3d2d2605d4d68ffa9893fdeeb2e071040eb7c8750969d463"),
    ("cp310", "manylinux", "x86_64"): ("0.16.2", "14bfc2833cc16d7657fc93259edeeaa793286e5031b86ca5dc861ba49b435fce"),
    ("cp310", "manylinux", "aarch64"): ("0.16.2", "a74cb1ba05876179525144511eed3bd5a509b0ab2b10632c1215a85db0834dfd"),
    ("cp310", "musllinux", "x86_64"): ("0.16.2", "3008325b7368e794d66d4d98f2ee1d867ef5afd09fd388646ae02b25343c420d"),
    ("cp310", "musllinux", "aarch64"): ("0.16.2", "91e134ca968ff7dcfa8b7d433318f01d309b74ee87e0d2bcadc117c08e1c80db"),
    ("cp311", "manylinux", "x86_64"): ("0.16.2", "e97620d3f53a0282947304189deef7ca7f7d0d6dfe15033469dc1c33e779d5e5"),
    ("cp311", "manylinux", "aarch64"): ("0.16.2", "ea46a8b9d60f6a6eba29facba54c0f0d70328586f7ef0da6f57edf7e43db0303"),
    ("cp311", "musllinux", "x86_64"): ("0.16.2", "738bcb2fa1e5f1868986f5030955e64de53157fa1141d01f3a4daf07a1aaf644"),
    ("cp311", "musllinux", "aarch64"): ("0.16.2", "7cd4b3b2c6161066e4bde6af1cf78ed3acf5d731884dd13fdf31f1db10830080"),
    ("cp312", "manylinux", "x86_64"): ("0.16.2", "1ec77612a17697a9f7cf6634ffcee616eba9b997712fdd896e77fd19ab3a0618"),
    ("cp312", "manylinux", "aarch64"): ("0.16.2", "d8b5f0d2c07994a5180d8259d51df6227a57098774bb0618423d7eb4a7303467"),
    ("cp312", "musllinux", "x86_64"): ("0.16.2", "79b183beae1c080ad3dca39019e49b7785391947f9aab68893ad85d27828c6e7"),
    ("cp312", "musllinux", "aarch64"): ("0.16.2", "e91acdefc8c2c6c3b8d5b1b5fe837dce4e591ecb7c0a2a50186f552e57d11203"),
    ("cp313", "manylinux", "x86_64"): ("0.16.2", "5bd1f1822d65c9054bf36d35307bf8ed4aa2d2d6827431761a813628ff671b1d"),
    ("cp313", "manylinux", "aarch64"): ("0.16.2", "c2c14dac23c865e2d78cebd9087e148674b7154f633afd4709b4cd1520b99a61"),
    ("cp313", "musllinux", "x86_64"): ("0.16.2", "075e18b871f38a503b5d23e40a661adfc750bd4bd0bb8b208c1e290f3ceb8fa2"),
    ("cp313", "musllinux", "aarch64"): ("0.16.2", "7bec165ab6524663f00b69bfefd13a46a69fed3015754abaf81b103ec73d92c6"),
    ("cp313t", "manylinux", "x86_64"): ("1.3.0", "5d5543945aae2a76a850b23f283249424f535de6a622d6002957b7d971e6a36d"),
    ("cp313t", "manylinux", "aarch64"): ("1.3.0", "0205ef809fb38bb5ca7f59fa03993596f918768b9378fb7fbd8a68889a6ce028"),
    ("cp313t", "musllinux", "x86_64"): ("1.3.0", "1049e804cc8754290b24dab383d4d6ed0b7f794ad8338813ddcb3907d15a89d0"),
    ("cp313t", "musllinux", "aarch64"): ("1.3.0", "e3e3f58c76f4730607a4e0130d629173aa114ae72a5c8d3d5ad94e1bf51f18d8"),
}
# The glibc (2.N) that the wheels need; the decoder can't be loaded with an older one. Those for musl need 1.1 or 1.2.
_OLDEST_GLIBC = 17
_READS_ZSTD = Version("3.14")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoder:
    """An extension module that decompresses zstd: its bytes, its name, and the name and version of its project."""

    extension: bytes
    module: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """The wheel that holds a target's decoder: its project, version and SHA-256."""

    project: str = PROJECT
    version: str
    sha256: str


def obtain(target: Target, store: Path, *, given: Path | None, pip: Pip, places: Sequence[str] = ()) -> Decoder | None:
    """Return the decoder for `target`, None if its Python reads zstd itself.

    `places` are the options of pip's command line for where the packages come from, which requirements files name too.
    It comes from the wheel `given`, else from the cache `store`, else from the index, and is kept in the cache. Raises
    NoDecoder, also if the wheel is not the pinned one.
    """
    pin = pin_for(target)
    if pin is None:
        return None
    kept = store / f"{pin.project}-{pin.sha256}.whl"
    if given is not None:
        content = _checked(_read(given), str(given), pin, target)
        cache.write(content, kept)
    else:
        with cache.claims(store / f"{PROJECT}.lock") as claim:  # of several packs at once, only one downloads it
            claim(pin.sha256, True)
            cached = _kept(kept, pin)
            content = cached or _checked(
                _download(pin, target, store, pip.apart(places)), "the decoder that the index gives", pin, target
            )
            if cached is None:
                cache.write(content, kept)
    return Decoder(extension=_extension(content), module=MODULE, origin=f"{pin.project} {pin.version}")


def pin_for(target: Target) -> Pin | None:
    """Return the pin of the decoder for `target`, None if its Python reads zstd itself.

    Raises NoDecoder if no known decoder can be loaded there.
    """
    if not target.boots:
        raise NoDecoder(
            f"no bundle can be made for {target.name}: the shim boots on Linux alone; airpack wheelhouse fetches the "
            "wheels, which pip installs there"
        )
    if Version(target.python_full_version) >= _READS_ZSTD:
        return None
    musl = target.platform.startswith("musllinux")
    pinned = _WHEELS.get((target.python_tag, "musllinux" if musl else "manylinux", target.machine))
    oldest = f"musllinux_1_{1 if target.python_tag == 'cp37' else 2}" if musl else f"manylinux_2_{_OLDEST_GLIBC}"
    if pinned is None or f"{oldest}_{target.machine}" not in {tag.platform for tag in target.tags}:
        raise NoDecoder(
            f"no zstd decoder is known for {target.name}: airpack has those of cp37 to cp313t for "
            f"{oldest} or newer; choose such a --target, or fetch the wheels alone by airpack wheelhouse"
        )
    version, sha256 = pinned
    return Pin(project=_BACKPORT if target.python_tag == _BACKPORTED else PROJECT, version=version, sha256=sha256)


def _download(pin: Pin, target: Target, store: Path, pip: Pip) -> bytes:
    """Return the content of the decoder's wheel, from the index. Raises NoDecoder."""
    wanted = Requirements(
        specifications=[f"{pin.project}=={pin.version}"], rules=Rules(only_binary=(pin.project,), no_deps=True)
    )
    try:
        lock = resolve(wanted, target, pip=pip, cache=store)
        wheels = [wheel for wheel in lock.wheels if wheel.key == canonicalize_name(pin.project)]
        with tempfile.TemporaryDirectory(prefix="airpack-decoder-") as folder:
            download(wheels, Path(folder), pip=pip, access=lock.access)
            return Path(folder, wheels[0].filename).read_bytes()
    except AirpackError as error:
        raise NoDecoder(
            f"the bundle's zstd decoder can't be downloaded ({error}): download the wheel of {pin.project} "
            f"{pin.version} for {target.name} (SHA-256 {pin.sha256}) where that is possible, and give it with --decoder"
        ) from error


def _checked(content: bytes, what: str, pin: Pin, target: Target) -> bytes:
    """Return `content`, the bytes of a wheel called `what` in the message. Raises NoDecoder if it isn't the pinned."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != pin.sha256:
        raise NoDecoder(
            f"{what} has SHA-256 {actual}, but {target.name} needs the wheel of {pin.project} {pin.version} with "
            f"{pin.sha256}: download that one"
        )
    return content


def _read(given: Path) -> bytes:
    try:
        return files.read_bytes(given, follow=True)
    except OSError as error:
        raise NoDecoder(f"--decoder {given} can't be read: {error.strerror}") from error


def _kept(place: Path, pin: Pin) -> bytes | None:
    """Return the content of the wheel in the cache, None if it isn't there or is damaged."""
    content = cache.read(place)
    return content if content is not None and hashlib.sha256(content).hexdigest() == pin.sha256 else None


def _extension(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        names = (name for name in archive.namelist() if name.rpartition("/")[2].startswith(f"{MODULE}.cpython-"))
        return archive.read(next(names))
