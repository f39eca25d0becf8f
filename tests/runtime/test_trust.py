"""Whose bundles may be booted: the pin, the key, and where each may come from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Iterator, Tuple

import pytest
from airpack_runtime import boot, layout, trust
from airpack_runtime.errors import BadKey, NotATree, NotSigned, UnknownSetting, WrongDigest
from airpack_runtime.format import reader
from airpack_runtime.provide import unpack
from airpack_runtime.provide.provide import packages_tree

from .conftest import GOLDEN, RUNTIME, SITE_PACKAGES, needs_target, python, refused, within
from .signer import OTHER, SIGNER

pytestmark = [needs_target, pytest.mark.usefixtures("no_key_of_this_machine")]

with reader.open_bundle(str(GOLDEN)) as _golden:
    DIGEST = _golden.digest


def _sig(path: Path) -> Path:
    return path.with_name(path.name + layout.SIGNATURE_SUFFIX)


_KEYS: Dict[str, Tuple[str, str]] = {
    "empty": ("", "AIRPACK_PUBLIC_KEY is empty"),
    "blank": (" ", "AIRPACK_PUBLIC_KEY is empty"),
    "a relative path": ("team.pub", "AIRPACK_PUBLIC_KEY=team.pub is neither an Ed25519 public key in base64 nor an"),
    "no file": ("/nonexistent/team.pub", "AIRPACK_PUBLIC_KEY=/nonexistent/team.pub can't be read (No such file or"),
    "a folder": ("/", "AIRPACK_PUBLIC_KEY=/ is not a file with one Ed25519 public key in PEM: "),
    "cut": (SIGNER.public[:-4], f"{SIGNER.public[:-4]} is no Ed25519 public key: "),
    "longer": (SIGNER.public[:-1] + "AAAAA", "AAAA is no Ed25519 public key: "),
    "with other unused bits": (SIGNER.public[:-2] + "9=", "9= is no Ed25519 public key: "),
}


@pytest.mark.parametrize("what", _KEYS)
def test_a_key_that_is_none_refuses_everything(signed: Path, keyed: Dict[str, str], what: str) -> None:
    """Also what was booted with a good one before: nothing can be trusted then."""
    boot.ready_tree(str(signed), keyed)
    keyed["AIRPACK_PUBLIC_KEY"], expected = _KEYS[what]
    with pytest.raises(BadKey) as caught:
        boot.ready_tree(str(signed), keyed)
    assert expected in str(caught.value)
    assert str(caught.value).endswith(": give the .pub file of airpack keygen; without it, nothing is trusted")


@pytest.mark.parametrize("what", ["two keys", "private", "RSA", "huge", "a second far behind", "a FIFO"])
def test_a_key_file_holds_one_ed25519_key(signed: Path, keyed: Dict[str, str], tmp_path: Path, what: str) -> None:
    """Of two, it couldn't be said which is meant."""
    place = tmp_path / "team.pub"
    texts = {
        "two keys": SIGNER.pem + OTHER.pem,
        "private": SIGNER.pem.replace("PUBLIC", "PRIVATE"),
        "RSA": SIGNER.pem.replace("MCowBQYDK2VwAyEA", "MIIBIjANBgkqhkiG"),
        "huge": "\n" * 10000 + SIGNER.pem,
        "a second far behind": SIGNER.pem + "\n" * 10000 + OTHER.pem,
    }
    if what in texts:
        place.write_text(texts[what])
    else:
        os.mkfifo(str(place))
    keyed["AIRPACK_PUBLIC_KEY"] = str(place)
    with within(10, "a boot"), pytest.raises(BadKey, match="is not a file with one Ed25519 public key in PEM"):
        boot.ready_tree(str(signed), keyed)


def test_the_images_own_key_binds(signed: Path, env: Dict[str, str], tmp_path: Path) -> None:
    """Whatever the environment says: it may repeat that key, and name no other."""
    place = tmp_path / "etc" / "key.pub"
    place.parent.mkdir()
    place.write_text(OTHER.pem)
    assert f"is signed with the key {SIGNER.id}" in refused(signed, env)
    with pytest.raises(BadKey, match=r"AIRPACK_PUBLIC_KEY is not the key in .*/etc/key\.pub, which binds: unset it: "):
        boot.ready_tree(str(signed), {**env, "AIRPACK_PUBLIC_KEY": SIGNER.public})
    place.write_text(SIGNER.pem)
    boot.ready_tree(str(signed), env)
    boot.ready_tree(str(signed), {**env, "AIRPACK_PUBLIC_KEY": SIGNER.public})
    for other in ("", OTHER.public):
        with pytest.raises(BadKey):
            boot.ready_tree(str(signed), {**env, "AIRPACK_PUBLIC_KEY": other})


def test_a_key_of_the_image_that_can_not_be_read_refuses_everything(
    signed: Path, env: Dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty, a link to nothing, or in a folder that may not be looked into; a file in the folder's place is no key."""
    place = tmp_path / "etc" / "key.pub"
    place.parent.mkdir()
    for make in (lambda: place.write_text(""), lambda: place.symlink_to("/nonexistent")):
        make()
        with pytest.raises(BadKey, match=r"/etc/key\.pub "):
            boot.ready_tree(str(signed), env)
        place.unlink()

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", deny)
        with pytest.raises(BadKey, match=r"/etc/key\.pub can't be read"):
            trust.required_key(env)
    place.parent.rmdir()
    place.parent.write_text("")
    assert trust.required_key(env) == ""


def test_a_pin_and_a_key_must_both_hold(signed: Path, keyed: Dict[str, str]) -> None:
    """Each alone isn't enough, cold or warm."""
    pinned = {**keyed, "AIRPACK_DIGEST": DIGEST}
    for _ in range(2):
        with pytest.raises(WrongDigest):
            boot.ready_tree(str(signed), {**keyed, "AIRPACK_DIGEST": "0" * 64})
        boot.ready_tree(str(signed), pinned)
    _sig(signed).unlink()
    refused(signed, {**pinned, "AIRPACK_PUBLIC_KEY": OTHER.public})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("AIRPACK_PUBLICKEY", "x"), ("AIRPACK_DIGST", ""), ("AIRPACK_KEY", "/etc/team.pub"), ("airpack_digest", "x")),
        *(("AIRPACKDIGEST", "x"), ("AIR_PACK_PUBLIC_KEY", "x"), ("AIPACK_DIGEST", "x"), ("AIRPAK_DIGEST", "x")),
        *(("AIRPACK_SHA256", "x"), ("AIRPACK_PIN", "x"), ("AIRPACK_SIGNATURE", "x"), ("AIRPACK_PUBLIC_KEY_FILE", "x")),
        *(("AIRPACK_TRUSTED", "/etc/team.pub"), ("AIRPACK_X", f"sha256:{DIGEST}"), ("AIRPACK_Y", SIGNER.public)),
        *(
            ("AIRPACK_BUNDLE_CHECKSUM", DIGEST),
            ("AIRPACK_BUNDLE_ID", f" SHA256:{DIGEST}"),
            ("AIRPACK_Z", f"x {DIGEST}"),
        ),
        *(("AIRPACK_BUNDLE_CERT", SIGNER.pem), ("AIRPACK_BUNDLE_TRUST", "x.pem"), ("AIRPACK_KEY_SERVICE", DIGEST)),
        *(
            ("AIRPACK_PORT_DIGEST", DIGEST),
            ("AIRPACK_KEY_SERVICE_HOST", DIGEST),
            ("AIRPACK_KEY_PORT", "/etc/keys/team"),
        ),
        *(("AIR.PACK.DIGEST", "x"), ("AIR-PACK_Public.Key", "x"), ("AIRPACK_SIGNER", "team"), ("AIRPACK_MD5", "x")),
        *(
            ("AIRPACK_VERIFIER", "/etc/keys/team"),
            ("AIRPACK_FINGERPRINT", "x"),
            ("AIRPACK_U", "'team.pub'"),
            ("AIRPACK_GPG", "x"),
            ("AIRPACK_B", "A" * 43 + "="),
        ),
    ],
)
def test_a_misspelt_key_or_pin_refuses_everything(
    signed: Path, env: Dict[str, str], tmp_path: Path, name: str, value: str
) -> None:
    """By its name, or by what it holds: a boot, cold or warm, and `unpack`; what was meant is named."""
    boot.ready_tree(str(signed), env)
    with pytest.raises(UnknownSetting, match=f"^{name} is set, but nothing reads it.* correct its name, or unset it$"):
        boot.ready_tree(str(signed), {**env, name: value})
    for words in (["unpack", str(tmp_path / "out")], ["exec", "--", "echo", "ran"], ["doctor"]):
        changed = {**env, name: value, "AIRPACK_BUNDLE": str(signed), "PYTHONPATH": str(RUNTIME)}
        done = python("-m", "airpack_runtime", *words, env=changed)
        assert (done.returncode, "ran" in done.stdout) == (97, False)
    assert not (tmp_path / "out").exists()


def _misspelt(name: str) -> Iterator[str]:
    """Yield `name` with one letter missing, doubled, wrong, or in the place of the next; and with something around."""
    for at in range(len(name)):
        yield name[:at] + name[at + 1 :]
        yield name[: at + 1] + name[at:]
        yield name[:at] + "X" + name[at + 1 :]
        yield name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    yield from (name.lower(), name.title(), *(name.replace("_", each) for each in ("", "-", ".", "__", " ")))
    yield from (f"X_{name}", f"AZUREML_{name}", f"MY{name}", f" {name}", f"{name} ", f"{name}S", f"{name}_FILE")
    yield from (name.replace("AIRPACK", each) for each in ("AIRPACK_RUNTIME", "AIRPACK_EXPECTED", "AIRPACKS"))


@pytest.mark.parametrize("meant", ["AIRPACK_DIGEST", "AIRPACK_PUBLIC_KEY"])
def test_no_slip_in_a_variable_leaves_everything_open(no_key_of_this_machine: None, meant: str) -> None:
    """Whatever it holds: each that is one slip away from a key's or a pin's name ends the boot."""
    for name in {*_misspelt(meant)} - {meant}:
        for value in ("", "x", "/etc/team.pub", f"sha256:{DIGEST}"):
            with pytest.raises(UnknownSetting):
                trust.required_key({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARPACK_PUB", SIGNER.public),
        ("ARPACK_KEY_FILE", "/etc/team.pub"),
        ("AURPACK_SHA256", DIGEST),
        ("ARPACK_DIGESTS", f"sha256:{DIGEST}"),
        ("ARIPACK_DIGEST_SHA256", "x"),
        ("AIRPACK_PORT_KEY", "abab"),
        ("AIRPACK_DIGEST_PORT", "abab12"),
        ("AIRPACK_DIGEST_PORT", "123456"),
        ("AIRPACK_KEY_SERVICE_HOST", "team"),
        ("AIRPACK_PK", "/etc/keys/team"),
        ("AIRPACK_TEAM", "/etc/keys/team"),
        ("AIRPACK_X", "ab" * 48),
        ("AIRPACK_X", "ab" * 64),
    ],
)
def test_what_stands_behind_a_slip_leaves_nothing_open(no_key_of_this_machine: None, name: str, value: str) -> None:
    """One wrong letter in AIRPACK, and a name of a key or a digest that doesn't end so, or has a port's in it."""
    with pytest.raises(UnknownSetting, match=f"^{name} is set, but nothing reads it"):
        trust.required_key({name: value})


def test_other_programs_have_their_variables(no_key_of_this_machine: None) -> None:
    """Names that merely look similar, and what Kubernetes sets for a service, end nothing."""
    names = ["AIRFLOW_KEY", "AIRBYTE_PUBLIC_KEY", "PACKAGE_DIGEST", "IMAGE_DIGEST", "_KEY", "KEY", "DIGEST", "AWS_KEY"]
    names += [
        "BACKPACK_KEY",
        "SIXPACK_PUBLIC_KEY",
        "AIRPACK_KEY_SERVICE_HOST",
        "AIRTABLE_API_KEY",
        "ARPACK_DIR",
        "ARPACK_SHARED",
    ]
    assert trust.required_key(dict.fromkeys(names, "10.0.0.1")) == ""
    service = {
        "AIRPACK_KEY_PORT": "tcp://10.0.0.1:80",
        "AIRPACK_KEY_SERVICE_PORT": "80",
        "AIRPACK_KEY_PORT_80_TCP_PROTO": "tcp",
    }
    service.update(AIRPACK_KEY_SERVICE_PORT_HTTPS="443", AIRPACK_SIGN_SERVICE_HOST="fd00::1")
    assert trust.required_key(service) == ""


def test_what_resembles_neither_a_key_nor_a_digest_ends_nothing(no_key_of_this_machine: None) -> None:
    """Options of airpack's among them, and what a pipeline may tell."""
    names = [
        "LEVEL",
        "TRUSTED_HOST",
        "VERIFY_NO_IMPORT",
        "COMMIT",
        "RUN_ID",
        "SHARED_CACHE",
        "SUMMARY",
        "WORKSPACE",
    ]
    for value in ("", "1", "a" * 40, f"/models/{DIGEST}/bundle.tar.zst", "https://a.invalid/x"):
        assert trust.required_key({f"AIRPACK_{name}": value for name in names}) == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("AIRPACK_BUNDEL", "AIRPACK_BUNDEL is set, but nothing reads it: is AIRPACK_BUNDLE meant?"),
        (
            "AIRPACK_SIGNER_SERVICE_HOST",
            "AIRPACK_SIGNER_SERVICE_HOST is set, but nothing reads it: is AIRPACK_DIGEST meant?",
        ),
        ("AIRPACK_KEY_PORT_80_TCP_ADDR", "AIRPACK_KEY_PORT_80_TCP_ADDR is set, but nothing reads it"),
    ],
)
def test_another_variable_that_nothing_reads_is_told_at_each_boot(
    signed: Path, env: Dict[str, str], dropin: Path, name: str, told: str
) -> None:
    """With the nearest one; children that inherit the tree don't tell it again. Another program's is not told."""
    env = {**env, name: "10.0.0.1", "AIRFLOW_KEY": "x", "PACKAGE_DIGEST": "x"}
    child = "import subprocess, sys; subprocess.check_call([sys.executable, '-c', 'import alpha'])"
    for _ in range(2):
        assert python("-c", child, env={**env, "PYTHONPATH": str(dropin)}).stderr == f"airpack: {told}\n"
    words = ["exec", "--bundle", str(signed), "--", "python", "-c", "import alpha"]
    assert (
        python("-m", "airpack_runtime", *words, env={**env, "PYTHONPATH": str(RUNTIME)}).stderr == f"airpack: {told}\n"
    )


@pytest.mark.parametrize("fixed", [True, False])
def test_a_forged_word_of_a_parent_boots_nothing_unsigned(
    signed: Path, env: Dict[str, str], tmp_path: Path, fixed: bool
) -> None:
    """AIRPACK_ACTIVE names a planted tree, and says that it was signed: the cache must say so too."""
    key = tmp_path / "etc" / "key.pub"
    key.parent.mkdir()
    if fixed:
        key.write_text(SIGNER.pem)
    env = env if fixed else {**env, "AIRPACK_PUBLIC_KEY": SIGNER.public}
    honest = boot.ready_tree(str(signed), env)
    assert boot.ready_tree(str(signed), {**env, boot.ACTIVE: honest.to_note()}).how == "inherited"
    planted = tmp_path / "planted"
    (planted / SITE_PACKAGES).mkdir(parents=True)
    forged = honest.replace(tree=str(planted)).to_note()
    ready = boot.ready_tree(str(signed), {**env, boot.ACTIVE: forged})
    assert (ready.tree, ready.how) == (honest.tree, "cached")


def test_a_forged_word_about_a_folder_does_not_lift_the_images_key(
    env: Dict[str, str], tmp_path: Path, golden: Path
) -> None:
    """Of a volume, or a plain folder, nothing but its own files can prove who signed it: they are hashed again."""
    key, volume = tmp_path / "etc" / "key.pub", tmp_path / "volume"
    key.parent.mkdir()
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack_into(bundle, str(volume))
    (tmp_path / "plain").mkdir()
    for folder in (volume, tmp_path / "plain"):
        ready = packages_tree(str(folder), "").replace(signer=SIGNER.public, digest=DIGEST)
        if folder == volume:
            assert boot.ready_tree(str(folder), {**env, boot.ACTIVE: ready.to_note()}).how == "inherited"
        key.write_text(SIGNER.pem)
        with pytest.raises((NotSigned, NotATree)):
            boot.ready_tree(str(folder), {**env, boot.ACTIVE: ready.to_note()})
