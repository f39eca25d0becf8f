"""Signed bundles: with a key set, a boot takes what that key has signed, and uses nothing of what it hasn't."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from airpack_runtime import boot, cache, layout
from airpack_runtime.care import doctor, maintenance
from airpack_runtime.errors import AzureError, NotSigned
from airpack_runtime.format import ed25519, hashing, reader, signature
from airpack_runtime.provide import mount, unpack

from ..conftest import GOLDEN, RUNTIME, SITE_PACKAGES, bundle_of, lacking, needs_target, python, refused, told
from ..signer import OTHER, SIGNER

pytestmark = [needs_target, pytest.mark.usefixtures("no_key_of_this_machine")]

with reader.open_bundle(str(GOLDEN)) as _golden:
    DIGEST = _golden.digest


def _sig(path: Path) -> Path:
    return path.with_name(path.name + layout.SIGNATURE_SUFFIX)


def test_a_signed_bundle_boots(signed: Path, keyed: Dict[str, str], tmp_path: Path) -> None:
    """The key may be the base64 in its file, or that file's path; without a key, a signature changes nothing."""
    assert boot.ready_tree(str(signed), keyed).how == "unpacked"
    (tmp_path / "team.pub").write_text(SIGNER.pem.replace("\n", "\r\n"))
    keyed["AIRPACK_PUBLIC_KEY"] = str(tmp_path / "team.pub")
    ready = boot.ready_tree(str(signed), keyed)
    assert (ready.how, ready.signer) == ("cached", SIGNER.public)
    del keyed["AIRPACK_PUBLIC_KEY"]
    ready = boot.ready_tree(str(signed), keyed)
    assert (ready.how, ready.signer) == ("cached", "")


def test_what_an_earlier_airpack_signed_still_boots(golden: Path, env: Dict[str, str]) -> None:
    """The golden bundle's signature, by the library cryptography; it was not made again."""
    boot.ready_tree(str(golden), {**env, "AIRPACK_PUBLIC_KEY": str(golden.parent / "key.pub")})


_NAME = layout.BUNDLE_NAME
_TEXT = SIGNER.text(DIGEST)
_LINES = _TEXT.splitlines(keepends=True)
_NONE = "has a .sig that can't be read, or is none: copy it again from where it was signed"
_RIGHT = "put the signature of this very file beside it, or sign it"
_FORGED = "has a signature that doesn't hold: it is damaged, or forged: copy it again from where it was signed"


def _swapped(**changes: str) -> str:
    """Return the good signature's file with values of its lines replaced."""
    words = [line.split(" ") for line in _LINES]
    return "".join(f"{name} {changes.get(name, value.rstrip())}\n" for name, value in words)


_BAD: Dict[str, Tuple[Any, str]] = {
    "of another bundle": (
        SIGNER.text("0" * 64),
        f"is the bundle sha256:{DIGEST}, but its signature is of the bundle sha256:{'0' * 64}: {_RIGHT}",
    ),
    "of an image": (
        SIGNER.text(DIGEST, layout.SIGNED_IMAGE),
        f"is the bundle sha256:{DIGEST}, but its signature is of the image sha256:{DIGEST}: {_RIGHT}",
    ),
    "by another key": (
        OTHER.text(DIGEST),
        f"is signed with the key {OTHER.id}: sign it with {SIGNER.id}, which is asked for",
    ),
    "by another key that says it is ours": (OTHER.text(DIGEST).replace(OTHER.id, SIGNER.id), _FORGED),
    "of another digest that says it is ours": (SIGNER.text("0" * 64).replace("0" * 64, DIGEST), _FORGED),
    "of an image that says it is a bundle's": (SIGNER.text(DIGEST, "image").replace("image ", "bundle "), _FORGED),
    "zeros": (_swapped(signature="A" * 86 + "=="), _FORGED),
    "a byte short": (_swapped(signature="A" * 84), _FORGED),
    "newer": (
        _TEXT.replace("airpack-signature 1", "airpack-signature 2"),
        "has a signature of version 2, and only 1 is known: use the shim of the airpack that signed it",
    ),
    "empty": ("", _NONE),
    "of another program": ("untrusted comment: signature\n" + _TEXT, _NONE),
    "without its last line's end": (_TEXT[:-1], _NONE),
    "with a line more": (_TEXT + "more 1\n", _NONE),
    "with words behind its last line": (_TEXT + " more", _NONE),
    "with lines swapped": ("".join([_LINES[0], _LINES[1], _LINES[3], _LINES[2]]), _NONE),
    "with carriage returns": (_TEXT.replace("\n", "\r\n"), _NONE),
    "with blanks in its base64": (_TEXT.replace("signature ", "signature  "), _NONE),
    "with a base64 that stands for the same bytes": (_TEXT[:-1].replace("==", "==\0") + "\n", _NONE),
    "not text": (b"\xff\xfe" + _TEXT.encode("utf-16-le"), _NONE),
    "huge": (_TEXT + "\0" * (1 << 20), _NONE),
}


@pytest.mark.parametrize("what", _BAD)
def test_a_bad_signature_is_refused_before_anything_is_used(
    signed: Path, keyed: Dict[str, str], cache_folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """In one line that says which; not even the table of contents is parsed, and nothing is written."""
    text, expected = _BAD[what]
    _sig(signed).write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setattr(reader.Bundle, "toc", None)
    assert refused(signed, keyed) == f"{signed} {expected}"
    assert not cache_folder.exists()


def _fifo(place: Path) -> None:
    os.mkfifo(str(place))


def _sparse(place: Path) -> None:
    with open(str(place), "wb") as file:
        file.truncate(1 << 40)


_STRANGE: Dict[str, Callable[[Path], Any]] = {
    "a FIFO": _fifo,
    "a folder": Path.mkdir,
    "a link to itself": lambda place: place.symlink_to(place),
    "a link to nothing": lambda place: place.symlink_to("/nonexistent"),
    "a link to endless zeros": lambda place: place.symlink_to("/dev/zero"),
    "a terabyte": _sparse,
}


@pytest.mark.parametrize("what", _STRANGE)
def test_a_signature_that_is_no_ordinary_file_is_refused(signed: Path, keyed: Dict[str, str], what: str) -> None:
    """Without waiting for it, and without reading more of it than a few kilobytes."""
    _sig(signed).unlink()
    _STRANGE[what](_sig(signed))
    assert refused(signed, keyed) == f"{signed} {_NONE}"


def test_each_flipped_bit_of_a_signature_is_found(signed: Path, keyed: Dict[str, str], cache_folder: Path) -> None:
    """Wherever it is, the key's id included."""
    for place in range(len(_TEXT)):
        data = bytearray(_TEXT.encode())
        data[place] ^= 1 << place % 7
        _sig(signed).write_bytes(bytes(data))
        refused(signed, keyed)
    assert not cache_folder.exists()


def test_an_unsigned_bundle_is_refused(signed: Path, keyed: Dict[str, str], cache_folder: Path) -> None:
    """The message says with which key to sign it, and what to put where."""
    _sig(signed).unlink()
    remedy = f"airpack sign it with the key {SIGNER.id}, and put {_NAME}.sig beside it"
    assert refused(signed, keyed) == f"{signed} is not signed: {remedy}"
    assert not cache_folder.exists()


def test_a_changed_bundle_is_refused(signed: Path, keyed: Dict[str, str], tmp_path: Path) -> None:
    """One whose table of contents is another has another digest; what else is changed fails its own check."""
    bundle_of(signed, {"alpha.py": b"VALUE = 666\n"})
    assert "but its signature is of the bundle" in refused(signed, keyed)


def test_a_warm_start_does_not_verify_again(
    signed: Path, keyed: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache's note says that this very file was found signed with this very key; with another key, it is asked."""
    boot.ready_tree(str(signed), keyed)
    monkeypatch.setattr(reader, "open_bundle", None)
    monkeypatch.setattr(ed25519, "verify", None)
    assert boot.ready_tree(str(signed), keyed).how == "cached"
    monkeypatch.undo()
    assert f"is signed with the key {SIGNER.id}" in refused(signed, {**keyed, "AIRPACK_PUBLIC_KEY": OTHER.public})


def test_what_was_unpacked_without_a_key_is_not_trusted_with_one(
    signed: Path, env: Dict[str, str], keyed: Dict[str, str], golden: Path
) -> None:
    """The tree is used, once the signature of its digest holds."""
    tree = boot.ready_tree(str(golden), env).tree
    boot.ready_tree(str(signed), env)
    good = _sig(signed).read_text()
    _sig(signed).unlink()
    assert "is not signed" in refused(signed, keyed)
    _sig(signed).write_text(good)
    assert boot.ready_tree(str(signed), keyed).tree == tree


def test_a_parents_word_counts_only_for_its_key(signed: Path, env: Dict[str, str], keyed: Dict[str, str]) -> None:
    """What a process inherited without a key, or with another, is looked at again."""
    free, bound = boot.ready_tree(str(signed), env), boot.ready_tree(str(signed), keyed)
    for ready, how in ((free, "cached"), (bound, "inherited")):
        assert boot.ready_tree(str(signed), {**keyed, boot.ACTIVE: ready.to_note()}).how == how
    _sig(signed).unlink()
    other = {**keyed, "AIRPACK_PUBLIC_KEY": OTHER.public, boot.ACTIVE: bound.to_note()}
    assert "is not signed" in refused(signed, other)


def test_a_tree_is_refused_where_a_key_is_set(signed: Path, keyed: Dict[str, str], tmp_path: Path) -> None:
    """Nothing but its own note says what it is; nor is a plain folder taken, or a wheelhouse that lies about."""
    from airpack_runtime.image import azure

    tree = tmp_path / "tree"
    with reader.open_bundle(str(signed)) as bundle:
        unpack.unpack_into(bundle, str(tree))
    message = "is a tree, which no signature covers, and one is asked for: give the signed bundle, or"
    assert message in refused(tree, keyed)
    (tmp_path / "extras").mkdir()
    app = {**keyed, "AML_APP_ROOT": str(tmp_path), "AZUREML_ENTRY_SCRIPT": "score.py"}
    with pytest.raises(AzureError, match="can't pin, and no signature covers: use a bundle"):
        azure.ready_tree({**app, azure.LIB_PATH: "extras"}, print)
    (tmp_path / "wheelhouse").mkdir()
    (tmp_path / "wheelhouse" / "nosuch-1.0-py3-none-any.whl").write_text("")
    (tmp_path / "requirements.txt").write_text("nosuch\n")
    with pytest.raises(AzureError, match="pack it anew from that file, with the wheels in the bundle"):
        azure.ready_tree({**app, azure.REQUIREMENTS: "requirements.txt"}, print)


def _wheel(folder: Path, value: int) -> None:
    """Write a wheel of one module, `epsilon`."""
    folder.mkdir()
    with zipfile.ZipFile(str(folder / "epsilon-1.0-py3-none-any.whl"), "w") as archive:
        archive.writestr("epsilon.py", f"VALUE = {value}\n")
        archive.writestr("epsilon-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: epsilon\nVersion: 1.0\n")
        archive.writestr(
            "epsilon-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("epsilon-1.0.dist-info/RECORD", "")


def test_a_requirements_file_is_met_by_wheels_of_the_signed_bundle_alone(
    signed: Path, keyed: Dict[str, str], tmp_path: Path
) -> None:
    """Those that lie beside it are signed by nobody; what is installed is passed on to children."""
    from airpack_runtime.image import azure

    _wheel(tmp_path / layout.WHEELHOUSE, 666)
    _wheel(Path(boot.ready_tree(str(signed), keyed).tree) / layout.WHEELHOUSE, 44)
    (tmp_path / "requirements.txt").write_text("epsilon\n")
    app = {**keyed, "AML_APP_ROOT": str(tmp_path), "AZUREML_ENTRY_SCRIPT": "score.py"}
    ready = azure.ready_tree({**app, azure.REQUIREMENTS: "requirements.txt"}, print)
    assert ready is not None
    assert (Path(ready.tree) / SITE_PACKAGES / "epsilon.py").read_text() == "VALUE = 44\n"
    env = {**app, azure.REQUIREMENTS: "requirements.txt", "PYTHONPATH": str(RUNTIME)}
    child = "import subprocess, sys; subprocess.call([sys.executable, '-c', 'import epsilon; print(epsilon.VALUE)'])"
    assert python("-m", "airpack_runtime", "exec", "--", "python", "-c", child, env=env).stdout == "44\n"


@pytest.fixture
def image(signed: Path, tmp_path: Path, cache_folder: Path) -> Any:
    """Give an image beside the signed bundle, of the same tree; unmount what a test mounts of it."""
    if os.getuid() or shutil.which("mksquashfs") is None:
        lacking("mksquashfs and the right to mount", "run the tests as root, and apt-get install squashfs-tools")
    with reader.open_bundle(str(signed)) as bundle:
        unpack.unpack_into(bundle, str(tmp_path / "tree"))
    path = tmp_path / layout.IMAGE_NAMES[0]
    line = ["mksquashfs", str(tmp_path / "tree"), str(path), "-quiet", "-no-progress"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    yield path
    for place in cache_folder.glob("image-*"):
        if os.path.ismount(str(place)):
            mount.unmount(str(place))


@pytest.mark.alone
def test_an_image_has_a_signature_of_its_own(image: Path, signed: Path, keyed: Dict[str, str]) -> None:
    """Of the SHA-256 of its file; that of the bundle beside it doesn't cover it."""
    sha256 = hashing.sha256(image.read_bytes()).hexdigest()
    boot.ready_tree(str(image), {name: keyed[name] for name in keyed if name != "AIRPACK_PUBLIC_KEY"})
    assert f"{image} is not signed" in refused(signed, keyed)
    SIGNER.sign(image, sha256)
    assert f"is the image sha256:{sha256}, but" in refused(image, keyed)
    SIGNER.sign(image, sha256, layout.SIGNED_IMAGE)
    for path in (image, signed):
        assert boot.ready_tree(str(path), keyed).signer == SIGNER.public
    assert boot.ready_tree(str(image), keyed).how == "cached"
    refused(image, {**keyed, "AIRPACK_PUBLIC_KEY": OTHER.public})


@pytest.fixture
def dropped(dropin: Path, env: Dict[str, str]) -> Dict[str, str]:
    """Return the environment of a process with a signed drop-in on its path, and the key."""
    SIGNER.sign(dropin / _NAME, DIGEST)
    return {**env, "PYTHONPATH": str(dropin), "AIRPACK_PUBLIC_KEY": SIGNER.public}


SEES = "import importlib.util; print(importlib.util.find_spec('alpha') is not None)"
_BESIDE = "the shim, which checked it, lies beside it: whoever may change the one may change the other"


def test_a_process_without_a_signed_bundle_ends(dropped: Dict[str, str], dropin: Path) -> None:
    """With 97 and one line; if it may go on, then without the packages, and so do its children."""
    assert python("-c", SEES, env=dropped).stdout == "True\n"
    _sig(dropin / _NAME).write_text(OTHER.text(DIGEST))
    os.utime(str(dropin / _NAME))  # else the cache knows it
    done = python("-c", SEES, env=dropped)
    assert done.stdout == ""
    assert told(done) == f"airpack: {dropin / _NAME} {_BAD['by another key'][1]}"
    children = f"{SEES}; import subprocess, sys; sys.stdout.flush(); subprocess.call([sys.executable, '-c', {SEES!r}])"
    done = python("-c", children, env={**dropped, "AIRPACK_ON_ERROR": "continue"})
    assert (done.returncode, done.stdout) == (0, "False\nFalse\n")
    assert python("-c", SEES, env={**dropped, "AIRPACK_DISABLE": "1"}).stdout == "False\n"


def test_a_warm_start_imports_nothing_for_signatures(dropped: Dict[str, str]) -> None:
    """Neither with a key nor without: not the verifier, and nothing that hashes or decodes."""
    cold = ["airpack_runtime.errors", "binascii", "_hashlib", "zlib"]
    cold += [f"airpack_runtime.format.{name}" for name in ("signature", "ed25519", "reader")]
    program = f"import sys; print([name for name in {cold} if name in sys.modules])"
    del dropped["AIRPACK_LOG"]  # what is logged is looked for first
    assert "'airpack_runtime.format.ed25519'" in python("-c", program, env=dropped).stdout
    assert python("-c", program, env=dropped).stdout == "[]\n"
    del dropped["AIRPACK_PUBLIC_KEY"]
    assert python("-c", program, env=dropped).stdout == "[]\n"


def test_the_log_names_the_key(dropped: Dict[str, str], dropin: Path, tmp_path: Path) -> None:
    """In place of `unpinned`; a shim that travels with the bundle is told."""
    dropped["AIRPACK_LOG"] = "text"
    line = python("-c", "", env=dropped).stderr
    assert f"(sha256:{DIGEST[:12]}, signed by {SIGNER.id}; " in line
    assert line.endswith(f"; {_BESIDE}\n")
    apart = {**dropped, "AIRPACK_BUNDLE": shutil.copy(str(dropin / _NAME), str(tmp_path)), "AIRPACK_DIGEST": DIGEST}
    SIGNER.sign(tmp_path / _NAME, DIGEST)
    line = python("-c", "", env=apart).stderr
    assert f", signed by {SIGNER.id}, pinned; " in line
    assert line.endswith(" ms)\n")
    assert f'"signed_by": "{SIGNER.id}"' in python("-c", "", env={**dropped, "AIRPACK_LOG": "json"}).stderr


def test_the_doctor_tells_of_the_key_and_the_signature(
    signed: Path, env: Dict[str, str], keyed: Dict[str, str], tmp_path: Path
) -> None:
    """Whether one is set, whether the signature holds, and if it doesn't, why a boot would fail."""
    keyed["AIRPACK_BUNDLE"] = env["AIRPACK_BUNDLE"] = str(signed)
    facts = doctor.examine(env).facts
    assert facts["key"] == f"none by AIRPACK_PUBLIC_KEY or {tmp_path}/etc/key.pub: any bundle"
    assert facts["trust"] == "unpinned: set AIRPACK_DIGEST, or AIRPACK_PUBLIC_KEY"
    facts = doctor.examine(keyed).facts
    assert (facts["key"], facts["trust"]) == (SIGNER.id, f"signed by {SIGNER.id}")
    assert doctor.examine({**keyed, "AIRPACK_DIGEST": DIGEST}).facts["trust"] == (
        f"signed by {SIGNER.id}, and pinned by AIRPACK_DIGEST"
    )
    _sig(signed).unlink()
    facts, status = doctor.examine(keyed)
    assert (facts["key"], status) == (SIGNER.id, 97)
    assert str(facts["boot"]).startswith(f"it would fail: {signed} is not signed: ")
    assert "trust" not in facts
    assert str(doctor.examine({**keyed, "AIRPACK_PUBLIC_KEY": ""}).facts["boot"]).startswith(
        "it would fail: AIRPACK_PUBLIC"
    )


@pytest.mark.parametrize("words", [["unpack", "OUT"], ["verify"], ["exec", "--", "true"]], ids=lambda words: words[0])
def test_no_command_of_the_shim_uses_what_is_not_signed(
    signed: Path, keyed: Dict[str, str], tmp_path: Path, words: List[str]
) -> None:
    """Each ends with 97, and writes nothing."""
    _sig(signed).unlink()
    env = {**keyed, "PYTHONPATH": str(RUNTIME), "AIRPACK_BUNDLE": str(signed)}
    line = [word.replace("OUT", str(tmp_path / "out")) for word in words]
    done = python("-m", "airpack_runtime", *line, env=env)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (97, "", 1)
    assert f"{signed} is not signed" in done.stderr
    assert not (tmp_path / "out").exists()
    SIGNER.sign(signed, DIGEST)
    assert python("-m", "airpack_runtime", *line, env=env).returncode == 0


def test_maintenance_checks_the_signature_before_it_mends(signed: Path, keyed: Dict[str, str]) -> None:
    """A bundle that isn't signed replaces no tree."""
    boot.ready_tree(str(signed), keyed)
    assert list(maintenance.verify(str(signed), keyed).values()) == ["checked"]
    _sig(signed).unlink()
    with pytest.raises(NotSigned):
        maintenance.verify(str(signed), keyed)


def test_a_key_is_known_by_its_sha256(tmp_path: Path) -> None:
    """That of its DER, as OpenSSL's tools give it too."""
    assert signature.key_id(SIGNER.public) == "fd110d301d2f077d"
    assert cache.read(str(tmp_path)) == ""  # a folder in a file's place


_ESCAPES = "\x1b]0;title\x07\x1b[2J\rairpack: all fine\u202e\u2028"


def test_no_text_of_a_signature_or_a_bundle_acts_on_the_terminal(
    signed: Path, keyed: Dict[str, str], env: Dict[str, str], forge: Any, tmp_path: Path
) -> None:
    """Nor begins a line of its own: from a signature, a target's name, a variable, a path; on every way out."""
    text = SIGNER.text(DIGEST).replace(f"sha256:{DIGEST}", _ESCAPES.encode("ascii", "ignore").decode())
    _sig(signed).write_text(text)
    folder = tmp_path / f"{_ESCAPES}\nairpack: a line"
    folder.mkdir()
    moved = Path(shutil.copy(str(signed), str(folder)))
    other = forge(lambda data: data.update(target=f"cp37-{_ESCAPES}".encode("ascii", "ignore").decode()))
    logs = {"AIRPACK_LOG": "text"}
    for words, variables in (
        (["exec", "--", "true"], {**keyed, "AIRPACK_BUNDLE": str(signed)}),
        (["exec", "--", "true"], {**env, "AIRPACK_BUNDLE": str(other)}),
        (["doctor"], {**keyed, "AIRPACK_BUNDLE": str(signed)}),
        (["doctor"], {**env, "AIRPACK_BUNDLE": str(other)}),
        (["exec", "--", "true"], {**env, **logs, "AIRPACK_BUNDLE": str(moved), f"AIRPACK_X{_ESCAPES}": "x"}),
        (["verify"], {**env, "AIRPACK_BUNDLE": str(moved), "AIRPACK_CACHE_DIR": str(folder)}),
        (["doctor"], {**env, "AIRPACK_BUNDLE": str(moved), "AIRPACK_CACHE_DIR": str(folder)}),
    ):
        done = python("-m", "airpack_runtime", *words, env={**variables, "PYTHONPATH": str(RUNTIME)})
        said = done.stdout + done.stderr
        assert said
        assert not set(said) & set("\x1b\x07\r\u202e\u2028"), said
        assert not {"airpack: all fine", "airpack: a line"} & {line[:17] for line in said.split("\n")}
        assert "\nairpack: a line" not in said
