"""The commands for an auditor, on scikit-learn and pandas: what they say, and what of 78 MB they read for it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airpack.audit import elf as dynamic
from airpack.bundle.opened import OpenBundle
from airpack.cli.app import main
from airpack_runtime import layout
from airpack_runtime.format.framing import Plan
from elftools.elf.elffile import ELFFile
from support import machine

pytestmark = pytest.mark.network

AIRPACK = [sys.executable, "-m", "airpack"]


def _airpack(*words: object) -> subprocess.CompletedProcess[str]:
    return machine.run([*AIRPACK, *map(str, words)])


def _bytes_read(folder: Path, log: Path, words: list[object]) -> tuple[int, list[tuple[int, int]]]:
    """Return how many bytes of the bundle a command reads, and each (offset, size); nothing but `pread` does."""
    path = folder / layout.BUNDLE_NAME
    calls = "trace=pread64,read,readv,preadv,preadv2,mmap,sendfile,copy_file_range"
    line = [machine.tool("strace"), "-f", "-y", "-e", calls, "-o", str(log), *AIRPACK, *map(str, words)]
    subprocess.run(line, stdout=subprocess.DEVNULL, check=False, timeout=120)
    reads = [each for each in log.read_text().splitlines() if f"<{path}>" in each]
    places = [(int(m[1]), int(m[2])) for m in (re.search(r", (\d+)\) += (\d+)$", each) for each in reads) if m]
    assert len(places) == len(reads), reads
    return sum(size for _, size in places), places


@pytest.mark.usefixtures("target_python")
def test_inspect_fits_on_a_screen(science: Path) -> None:
    """Nine packages in 80 columns; every one has a licence and an origin."""
    done = subprocess.run(
        [*AIRPACK, "inspect", layout.BUNDLE_NAME], cwd=science, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 30
    assert "not recorded" not in done.stdout
    assert re.search(r"^pandas +1\.3\.5 +BSD-3-Clause +1\d\.\d MB +5\d\.\d MB  pandas$", done.stdout, re.MULTILINE)
    assert re.search(r"^ +31\.7 MB +\.\.\./.*libopenblasp.* \(in 2 places\)$", done.stdout, re.MULTILINE)
    boot = re.search(
        r"^boot +writes 30\d\.\d MB: (\d,\d{3}) files, (\d+) hard links, \d+ folders$", done.stdout, re.MULTILINE
    )
    assert boot is not None
    told = json.loads((science / "manifest.json").read_text())["bundle"]["files"]
    assert int(boot[1].replace(",", "")) + int(boot[2]) == told


def test_diff_tells_one_package_from_the_eight_that_stay(science: Path, older: Path) -> None:
    """Pandas alone is another; most of the rest needs no second upload."""
    done = _airpack("diff", older, science)
    assert (done.returncode, done.stderr) == (1, "")
    changed = [line for line in done.stdout.splitlines() if line[:2] in ("+ ", "- ", "~ ")]
    assert [line.split("  ")[0] for line in changed] == ["~ pandas 1.3.4 -> 1.3.5"]
    told = json.loads(_airpack("diff", older, science, "--json").stdout)
    assert told["to_upload"] < told["frames"]["size"] / 3
    (pandas,) = told["packages"]
    assert "lib/python3.7/site-packages/pandas/_version.py" in {each["path"] for each in pandas["files"]}
    assert _airpack("diff", science, science).returncode == 0


def test_verify_agrees_and_sees_a_flipped_bit(science: Path, tmp_path: Path) -> None:
    """The folder as it was packed has no finding, its imports included; one bit in the middle is one."""
    done = _airpack("verify", science, "-q", "--strict")
    assert (done.returncode, done.stderr) == (0, "")
    data = bytearray((science / layout.BUNDLE_NAME).read_bytes())
    data[len(data) // 2] ^= 16
    (tmp_path / layout.BUNDLE_NAME).write_bytes(data)
    done = _airpack("verify", tmp_path, "--no-import")
    assert done.returncode == 1
    assert re.search(r"^error: bundle.tar.zst: frame \d+ is damaged", done.stdout)


def test_cat_and_extract_agree_with_tar(science: Path, tmp_path: Path) -> None:
    """The largest library, which lies twice in the wheels and once in the bundle, and METADATA files."""
    bundle = science / layout.BUNDLE_NAME
    done = _airpack("extract", bundle, "-o", tmp_path / "ours", "*/libopenblasp*", "*/METADATA")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "theirs").mkdir()
    tar = [*machine.tar_zstd(), "-xf", str(bundle), "-C", str(tmp_path / "theirs"), "--wildcards"]
    assert machine.run([*tar, "*/libopenblasp*", "*/METADATA"]).returncode == 0
    assert machine.run(["diff", "-r", str(tmp_path / "ours"), str(tmp_path / "theirs")]).returncode == 0
    libraries = list((tmp_path / "ours").rglob("libopenblasp*"))
    assert [path.stat().st_nlink for path in libraries] == [2, 2]
    for path in libraries[:1]:
        line = [*AIRPACK, "cat", str(bundle), str(path.relative_to(tmp_path / "ours"))]
        assert subprocess.run(line, capture_output=True, check=True).stdout == path.read_bytes()


def test_only_what_is_asked_for_is_read(science: Path, older: Path, tmp_path: Path) -> None:
    """Of 78 MB: the table of contents, SHA256SUMS for a diff, one frame for a file."""
    bundle = science / layout.BUNDLE_NAME
    with OpenBundle.at(bundle) as opened:
        frames, plan = opened.toc.frames, Plan(opened.toc)
        number = plan.frame_of(opened.find("pandas/__init__.py")[1])
        sums = [each for each, _ in plan.pieces(opened.toc.sums)]
    log = tmp_path / "strace.log"
    every = {frame.offset for frame in frames}
    for words, wanted in (
        (["inspect", bundle], []),
        (["cat", bundle, "pandas/__init__.py"], [number]),
        (["diff", older, science], sums),
    ):
        size, places = _bytes_read(science, log, words)
        assert {offset for offset, _ in places} & every == {frames[each].offset for each in wanted}
        assert size < 300_000 + sum(frames[each].size for each in wanted), words


def test_compiled_files_are_read_as_pyelftools_reads_them(science: Path, tmp_path: Path) -> None:
    """Every library of the bundle: machine, versions of symbols, libraries."""
    assert main(["extract", str(science), "-q", "-o", str(tmp_path / "tree"), "*.so", "*.so.*", "*.libs/*"]) == 0
    libraries = [path for path in (tmp_path / "tree").rglob("*") if path.is_file()]
    assert len(libraries) > 200
    for path in libraries:
        content = path.read_bytes()
        elf = ELFFile(io.BytesIO(content))
        needs: Any = elf.get_section_by_name(".gnu.version_r")
        linked: Any = elf.get_section_by_name(".dynamic")
        versions = [each.name for _, several in needs.iter_versions() for each in several] if needs else []
        expected = (elf["e_machine"], versions, [tag.needed for tag in linked.iter_tags("DT_NEEDED")])
        asked = dynamic.read(content)
        assert asked is not None
        assert (asked.machine, list(asked.versions), list(asked.libraries)) == expected, path


@pytest.mark.usefixtures("target_python")
def test_a_delta_of_one_changed_pin_has_what_changed(science: Path, older: Path, tmp_path: Path) -> None:
    """At most 1.05 of the frames of pandas; what is made of it is the new bundle, byte for byte."""
    delta, made = tmp_path / "update.delta", tmp_path / "made.tar.zst"
    _airpack("delta", older, science, "-o", delta)
    with OpenBundle.at(science / layout.BUNDLE_NAME) as opened:
        packed = dict(zip([share.name for share in opened.toc.distributions], opened.packed_sizes(), strict=True))
        digest = opened.file.digest
    assert delta.stat().st_size <= 1.05 * packed["pandas"]
    _airpack("apply", older, delta, "-o", made, "--digest", digest)
    assert made.read_bytes() == (science / layout.BUNDLE_NAME).read_bytes()
