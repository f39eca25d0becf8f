"""`airpack rebuild`: whether packing again gives the same bytes, and if not, what differs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airpack.base import zstd
from airpack.target.target import Target
from airpack_runtime import layout
from support.airpack import Airpack
from support.sdists import build_sdist
from support.wheels import build_wheel


@pytest.fixture
def rebuild(airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return what rebuilds on a machine with nothing in its cache, and no index; it leaves nothing behind."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def rebuild(*words: object) -> int:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-cache"))
        monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        before = _everything_in(airpack.output)
        status = airpack("rebuild", airpack.output, "--no-index", "--decoder", airpack.decoder, "--no-progress", *words)
        assert _everything_in(airpack.output) == before
        assert list(scratch.iterdir()) == []
        return status

    return rebuild


def _everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _edit(airpack: Airpack, change: Callable[[dict[str, Any]], None]) -> None:
    path = airpack.output / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def _substitute(airpack: Airpack, other: Path) -> None:
    """Put the bundle of another pack in the place of the first's, and its own hash into the manifest."""
    shutil.copy(other / layout.BUNDLE_NAME, airpack.output)
    bundle = json.loads((other / "manifest.json").read_text())["bundle"]
    _edit(airpack, lambda data: data.update(bundle=bundle))


def _packed_elsewhere(airpack: Airpack, *words: object) -> Path:
    first, airpack.output = airpack.output, airpack.output.with_name("other")
    assert airpack.pack(*words) == 0, airpack.err
    other, airpack.output = airpack.output, first
    return other


@pytest.mark.slow
def test_the_same_bytes(airpack: Airpack, wheels: Path, rebuild: Callable[..., int]) -> None:
    """The wheels come from the wheelhouse: neither the cache nor where they came from is asked."""
    build_wheel(wheels, "one", requires=["two"], scripts={"go": "one:main"})
    build_wheel(wheels, "two")
    assert airpack.pack("one") == 0, airpack.err
    digest = json.loads((airpack.output / "manifest.json").read_text())["bundle"]["digest"]
    shutil.rmtree(wheels)
    assert rebuild() == 0, airpack.err
    assert airpack.out == f"rebuilt   {airpack.output}/bundle.tar.zst, byte for byte\ndigest    {digest}\n"
    assert rebuild("-q") == 0
    assert (airpack.out, airpack.err) == ("", "")


@pytest.mark.slow
def test_every_option_is_in_the_manifest(
    airpack: Airpack, wheels: Path, tmp_path: Path, rebuild: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Level, times, bytecode, the wheels in it, and an image's profile: none is asked for again."""
    profile = tmp_path / "image.json"
    data = Target.parse("cp37-manylinux_2_27_x86_64", python_version="3.7.9").to_dict()
    data["compatible_tags"] = data["compatible_tags"][5:]
    profile.write_text(json.dumps({**data, "installed": []}))
    build_wheel(wheels, "one")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    words = ["--level", 3, "--no-bytecode", "--with-wheelhouse", "--slim", "--exclude", "*.md", "--target", profile]
    assert airpack.pack("one", *words) == 0
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    profile.unlink()
    options = json.loads((airpack.output / "manifest.json").read_text())["options"]
    assert options == {
        "level": 3,
        "mtime": 1700000000,
        "bytecode": False,
        "with_wheelhouse": True,
        "exclude": ["*.md"],
        "slim": True,
        "decoder": "pyzstd 0.15.10",
    }
    assert rebuild() == 0, airpack.err
    assert ", byte for byte\n" in airpack.out


@pytest.mark.usefixtures("target_python")
@pytest.mark.slow
def test_what_was_built_is_taken_as_it_was_built(airpack: Airpack, wheels: Path, rebuild: Callable[..., int]) -> None:
    """And that is said: the bytes of a build are its backend's affair."""
    build_sdist(wheels, "one")
    assert airpack.pack("one") == 0, airpack.err
    assert rebuild() == 0, airpack.err
    taken = "taken     one-1.0-py3-none-any.whl from the wheelhouse: it was built from source when it was packed"
    assert airpack.out.splitlines()[0] == taken
    (package,) = json.loads((airpack.output / "manifest.json").read_text())["packages"]
    assert package["origin"].startswith("built from one-1.0.tar.gz sha256:")
    assert "built_from" not in package
    assert airpack("verify", "--no-import", airpack.output) == 0
    assert airpack.out.startswith("0 findings in ")


@pytest.mark.slow
def test_a_bundle_of_other_contents(airpack: Airpack, wheels: Path, rebuild: Callable[..., int]) -> None:
    """Each difference is a line (`test_byte_diff` has their words), and the last one is the verdict."""
    build_wheel(wheels, "one", files={"one.py": "X = 1\n", "gone.txt": "gone\n", "same.txt": "same\n"})
    assert airpack.pack("one", "--no-bytecode") == 0
    build_wheel(wheels, "one", files={"one.py": "X = 22\n", "come.txt": "come!\n", "same.txt": "same\n"})
    _substitute(airpack, _packed_elsewhere(airpack, "one", "--no-bytecode"))
    assert rebuild() == 1
    lines = airpack.out.splitlines()
    assert lines[0] == "differs   lib/python3.7/site-packages/come.txt (6 bytes) is only in the packed bundle"
    assert [line[:10] for line in lines] == ["differs   "] * 6
    assert airpack.error == (
        f"airpack: error: {airpack.output}/bundle.tar.zst is not what its lock and manifest give: "
        "6 differences, listed above"
    )


@pytest.mark.slow
def test_a_bundle_of_another_level(airpack: Airpack, wheels: Path, rebuild: Callable[..., int]) -> None:
    """The content is the same, and that is told; with the same tools it is an error all the same."""
    build_wheel(wheels, "one", files={"one.py": "".join(f"X{n} = {n}\n" for n in range(9000))})
    assert airpack.pack("one", "--no-bytecode") == 0
    _substitute(airpack, _packed_elsewhere(airpack, "one", "--no-bytecode", "--level", 17))
    assert rebuild() == 1
    lines = airpack.out.splitlines()
    assert lines[0] == "differs   5 of 5 rebuilt frames are not in the packed bundle: 0, 1, 2, 3, 4"
    assert lines[1].startswith("differs   frame 0 has the same content, compressed differently (")
    assert lines[1].endswith("); 5 frames differ in this way")
    assert len(lines) == 2


@pytest.mark.slow
def test_other_tools_may_give_other_bytes(airpack: Airpack, wheels: Path, rebuild: Callable[..., int]) -> None:
    """They are named, and the content must agree."""
    build_wheel(wheels, "one", files={"one.py": "".join(f"X{n} = {n}\n" for n in range(9000))})
    assert airpack.pack("one", "--no-bytecode") == 0
    _substitute(airpack, _packed_elsewhere(airpack, "one", "--no-bytecode", "--level", 17))
    _edit(airpack, lambda data: data["toolchain"].update(libzstd="1.4.0", pip="1.0", target_python=None))
    assert rebuild() == 0, airpack.err
    digest = json.loads((airpack.output / "manifest.json").read_text())["bundle"]["content_digest"]
    lines = airpack.out.splitlines()
    assert lines[0] == f"tool      libzstd was 1.4.0, and is {zstd.LIBZSTD}"
    assert lines[-2:] == [
        f"rebuilt   {airpack.output}/bundle.tar.zst: the content agrees; the bytes differ because tools differ",
        f"content   {digest}",
    ]


@pytest.mark.slow
def test_other_tools_excuse_no_other_content(airpack: Airpack, wheels: Path, rebuild: Callable[..., int]) -> None:
    """A file that differs does so by no compressor."""
    build_wheel(wheels, "one", files={"one.py": "X = 1\n"})
    assert airpack.pack("one", "--no-bytecode") == 0
    build_wheel(wheels, "one", files={"one.py": "X = 2\n"})
    _substitute(airpack, _packed_elsewhere(airpack, "one", "--no-bytecode"))
    _edit(airpack, lambda data: data["toolchain"].update(libzstd="1.4.0"))
    assert rebuild() == 1
    assert (
        "differs   lib/python3.7/site-packages/one.py has 6 bytes as packed, 6 as rebuilt; they differ from byte 4 on"
        in airpack.out
    )


def _without_options(airpack: Airpack) -> None:
    _edit(airpack, lambda data: data.pop("options"))


def _damaged(airpack: Airpack) -> None:
    with open(airpack.output / layout.BUNDLE_NAME, "r+b") as file:
        file.seek(20)
        file.write(b"X")


MISSING = (
    "{house}/one-1.0-py3-none-any.whl can't be read (No such file or directory): get the folder again from where it "
    "was packed"
)
COPY = "copy it again from where it was packed"

BROKEN: dict[str, tuple[Callable[[Airpack], object], str]] = {
    "no manifest": (
        lambda airpack: os.unlink(airpack.output / "manifest.json"),
        "{dist}/manifest.json: can't be read: No such file or directory",
    ),
    "a manifest that is none": (
        lambda airpack: (airpack.output / "manifest.json").write_text("[1"),
        "{dist}/manifest.json: is not JSON: Expecting ',' delimiter: line 1 column 3 (char 2)",
    ),
    "a manifest of an older airpack": (
        _without_options,
        "{dist}/manifest.json: options is missing: pack again",
    ),
    "a manifest without a target": (
        lambda airpack: _edit(airpack, lambda data: data.update(target={})),
        "{dist}/manifest.json: target.name is missing: pack again",
    ),
    "no lock": (
        lambda airpack: os.unlink(airpack.output / "pylock.toml"),
        "{dist}/pylock.toml: can't be read: No such file or directory",
    ),
    "no wheel": (
        lambda airpack: os.unlink(airpack.output / "wheelhouse" / "one-1.0-py3-none-any.whl"),
        MISSING,
    ),
    "a damaged bundle": (_damaged, "{dist}/bundle.tar.zst: frame 0 is damaged (its SHA-256 differs); " + COPY),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_what_can_not_be_packed_again(airpack: Airpack, wheels: Path, rebuild: Callable[..., int], what: str) -> None:
    """One line, with what is missing."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-bytecode") == 0
    spoil, message = BROKEN[what]
    spoil(airpack)
    assert rebuild("-q") == 1
    assert (
        airpack.err == f"airpack: error: {message.format(dist=airpack.output, house=airpack.output / 'wheelhouse')}\n"
    )


@pytest.mark.slow
def test_a_wheel_that_is_another(airpack: Airpack, wheels: Path, rebuild: Callable[..., int]) -> None:
    """The lock says which it was."""
    build_wheel(wheels, "one")
    assert airpack.pack("one", "--no-bytecode") == 0
    build_wheel(airpack.output / "wheelhouse", "one", files={"one.py": "evil"})
    assert rebuild() == 1
    assert airpack.error.startswith(
        f"airpack: error: {airpack.output}/wheelhouse/one-1.0-py3-none-any.whl has SHA-256 "
    )
