"""Whether what was packed is whole: `airpack verify`, for a bundle, a folder of results, and a plain tree."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airpack.bundle.opened import OpenBundle
from airpack.cli.app import main
from airpack.verify import records
from airpack_runtime import layout
from airpack_runtime.format import framing, toc
from airpack_runtime.format.reader import open_bundle
from support.airpack import Airpack, Repeat
from support.bundles import GOLDEN, rewritten
from support.wheels import build_wheel

COPY = "copy it again from where it was packed"


def _verify(path: Path, *words: str) -> int:
    return main(["verify", "--no-import", "-q", str(path), *words])


def _places() -> Iterator[int]:
    """Yield an offset in every part of the golden bundle, and each of its structures."""
    with OpenBundle.at(GOLDEN) as opened:
        frames, decoder = opened.toc.frames, opened.toc.decoder
    for frame in frames:
        yield from (frame.offset, frame.offset + frame.size // 2, frame.offset + frame.size - 1)
    assert decoder is not None
    size = GOLDEN.stat().st_size
    yield from range(decoder.offset - framing.SKIPPABLE_HEADER.size, decoder.offset)  # its header
    yield from (decoder.offset, decoder.offset + decoder.size // 2, decoder.offset + decoder.size - 1)
    at = decoder.offset + decoder.size
    seek = framing.SEEK_ENTRY.size * (len(frames) + 2) + framing.SEEK_FOOTER.size + framing.SKIPPABLE_HEADER.size
    yield from range(at, at + 60)  # the TOC's header, its heading, the beginning of its body
    yield from range(at + 60, size - seek, 37)
    yield from range(size - seek, size)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_flipped_bit_is_found_wherever_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At every frame, in the decoder, the table of contents, the seek table and all headers between them."""
    whole = GOLDEN.read_bytes()
    path = tmp_path / layout.BUNDLE_NAME
    path.write_bytes(whole)
    assert _verify(path) == 0
    places = list(_places())
    assert places[-1] == len(whole) - 1
    for number, place in enumerate(places):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << number % 8
        path.write_bytes(flipped)
        assert _verify(path) == 1, f"bit {number % 8} of byte {place} was not missed"
        assert "bug in airpack" not in capsys.readouterr().err


def test_all_that_is_wrong_is_told(airpack: Airpack, tmp_path: Path) -> None:
    """One line each, not the first alone: two frames, and the decoder."""
    with OpenBundle.at(GOLDEN) as opened:
        frames, decoder = opened.toc.frames, opened.toc.decoder
    assert decoder is not None
    data = bytearray(GOLDEN.read_bytes())
    for place in (frames[0].offset + 20, frames[2].offset + 20, decoder.offset + 9):
        data[place] ^= 4
    path = tmp_path / "damaged"
    path.write_bytes(data)
    assert airpack("verify", "--no-import", path) == 1
    assert airpack.out.splitlines()[:3] == [
        f"error: damaged: frame 0 is damaged (its SHA-256 differs): {COPY}",
        f"error: damaged: frame 2 is damaged (its SHA-256 differs): {COPY}",
        f"error: damaged: the decoder is damaged (its SHA-256 differs): {COPY}",
    ]
    assert airpack.error.startswith("airpack: error: verify found files that must not be used (and 2 more): ")


def test_another_digest_than_wanted_is_an_error(airpack: Airpack) -> None:
    """With or without `sha256:`; what is no digest is a wrong command line."""
    with open_bundle(str(GOLDEN)) as bundle:
        digest = bundle.digest
    words = ["verify", "--no-import", GOLDEN, "--digest"]
    assert airpack(*words, f"sha256:{digest}") == airpack(*words, digest.upper()) == 0
    assert airpack(*words, "0" * 64) == 1
    assert airpack.out.splitlines()[0] == (
        f"error: {GOLDEN.name} has the digest sha256:{digest}, not sha256:{'0' * 64}: "
        "it is another bundle: don't use it"
    )
    with pytest.raises(SystemExit, match="2"):
        airpack(*words, "latest")


def _first(change: Callable[[toc.File], toc.File]) -> Callable[[toc.Toc], toc.Toc]:
    return lambda old: old._replace(files=(change(old.files[0]), *old.files[1:]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda old: old, None),
        (
            _first(lambda file: file._replace(mode=0o644)),
            "has bin/alpha-hello in its tar with another type, mode, size, target or place than it lists",
        ),
        (
            _first(lambda file: file._replace(path="bin/alpha-hallo")),
            "has bin/alpha-hello in its tar, but does not list it",
        ),
        (
            lambda old: old._replace(links=(old.links[0]._replace(target=old.files[0].path), *old.links[1:])),
            "links to bin/alpha-hello, which has another content",
        ),
        (
            lambda old: old._replace(directories=tuple(each for each in old.directories if each != "bin")),
            "has a folder bin/ in its tar that it doesn't list so",
        ),
        (
            lambda old: old._replace(
                distributions=tuple(
                    each._replace(wheel="gamma-1.0-cp39-none-any.whl") if each.name == "gamma" else each
                    for each in old.distributions
                )
            ),
            "gamma comes as gamma-1.0-cp39-none-any.whl, which cp37-manylinux_2_27_x86_64 does not take: pack for its",
        ),
        (
            lambda old: old._replace(target="cp37-windows"),
            "cp37-windows is no target (target 'cp37-windows' is not understood: ",
        ),
        (
            lambda old: old._replace(distributions=old.distributions[:-1]),
            "its table of contents assigns its files to distributions inconsistently",
        ),
        (
            lambda old: old._replace(distributions=(old.distributions[0]._replace(version=7), *old.distributions[1:])),
            "its table of contents assigns its files to distributions inconsistently",
        ),
    ],
)
def test_a_table_of_contents_that_says_otherwise_than_the_tar(
    airpack: Airpack, tmp_path: Path, change: Callable[[toc.Toc], toc.Toc], sentence: str | None
) -> None:
    """Every hash agrees, but `tar -x` and a boot would write different trees, or it doesn't make sense."""
    path = tmp_path / layout.BUNDLE_NAME
    rewritten(path, change)
    assert airpack("verify", "--no-import", path) == (0 if sentence is None else 1)
    assert sentence is None or sentence in airpack.out


def _record(rows: str) -> records.Record:
    path = "site-packages/one-1.0.dist-info/RECORD"
    parsed = records.parse(rows.encode())
    own = {"site-packages/one.py", "site-packages/two.py", path}
    return records.Record(path=path, name="one", version="1.0", rows=parsed, own=own)


OK = "one.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\none-1.0.dist-info/RECORD,,\n"
EMPTY = records.Content(size=0, sha256=hashlib.sha256(b"").hexdigest())
PYC = "site-packages/__pycache__/one.cpython-37.pyc"


@pytest.mark.parametrize(
    ("rows", "more", "expected"),
    [
        (OK, [], []),
        (OK, [PYC], []),
        (OK, ["site-packages/one-1.0.dist-info/RECORD.jws"], []),
        (OK.replace(",0\n", ",1\n"), [], ["one 1.0: site-packages/one.py is not what its RECORD lists"]),
        (OK.replace("=47", "=57"), [], ["one 1.0: site-packages/one.py is not what its RECORD lists"]),
        (OK + "../bin/one,sha256=47DE,0\n", [], ["one 1.0: bin/one is missing, which its RECORD lists"]),
        (OK, ["site-packages/two.py"], ["one 1.0: site-packages/two.py is in no RECORD"]),
        (OK, [PYC.replace("one", "two")], [f"{PYC.replace('one', 'two')} is in no RECORD"]),
        (OK, ["etc/x"], ["etc/x is in no RECORD"]),
        (OK + "two.py,,\n", ["site-packages/two.py"], ["one 1.0: its RECORD gives no hash of site-packages/two.py"]),
    ],
)
def test_what_a_record_says_of_its_files(rows: str, more: list[str], expected: list[str]) -> None:
    """Missing, changed, unlisted: an error each; bytecode of a listed module and signatures of RECORD are known."""
    tree = dict.fromkeys(["site-packages/one.py", "site-packages/one-1.0.dist-info/RECORD", *more], EMPTY)
    found = list(records.compare([_record(rows)], tree))
    assert [f"{each.package} {each.sentence}" for each in found] == expected
    assert all(each.severity == "error" for each in found)


def test_a_file_that_a_later_wheel_overwrote_is_a_warning(airpack: Airpack, wheels: Path) -> None:
    """As it was when they were packed: both RECORDs can't be right."""
    build_wheel(wheels, "one", files={"shared.py": "x = 1\n", "one.py": ""})
    build_wheel(wheels, "two", files={"shared.py": "x = 2\n", "two.py": ""})
    assert airpack.pack("one", "two") == 0
    assert airpack("verify", "--no-import", airpack.output) == 0
    remedy = "two wheels write it, and the later one's is kept; check that both work with it"
    assert airpack.out.splitlines()[:-1] == [
        f"warning: one 1.0: site-packages/shared.py is another wheel's, not what its RECORD lists: {remedy}"
    ]
    assert airpack("verify", "--no-import", "--strict", airpack.output) == 1


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack with all that an install adds or rewrites; beside it lies its tree, `tree`."""

    def pack() -> None:
        build_wheel(
            wheels,
            "one",
            files={
                "one.py": "def main():\n    pass\n",
                "one/__init__.py": "",
                "one-1.0.data/scripts/one-script": "#!python\nprint(1)\n",
                "one-1.0.data/data/share/one.txt": "1\n",
                "one-1.0.data/headers/one.h": "\n",
                "one-1.0.data/purelib/one_pure.py": "",
            },
            scripts={"one-run": "one:main"},
            requires=["two"],
        )
        build_wheel(wheels, "two")
        tree = airpack.output.with_name("tree")
        assert airpack.pack("one", "--with-wheelhouse", "--tree", tree) == 0, airpack.err

    repeat(pack)
    return airpack.output


def _found(airpack: Airpack, *words: object, status: int = 1) -> list[str]:
    assert airpack("verify", "--no-import", *words) == status, airpack.out + airpack.err
    return airpack.out.splitlines()[:-1]


def test_what_an_install_adds_and_rewrites_is_no_finding(airpack: Airpack, dist: Path) -> None:
    """Scripts, INSTALLER, bytecode, the wheelhouse in the bundle: a folder of results as it was packed has none."""
    assert _found(airpack, dist, status=0) == []
    assert airpack("verify", "--strict", dist) == 0
    assert "import         3 modules" in airpack.err
    assert airpack.out.startswith(f"0 findings in {dist}/bundle.tar.zst, sha256:")


def test_every_wheel_is_compared_with_the_lock(airpack: Airpack, dist: Path) -> None:
    """Name, size and hash; one that is missing, one that isn't locked, and the list for pip, all at once."""
    house = dist / "wheelhouse"
    one, two = house / "one-1.0-py3-none-any.whl", house / "two-1.0-py3-none-any.whl"
    data = bytearray(one.read_bytes())
    data[-1] ^= 1
    one.unlink()
    one.write_bytes(data + b"x")
    two.rename(house / "three-1.0-py3-none-any.whl")
    (house / "requirements.txt").write_text("one==1.0\n")
    found = _found(airpack, dist)
    remedy = "copy the folder again from where it was packed"
    size = len(data)
    assert f"error: {two.name} is not in wheelhouse, but pylock.toml locks it: {remedy}" in found
    assert any(
        line.startswith(f"error: {one.name} has {size + 1:,} bytes with the SHA-256 ")
        and f", but pylock.toml locks {size:,} with " in line
        for line in found
    )
    assert f"error: wheelhouse/three-1.0-py3-none-any.whl is not what pylock.toml locks: {remedy}" in found
    assert f"error: wheelhouse/requirements.txt differs from pylock.toml: {remedy}" in found
    assert len(found) == 4  # what a wrong wheel's RECORD says is not told on top


def test_the_lock_is_compared_with_the_bundle(airpack: Airpack, dist: Path, wheels: Path, tmp_path: Path) -> None:
    """A bundle of other wheels than the folder's; its manifest doesn't know it, either."""
    build_wheel(wheels, "three")
    build_wheel(wheels, "two", files={"two.py": "another = 1\n"})
    assert airpack.pack("two", "three", "-o", tmp_path / "other", "--no-import") == 0
    shutil.copy(tmp_path / "other" / "bundle.tar.zst", dist)
    found = [line.partition(": copy the folder")[0] for line in _found(airpack, dist)]
    assert "error: pylock.toml locks one 1.0, which bundle.tar.zst lacks" in found
    assert "error: bundle.tar.zst holds three 1.0, which pylock.toml doesn't lock" in found
    assert any(line.startswith("error: pylock.toml locks two-1.0-py3-none-any.whl sha256:") for line in found)
    assert any(line.startswith("error: bundle.tar.zst has the digest sha256:") for line in found)
    assert any("but its manifest lists" in line and "SHA-256" in line for line in found)
    assert any(line.startswith("error: two 1.0: site-packages/two.py is not that of two-1.0-") for line in found)


def test_a_bundle_that_is_gone_does_not_hide_the_rest(airpack: Airpack, dist: Path) -> None:
    """The wheels are checked all the same."""
    path = dist / "bundle.tar.zst"
    path.write_bytes(path.read_bytes()[:-9])
    (dist / "wheelhouse" / "two-1.0-py3-none-any.whl").unlink()
    found = _found(airpack, dist)
    assert len(found) == 2
    assert "it is truncated" in found[0]
    assert "is not in wheelhouse" in found[1]


def test_compiled_files_are_held_against_the_target(airpack: Airpack, wheels: Path, library: Path) -> None:
    """As the audit does, but by a lone bundle: here one that was packed for a newer image, and says otherwise."""
    build_wheel(wheels, "one", files={"one/new.so": (library / "new.so").read_bytes(), "one/libother.so": b""})
    assert airpack.pack("one", "--no-import", "--target", "cp37-manylinux_2_36_x86_64") == 0
    path = airpack.output / layout.BUNDLE_NAME
    assert _found(airpack, path, status=0) == []
    alone = airpack.output.with_name("alone.tar.zst")
    rewritten(alone, lambda old: old._replace(target="cp37-manylinux_2_27_x86_64"), path)
    (found,) = _found(airpack, alone)
    assert found.startswith(
        "error: one 1.0: site-packages/one/new.so needs GLIBC_2.34, the target has GLIBC_2.27: require a version"
    )


def test_a_tree_is_compared_with_its_records(airpack: Airpack, dist: Path) -> None:
    """What they can't tell is said; what is changed, missing or added is found; and what isn't a file."""
    tree = dist.with_name("tree")
    (note,) = _found(airpack, tree, status=0)
    assert note.startswith("note: the tree: 4 files of bytecode are in no RECORD")
    site = tree / "site-packages"
    (site / "one" / "__init__.py").unlink()
    (site / "one" / "__init__.py").write_text("evil\n")
    (site / "two.py").unlink()
    (site / "added.pth").write_text("import evil\n")
    (site / "link").symlink_to("/etc")
    found = [line.rpartition(": ")[0] for line in _found(airpack, tree)]
    assert found[:4] == [
        "error: site-packages/link is neither a file nor a folder",
        "error: one 1.0: site-packages/one/__init__.py is not what its RECORD lists",
        "error: two 1.0: site-packages/two.py is missing, which its RECORD lists",
        "error: site-packages/added.pth is in no RECORD",
    ]


def test_a_tree_is_compared_with_a_bundle(airpack: Airpack, dist: Path) -> None:
    """Content, modes and bytecode as well; a link may have become a file of its own."""
    tree = dist.with_name("tree")
    assert _found(airpack, tree, "--bundle", dist, status=0) == []
    assert airpack("verify", tree, "--bundle", dist) == 0
    assert "import         3 modules" in airpack.err
    (cached,) = (tree / "site-packages" / "__pycache__").glob("two.*")
    data = cached.read_bytes()
    cached.unlink()
    cached.write_bytes(data[:-1] + b"?")
    (tree / "bin" / "one-run").chmod(0o644)
    (tree / "site-packages" / "__pycache__" / "one.cpython-38.pyc").write_bytes(b"")
    found = [line.rpartition(": ")[0] for line in _found(airpack, tree, "--bundle", dist)]
    assert sorted(found) == [
        "error: bin/one-run has the mode 0644, in the bundle 0755",
        "error: site-packages/__pycache__/two.cpython-37.pyc is not what the bundle has",
        "warning: site-packages/__pycache__/one.cpython-38.pyc is bytecode that the bundle lacks, and may say anything",
    ]


def test_a_tree_of_another_bundle_is_told_by_its_note(airpack: Airpack, dist: Path) -> None:
    """By --digest, or the digest of --bundle; --bundle is for trees alone."""
    tree = dist.with_name("tree")
    digest = json.loads((dist / "manifest.json").read_text())["bundle"]["digest"]
    assert _found(airpack, tree, "--digest", digest, "--bundle", dist, status=0) == []
    assert f"error: tree/airpack-tree.json has the digest {digest}" in _found(airpack, tree, "--digest", "0" * 64)[0]
    (tree / "airpack-tree.json").write_text("{}")
    assert "error: tree/airpack-tree.json doesn't say which bundle's tree this is" in "".join(_found(airpack, tree))
    assert airpack("verify", dist, "--bundle", GOLDEN) == 2
    assert "--bundle names what to compare a plain tree with" in airpack.error


def _edited(dist: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what the manifest in a folder of results says."""
    path = dist / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


TWO, NOT_FROM = "two-1.0-py3-none-any.whl", "which bundle.tar.zst wasn't packed from"
MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], object], list[str]]] = {
    "no packages": (
        lambda data: data.update(packages=[]),
        [f"manifest.json doesn't list {name} 1.0 as bundle.tar.zst has it" for name in ("one", "two")],
    ),
    "another version": (
        lambda data: data["packages"][1].update(version="6.6"),
        [
            f"manifest.json lists two 6.6 ({TWO} sha256:SHA), {NOT_FROM}",
            "manifest.json doesn't list two 1.0 as bundle.tar.zst has it",
        ],
    ),
    "built from something": (
        lambda data: data["packages"][1].update(origin="built from evil"),
        [
            f"manifest.json lists two 1.0 ({TWO} sha256:SHA, built from evil), {NOT_FROM}",
            "manifest.json doesn't list two 1.0 as bundle.tar.zst has it",
        ],
    ),
    "another target": (
        lambda data: data["target"].update(name="cp38-manylinux_2_27_x86_64"),
        ["bundle.tar.zst has the target cp37-manylinux_2_27_x86_64, but its manifest lists cp38-manylinux_2_27_x86_64"],
    ),
    "other requirements": (
        lambda data: data.update(requirements=["one", "evil"]),
        ["bundle.tar.zst has the requirements one, but its manifest lists one, evil"],
    ),
    "no target, no options": (
        lambda data: [data.pop("target"), data.update(options=7)],
        ["manifest.json: target is missing"],
    ),
    "an image that leads elsewhere": (
        lambda data: data.update(image={"file": "../../etc/passwd", "sha256": "0", "size": 0}),
        ["manifest.json lists the image ../../etc/passwd, which is not an image that airpack writes"],
    ),
}


@pytest.mark.parametrize("what", MANIFESTS)
def test_what_a_manifest_says_of_the_bundle_is_compared(airpack: Airpack, dist: Path, what: str) -> None:
    """Target, requirements, packages, ...: an auditor reads it there."""
    sha256 = json.loads((dist / "manifest.json").read_text())["packages"][1]["sha256"][:12]
    change, expected = MANIFESTS[what]
    _edited(dist, change)
    found = [line.partition(": copy the folder")[0].removeprefix("error: ") for line in _found(airpack, dist)]
    assert found == [each.replace("SHA", sha256) for each in expected]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "is not a JSON object"),
        ("{", "is not JSON: "),
        ("\xff", "is not UTF-8"),
        ("[" * 100_000, "is not JSON: "),
        ("null", "is not a JSON object"),
    ],
    ids=["list", "cut", "latin-1", "deep", "null"],
)
def test_a_manifest_that_can_not_be_read_is_an_error(airpack: Airpack, dist: Path, text: str, problem: str) -> None:
    """Else whoever changed the bundle would but have to spoil it."""
    (dist / "manifest.json").write_bytes(text.encode("latin-1"))
    (found,) = _found(airpack, dist)
    assert found.startswith(f"error: manifest.json: {problem}")


def test_what_is_not_there_is_noted(airpack: Airpack, dist: Path) -> None:
    """A bundle that came alone is whole, but nothing speaks for it: it doesn't pass in silence."""
    (dist / "manifest.json").unlink()
    (dist / "pylock.toml").unlink()
    shutil.rmtree(dist / "wheelhouse")
    remedy = "copy the folder again from where it was packed"
    assert _found(airpack, dist, status=0) == [
        f"note: {name} is not here, and nothing was compared with it: {remedy}"
        for name in ("manifest.json", "pylock.toml", "wheelhouse")
    ]
    assert airpack("verify", "--no-import", "--strict", "-q", dist) == 0
    assert airpack.out == ""


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "pylock.toml",
        "wheelhouse",
        "wheelhouse/requirements.txt",
        "wheelhouse/two-1.0-py3-none-any.whl",
    ],
)
def test_a_pipe_in_a_files_place_is_not_waited_for(airpack: Airpack, dist: Path, name: str) -> None:
    """It is an error: whoever writes into the folder could keep an auditor waiting."""
    path = dist / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    os.mkfifo(path)
    (found,) = _found(airpack, dist)
    subject = name.removeprefix("wheelhouse/") if name.endswith(".whl") else name
    assert re.match(rf"error: {re.escape(subject)}:? ", found)


def test_quiet_tells_each_error_and_nothing_else(airpack: Airpack, dist: Path) -> None:
    """Not the first alone."""
    _edited(dist, lambda data: data.update(packages=[]))
    (dist / "pylock.toml").unlink()
    assert len(_found(airpack, dist)) == 3
    assert airpack("verify", "--no-import", "-q", dist) == 1
    assert [line.split(" ")[0] for line in airpack.out.splitlines()] == ["error:", "error:"]
