"""`airpack pack` as a whole, on wheels built here, without any network."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import pyzstd
from airpack_runtime import layout, reader
from packaging.pylock import Pylock
from support import machine
from support.wheels import build_wheel

from .conftest import Airpack, Repeat

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture
def packed(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack of two distributions."""

    def pack() -> None:
        build_wheel(wheels, "first", requires=["second>=1"], scripts={"first-script": "first:main"})
        build_wheel(wheels, "second", files={"second/__init__.py": "X = 1\n", "second/data.bin": os.urandom(1000)})
        assert airpack.pack("first") == 0, airpack.err

    repeat(pack)
    return airpack.output


def test_the_results_are_where_the_help_says(packed: Path) -> None:
    """Nothing else lies in the folder."""
    assert sorted(path.name for path in packed.iterdir()) == [
        "bundle.tar.zst",
        "manifest.json",
        "pylock.toml",
        "wheelhouse",
    ]


def test_the_wheelhouse_installs_with_plain_pip(packed: Path, tmp_path: Path) -> None:
    """With hashes required, and no index."""
    house = packed / "wheelhouse"
    words: list[str | Path] = [
        "install",
        "-q",
        "--no-index",
        "--find-links",
        house,
        "--require-hashes",
        "-r",
        house / "requirements.txt",
    ]
    subprocess.run([sys.executable, "-m", "pip", *words, "--target", tmp_path / "site"], check=True)
    assert (tmp_path / "site" / "second" / "data.bin").stat().st_size == 1000


def test_the_lock_is_a_valid_pylock(packed: Path) -> None:
    """PEP 751, by packaging's own reader; what came from a folder is found by a relative path."""
    lock = Pylock.from_dict(tomllib.loads((packed / "pylock.toml").read_text()))
    assert [(package.name, str(package.version)) for package in lock.packages] == [("first", "1.0"), ("second", "1.0")]
    wheel = (lock.packages[0].wheels or [])[0]
    assert (packed / (wheel.path or "")).stat().st_size == wheel.size
    assert (lock.tool or {})["airpack"]["target"] == "cp37-manylinux_2_27_x86_64"
    assert (lock.tool or {})["airpack"]["requirements"] == ["first"]


def test_the_manifest_names_what_was_packed(packed: Path) -> None:
    """Target, packages, sizes, digest, and the tools that the bytes depend on."""
    manifest = json.loads((packed / "manifest.json").read_text())
    with reader.open_bundle(str(packed / layout.BUNDLE_NAME)) as bundle:
        assert manifest["bundle"]["digest"] == f"sha256:{bundle.digest}"
        assert manifest["bundle"]["unpacked_size"] == bundle.toc().unpacked_size
    assert manifest["bundle"]["size"] == (packed / layout.BUNDLE_NAME).stat().st_size
    assert [package["name"] for package in manifest["packages"]] == ["first", "second"]
    assert {"libzstd", "zlib", "target_python"} <= manifest["toolchain"].keys()
    assert manifest["toolchain"]["target_python"].keys() == {"version", "magic", "build"}


def test_the_content_digest_is_that_of_an_unpacked_tree(packed: Path, tmp_path: Path) -> None:
    """Anybody can make it: the SHA-256 of lines `MODE SHA256  PATH`, sorted by path."""
    subprocess.run([machine.tool("tar"), "--zstd", "-xf", packed / layout.BUNDLE_NAME, "-C", tmp_path], check=True)
    lines = []
    for prefix in (layout.BIN, layout.SITE_PACKAGES):
        for path in (tmp_path / prefix).rglob("*"):
            if path.is_file():
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                lines.append((str(path.relative_to(tmp_path)), f"{path.stat().st_mode & 0o777:o} {sha256}"))
    text = "".join(f"{start}  {path}\n" for path, start in sorted(lines))
    manifest = json.loads((packed / "manifest.json").read_text())
    assert manifest["bundle"]["content_digest"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_the_bundle_is_an_ordinary_tar_zst(packed: Path, tmp_path: Path) -> None:
    """`zstd -t`, `tar --zstd` and pyzstd's seekable reader read it, and the checksums in it hold."""
    bundle = packed / layout.BUNDLE_NAME
    subprocess.run([machine.tool("zstd"), "-tq", bundle], check=True)
    subprocess.run([machine.tool("tar"), "--zstd", "-xf", bundle, "-C", tmp_path], check=True)
    subprocess.run([machine.tool("sha256sum", "coreutils"), "-c", "--quiet", layout.SUMS], cwd=tmp_path, check=True)
    with pyzstd.SeekableZstdFile(bundle) as raw, tarfile.open(fileobj=raw) as archive:
        members = archive.getmembers()
        data = archive.extractfile("site-packages/second/data.bin")
        assert data is not None
        assert len(data.read()) == 1000
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 315532800)}
    assert {oct(member.mode) for member in members} == {"0o644", "0o755"}
    with reader.open_bundle(str(bundle)) as opened:
        listed = {file.path for file in opened.toc().files} | {link.path for link in opened.toc().links}
    assert {member.name for member in members if not member.isdir()} == listed | {layout.SUMS}


def test_no_path_of_this_machine_is_in_the_bundle(packed: Path) -> None:
    """Neither the agent's interpreter nor any folder of the pack."""
    raw = pyzstd.decompress((packed / layout.BUNDLE_NAME).read_bytes())
    for path in (sys.executable, sys.prefix, str(packed.parent), str(machine.python37().path)):
        assert path.encode() not in raw
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        script = archive.extractfile("bin/first-script")
        assert script is not None
        assert script.read().startswith(b"#!/bin/sh\n'''exec' \"${AIRPACK_PYTHON:-python3.7}\"")


def test_identical_files_are_stored_once(airpack: Airpack, wheels: Path) -> None:
    """Also across distributions; the bundle grows by a link, not by the content."""
    content = os.urandom(300_000)
    build_wheel(wheels, "one", files={"one.libs/lib.so": content})
    build_wheel(wheels, "two", files={"two.libs/lib.so": content, "two.libs/copy.so": content})
    assert airpack.pack("one", "two") == 0
    assert (airpack.output / layout.BUNDLE_NAME).stat().st_size < 300_000 * 1.1 + 400_000
    with reader.open_bundle(str(airpack.output / layout.BUNDLE_NAME)) as bundle:
        links = {link.path: link.target for link in bundle.toc().links if link.path.endswith(".so")}
    assert links == {
        "site-packages/two.libs/copy.so": "site-packages/one.libs/lib.so",
        "site-packages/two.libs/lib.so": "site-packages/one.libs/lib.so",
    }


def test_source_date_epoch_sets_the_times(airpack: Airpack, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As reproducible-builds.org specifies; what is no number is refused."""
    build_wheel(wheels, "one")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert airpack.pack("one") == 0
    raw = pyzstd.decompress((airpack.output / layout.BUNDLE_NAME).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert {member.mtime for member in archive} == {1700000000}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    assert airpack.pack("one") == 2
    assert airpack.error == "airpack: error: SOURCE_DATE_EPOCH is 'today': set it to seconds since 1970, or unset it"


def test_the_tree_is_the_bundle_unpacked(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """`--tree` leaves a folder that can be mounted as it is; packing again replaces it."""
    build_wheel(wheels, "one", files={"one/__init__.py": "", "one/data": b"x"})
    for _ in range(2):
        assert airpack.pack("one", "--tree", tmp_path / "tree") == 0, airpack.err
    with reader.open_bundle(str(airpack.output / layout.BUNDLE_NAME)) as bundle:
        listed = {file.path for file in bundle.toc().files} | {link.path for link in bundle.toc().links}
    tree = tmp_path / "tree"
    assert {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()} == {
        *listed,
        layout.TREE_NOTE,
    }
    assert json.loads((tree / layout.TREE_NOTE).read_text())["target"] == "cp37-manylinux_2_27_x86_64"
    assert {path.stat().st_mode & 0o777 for path in tree.rglob("*")} == {0o644, 0o755}


def test_without_bytecode(airpack: Airpack, wheels: Path) -> None:
    """`--no-bytecode` leaves the wheel's files alone."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-bytecode") == 0
    with reader.open_bundle(str(airpack.output / layout.BUNDLE_NAME)) as bundle:
        assert not [file.path for file in bundle.toc().files if file.path.endswith(".pyc")]


def test_without_an_interpreter_the_cost_is_told(
    airpack: Airpack, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and the pack goes on."""
    build_wheel(wheels, "one")
    monkeypatch.setattr("airpack.interpreter.find", lambda *_, **__: None)
    assert airpack.pack("one") == 0
    assert "no Python 3.7 found (--python PATH): packing without bytecode" in airpack.err


def test_the_last_lines_say_what_was_made_and_how_to_boot_it(airpack: Airpack, wheels: Path) -> None:
    """On standard output; with -q there is nothing."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    lines = airpack.out.splitlines()
    assert lines[0].startswith("wheels    1 in ")
    assert lines[1].startswith(f"bundle    {airpack.output}/bundle.tar.zst, ")
    assert lines[2].startswith("digest    sha256:")
    assert lines[-1].endswith("airpack-runtime.pyz exec --bundle bundle.tar.zst -- python3.7 YOUR_PROGRAM.py")
    assert airpack.pack("one", "-q") == 0
    assert (airpack.out, airpack.err) == ("", "")


def test_packing_again_replaces_the_wheelhouse(airpack: Airpack, wheels: Path) -> None:
    """A wheel that is no longer wanted doesn't stay behind."""
    build_wheel(wheels, "one")
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 0
    assert airpack.pack("two") == 0
    assert sorted(path.name for path in (airpack.output / "wheelhouse").iterdir()) == [
        "requirements.txt",
        "two-1.0-py3-none-any.whl",
    ]


def test_files_that_two_wheels_write_are_told(airpack: Airpack, wheels: Path) -> None:
    """The later wheel's is kept, as pip would overwrite it."""
    build_wheel(wheels, "one", files={"shared.py": "WHO = 1\n", "same.py": ""})
    build_wheel(wheels, "two", files={"shared.py": "WHO = 2\n", "same.py": ""})
    assert airpack.pack("one", "two", "--no-bytecode") == 0
    assert (
        "warning: two 1.0 writes site-packages/shared.py, as one-1.0-py3-none-any.whl does with another content: "
        "the later wheel's is kept, as pip would" in airpack.err
    )
    assert "same.py" not in airpack.err
    raw = pyzstd.decompress((airpack.output / layout.BUNDLE_NAME).read_bytes())
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        kept = archive.extractfile("site-packages/shared.py")
        assert kept is not None
        assert kept.read() == b"WHO = 2\n"
        assert [member.name for member in archive if member.name.endswith("shared.py")] == ["site-packages/shared.py"]
