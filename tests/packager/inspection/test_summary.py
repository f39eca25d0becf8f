"""What an auditor sees of a bundle: `airpack inspect`."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import machine
from support.airpack import Airpack, Repeat
from support.index import Index
from support.wheels import build_wheel

TWIN = "the same words in two files\n" * 8000


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of packing two wheels that share a file."""
    ones: dict[str, str | bytes] = {"one/__init__.py": "", "one/a.txt": TWIN}
    twos: dict[str, str | bytes] = {"two.py": "", "two_more.py": "", "two-2.5.data/data/share/a.txt": TWIN}

    def pack() -> None:
        licensed = ["License-Expression: MIT AND (Apache-2.0 OR BSD-2-Clause)"]
        build_wheel(wheels, "one", files=ones, requires=["two"], metadata=licensed)
        build_wheel(wheels, "two", "2.5", files=twos)
        assert airpack.pack("one", "--no-bytecode", "--no-import") == 0

    repeat(pack)
    return airpack.output


def _lines(airpack: Airpack) -> list[str]:
    return airpack.out.splitlines()


def test_one_screen_tells_what_is_in_a_bundle(airpack: Airpack, dist: Path) -> None:
    """Target, digest, packages with licence, sizes and modules, the heaviest files, what a boot writes."""
    assert airpack("inspect", dist) == 0
    manifest = json.loads((dist / "manifest.json").read_text())["bundle"]
    lines = _lines(airpack)
    assert max(map(len, lines)) <= 80 or len(str(dist)) > 30
    shown = {line[:9].strip(): line[9:] for line in lines[:8]}
    assert shown["target"] == "cp37-manylinux_2_27_x86_64"
    assert shown["digest"] == manifest["digest"]
    assert shown["packed"] == "by airpack 0.1.0, with the decoder of pyzstd 0.15.10"
    assert shown["asked"] == "one"
    assert shown["origin"] == "2 from a local file"
    assert shown["boot"] == "writes 0.2 MB: 12 files, 1 hard link, 7 folders"
    assert shown["saved"] == "0.2 MB by links, 0.2 MB of it a.txt"
    one, two = (line for line in lines if line.startswith(("one ", "two ")))
    assert re.fullmatch(r"one +1\.0 +MIT AND \(Apache-\.\.\. +[\d.]+ k?B +0\.2 MB  one", one), one
    assert re.fullmatch(r"two +2\.5 +not recorded +[\d.]+ k?B +[\d.]+ k?B  two, two_more", two), two
    heaviest = lines[lines.index("heaviest files") + 1]
    assert heaviest == "    0.2 MB  lib/python3.7/site-packages/one/a.txt (in 2 places)"


def test_json_holds_all_of_it(airpack: Airpack, dist: Path) -> None:
    """Sizes in bytes; with --files each path with mode, size, SHA-256, and what it links to."""
    assert airpack("inspect", dist / "bundle.tar.zst", "--json", "--files", "--sort", "size") == 0
    told = json.loads(airpack.out)
    one, two = told["packages"]
    assert (one["name"], one["license"]) == ("one", "MIT AND (Apache-2.0 OR BSD-2-Clause)")
    assert (one["origin"], one["links"], two["links"], two["modules"]) == ("local", 0, 1, ["two", "two_more"])
    assert one["unpacked_size"] + two["unpacked_size"] == told["unpacked_size"]
    assert 0 < one["packed_size"] + two["packed_size"] < told["size"]
    heavy, link = sorted(told["entries"][:2], key=lambda each: str(each["path"]))
    assert (link["path"], link["size"], link["link_to"]) == (
        "share/a.txt",
        len(TWIN),
        "lib/python3.7/site-packages/one/a.txt",
    )
    assert (heavy["path"], heavy["link_to"], heavy["mode"]) == ("lib/python3.7/site-packages/one/a.txt", None, 0o644)
    assert heavy["sha256"] == link["sha256"] == hashlib.sha256(TWIN.encode()).hexdigest()
    assert len(told["entries"]) == told["files"] + told["links"]
    duplicate = told["duplicates"][0]
    assert duplicate == {"path": "lib/python3.7/site-packages/one/a.txt", "links": ["share/a.txt"], "saved": len(TWIN)}


def test_files_are_listed_by_name_or_size(airpack: Airpack, dist: Path) -> None:
    """A line each, with size, mode and path, and what it is a link to."""
    assert airpack("inspect", dist, "--files") == 0
    listed = _lines(airpack)
    listed = listed[listed.index("        size  mode  path") + 1 :]
    assert listed[-1] == f"{len(TWIN):>12,}  0644  share/a.txt -> lib/python3.7/site-packages/one/a.txt"
    paths = [line.split()[2] for line in listed]
    assert paths == sorted(paths)
    assert airpack("inspect", dist, "--files", "--sort", "size") == 0
    by_size = _lines(airpack)
    by_size = by_size[by_size.index("        size  mode  path") + 1 :]
    sizes = [int(line.split()[0].replace(",", "")) for line in by_size]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.slow
def test_the_same_wheels_give_the_same_bundle_wherever_they_are_from(
    airpack: Airpack, index: Index, wheels: Path, tmp_path: Path
) -> None:
    """So its origin stands in the manifest, without the credentials of the index; away from it, it isn't known."""
    build_wheel(wheels, "one")
    secret = index.url.replace("http://", "http://user:s3cret@")
    assert airpack.pack("one", "--no-import") == 0
    local = (airpack.output / "bundle.tar.zst").read_bytes()
    words = ["pack", "one", "-o", airpack.output, "--no-import", "--decoder", airpack.decoder, "--index-url", secret]
    assert airpack(*words) == 0, airpack.err
    assert (airpack.output / "bundle.tar.zst").read_bytes() == local
    assert airpack("inspect", airpack.output) == 0
    assert f"origin   1 from {index.url.partition('/simple')[0].rstrip('/')}" in airpack.out
    for path in airpack.output.rglob("*"):
        assert path.is_dir() or b"s3cret" not in path.read_bytes(), path
    shutil.copy(airpack.output / "bundle.tar.zst", tmp_path / "alone.tar.zst")
    assert airpack("inspect", tmp_path / "alone.tar.zst") == 0
    assert "origin   1 of unknown origin (manifest.json records it)" in airpack.out


def test_the_golden_bundle_is_shown(airpack: Airpack) -> None:
    """It was packed before licences were kept."""
    assert airpack("inspect", machine.FIXTURES / "golden" / "bundle.tar.zst") == 0
    assert re.search(r"^alpha +1\.0 +not recorded ", airpack.out, re.MULTILINE)


def _on_terminal(line: list[str], env: dict[str, str]) -> bytes:
    """Run a command on a terminal of its own and return what it wrote."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(line, stdout=theirs, env={**os.environ, **env}) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            written += chunk
        assert process.wait(30) == 0
    os.close(ours)
    return written


def test_colours_are_for_a_terminal_alone(airpack: Airpack, dist: Path) -> None:
    """And not there with NO_COLOR."""
    line = [sys.executable, "-m", "airpack", "inspect", str(dist)]
    plain = {"TERM": "xterm", "NO_COLOR": ""}
    assert b"\x1b[1mdigest" in _on_terminal(line, plain)
    assert b"\x1b" not in _on_terminal(line, {**plain, "NO_COLOR": "1"})
    assert b"\x1b" not in _on_terminal(line, {**plain, "TERM": "dumb"})
    assert b"\x1b" not in subprocess.run(line, capture_output=True, check=True).stdout


def test_what_is_no_bundle_is_said_in_a_line(airpack: Airpack, tmp_path: Path) -> None:
    """Nothing there, something else there, an empty folder."""
    (tmp_path / "text").write_text("hello\n")
    assert airpack("inspect", tmp_path / "text") == 1
    assert airpack.err == f"airpack: error: {tmp_path}/text: it is not an airpack bundle: 6 bytes; {COPY}\n"
    assert airpack("inspect", tmp_path / "absent") == 1
    assert airpack.err == f"airpack: error: no bundle at {tmp_path}/absent: No such file or directory\n"
    assert airpack("inspect", tmp_path) == 1
    assert airpack.err == f"airpack: error: no bundle at {tmp_path}/bundle.tar.zst: No such file or directory\n"


COPY = "copy it again from where it was packed"
