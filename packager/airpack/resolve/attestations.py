"""What an index says of who published a file: its attestations (PEP 740), by the publisher's identity.

airpack checks that an attestation is of the file that was locked (its subject's name and SHA-256). It doesn't verify
the signature in it, nor the certificate: an index that lies can make up both.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, parse_sdist_filename, parse_wheel_filename

from airpack.base import cache, files, jsons
from airpack.base.errors import AirpackError
from airpack.base.lines import has_controls
from airpack.base.urls import filename_in

if TYPE_CHECKING:
    from airpack.resolve.lock import Lock, LockedWheel
    from airpack.resolve.pip import Pip

_LIMIT = 4 << 20  # bytes of one file's attestations; those of PyPI have about 10,000
_JOBS = 8
_NAMED = 5  # files that a message names
_LONGEST = 1000  # characters of a fact about a publisher; each is told in a line
_OTHERS = "claims"  # of a publisher: what its identity provider said besides, which changes with each upload


class Unattested(AirpackError):
    """Files that no publisher attests, where each must be attested."""

    def __init__(self, files: Sequence[str]) -> None:
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        super().__init__(
            f"the index has no attestation (PEP 740) of {', '.join(files[:_NAMED])}{more}: require versions that have "
            "one, or leave out --require-attestations"
        )
        self.files = tuple(files)


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """Who published a file, as the index says: the `kind` of identity (`GitHub`), and its facts (`repository`, ...)."""

    kind: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        facts = ", ".join(f"{key} {value}" for key, value in self.facts.items())
        return f"{self.kind} ({facts})" if facts else self.kind

    @classmethod
    def from_dict(cls, data: object) -> Publisher:
        """Read an identity, as PEP 740 and PEP 751 (`attestation-identities`) have it. Raises ValueError."""
        if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
            raise ValueError("a publisher without a kind")  # noqa: TRY004 - it is what was read that is wrong
        facts = {key: value for key, value in sorted(data.items()) if isinstance(value, str) and value}
        if any(map(has_controls, [*facts, *facts.values()])):
            raise ValueError("a publisher with a control character")
        if max(map(len, [*facts, *facts.values()]), default=0) > _LONGEST:
            raise ValueError(f"a publisher with a text of more than {_LONGEST:,} characters")
        return cls(kind=facts.pop("kind", ""), facts={key: facts[key] for key in facts if key != _OTHERS})

    def to_dict(self) -> dict[str, str]:
        """Return the identity as a lock, and a manifest, have it."""
        return {"kind": self.kind, **self.facts}


@dataclass(frozen=True, kw_only=True, slots=True)
class Attested:
    """The publishers of a project's file in a lock, and the version that it is of."""

    version: str
    publishers: tuple[Publisher, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.publishers))


def read(provenance: bytes, filename: str, sha256: str) -> tuple[Publisher, ...]:
    """Return who attests the file with this name and SHA-256, of its provenance object (PEP 740); each once.

    Raises ValueError if that is none, or attests another file.
    """
    data = jsons.loads(provenance)
    bundles = data.get("attestation_bundles") if isinstance(data, dict) and data.get("version") == 1 else None
    if not isinstance(bundles, list):
        raise ValueError("it is no provenance object of version 1")  # noqa: TRY004 - see above
    found: list[Publisher] = []
    for bundle in bundles:
        publisher = Publisher.from_dict(bundle.get("publisher") if isinstance(bundle, dict) else None)
        attestations = bundle.get("attestations")
        if not isinstance(attestations, list) or not attestations:
            raise ValueError(f"{publisher.kind} attests nothing")
        for attestation in attestations:
            _check_subject(attestation, filename, sha256)
        if publisher not in found:
            found.append(publisher)
    return tuple(sorted(found, key=str))


def _check_subject(attestation: object, filename: str, sha256: str) -> None:
    """Raise ValueError unless an attestation's statement (in-toto, version 1) is of the file, and of it alone."""
    try:
        encoded = "".join(attestation["envelope"]["statement"].split())  # type: ignore[index]
        statement = jsons.loads(base64.b64decode(encoded, validate=True))
        named = [(_parts(each["name"]), each["digest"]["sha256"]) for each in statement["subject"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("an attestation has no statement") from error
    if named != [(_parts(filename), sha256)]:
        raise ValueError("an attestation is of another file")


def _parts(filename: str) -> tuple[object, ...]:
    """Return what a file's name says, however it is spelled: publishers sign `my_one-1.0` for a file `My.One-1.0`."""
    try:
        return parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    except ValueError:
        return (filename,)


def to_ask(lock: Lock) -> Lock:
    """Return `lock` with its files of an index as what is still to be found there: by name, version and SHA-256.

    Then the index says who published them, and not the lock, which anybody may have written; and no source is built
    whose hash it gives for a wheel's.
    """
    asked = [wheel for wheel in lock.wheels if _is_of_index(wheel)]
    lines = (f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in asked)
    kept = tuple(wheel for wheel in lock.wheels if not _is_of_index(wheel))
    options = ("--only-binary", ",".join(wheel.key for wheel in asked)) if asked else ()
    access = replace(lock.access, options=(*lock.access.options, *options))
    return replace(lock, wheels=kept, to_find=(*lock.to_find, *lines), access=access)


def attested(lock: Lock, *, pip: Pip, store: Path) -> Lock:
    """Return `lock` with the publishers that attest its files, where the index that served them tells any.

    What can't be read, or attests another file, is told by `pip`'s note, and counts as no attestation. `store` is
    airpack's cache, which keeps what was read. What a lock says of a file of an index stays.
    """
    asked = {wheel.key: url for wheel in lock.wheels if (url := lock.access.provenance.get(_of(wheel)[0]))}
    listed = [wheel for wheel in lock.wheels if wheel.key in asked]
    kept = {wheel.key: cache.read_sealed(_place(wheel, asked[wheel.key], store)) for wheel in listed}
    known = {**kept, **_fetched([wheel for wheel in listed if kept[wheel.key] is None], asked, lock, pip, store)}
    wheels = []
    for wheel in lock.wheels:
        content = known.get(wheel.key)
        # A lock may name any publisher of a file that no index ever had.
        locked = wheel.publishers if _is_of_index(wheel) else ()
        try:
            publishers = read(content, *_of(wheel)[1:]) if content else locked
        except ValueError as error:
            pip.note(f"warning: the attestation of {wheel.filename} is not taken: {error}")
            publishers = ()
        wheels.append(replace(wheel, publishers=publishers))
    return replace(lock, wheels=tuple(wheels))


def _of(wheel: LockedWheel) -> tuple[str, str, str]:
    """Return the URL, the name and the SHA-256 of the file of an index that a locked wheel is, or was built from."""
    url, sha256 = (wheel.source.url, wheel.source.sha256) if wheel.source else (wheel.url, wheel.sha256)
    return url, filename_in(url), sha256


def _is_of_index(wheel: LockedWheel) -> bool:
    return _of(wheel)[0].startswith(("https://", "http://"))


def _place(wheel: LockedWheel, url: str, store: Path) -> Path:
    return cache.place_of(store / cache.ATTESTATIONS, [url, *_of(wheel)[1:]])


def _fetched(
    wheels: Sequence[LockedWheel], urls: Mapping[NormalizedName, str], lock: Lock, pip: Pip, store: Path
) -> dict[NormalizedName, bytes]:
    """Return the provenance objects of these files, downloaded from `urls`; none where that fails, which is told."""
    if not wheels:
        return {}
    with tempfile.TemporaryDirectory(prefix="airpack-attestations-") as folder:
        wanted = [{"url": urls[wheel.key], "path": str(Path(folder, wheel.key)), "most": _LIMIT} for wheel in wheels]
        try:
            pip.run({"do": "fetch", "files": wanted, "jobs": _JOBS}, lock.access.for_fetch)
            content = {wheel.key: files.read_bytes(Path(folder, wheel.key), limit=_LIMIT) for wheel in wheels}
        except (AirpackError, OSError) as error:
            pip.note(f"warning: the index's attestations can't be had, and none is recorded: {error}")
            return {}
    for wheel in wheels:
        cache.write_sealed(content[wheel.key], _place(wheel, urls[wheel.key], store))
    return content


def check(lock: Lock, *, required: bool, before: Mapping[NormalizedName, Attested], named: str) -> Iterator[str]:
    """Yield a warning for each file whose publisher is another than in the lock before, which is `named`.

    Raises Unattested if an attestation is `required` of each file.
    """
    if required and (absent := [wheel.filename for wheel in lock.wheels if not wheel.publishers]):
        raise Unattested(absent)
    for wheel in lock.wheels:
        last = before.get(wheel.key)
        if last is None or not last.publishers or last.publishers == wheel.publishers:
            continue
        was = f"{wheel.key} {last.version} was by {last}, says {named}"
        now = Attested(version=wheel.version, publishers=wheel.publishers)
        what = f"is attested by {now}" if wheel.publishers else "has no attestation"
        yield f"warning: {wheel.key} {wheel.version} {what}; {was}: find out why before it is deployed"
