"""What a wheel's RECORD claims, read leniently."""

from __future__ import annotations

import base64
import hashlib
import io

import pytest
from airpack.wheels import claims
from airpack.wheels.oddity import Kind, Oddity

OWN = "one-1.0.dist-info/RECORD"
DIGEST = hashlib.sha256(b"\xff\xfe>?").digest()
SAFE = base64.urlsafe_b64encode(DIGEST).decode().rstrip("=")


@pytest.mark.parametrize(
    ("digest", "kinds"),
    [
        (f"sha256={SAFE}", []),
        (f"sha256={SAFE}=", [Kind.RECORD_CODING]),
        (f"sha256={base64.b64encode(DIGEST).decode()}", [Kind.RECORD_CODING]),
        (f"sha256={DIGEST.hex()}", [Kind.RECORD_CODING]),
        (f"sha256={DIGEST.hex().upper()}", [Kind.RECORD_CODING]),
    ],
)
def test_a_hash_is_read_in_any_coding(digest: str, kinds: list[Kind]) -> None:
    """Whatever its coding, it is the same hash."""
    read = claims.read(f"one.py,{digest},4\n{OWN},,\n", ["one.py", OWN], OWN)
    assert read.rows == {"one.py": claims.Claim(size=4, algorithm="sha256", digest=DIGEST.hex())}
    assert [oddity.kind for oddity in read.oddities] == kinds


@pytest.mark.parametrize("digest", ["", "md5=abc", "sha256=short", "sha256=?", "nonsense"])
def test_what_is_no_hash_claims_nothing(digest: str) -> None:
    """The size counts all the same."""
    read = claims.read(f"one.py,{digest},4\n", ["one.py", OWN], OWN)
    assert [oddity.kind for oddity in read.oddities] == [Kind.RECORD_HASHLESS]
    claim = read.rows["one.py"]
    assert (claim.digest, claim.size) == (None, 4)
    assert claim.fits(io.BytesIO(b"four"))
    assert not claim.fits(io.BytesIO(b"three"))


@pytest.mark.parametrize("size", ["9" * 5000, "\u00b2", "-1", "1_0"])
def test_what_is_no_size_claims_nothing(size: str) -> None:
    """Nor does a number that takes the square of its digits to read."""
    read = claims.read(f"one.py,sha256={SAFE},{size}\n", ["one.py", OWN], OWN)
    assert read.rows["one.py"].size is None
    assert [oddity.kind for oddity in read.oddities] == [Kind.RECORD_ROW]


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_a_better_hash_is_compared(algorithm: str) -> None:
    """PEP 427 allows it."""
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, b"four").digest()).decode().rstrip("=")
    read = claims.read(f"one.py,{algorithm}={digest},4\n", ["one.py"], OWN)
    assert read.oddities == ()
    assert read.rows["one.py"].fits(io.BytesIO(b"four"))
    assert not read.rows["one.py"].fits(io.BytesIO(b"FOUR"))


def test_paths_and_rows_of_another_kind() -> None:
    """Each is told, and what can be read of the others counts."""
    digest = f"sha256={SAFE}"
    rows = [f"/a.py,{digest},1", f".\\b.py,{digest},1", f"b.py,{digest},x", "sub/,,", f"gone.py,{digest},1", "c.py", ""]
    read = claims.read("\n".join(rows), ["a.py", "b.py", "c.py", "sub/d.py", OWN], OWN)
    assert read.rows.keys() == {"a.py", "b.py", "c.py"}
    assert {*read.oddities} == {
        Oddity(kind=Kind.RECORD_PATH, name="/a.py"),
        Oddity(kind=Kind.RECORD_PATH, name=".\\b.py"),
        Oddity(kind=Kind.RECORD_TWICE, name="b.py"),
        Oddity(kind=Kind.RECORD_ROW, name="b.py"),
        Oddity(kind=Kind.RECORD_FOLDER, name="sub/"),
        Oddity(kind=Kind.RECORD_ABSENT, name="gone.py"),
        Oddity(kind=Kind.RECORD_ROW, name="c.py"),
        Oddity(kind=Kind.RECORD_UNLISTED, name="sub/d.py"),
    }
