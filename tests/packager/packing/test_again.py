"""A pack of what was packed before: what the cache knows is not done again, and the bytes are the same."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from airpack.base import cache, zstd
from support.airpack import Airpack
from support.layouts import digest_of
from support.wheels import build_wheel

pytestmark = pytest.mark.usefixtures("target_python")
AGAIN = "import    as before: Python 3.7"


@pytest.fixture
def store(airpack: Airpack, wheels: Path) -> Path:
    """Return the cache, after a pack of two distributions."""
    build_wheel(wheels, "one", files={"one/__init__.py": "X = 1\n", "one/data.bin": os.urandom(1000)}, requires=["two"])
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 0, airpack.err
    return cache.folder(os.environ)


@pytest.mark.slow
def test_it_is_the_same_without_its_frames_or_without_a_cache(airpack: Airpack, store: Path) -> None:
    """A known distribution is installed again where its frames are missing."""
    before = digest_of(airpack.output)
    for gone in (store / cache.FRAMES, store / cache.BYTECODE, store):
        shutil.rmtree(gone)
        assert airpack.pack("one", "--tree", airpack.output.with_name("tree")) == 0, airpack.err
        assert digest_of(airpack.output) == before


@pytest.mark.slow
def test_what_was_found_in_order_is_not_imported_again(airpack: Airpack, store: Path) -> None:
    """Another bundle is, and so is this one with another cache."""
    assert "import         2 modules" in airpack.err
    assert airpack.pack("one") == 0
    assert AGAIN in airpack.err
    assert airpack.pack("one", "two", "--slim") == 0
    assert AGAIN not in airpack.err
    shutil.rmtree(store / cache.PROOFS)
    assert airpack.pack("one") == 0
    assert AGAIN not in airpack.err


@pytest.mark.slow
def test_what_an_import_writes_is_in_no_result(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """Not even where a module changes its own file: it is packed by then, and a tree that is ordered is another's."""
    build_wheel(wheels, "one", files={"one.py": "open(__file__, 'a').write('X = 2\\n')\n"})
    for words in ((), ("--tree", tmp_path / "tree")):
        assert airpack.pack("one", *words) == 0, airpack.err
        assert airpack("verify", airpack.output, "--no-import") == 0, airpack.err
        shutil.rmtree(cache.folder(os.environ))
    assert airpack("verify", tmp_path / "tree", "--bundle", airpack.output, "--no-import") == 0, airpack.err


@pytest.mark.slow
def test_what_was_found_is_told_each_time(airpack: Airpack, wheels: Path) -> None:
    """Whoever packs again has read nothing yet."""
    build_wheel(wheels, "broken", files={"broken.py": "import absent\n"})
    for _ in range(2):
        assert airpack.pack("broken") == 0
        assert "No module named 'absent'" in airpack.err
    assert re.search(rf"{AGAIN}\.\d+ imported this bundle, and found 1 finding\n", airpack.err)


@pytest.mark.slow
def test_a_wrong_description_never_becomes_a_bundle(airpack: Airpack, store: Path) -> None:
    """One of another airpack, say, whose frames are gone: the distribution is installed, and described anew."""
    before = digest_of(airpack.output)
    for place in filter(Path.is_file, (store / cache.PARTS).rglob("*")):
        described = json.loads(cache.read_sealed(place) or b"")
        described["files"][0][3] = "0" * 64
        cache.write_sealed(json.dumps(described).encode(), place)
    shutil.rmtree(store / cache.FRAMES)
    assert airpack.pack("one") == 0, airpack.err
    assert digest_of(airpack.output) == before


@pytest.mark.slow
def test_a_forged_frame_is_found_by_rebuild(airpack: Airpack, store: Path) -> None:
    """Whoever can write to the cache can change what is packed: packing again without it tells."""
    for place in filter(Path.is_file, (store / cache.FRAMES).rglob("*")):
        kept = cache.read_sealed(place) or b""
        raw = zstd.decompress(kept, zstd.size_in(kept))
        cache.write_sealed(zstd.compress(raw.replace(b"X = 1", b"X = 2"), 3), place)
    assert airpack.pack("one", "--no-import") == 0
    assert airpack("rebuild", airpack.output, "--decoder", airpack.decoder) == 1
    assert "lib/python3.7/site-packages/one/__init__.py is not what SHA256SUMS lists" in airpack.error
