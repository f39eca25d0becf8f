"""A folder of results, a layout or a store from elsewhere: what is no regular file there is not waited for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from airpack_runtime import layout
from support.airpack import Airpack, Repeat
from support.wheels import build_wheel

PIPE = "it is a pipe, not a regular file"
COMMANDS = (
    ["verify", "dist", "--no-import"],
    ["audit", "dist"],
    ["rebuild", "dist"],
    ["inspect", "dist"],
    ["sign", "dist", "--key", "team.key"],
    ["upload", "dist", "file://{here}/store"],
    ["azureml", "dist", "--code", "code", "--model", "model"],
    ["oci", "dist", "-o", "layout"],
    ["pack", "--lock", "dist/pylock.toml", "--no-import", "-o", "other"],
)
NAMES = (
    "manifest.json",
    "pylock.toml",
    "sbom.cdx.json",
    layout.BUNDLE_NAME,
    f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}",
    "wheelhouse/one-1.0-py3-none-any.whl",
    "wheelhouse/requirements.txt",
)


@pytest.fixture
def dist(airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repeat: Repeat) -> Path:
    """Return a folder of results, in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make() -> None:
        build_wheel(wheels, "one")
        assert airpack("keygen", "-q", "-o", "team") == 0
        assert airpack.pack("one", "-q", "--no-import", "--level", 1) == 0

    repeat(make)
    return airpack.output


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_command_waits_for_a_pipe(airpack: Airpack, dist: Path, tmp_path: Path, name: str) -> None:
    """In the place of any file: the command fails in a line, or does without that file."""
    kept = tmp_path / "kept"
    dist.rename(kept)
    for words in COMMANDS:
        for left in ("dist", "store", "code", "model", "layout", "other"):
            shutil.rmtree(tmp_path / left, ignore_errors=True)
        shutil.copytree(kept, dist)
        (dist / name).unlink(missing_ok=True)
        os.mkfifo(dist / name)
        status = airpack(*(word.format(here=tmp_path) for word in words))
        assert status in (0, 1)
        if status:
            assert PIPE in airpack.err + airpack.out or "requirements.txt differs" in airpack.err, words


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_link_is_followed(airpack: Airpack, dist: Path, tmp_path: Path, name: str) -> None:
    """What it leads to may be private: no command gives it to anybody."""
    secret = tmp_path / "secret"
    secret.write_text("aws_secret_access_key = HUSH\n")
    (dist / name).unlink(missing_ok=True)
    (dist / name).symlink_to(secret)
    for words in COMMANDS:
        assert airpack(*(word.format(here=tmp_path) for word in words)) in (0, 1)
        assert "HUSH" not in airpack.out + airpack.err
    for place in ("store", "code", "model", "layout", "other"):
        for path in (tmp_path / place).rglob("*"):
            assert not path.is_file() or b"HUSH" not in path.read_bytes()


@pytest.mark.parametrize("command", ["sign", "verify"])
@pytest.mark.parametrize("name", [layout.BUNDLE_NAME, layout.IMAGE_NAMES[0]])
def test_no_linked_bundle_is_signed_or_found_signed(airpack: Airpack, dist: Path, command: str, name: str) -> None:
    """A link in a folder leads to what somebody else chose; a bundle that the user names may be one."""
    outside = dist.parent / f"elsewhere-{name}"
    shutil.copy(dist / layout.BUNDLE_NAME, outside)
    (dist / name).unlink(missing_ok=True)
    (dist / name).symlink_to(outside)
    more = ["--key", "team.key"] if command == "sign" else ["--key", "team.pub", "--no-import"]
    assert airpack(command, dist, *more) == 1
    assert "it is a symbolic link, not a regular file" in airpack.error
    assert not list(dist.glob("*.sig"))
    (dist / "manifest.json").unlink()
    if name == layout.BUNDLE_NAME:
        assert airpack("sign", dist / name, "--key", "team.key") == 0, airpack.err


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_a_layout_with_a_pipe_is_not_waited_for(airpack: Airpack, tmp_path: Path, name: str) -> None:
    """Neither is an endless device behind a link."""
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        place = tmp_path / "layout"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (place / "index.json").write_text('{"manifests": []}')
        (place / name).unlink()
        make(place / name)
        assert airpack("push", place, "127.0.0.1:1/m:1") == 1
        assert "not a regular file" in airpack.error


@pytest.mark.parametrize("name", [layout.SUMS, layout.BUNDLE_NAME])
def test_a_store_with_a_pipe_is_not_waited_for(airpack: Airpack, dist: Path, tmp_path: Path, name: str) -> None:
    """A store may be a folder that many write to."""
    assert airpack("upload", dist, f"file://{tmp_path}/store") == 0
    (tmp_path / "store" / name).unlink()
    os.mkfifo(tmp_path / "store" / name)
    assert airpack("download", f"file://{tmp_path}/store", "-o", "back") == 1
    assert PIPE in airpack.error
    assert not (tmp_path / "back").exists()
