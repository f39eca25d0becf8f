"""Trees compared: a volume of an image boots as it was signed, and not otherwise; an unpacked tree with its bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from airpack_runtime import boot, layout
from airpack_runtime.errors import NotATree, NotSigned
from airpack_runtime.format import decoder, hashing, reader
from airpack_runtime.provide import compare, unpack

from ..conftest import GOLDEN, SITE_PACKAGES, needs_target, sums_of, within
from ..signer import OTHER, SIGNER, Signer

pytestmark = needs_target

MODULE = f"{SITE_PACKAGES}/alpha/__init__.py"
SIGNATURE = layout.TREE_NOTE + layout.SIGNATURE_SUFFIX


def _sign(folder: Path, signer: Signer = SIGNER) -> None:
    files = compare.files_of(str(folder))
    (folder / layout.SUMS).write_text("".join(f"{digest}  {path}\n" for path, _, digest in files))
    with reader.open_bundle(str(GOLDEN)) as bundle:
        note = layout.tree_note(bundle.target, bundle.digest, hashing.content_digest(files))
    (folder / layout.TREE_NOTE).write_text(note)
    text = signer.text(hashing.sha256(note.encode("ascii")).hexdigest(), layout.SIGNED_TREE)
    (folder / SIGNATURE).write_text(text)


@pytest.fixture
def signed(tmp_path: Path, golden: Path, no_key_of_this_machine: None) -> Path:
    """Return the golden bundle's tree, signed, with its list of checksums."""
    folder = tmp_path / "tree"
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack_into(bundle, str(folder))
    with reader.open_bundle(str(golden)) as bundle:
        (folder / layout.SUMS).write_bytes(bundle.content(bundle.toc().sums, decoder.load(bundle, str(tmp_path))))
    _sign(folder)
    return folder


def test_a_signed_tree_boots_where_it_is(signed: Path, keyed: Dict[str, str], cache_folder: Path) -> None:
    """Nothing is written; children take their parent's word for that key alone; a pin must hold as well."""
    before = sums_of(signed)
    ready = boot.ready_tree(str(signed), keyed)
    assert (ready.how, ready.tree, ready.signer) == ("a tree that is there", str(signed), SIGNER.public)
    assert sums_of(signed) == before
    assert not cache_folder.exists()
    inherited = {**keyed, boot.ACTIVE: ready.to_note()}
    assert boot.ready_tree(str(signed), inherited).how == "inherited"
    with pytest.raises(NotSigned, match=f"is signed with the key {SIGNER.id}: sign it with {OTHER.id}"):
        boot.ready_tree(str(signed), {**inherited, "AIRPACK_PUBLIC_KEY": OTHER.public})


def test_links_inside_of_it_are_what_they_lead_to(signed: Path, keyed: Dict[str, str]) -> None:
    """Layers of an image hold symbolic links where an unpacked tree has hard ones: the files are the same."""
    before = hashing.content_digest(compare.files_of(str(signed)))
    place = signed / SITE_PACKAGES / "beta" / "data.txt"
    assert place.samefile(signed / SITE_PACKAGES / "alpha" / "data.txt")
    place.unlink()
    place.symlink_to("../alpha/data.txt")
    assert hashing.content_digest(compare.files_of(str(signed))) == before
    assert boot.ready_tree(str(signed), keyed).signer == SIGNER.public


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u202e", "\u00a0", "\\", "  "])
def test_a_name_with_another_separator_stands_for_itself(signed: Path, keyed: Dict[str, str], mark: str) -> None:
    """Only a line feed ends a line of what is signed: such a file is signed, and can't be taken away or stand in."""
    odd = signed / SITE_PACKAGES / f"a{mark}b"
    odd.write_text("x = 1\n")
    with pytest.raises(NotSigned):
        boot.ready_tree(str(signed), keyed)
    _sign(signed)
    assert boot.ready_tree(str(signed), keyed).signer == SIGNER.public
    odd.rename(odd.with_name("ab"))
    with pytest.raises(NotSigned):
        boot.ready_tree(str(signed), keyed)


@pytest.mark.parametrize("mark", ["\n", "\r", "\x0b", "\x1b", "\x1c", "\x7f", "\x85", "\x9b"])
def test_a_name_that_would_stand_for_two_files_is_refused(signed: Path, keyed: Dict[str, str], mark: str) -> None:
    """One file takes another's line of what is signed into its own name, and the other is gone."""
    one, other = f"{layout.BIN}/alpha-hello", f"{layout.BIN}/beta-script"
    assert boot.ready_tree(str(signed), keyed).signer == SIGNER.public
    line = f"755 {hashing.sha256((signed / other).read_bytes()).hexdigest()}  {other}"
    (signed / other).unlink()
    merged = signed / f"{one}{mark}{line}"
    merged.parent.mkdir(parents=True)
    (signed / one).rename(merged)
    with pytest.raises(NotATree, match=r"can't be read \(it has a control character in its name\)"):
        boot.ready_tree(str(signed), keyed)


_OTHER_FILES = "holds other files than its signature is of"
_NO_FILE = "can't be read .it is a folder without a file"
_OTHER_SUMS = "SHA256SUMS can't be read .it is of other files"
_MODULE = f"{SITE_PACKAGES}/alpha/__init__.py"
_NEW = f"{SITE_PACKAGES}/sklearn.py"


def _put_a_fifo_for_the_list(tree: Path) -> None:
    (tree / layout.SUMS).unlink()
    os.mkfifo(str(tree / layout.SUMS))


# What is done to a tree, and how it is refused.
_HARM: Dict[str, Any] = {
    "a changed file": (lambda at: (at / _MODULE).write_bytes((at / _MODULE).read_bytes() + b" "), _OTHER_FILES),
    "a file more": (lambda at: (at / _NEW).write_text(""), _OTHER_FILES),
    "a file more at its top": (lambda at: (at / "more").write_text(""), _OTHER_FILES),
    "a file less": (lambda at: (at / _MODULE).unlink(), _OTHER_FILES),
    "another mode": (lambda at: (at / _MODULE).chmod(0o755), _OTHER_FILES),
    "another name": (lambda at: (at / _MODULE).rename(at / _NEW), _OTHER_FILES),
    "a link out of it": (lambda at: (at / _NEW).symlink_to("/etc/passwd"), "sklearn.py can't be read .it leads out"),
    "a linked folder": (lambda at: (at / _NEW).symlink_to("/etc"), "sklearn.py can't be read .it leads out"),
    "a linked folder of its own": (lambda at: (at / _NEW).symlink_to("."), "sklearn.py can't be read .it"),
    "a link to nothing": (lambda at: (at / _NEW).symlink_to("none"), "sklearn.py can't be read .No such file"),
    "a FIFO": (lambda at: os.mkfifo(str(at / _NEW)), "sklearn.py can't be read .it is not a file"),
    "an empty folder, which is a package": (lambda at: (at / SITE_PACKAGES / "simplejson").mkdir(), _NO_FILE),
    "an empty folder in a package": (lambda at: (at / _MODULE).with_name("more").mkdir(), _NO_FILE),
    "folders of nothing but bytecode": (
        lambda at: (at / SITE_PACKAGES / "simplejson" / "__pycache__").mkdir(parents=True),
        _NO_FILE,
    ),
    "empty folders in a folder": (lambda at: (at / SITE_PACKAGES / "a" / "b").mkdir(parents=True), _NO_FILE),
    "another list of checksums": (lambda at: (at / layout.SUMS).write_text("whatever\n"), _OTHER_SUMS),
    "a list with a line more": (
        lambda at: (at / layout.SUMS).write_text((at / layout.SUMS).read_text() + f"{'0' * 64}  more\n"),
        _OTHER_SUMS,
    ),
    "a list with a line less": (
        lambda at: (at / layout.SUMS).write_text((at / layout.SUMS).read_text().partition("\n")[2]),
        _OTHER_SUMS,
    ),
    "a linked list": (
        lambda at: ((at / layout.SUMS).rename(at.parent / "sums"), (at / layout.SUMS).symlink_to("../sums")),
        "SHA256SUMS can't be read",
    ),
    "a FIFO as the list": (_put_a_fifo_for_the_list, _OTHER_SUMS),
    "an endless list": (
        lambda at: ((at / layout.SUMS).unlink(), (at / layout.SUMS).symlink_to("/dev/zero")),
        "SHA256SUMS can't be read",
    ),
    "no signature": (lambda at: (at / SIGNATURE).unlink(), "is a tree, which no signature covers"),
    "an empty signature": (lambda at: (at / SIGNATURE).write_text(""), "has a .sig that can't be read"),
    "another note": (
        lambda at: (at / layout.TREE_NOTE).write_text((at / layout.TREE_NOTE).read_text() + " "),
        "but its signature is of the tree sha256:",
    ),
    "another signer": (lambda at: _sign(at, OTHER), f"is signed with the key {OTHER.id}"),
    "a bundle's signature": (
        lambda at: (at / SIGNATURE).write_text((at / SIGNATURE).read_text().replace("tree ", "bundle ")),
        "but its signature is of the bundle sha256:",
    ),
    "a bundle's signature that says it is a tree's": (
        lambda at: (at / SIGNATURE).write_text(
            SIGNER.text(hashing.sha256((at / layout.TREE_NOTE).read_bytes()).hexdigest(), layout.SIGNED_BUNDLE).replace(
                "bundle ", "tree "
            )
        ),
        "has a signature that doesn't hold",
    ),
}


@pytest.mark.parametrize("harm", sorted(_HARM))
def test_a_tree_that_is_not_as_it_was_signed_is_refused(signed: Path, keyed: Dict[str, str], harm: str) -> None:
    """With one line, before anything of it is imported; without a key, it is its owner's word that counts."""
    change, message = _HARM[harm]
    do: Callable[[Path], object] = change
    do(signed)
    with within(10, "a boot"), pytest.raises((NotSigned, NotATree), match=message) as caught:
        boot.ready_tree(str(signed), keyed)
    assert "\n" not in str(caught.value)


def test_a_note_that_tells_of_no_content_is_refused(signed: Path, keyed: Dict[str, str]) -> None:
    """Though it is signed: nothing then says what the files must be."""
    with reader.open_bundle(str(GOLDEN)) as bundle:
        note = layout.tree_note(bundle.target, bundle.digest)
    (signed / layout.TREE_NOTE).write_text(note)
    text = SIGNER.text(hashing.sha256(note.encode("ascii")).hexdigest(), layout.SIGNED_TREE)
    (signed / SIGNATURE).write_text(text)
    with pytest.raises(NotSigned, match=_OTHER_FILES):
        boot.ready_tree(str(signed), keyed)


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (os.fspath, None),
        (lambda path: path.write_bytes(path.read_bytes() + b" "), f"{MODULE} has another content"),
        (lambda path: path.chmod(0o755), f"{MODULE} has another type, mode or owner"),
        (lambda path: path.unlink(), f"{MODULE}: No such file or directory"),
        (lambda path: path.with_name("more.py").write_text(""), None),
    ],
    ids=["whole", "content", "mode", "absent", "one more"],
)
def test_what_differs_is_named(
    tmp_path: Path, golden: Path, harm: Callable[[Path], Any], expected: "str | None"
) -> None:
    """Its path, and how; files that the bundle doesn't have don't count."""
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    scratch.mkdir()
    with reader.open_bundle(str(golden)) as bundle:
        unpack.unpack(bundle, str(tree))
        harm(tree / MODULE)
        assert compare.difference(bundle, str(tree), str(scratch)) == expected
