"""Mounting: the kind of an image, and the ways that are tried."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airpack_runtime.errors import NotMounted
from airpack_runtime.provide import mount


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"hsqs" + bytes(2000), mount.SQUASHFS),
        (bytes(1024) + b"\xe2\xe1\xf5\xe0" + bytes(100), mount.EROFS),
        (bytes(2000), None),
        (b"", None),
    ],
)
def test_an_image_is_known_by_its_superblock(tmp_path: Path, content: bytes, kind: "str | None") -> None:
    """Whatever its name."""
    path = tmp_path / "image"
    path.write_bytes(content)
    with open(str(path), "rb", buffering=0) as file:
        assert mount.kind_of(file.fileno()) == kind


def test_each_way_is_tried_and_its_reason_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order: the kernel from the file, by a loop device, FUSE; the path is named."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(mount, "_mount", refuse)
    monkeypatch.setenv("PATH", "/nonexistent")
    with open(os.devnull, "rb", buffering=0) as file, pytest.raises(NotMounted) as caught:
        mount.mount("/models/bundle.erofs", file.fileno(), mount.EROFS, str(tmp_path), private=False)
    assert list(caught.value.reasons) == ["erofs", "erofs by a loop device", "erofsfuse"]
    assert caught.value.reasons["erofs"] == "Operation not permitted"
    assert caught.value.reasons["erofsfuse"] == "there is no erofsfuse on PATH"
    assert str(caught.value).startswith("/models/bundle.erofs can't be mounted here (erofs: Operation not permitted; ")
