"""Signatures: keys, what is signed and recorded, what `verify --key` says, and who carries a signature along."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from airpack.results import keys
from airpack_runtime import layout, trust
from airpack_runtime.format import ed25519, signature
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import machine
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel

SIG = f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"
Bytes32 = st.binary(min_size=32, max_size=32)


@pytest.fixture
def team(airpack: Airpack, tmp_path: Path) -> Path:
    """Return the path of a new key, without suffix."""
    assert airpack("keygen", "-q", "-o", tmp_path / "team") == 0
    return tmp_path / "team"


@pytest.fixture
def packed(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack, without a signature."""

    def pack() -> None:
        build_wheel(wheels, "one")
        assert airpack.pack("one", "-q", "--no-import") == 0, airpack.err

    repeat(pack)
    return airpack.output


def _id(name: Path) -> str:
    return signature.key_id(keys.load_public(name.with_name(name.name + ".pub")))


def _signatures(dist: Path) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = json.loads((dist / "manifest.json").read_text())["signatures"]
    return listed


def _digest(dist: Path) -> str:
    digest: str = json.loads((dist / "manifest.json").read_text())["bundle"]["digest"]
    return digest


def test_a_key_is_written_for_its_owner_alone(airpack: Airpack, tmp_path: Path) -> None:
    """Whatever the umask; in the forms that other tools read; what the image takes is printed."""
    before = os.umask(0)
    try:
        assert airpack("keygen", "-o", tmp_path / "team.v1") == 0
    finally:
        os.umask(before)
    private, public = tmp_path / "team.v1.key", tmp_path / "team.v1.pub"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (private, public)] == [0o600, 0o644]
    loaded = serialization.load_pem_private_key(private.read_bytes(), None)
    assert isinstance(loaded, Ed25519PrivateKey)
    other = serialization.load_pem_public_key(public.read_bytes())
    assert isinstance(other, Ed25519PublicKey)
    assert loaded.public_key().public_bytes_raw() == other.public_bytes_raw()
    key = keys.load_public(public)
    assert base64.b64decode(key)[12:] == other.public_bytes_raw()
    assert airpack.out == (
        f"private   {private}: it signs; keep it off the image and out of the repository\n"
        f"public    {public}, the key {signature.key_id(key)}\n"
        "image     COPY team.v1.pub /etc/airpack/key.pub\n"
        "          or set AIRPACK_PUBLIC_KEY to the path, or the middle line, of team.v1.pub\n"
    )


@pytest.mark.parametrize("suffix", [".key", ".pub"])
def test_a_key_is_never_overwritten(airpack: Airpack, tmp_path: Path, suffix: str) -> None:
    """Neither half; and no half of a new one is left."""
    place = tmp_path / f"team{suffix}"
    place.write_text("mine")
    assert airpack("keygen", "-o", tmp_path / "team") == 1
    assert airpack.error == (
        f"airpack: error: {place} is there already, and keys are never overwritten: give another name"
    )
    assert [path.name for path in tmp_path.glob("team*")] == [place.name]
    assert place.read_text() == "mine"


def test_a_private_key_may_be_encrypted(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """By a passphrase in a file, which each use needs again."""
    secret, wrong, empty = (tmp_path / name for name in ("secret", "wrong", "empty"))
    secret.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    empty.write_text("\n")
    assert airpack("keygen", "-q", "-o", tmp_path / "team", "--passphrase-file", secret) == 0
    key = tmp_path / "team.key"
    assert "ENCRYPTED PRIVATE KEY" in key.read_text()
    for words, problem in (
        ([], f"{key} is encrypted: give --passphrase-file"),
        (["--passphrase-file", wrong], f"{key} is not a private key in PEM that this passphrase opens"),
        (
            ["--passphrase-file", empty],
            f"{empty} is empty: write the passphrase into it, or leave out --passphrase-file",
        ),
    ):
        assert airpack("sign", packed, "--key", key, *words) != 0
        assert airpack.error == f"airpack: error: {problem}"
        assert not (packed / SIG).exists()
    assert airpack("sign", packed, "--key", key, "--passphrase-file", secret) == 0
    assert airpack("keygen", "-q", "-o", tmp_path / "plain") == 0
    assert airpack("sign", packed, "--key", tmp_path / "plain.key", "--passphrase-file", secret) == 1
    assert airpack.error.endswith("plain.key is not encrypted: leave --passphrase-file out")


def test_what_is_no_key_to_sign_with(airpack: Airpack, packed: Path, team: Path, tmp_path: Path) -> None:
    """The public half, another kind of key, no key: each is told, and nothing is signed."""
    other = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "ec.key").write_bytes(other.private_bytes(*pem))
    for name, problem in (
        ("team.pub", "is not a private key in PEM: give the .key file that airpack keygen wrote"),
        ("ec.key", "is no Ed25519 key: make one with airpack keygen"),
        ("none.key", "No such file or directory"),
    ):
        assert airpack("sign", packed, "--key", tmp_path / name) == 1
        assert airpack.error.endswith(problem)
    assert not (packed / SIG).exists()


def test_a_signature_is_recorded_and_holds(airpack: Airpack, packed: Path, team: Path) -> None:
    """Of the digest; the bundle's bytes stay, and signing again gives the same."""
    before = (packed / layout.BUNDLE_NAME).read_bytes()
    assert _signatures(packed) == []
    texts = set()
    for _ in range(2):
        assert airpack("sign", packed, "--key", f"{team}.key") == 0
        assert airpack.out == f"signed    {packed / SIG}, by the key {_id(team)}\n"
        texts.add((packed / SIG).read_text())
    (text,) = texts
    assert text.splitlines()[:3] == ["airpack-signature 1", f"bundle {_digest(packed)}", f"key {_id(team)}"]
    assert (packed / layout.BUNDLE_NAME).read_bytes() == before
    entry = {"file": layout.BUNDLE_NAME, "kind": "bundle", "digest": _digest(packed), "key": _id(team)}
    assert _signatures(packed) == [entry]
    assert airpack("verify", packed, "--key", f"{team}.pub", "--no-import") == 0
    bundle = packed / layout.BUNDLE_NAME
    assert airpack.out == f"0 findings in {bundle}, {_digest(packed)}, signed by {_id(team)}\n"
    assert not list(packed.glob(".airpack-*"))


def test_a_listed_signature_that_is_gone_is_told_without_a_key(airpack: Airpack, packed: Path, team: Path) -> None:
    """Who has no key at hand still learns that the folder came without what its image will ask for."""
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    (packed / SIG).rename(packed / "elsewhere")
    assert airpack("verify", packed, "--no-import") == 1
    assert airpack.out.splitlines()[0] == (
        f"error: {SIG} is not here, but manifest.json lists a signature by {_id(team)}: "
        "copy the folder again from where it was packed"
    )
    (packed / "elsewhere").rename(packed / SIG)
    assert airpack("verify", packed, "--no-import") == 0
    about = json.loads((packed / "manifest.json").read_text())
    about["signatures"][0]["file"] = "../\0"
    (packed / "manifest.json").write_text(json.dumps(about))
    assert airpack("verify", packed, "--no-import") == 1
    assert [line.partition(" is not here")[0] for line in airpack.out.splitlines()[:-1]] == ["error: ../?.sig"]
    about["signatures"] = [None]
    (packed / "manifest.json").write_text(json.dumps(about))
    assert airpack("verify", packed, "--no-import") == 1
    assert airpack.out.splitlines()[0].startswith("error: manifest.json: signatures[0] is not a JSON object: ")


def test_a_bundle_alone_can_be_signed(airpack: Airpack, packed: Path, team: Path, tmp_path: Path) -> None:
    """Beside it, whatever its name; a folder without a manifest has nothing to record it in."""
    alone = tmp_path / "alone" / "science.bundle"
    alone.parent.mkdir()
    shutil.copy(packed / layout.BUNDLE_NAME, alone)
    assert airpack("sign", alone, "--key", f"{team}.key") == 0
    assert sorted(path.name for path in alone.parent.iterdir()) == ["science.bundle", "science.bundle.sig"]
    assert airpack("verify", alone, "--key", f"{team}.pub", "--no-import") == 0
    alone.rename(alone.with_name(layout.BUNDLE_NAME))
    assert airpack("sign", alone.parent, "--key", f"{team}.key") == 0
    assert airpack("verify", alone.parent, "--key", f"{team}.pub", "--no-import") == 0


def test_openssl_agrees(packed: Path, team: Path, airpack: Airpack, tmp_path: Path) -> None:
    """As docs/trust.md tells: the first two lines are what is signed."""
    openssl = machine.tool("openssl")
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    script = (
        f"head -n 2 {SIG} > {tmp_path}/message && sed -n 's/^signature //p' {SIG} | base64 -d > {tmp_path}/raw && "
        f"{openssl} pkeyutl -verify -rawin -in {tmp_path}/message -sigfile {tmp_path}/raw -pubin -inkey {team}.pub && "
        f"{openssl} pkey -pubin -in {team}.pub -outform DER | sha256sum"
    )
    done = subprocess.run(["sh", "-c", script], cwd=packed, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Signature Verified Successfully\n"), done.stderr
    assert done.stdout.splitlines()[1].startswith(_id(team))


def test_verify_tells_what_is_wrong_with_a_signature(airpack: Airpack, packed: Path, team: Path) -> None:
    """Unsigned, by another key, of another bundle, damaged: each its own line, and nothing is imported."""
    other = team.with_name("other")
    assert airpack("keygen", "-q", "-o", other) == 0
    path = packed / SIG

    def told() -> str:
        assert airpack("verify", packed, "--key", f"{team}.pub") == 1
        line, count = airpack.out.splitlines()
        assert count == f"1 finding in {packed / layout.BUNDLE_NAME}, {_digest(packed)}"
        assert "import" not in airpack.err
        return line

    bundle = layout.BUNDLE_NAME
    remedy = f"airpack sign it with the key {_id(team)}, and put {SIG} beside it"
    assert told() == f"error: {bundle} is not signed: {remedy}"
    assert airpack("sign", packed, "--key", f"{other}.key") == 0
    remedy = f"sign it with {_id(team)}, which is asked for"
    assert told() == f"error: {bundle} is signed with the key {_id(other)}: {remedy}"
    path.write_text(path.read_text().replace(_id(other), _id(team)))
    again = "copy it again from where it was signed"
    assert told() == f"error: {bundle} has a signature that doesn't hold: it is damaged, or forged: {again}"
    path.write_text("")
    assert told() == f"error: {bundle} has a .sig that can't be read, or is none: {again}"
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    digest = _digest(packed)
    path.write_text(path.read_text().replace(digest, f"sha256:{'0' * 64}"))
    right = "put the signature of this very file beside it, or sign it"
    assert told() == (
        f"error: {bundle} is the bundle {digest}, but its signature is of the bundle sha256:{'0' * 64}: {right}"
    )


def test_verify_needs_a_public_key(airpack: Airpack, packed: Path, team: Path) -> None:
    """The private one, or no file, is told as such."""
    for name, problem in (
        ("team.key", "is not a file with one Ed25519 public key in PEM"),
        ("none", "can't be read (No such file or directory)"),
    ):
        path = team.with_name(name)
        assert airpack("verify", packed, "--key", path) == 1
        remedy = "give the .pub file of airpack keygen; without it, nothing is trusted"
        assert airpack.error == f"airpack: error: --key={path} {problem}: {remedy}"


def test_only_who_signs_needs_cryptography(
    airpack: Airpack, packed: Path, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its absence is told with the command that installs it; `verify --key` is the shim's own code."""
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for words in (["keygen", "-o", team.with_name("new")], ["sign", packed, "--key", f"{team}.key"]):
        assert airpack(*words) == 2
        assert airpack.error == "airpack: error: keys need the library cryptography: pip install 'airpack[sign]'"
    assert airpack("verify", packed, "--key", f"{team}.pub", "--no-import") == 0


def test_pack_signs_and_leaves_no_stale_signature(airpack: Airpack, wheels: Path, team: Path) -> None:
    """An older signature beside a newer bundle would refuse it; the key is read before anything is resolved."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--sign", f"{team}.key", "--no-import") == 0, airpack.err
    assert f"signed    {airpack.output / SIG}, by the key {_id(team)}\n" in airpack.out
    assert [entry["digest"] for entry in _signatures(airpack.output)] == [_digest(airpack.output)]
    assert airpack("verify", airpack.output, "--key", f"{team}.pub", "--no-import") == 0
    assert airpack.pack("one", "--sign", team.with_name("none.key")) == 1
    assert (airpack.output / SIG).exists()
    assert "resolve" not in airpack.err
    assert airpack.pack("one", "--no-import") == 0
    assert not (airpack.output / SIG).exists()
    assert _signatures(airpack.output) == []


def test_a_signature_that_is_not_airpacks_is_not_replaced(airpack: Airpack, wheels: Path) -> None:
    """Where no manifest says that it is."""
    build_wheel(wheels, "one")
    airpack.output.mkdir()
    (airpack.output / SIG).write_text("mine")
    assert airpack.pack("one") == 1
    assert airpack.error.endswith(f"{SIG} was not written by airpack: move it away, or give --output another name")


def test_what_is_damaged_or_changed_is_not_signed(airpack: Airpack, packed: Path, team: Path) -> None:
    """A table of contents that isn't whole, a manifest of another bundle or none that can be read, no bundle at all."""
    words = ["sign", packed, "--key", f"{team}.key"]
    bundle, about = packed / layout.BUNDLE_NAME, packed / "manifest.json"
    text = about.read_text()
    about.write_text(text.replace(_digest(packed), f"sha256:{'0' * 64}"))
    assert airpack(*words) == 1
    digest = json.loads(text)["bundle"]["digest"]
    assert airpack.error == (
        f"airpack: error: {about}: it lists bundle.tar.zst as sha256:{'0' * 64}, but that is {digest}: "
        "one of them was changed since; pack again"
    )
    about.write_text("[]")
    assert airpack(*words) == 1
    assert airpack.error.endswith(": sign the bundle's file itself, or pack again")
    about.write_text(text)
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-100])
    assert airpack(*words) == 1
    assert airpack.error.endswith("; copy it again from where it was packed")
    bundle.unlink()
    assert airpack(*words) == 1
    assert f"no bundle at {bundle}" in airpack.error
    assert not (packed / SIG).exists()
    assert about.read_text() == text


def test_a_drop_in_carries_its_signature(airpack: Airpack, wheels: Path, team: Path, tmp_path: Path) -> None:
    """And boots by it; what a signature says there, `pack` tells; a later pack without one leaves none."""
    build_wheel(wheels, "one")
    folder = tmp_path / "extras"
    assert airpack.pack("one", "--drop-in", folder, "--sign", f"{team}.key", "--no-import") == 0, airpack.err
    note = "          a drop-in has its own shim: the signature protects only with a shim in the image\n"
    assert f"by the key {_id(team)}\n{note}" in airpack.out
    env = {"PATH": os.defpath, "PYTHONPATH": str(folder), "AIRPACK_CACHE_DIR": str(tmp_path / "c")}
    env.update(AIRPACK_PUBLIC_KEY=f"{team}.pub", AIRPACK_LOG="text")
    line = [str(machine.python37().path), "-c", "import one; print(one.VERSION)"]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr
    assert f"signed by {_id(team)}" in done.stderr
    assert airpack.pack("one", "--drop-in", folder, "--no-import") == 0, airpack.err
    assert note not in airpack.out
    assert not (folder / SIG).exists()
    refused = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (97, "")
    assert "is not signed" in refused.stderr


@pytest.mark.parametrize(("method", "place"), [("drop-in", "extras"), ("exec", ".")])
def test_an_azure_deployment_carries_the_signature(
    airpack: Airpack, packed: Path, team: Path, tmp_path: Path, method: str, place: str
) -> None:
    """Beside the bundle, wherever that goes; laid out again without one, no old one stays."""
    code = tmp_path / "code"
    words = ["azureml", packed, "--method", method, "--code", code, "--model", tmp_path / "model", "-q"]
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    assert airpack(*words) == 0
    assert airpack("verify", code / place / layout.BUNDLE_NAME, "--key", f"{team}.pub", "--no-import") == 0
    (packed / SIG).unlink()
    assert airpack(*words) == 0
    assert not (code / place / SIG).exists()


def test_an_image_is_signed_too(airpack: Airpack, wheels: Path, team: Path) -> None:
    """By a signature of its own, of the SHA-256 of its file; changed, it is found, and by `sign` as well."""
    machine.tool("mksquashfs", "squashfs-tools")
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--image", "squashfs", "--no-import") == 0, airpack.err
    image = airpack.output / "bundle.squashfs"
    assert airpack("sign", airpack.output, "--key", f"{team}.key") == 0
    assert airpack.out.splitlines() == [
        f"signed    {airpack.output / name}.sig, by the key {_id(team)}" for name in (layout.BUNDLE_NAME, image.name)
    ]
    signed = {path.name: path.read_text() for path in airpack.output.glob("*.sig")}
    assert airpack.pack("one", "--image", "squashfs", "--no-import", "--sign", f"{team}.key") == 0
    assert {path.name: path.read_text() for path in airpack.output.glob("*.sig")} == signed
    assert [entry["kind"] for entry in _signatures(airpack.output)] == ["bundle", "image"]
    assert airpack("verify", airpack.output, "--key", f"{team}.pub", "--no-import") == 0
    image.write_bytes(image.read_bytes()[:-1] + b"\1")
    assert airpack("verify", airpack.output, "--key", f"{team}.pub", "--no-import") == 1
    assert airpack.out.startswith("error: bundle.squashfs is the image sha256:")
    assert airpack("sign", airpack.output, "--key", f"{team}.key") == 1
    assert "it lists bundle.squashfs as sha256:" in airpack.error
    assert airpack("sign", image, "--key", f"{team}.key") == 0
    assert airpack("verify", airpack.output, "--key", f"{team}.pub", "--no-import") == 1
    assert airpack.out.startswith("error: bundle.squashfs has the SHA-256 ")
    assert "but its manifest lists" in airpack.out


def test_a_key_that_this_machine_asks_for_hinders_no_pack(
    airpack: Airpack, wheels: Path, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being made isn't signed yet when it is imported to prove it."""
    monkeypatch.setenv("AIRPACK_PUBLIC_KEY", f"{team}.pub")
    monkeypatch.setenv("AIRPACK_DIGEST", "sha256:0")
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0, airpack.err
    assert "import" in airpack.err


def test_a_key_file_of_this_machine_hinders_no_pack(airpack: Airpack, wheels: Path, team: Path) -> None:
    """Nor `verify`, which looks at it; but a boot, as `run` is one."""
    build_wheel(wheels, "one")
    bound = [machine.tool("bwrap", "bubblewrap"), "--dev-bind", "/", "/", "--tmpfs", "/etc"]
    bound += ["--ro-bind", f"{team}.pub", trust.KEY_FILE, sys.executable, "-m", "airpack"]
    index = ["--no-index", "--find-links", str(wheels), "--decoder", str(airpack.decoder)]
    for words in (["pack", "-o", str(airpack.output), *index, "one"], ["verify", str(airpack.output)]):
        done = machine.run([*bound, *words])
        assert (done.returncode, "import" in done.stderr) == (0, True), done.stderr
    done = machine.run([*bound, "run", str(airpack.output), "--", "true"])
    assert (done.returncode, "is not signed" in done.stderr) == (97, True), done.stderr


@settings(deadline=None, max_examples=150)
@given(secret=Bytes32, message=st.binary(max_size=200), place=st.integers(0, 95), bit=st.integers(0, 7))
@example(secret=bytes(32), message=b"", place=95, bit=7)
def test_the_shims_verifier_judges_as_the_library_does(secret: bytes, message: bytes, place: int, bit: int) -> None:
    """Random keys and messages; then with one bit of the key, or of the signature, flipped."""
    private = Ed25519PrivateKey.from_private_bytes(secret)
    whole = private.public_key().public_bytes_raw() + private.sign(message)
    assert ed25519.verify(whole[:32], message, whole[32:])
    flipped = bytearray(whole)
    flipped[place] ^= 1 << bit
    public, made = bytes(flipped[:32]), bytes(flipped[32:])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(made, message)
        expected = True
    except InvalidSignature:
        expected = False
    assert ed25519.verify(public, message, made) == expected
    assert not expected
