"""Signatures: keys, what is signed and recorded, what `verify --key` says, and who carries a signature along."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airpack.results import keys, signing
from airpack.shim import local_boot
from airpack.verify import bundle as bundles
from airpack_runtime import layout, trust
from airpack_runtime.format import signature
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

SIG = f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"
MANIFEST_SIG = f"manifest.json{layout.SIGNATURE_SUFFIX}"


Exchange = Callable[[Path, Path], None]


def _id(name: Path) -> str:
    return signature.key_id(keys.load_public(name.with_name(name.name + ".pub")))


def _signatures(dist: Path) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = json.loads((dist / "manifest.json").read_text())["signatures"]
    return listed


def _digest(dist: Path) -> str:
    digest: str = json.loads((dist / "manifest.json").read_text())["bundle"]["digest"]
    return digest


def test_a_signature_is_recorded_and_holds(airpack: Airpack, packed: Path, team: Path) -> None:
    """Of the digest; the bundle's bytes stay, and signing again gives the same."""
    before = (packed / layout.BUNDLE_NAME).read_bytes()
    assert _signatures(packed) == []
    texts = set()
    for _ in range(2):
        assert airpack("sign", packed, "--key", f"{team}.key") == 0
        signed = [f"signed    {packed / name}, by the key {_id(team)}\n" for name in (SIG, MANIFEST_SIG)]
        assert airpack.out == "".join(signed)
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
    about["signatures"][0]["file"] = "../x"
    (packed / "manifest.json").write_text(json.dumps(about))
    assert airpack("verify", packed, "--no-import") == 1
    assert [line.partition(" is not here")[0] for line in airpack.out.splitlines()[:-1]] == ["error: ../x.sig"]
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
        line, *others, count = airpack.out.splitlines()
        assert all(other.startswith("error: manifest.json is ") for other in others)
        found = "1 finding" if not others else "2 findings"
        assert count == f"{found} in {packed / layout.BUNDLE_NAME}, {_digest(packed)}"
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


def test_nothing_that_a_key_has_not_signed_is_told_of_origins(airpack: Airpack, packed: Path, team: Path) -> None:
    """A manifest says where packages are from and who attests them: changed after it was signed, it isn't read.

    With a key, `sbom`, `report`, `inspect` and `diff` say so and go on without it; `verify` ends. So they do where its
    signature is of another manifest, or gone.
    """
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    page, url, publisher = packed.parent / "page.html", "https://pypi.example/one.whl", {"kind": "GitHub", "by": "them"}
    asked = ("--key", f"{team}.pub")
    commands = {
        "inspect": ("inspect", "--json", packed),
        "sbom": ("sbom", packed),
        "report": ("report", packed, "-o", page),
        "diff": ("diff", "--report", "md", packed, packed),
    }

    def told(*options: str) -> str:
        shown = ""
        for words in commands.values():
            assert airpack(*words, *options) == 0, airpack.err
            shown += airpack.out + (page.read_text() if page.exists() else "")
            page.unlink(missing_ok=True)
        return shown

    assert "local" in told(*asked)
    about = packed / "manifest.json"
    data = json.loads(about.read_text())
    data["packages"][0].update(origin=url, publishers=[publisher])
    about.write_text(json.dumps(data))
    assert "by them" in told()
    wrong = f"is the manifest sha256:{hashlib.sha256(about.read_bytes()).hexdigest()}, but its signature is of the "
    for reason in (wrong, "is not signed"):
        shown = told(*asked)
        assert "by them" not in shown and "pypi.example" not in shown
        for words in commands.values():
            airpack(*words, *asked)
            assert f"warning: {about} {reason}" in airpack.err
            assert "and nothing is taken from it: " in airpack.err
        assert airpack("verify", packed, "--no-import", *asked) == 1
        assert airpack.out.startswith(f"error: manifest.json {reason}") or f"{about}: {reason}" in airpack.out
        (packed / MANIFEST_SIG).unlink(missing_ok=True)


def _rename(other: Path, place: Path) -> None:
    other.replace(place)


def _overwrite(other: Path, place: Path) -> None:
    place.write_bytes(other.read_bytes())


def _link(other: Path, place: Path) -> None:
    place.unlink()
    place.symlink_to(other)


@pytest.mark.slow
@pytest.mark.parametrize("exchange", [_rename, _overwrite, _link])
@pytest.mark.parametrize("moment", ["the signature", "the frames", "the import"])
def test_what_is_imported_is_what_was_checked(
    airpack: Airpack, packed: Path, team: Path, monkeypatch: pytest.MonkeyPatch, moment: str, exchange: Exchange
) -> None:
    """Another that is put into its place meanwhile is not: its digest is not the one that was found signed."""
    tmp_path = packed.parent
    assert airpack("sign", packed, "--key", f"{team}.key") == 0
    build_wheel(tmp_path / "evil", "one", files={"one.py": f"open({str(tmp_path / 'ran')!r}, 'w')\n"})
    line = [
        "pack",
        "-q",
        "--no-import",
        "--no-index",
        "--find-links",
        tmp_path / "evil",
        "one",
        "-o",
        tmp_path / "other",
    ]
    assert airpack(*line) == 0
    module, name = {
        "the signature": (signing, "check"),
        "the frames": (bundles, "verify"),
        "the import": (local_boot, "unpack"),
    }[moment]
    original = getattr(module, name)

    def swap(*words: Any, **named: Any) -> Any:
        if moment != "the import":
            found = original(*words, **named)
        exchange(tmp_path / "other" / layout.BUNDLE_NAME, packed / layout.BUNDLE_NAME)
        return original(*words, **named) if moment == "the import" else found

    monkeypatch.setattr(module, name, swap)
    digest = _digest(packed).removeprefix("sha256:")
    assert airpack("verify", packed / layout.BUNDLE_NAME, "--key", f"{team}.pub") == 1
    said = airpack.out + airpack.err
    assert (f"not sha256:{digest}" if moment == "the signature" else f"AIRPACK_DIGEST pins {digest}") in said
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
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
    assert not list(airpack.output.glob("*.sig"))
    assert _signatures(airpack.output) == []


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_image_is_signed_too(airpack: Airpack, wheels: Path, team: Path) -> None:
    """By a signature of its own, of the SHA-256 of its file; changed, it is found, and by `sign` as well."""
    machine.tool("mksquashfs", "squashfs-tools")
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--image", "squashfs", "--no-import") == 0, airpack.err
    image = airpack.output / "bundle.squashfs"
    assert airpack("sign", airpack.output, "--key", f"{team}.key") == 0
    names = (layout.BUNDLE_NAME, image.name, "manifest.json")
    signed_lines = [f"signed    {airpack.output / name}.sig, by the key {_id(team)}" for name in names]
    assert airpack.out.splitlines() == signed_lines
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


@pytest.mark.slow
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
