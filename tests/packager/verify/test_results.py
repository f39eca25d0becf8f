"""A folder of results: wheelhouse, lock, manifest and bundle must agree."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from airpack.results.folder import Results
from airpack.verify import results
from airpack_runtime import layout
from support.airpack import Airpack
from support.bundles import GOLDEN
from support.wheels import build_wheel

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


@pytest.mark.slow
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
    found = airpack.findings(dist)
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


@pytest.mark.slow
def test_the_lock_is_compared_with_the_bundle(airpack: Airpack, dist: Path, wheels: Path, tmp_path: Path) -> None:
    """A bundle of other wheels than the folder's; its manifest doesn't know it, either."""
    build_wheel(wheels, "three")
    build_wheel(wheels, "two", files={"two.py": "another = 1\n"})
    assert airpack.pack("two", "three", "-o", tmp_path / "other", "--no-import") == 0
    shutil.copy(tmp_path / "other" / "bundle.tar.zst", dist)
    found = [line.partition(": copy the folder")[0] for line in airpack.findings(dist)]
    assert "error: pylock.toml locks one 1.0, which bundle.tar.zst lacks" in found
    assert "error: bundle.tar.zst holds three 1.0, which pylock.toml doesn't lock" in found
    assert any(line.startswith("error: pylock.toml locks two-1.0-py3-none-any.whl sha256:") for line in found)
    assert any(line.startswith("error: bundle.tar.zst has the digest sha256:") for line in found)
    assert any("but its manifest lists" in line and "SHA-256" in line for line in found)
    assert any(
        line.startswith("error: two 1.0: lib/python3.7/site-packages/two.py is not that of two-1.0-") for line in found
    )


def test_a_bundle_that_is_gone_does_not_hide_the_rest(airpack: Airpack, dist: Path) -> None:
    """The wheels are checked all the same."""
    path = dist / "bundle.tar.zst"
    path.write_bytes(path.read_bytes()[:-9])
    (dist / "wheelhouse" / "two-1.0-py3-none-any.whl").unlink()
    found = airpack.findings(dist)
    assert len(found) == 2
    assert "it is truncated" in found[0]
    assert "is not in wheelhouse" in found[1]


def _edited(dist: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what the manifest in a folder of results says."""
    path = dist / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("what", MANIFESTS)
def test_what_a_manifest_says_of_the_bundle_is_compared(airpack: Airpack, dist: Path, what: str) -> None:
    """Target, requirements, packages, ...: an auditor reads it there."""
    sha256 = json.loads((dist / "manifest.json").read_text())["packages"][1]["sha256"][:12]
    change, expected = MANIFESTS[what]
    _edited(dist, change)
    found = [line.partition(": copy the folder")[0].removeprefix("error: ") for line in airpack.findings(dist)]
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
    (found,) = airpack.findings(dist)
    assert found.startswith(f"error: manifest.json: {problem}")


def test_what_is_not_there_is_noted(airpack: Airpack, dist: Path) -> None:
    """A bundle that came alone, as `pull` brings it, is whole, but nothing speaks for it; a pin does."""
    digest = json.loads((dist / "manifest.json").read_text())["bundle"]["digest"]
    remedy = "give --digest or --key to know that it is the bundle that was packed"
    shutil.rmtree(dist / "wheelhouse")  # as `download` leaves it
    told = "note: bundle.tar.zst came without wheelhouse, and was compared with none of that"
    assert airpack.findings(dist, status=0) == [f"{told}: {remedy}"]
    (dist / "manifest.json").unlink()
    (dist / "pylock.toml").unlink()
    told = (
        "note: bundle.tar.zst came without manifest.json, pylock.toml, wheelhouse, and was compared with none of that"
    )
    assert airpack.findings(dist, status=0) == [f"{told}: {remedy}"]
    assert airpack.out.splitlines()[-1].startswith(f"0 findings, 1 note in {dist}/bundle.tar.zst, sha256:")
    assert airpack.findings(dist, "--digest", digest, status=0) == []
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
    (found,) = airpack.findings(dist)
    subject = name.removeprefix("wheelhouse/") if name.endswith(".whl") else name
    assert re.match(rf"error: {re.escape(subject)}:? ", found)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """Return a folder with the golden bundle and nothing else."""
    folder = tmp_path / "golden"
    folder.mkdir()
    shutil.copy(GOLDEN, folder / layout.BUNDLE_NAME)
    return folder


def test_a_bundle_without_a_manifest_is_compared_with_none(golden: Path) -> None:
    """Whether it was named by itself, or its folder was; a manifest that cannot be read is an error."""
    with ThreadPoolExecutor(1) as executor:
        for place in (golden, golden / layout.BUNDLE_NAME):
            packed = Results.at(place)
            with packed.open_bundle() as opened:
                assert list(results.by_manifest(packed, opened, executor=executor)) == []
        (golden / "manifest.json").write_text("{}")
        packed = Results.at(golden)
        with packed.open_bundle() as opened:
            (finding,) = results.by_manifest(packed, opened, executor=executor)
    remedy = "copy the folder again from where it was packed"
    assert str(finding) == f"error: manifest.json: format is missing: {remedy}"


def test_a_lock_that_can_not_be_read_is_an_error(golden: Path) -> None:
    """In one line, beside whatever else there is."""
    (golden / "pylock.toml").write_text("x = ")
    packed = Results.at(golden)
    with ThreadPoolExecutor(1) as executor, packed.open_bundle() as opened:
        findings = list(results.check(packed, opened, {}, executor=executor))
    assert [(finding.severity, finding.package) for finding in findings] == [
        ("error", "pylock.toml"),
    ]
    assert findings[-1].sentence.startswith(f"can't be compared ({golden}/pylock.toml: ")
