"""The zstd decoder that a bundle carries: one pinned wheel for each target."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from airpack.base.errors import NoDecoder
from airpack.resolve.pip import Pip
from airpack.target.target import LAST_RELEASE, Target
from airpack.wheels import decoders
from support.wheels import build_wheel

NOWHERE = Pip(env={}, no_index=True)


@pytest.mark.parametrize("platform", ["manylinux_2_17_x86_64", "manylinux2014_aarch64", "musllinux_1_2_x86_64"])
def test_each_python_has_a_pin_or_reads_zstd_itself(platform: str) -> None:
    """Python 3.14 is the first that does."""
    targets = [Target.parse(f"cp3{minor}-{platform}") for _, minor in LAST_RELEASE]
    without = [target.python_version for target in targets if decoders.pin_for(target) is None]
    assert without == ["3.14"]


@pytest.mark.parametrize(
    ("name", "oldest"),
    [
        ("cp37-manylinux_2_12_x86_64", "manylinux_2_17"),
        ("cp312-manylinux1_x86_64", "manylinux_2_17"),
        ("cp312-musllinux_1_1_x86_64", "musllinux_1_2"),
        ("cp39-alpine3.12", "musllinux_1_2"),
    ],
)
def test_a_c_library_that_cannot_load_it_has_none(name: str, oldest: str) -> None:
    """The message says which targets have one; with cp37, musl 1.1 has."""
    target = Target.parse(name)
    with pytest.raises(NoDecoder) as caught:
        decoders.pin_for(target)
    assert str(caught.value) == (
        f"no zstd decoder is known for {target.name}: airpack has those of cp37 to cp313t for "
        f"{oldest} or newer; choose such a --target, or fetch the wheels alone by airpack wheelhouse"
    )
    assert decoders.pin_for(Target.parse("cp37-alpine3.12")) is not None


def test_of_free_threaded_pythons_the_newer_reads_zstd_itself() -> None:
    """3.13's has the extension module of backports.zstd; for another system there is no bundle at all."""
    assert decoders.pin_for(Target.parse("cp314t-manylinux_2_28_x86_64")) is None
    for platform in ("manylinux_2_28_x86_64", "manylinux2014_aarch64", "musllinux_1_2_x86_64", "musllinux_1_2_aarch64"):
        pin = decoders.pin_for(Target.parse(f"cp313t-{platform}"))
        assert pin is not None
        assert (pin.project, pin.version) == ("backports.zstd", "1.3.0")
    with pytest.raises(NoDecoder, match="no bundle can be made for cp314-win_amd64: the shim boots on Linux alone"):
        decoders.pin_for(Target.parse("cp314-win_amd64"))


def test_a_given_wheel_is_kept_for_later(decoder_wheel: Path, target: Target, tmp_path: Path) -> None:
    """Its extension module is what the bundle gets; the cache serves it without any index."""
    given = decoders.obtain(target, tmp_path, given=decoder_wheel, pip=NOWHERE)
    assert given is not None
    with zipfile.ZipFile(decoder_wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("pyzstd/c/_zstd.")]
        assert (given.extension, given.module, given.origin) == (archive.read(name), "_zstd", "pyzstd 0.15.10")
    assert decoders.obtain(target, tmp_path, given=None, pip=NOWHERE) == given


def test_another_wheel_than_the_pinned_is_refused(plain_env: None, target: Target, tmp_path: Path) -> None:
    """Given, or kept in the cache and damaged since; and a path where there is none."""
    pin = decoders.pin_for(target)
    assert pin is not None
    other = build_wheel(tmp_path / "wheels", "pyzstd", pin.version)
    with pytest.raises(
        NoDecoder, match=f"needs the wheel of pyzstd {pin.version} with {pin.sha256}: download that one"
    ):
        decoders.obtain(target, tmp_path, given=other, pip=NOWHERE)
    with pytest.raises(NoDecoder, match="can't be read: No such file or directory"):
        decoders.obtain(target, tmp_path, given=tmp_path / "none.whl", pip=NOWHERE)
    (tmp_path / f"pyzstd-{pin.sha256}.whl").write_bytes(other.read_bytes())
    with pytest.raises(NoDecoder, match="can't be downloaded"):
        decoders.obtain(target, tmp_path, given=None, pip=NOWHERE)
