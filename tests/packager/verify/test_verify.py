"""Whether what was packed is whole: `airpack verify`, for a bundle, a folder of results, and a plain tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airpack_runtime.format.reader import open_bundle
from support.airpack import Airpack
from support.bundles import GOLDEN
from support.wheels import build_wheel


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
    assert airpack(*words, "latest") == 2


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_what_an_install_adds_and_rewrites_is_no_finding(airpack: Airpack, dist: Path) -> None:
    """Scripts, INSTALLER, bytecode, the wheelhouse in the bundle: a folder of results as it was packed has none."""
    assert airpack.findings(dist, status=0) == []
    assert airpack("verify", "--strict", dist) == 0
    assert "import         3 modules" in airpack.err
    assert airpack.out.startswith(f"0 findings in {dist}/bundle.tar.zst, sha256:")


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_wheels_data_for_another_python_are_files_as_any(airpack: Airpack, wheels: Path) -> None:
    """Nothing there is a module or a distribution of the tree's, to the proof by import, to verify and to cat."""
    folder = "lib/python3.10/site-packages"  # before that of 3.7, in the order of names
    files = {"two.py": "import absent\n", "two-1.0.dist-info/METADATA": "Name: two\n", "two-1.0.dist-info/RECORD": ""}
    data = {f"one-1.0.data/data/{folder}/{path}": text for path, text in files.items()}
    build_wheel(wheels, "one", files={"one.py": "V = 1\n", **data})
    assert airpack.pack("one") == 0
    assert "warning" not in airpack.err
    assert airpack("verify", "--strict", airpack.output) == 0
    assert airpack("cat", airpack.output, "one.py") == 0
    assert airpack.out == "V = 1\n"
    assert airpack("cat", airpack.output, f"{folder}/two.py") == 0


def test_a_tree_of_another_bundle_is_told_by_its_note(airpack: Airpack, dist: Path) -> None:
    """By --digest, or the digest of --bundle; --bundle is for trees alone."""
    tree = dist.with_name("tree")
    digest = json.loads((dist / "manifest.json").read_text())["bundle"]["digest"]
    assert airpack.findings(tree, "--digest", digest, "--bundle", dist, status=0) == []
    assert f"error: tree/airpack-tree.json has the digest {digest}" in airpack.findings(tree, "--digest", "0" * 64)[0]
    (tree / "airpack-tree.json").write_text("{}")
    assert "error: tree/airpack-tree.json doesn't say which bundle's tree this is" in "".join(airpack.findings(tree))
    assert airpack("verify", dist, "--bundle", GOLDEN) == 2
    assert "--bundle names what to compare a plain tree with" in airpack.error


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_verify_imports_a_bundle_too(airpack: Airpack, wheels: Path) -> None:
    """With its findings as text and JSON; `--no-import` executes nothing of it."""
    build_wheel(wheels, "one", files={"one.py": "import absent"})
    assert airpack.pack("one") == 0
    assert airpack("verify", airpack.output) == 0
    assert airpack.out.splitlines()[-1].startswith(f"1 finding in {airpack.output}/bundle.tar.zst, sha256:")
    assert airpack("verify", airpack.output, "--no-import", "--json") == 0
    assert json.loads(airpack.out) == []
    assert airpack("verify", airpack.output / "bundle.tar.zst", "--strict", "--json") == 1
    (finding,) = json.loads(airpack.out)
    assert (finding["severity"], finding["package"]) == ("warning", "one")


@pytest.mark.slow
def test_verify_names_each_damage(airpack: Airpack, wheels: Path) -> None:
    """A flipped bit in a frame, in the decoder, in the table of contents: found, and nothing of it is executed."""
    marker = airpack.output.with_name("executed")
    build_wheel(wheels, "one", files={"one.py": f"open({str(marker)!r}, 'w')\n" + "x = 1\n" * 100})
    assert airpack.pack("one", "--no-import") == 0
    path = airpack.output / "bundle.tar.zst"
    whole = path.read_bytes()
    for place, expected in (
        (40, "frame 0 is damaged (its SHA-256 differs): copy it again from where it was packed"),
        (whole.index(b"\x51\x2a\x4d\x18") + 100, "the decoder is damaged (its SHA-256 differs)"),
        (whole.index(b"airpack-bundle") + 200, "its table of contents is damaged"),
        (len(whole) - 45, "its seek table is damaged, or bytes in it belong to nothing"),
    ):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert airpack("verify", path) == 1
        assert expected in airpack.err
    assert not marker.exists()
    path.write_bytes(whole)
    assert airpack("verify", path, "--no-import") == 0
    manifest = airpack.output / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"file_sha256": "', '"file_sha256": "0'))
    assert airpack("verify", airpack.output, "--no-import") == 1
    assert "but its manifest lists 0" in airpack.error


@pytest.mark.slow
def test_results_may_be_named_by_a_relative_path(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the default is."""
    monkeypatch.chdir(tmp_path)
    build_wheel(wheels, "one")
    assert airpack.pack("one", "-o", "relative", "--strict") == 0, airpack.err
    assert airpack("verify", "relative", "--strict") == 0, airpack.err


def test_quiet_tells_each_error_and_nothing_else(airpack: Airpack, dist: Path) -> None:
    """Not the first alone."""
    path = dist / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "packages": []}))
    (dist / "pylock.toml").unlink()
    assert len(airpack.findings(dist)) == 3
    assert airpack("verify", "--no-import", "-q", dist) == 1
    assert [line.split(" ")[0] for line in airpack.out.splitlines()] == ["error:", "error:"]
