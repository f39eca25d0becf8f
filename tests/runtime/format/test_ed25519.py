"""The shim's verifier of signatures, on the vectors of RFC 8032 and Wycheproof, and on what no library accepts."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from airpack_runtime.format import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from ..conftest import ROOT
from ..signer import ORDER, P, public_of, sign

# RFC 8032, 7.1: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]


@pytest.mark.parametrize("vector", RFC_8032, ids=["empty", "one byte", "two bytes", "a hash"])
def test_the_rfcs_vectors_hold(vector: List[str]) -> None:
    """And the tests' own signer makes the same; each bit that is flipped in a signature breaks it."""
    secret, public, message, signature = map(bytes.fromhex, vector)
    assert (public_of(secret), sign(secret, message)) == (public, signature)
    assert ed25519.verify(public, message, signature)
    for bit in range(0, 512, 7):
        flipped = (int.from_bytes(signature, "little") ^ 1 << bit).to_bytes(64, "little")
        assert not ed25519.verify(public, message, flipped)


def _wycheproof() -> List[Dict[str, Any]]:
    data = json.loads((ROOT / "fixtures" / "wycheproof" / "ed25519_test.json").read_text())
    found = [dict(test, key=group["publicKey"]["pk"]) for group in data["testGroups"] for test in group["tests"]]
    assert len(found) == data["numberOfTests"] == 151
    return found


@pytest.mark.parametrize(
    "test", _wycheproof(), ids=lambda test: f"{test['tcId']} {test['comment'] or test['flags'][0]}"
)
def test_wycheproofs_vectors_are_judged_as_they_should(test: Dict[str, Any]) -> None:
    """Malleable, truncated, overlong, with special values: each is valid or not as its file says."""
    key, message, signature = (bytes.fromhex(test[name]) for name in ("key", "msg", "sig"))
    assert ed25519.verify(key, message, signature) == (test["result"] == "valid")


# The points of order 1, 2, 4 and 8 (each of 8 with its negative), and encodings of them that aren't canonical.
_EIGHTH = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_FEW = [0, 1, P - 1, _EIGHTH, P - _EIGHTH]
_WEAK = [y | sign << 255 for y in [*_FEW, P, P + 1] for sign in (0, 1)]


@pytest.mark.parametrize("number", _WEAK, ids=hex)
def test_keys_for_which_anybody_could_sign_are_refused(number: int) -> None:
    """Points of small order: with R one of them and S = 0, the equation holds for some message."""
    key = number.to_bytes(32, "little")
    for commitment in (key, (1).to_bytes(32, "little")):
        for message in range(16):
            assert not ed25519.verify(key, bytes([message]), commitment + bytes(32))


@pytest.mark.parametrize("number", [2, P, P + 1, 2**255 - 1, 1 << 255 | 1], ids=hex)
def test_keys_that_encode_no_point_are_refused(number: int) -> None:
    """Of no point at all, beyond the field, or minus zero."""
    assert not ed25519.verify(number.to_bytes(32, "little"), b"", bytes(64))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    """Without an exception, whatever they hold."""
    key = (bytes.fromhex(RFC_8032[0][1]) * 2)[:length]
    assert not ed25519.verify(key, b"", bytes.fromhex(RFC_8032[0][3]))


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(secret=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), bit=st.integers(0, 255))
def test_what_a_textbook_signs_holds_and_nothing_else_does(secret: bytes, message: bytes, bit: int) -> None:
    """For random keys and messages; with one bit of either changed, or S taken beyond the order, it doesn't."""
    public, signature = public_of(secret), sign(secret, message)
    assert ed25519.verify(public, message, signature)
    assert not ed25519.verify(public, message + b"\0", signature)
    other = (int.from_bytes(public, "little") ^ 1 << bit).to_bytes(32, "little")
    assert not ed25519.verify(other, message, signature)
    beyond = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert not ed25519.verify(public, message, signature[:32] + beyond)


@settings(deadline=None)
@given(public=st.binary(max_size=40), message=st.binary(max_size=40), signature=st.binary(max_size=80))
def test_noise_is_never_a_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """And raises nothing."""
    assert not ed25519.verify(public, message, signature)
