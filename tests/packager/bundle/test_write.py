"""A bundle as it is written: a file that any zstd and tar can read."""

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
from airpack.bundle import toc_encoder
from airpack.bundle.opened import OpenBundle
from airpack.bundle.write import Bundle
from airpack.tree.recipe import Recipe
from airpack.wheels.decoders import Decoder
from airpack_runtime import layout
from airpack_runtime.format import reader
from support import machine, trees
from support.bundles import SITE_PACKAGES
from support.wheels import build_wheel

DECODER = Decoder(module="decoder", extension=bytes(range(256)) * 100, origin="project 1.0")


@pytest.fixture
def pair(wheels: Path) -> list[Path]:
    """Return the wheels of two distributions."""
    files: dict[str, str | bytes] = {"second/__init__.py": "X = 1\n", "second/data.bin": os.urandom(1000)}
    return [
        build_wheel(wheels, "first", scripts={"first-script": "first:main"}),
        build_wheel(wheels, "second", files=files),
    ]


@pytest.fixture
def bundle(pair: list[Path], tmp_path: Path) -> Bundle:
    """Return their bundle, with bytecode and a decoder."""
    return trees.bundle_of(pair, tmp_path / "parts", Recipe(level=3, compiler=machine.python37(), decoder=DECODER))


def test_what_is_said_of_it_is_what_is_in_the_file(bundle: Bundle) -> None:
    """Size, digests and table of contents, as a boot reads them."""
    content = bundle.path.read_bytes()
    assert (bundle.size, bundle.file_sha256) == (len(content), hashlib.sha256(content).hexdigest())
    with reader.open_bundle(str(bundle.path)) as opened:
        assert opened.digest == bundle.digest
        # JSON has lists alone where there are tuples in one and lists in the other.
        assert json.dumps(toc_encoder.to_dict(opened.toc())) == json.dumps(toc_encoder.to_dict(bundle.contents))
        assert opened.decoder() == DECODER.extension
        opened.check_structure()
    assert bundle.tree_note == layout.tree_note("cp37-manylinux_2_27_x86_64", bundle.digest)


def test_the_table_of_contents_lists_each_distribution(bundle: Bundle, pair: list[Path]) -> None:
    """Under its wheel's name and hash, with what it adds to the top level."""
    listed = [
        (each.name, each.version, each.wheel, each.sha256, each.top_level) for each in bundle.contents.distributions
    ]
    assert listed == [
        (name, "1.0", wheel.name, hashlib.sha256(wheel.read_bytes()).hexdigest(), (name,))
        for name, wheel in zip(("first", "second"), pair, strict=True)
    ]
    assert bundle.contents.requirements == ("wanted",)
    assert bundle.contents.unpacked_size == sum(file.size for file in bundle.contents.files)


def test_the_content_digest_is_that_of_an_unpacked_tree(bundle: Bundle, tmp_path: Path) -> None:
    """Anybody can make it: the SHA-256 of lines `MODE SHA256  PATH`, sorted by path."""
    folder = tmp_path / "tree"
    folder.mkdir()
    subprocess.run([*machine.tar_zstd(), "-xf", bundle.path, "-C", folder], check=True)
    lines = []
    for prefix in (layout.BIN, SITE_PACKAGES):
        for path in (folder / prefix).rglob("*"):
            if path.is_file():
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                lines.append((str(path.relative_to(folder)), f"{path.stat().st_mode & 0o777:o} {sha256}"))
    text = "".join(f"{start}  {path}\n" for path, start in sorted(lines))
    assert bundle.content_digest == hashlib.sha256(text.encode()).hexdigest()


def test_the_bundle_is_an_ordinary_tar_zst(bundle: Bundle, tmp_path: Path) -> None:
    """`zstd -t`, `tar --zstd` and pyzstd's seekable reader read it, and the checksums in it hold."""
    folder = tmp_path / "tree"
    folder.mkdir()
    subprocess.run([machine.tool("zstd"), "-tq", bundle.path], check=True)
    subprocess.run([*machine.tar_zstd(), "-xf", bundle.path, "-C", folder], check=True)
    subprocess.run([machine.tool("sha256sum", "coreutils"), "-c", "--quiet", layout.SUMS], cwd=folder, check=True)
    with pyzstd.SeekableZstdFile(bundle.path) as raw, tarfile.open(fileobj=raw) as archive:
        members = archive.getmembers()
        data = archive.extractfile("lib/python3.7/site-packages/second/data.bin")
        assert data is not None
        assert len(data.read()) == 1000
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 315532800)}
    assert {oct(member.mode) for member in members} == {"0o644", "0o755"}
    listed = {file.path for file in bundle.contents.files} | {link.path for link in bundle.contents.links}
    assert {member.name for member in members if not member.isdir()} == listed | {layout.SUMS}


def test_no_path_of_this_machine_is_in_the_bundle(bundle: Bundle) -> None:
    """Neither the agent's interpreter nor any folder of the pack."""
    raw = pyzstd.decompress(bundle.path.read_bytes())
    for path in (sys.executable, sys.prefix, str(bundle.path.parent), str(machine.python37().path)):
        assert path.encode() not in raw
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        script = archive.extractfile("bin/first-script")
        assert script is not None
        assert script.read().startswith(b"#!/bin/sh\n'''exec' \"${AIRPACK_PYTHON:-python3.7}\"")


def test_the_bytes_do_not_depend_on_the_pool(pair: list[Path], tmp_path: Path) -> None:
    """But on the level, though the content is the same."""
    recipe = Recipe(level=3)
    bundles = [trees.bundle_of(pair, tmp_path / str(jobs), recipe, jobs=jobs) for jobs in (1, 4)]
    assert bundles[0].path.read_bytes() == bundles[1].path.read_bytes()
    other = trees.bundle_of(pair, tmp_path / "other", Recipe(level=19))
    assert other.digest != bundles[0].digest
    assert other.content_digest == bundles[0].content_digest


def test_a_changed_distribution_leaves_the_frames_of_others(pair: list[Path], tmp_path: Path) -> None:
    """So that a registry and a cache have them already."""
    before = trees.bundle_of(pair, tmp_path / "before")
    build_wheel(pair[0].parent, "first", files={"first.py": "X = 2\n", "more.py": ""})
    after = trees.bundle_of(pair, tmp_path / "after")
    kept = []
    for bundle in (before, after):
        with OpenBundle.at(bundle.path) as opened:
            kept.append([[opened.toc.frames[number].sha256 for number in run] for run in opened.runs()])
    assert kept[0][0] != kept[1][0]
    assert kept[0][1] == kept[1][1]


def test_the_lines_of_sums_lie_in_frames_of_their_distribution(bundle: Bundle) -> None:
    """One frame for each of these two; a table that was written otherwise names none."""
    with OpenBundle.at(bundle.path) as opened:
        first = opened.plan.frame_of(opened.toc.sums)
    assert toc_encoder.sums_frames(bundle.contents) == [range(first, first + 1), range(first + 1, first + 2)]
    joined = bundle.contents._replace(distributions=bundle.contents.distributions[1:])
    assert toc_encoder.sums_frames(joined) == [[]]
