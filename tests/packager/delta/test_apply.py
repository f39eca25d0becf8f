"""What a delta makes of the old bundle is the new one, byte for byte; whatever else it is, it is refused."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airpack.base import zstd
from airpack.base.errors import AuditFailed, OutputRefused
from airpack.bundle import toc_encoder
from airpack.bundle.opened import OpenBundle
from airpack.delta import make
from airpack.delta.apply import InvalidDelta, OtherBundle, apply
from airpack.delta.head import Head
from airpack.results import keys
from airpack.results.folder import BUNDLE, Results
from airpack.results.pins import Pins
from airpack_runtime.errors import BundleNotFound
from support.airpack import Airpack


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def _refused(bundles: Path, data: bytes, kind: type[Exception] = InvalidDelta) -> str:
    """Return the message for a delta of these bytes, which leaves nothing behind."""
    (bundles / "bad.delta").write_bytes(data)
    before = _names(bundles)
    with pytest.raises(kind) as caught:
        apply(Results.at(bundles / "old"), bundles / "bad.delta", bundles / "made.tar.zst")
    assert _names(bundles) == before
    message = str(caught.value)
    assert "\n" not in message
    assert ".airpack-" not in message
    return message


def test_the_new_bundle_is_made_with_its_signature(airpack: Airpack, bundles: Path) -> None:
    """Byte for byte, and it is as good as the one that was signed."""
    made = bundles / "made.tar.zst"
    words = ["apply", bundles / "old", bundles / "bundle.delta", "-o", made]
    assert airpack(*words, "--key", bundles / "team.pub") == 0, airpack.err
    assert made.read_bytes() == (bundles / "new" / BUNDLE).read_bytes()
    signature = (bundles / "new" / f"{BUNDLE}.sig").read_bytes()
    assert (bundles / "made.tar.zst.sig").read_bytes() == signature
    assert airpack("verify", "--no-import", made, "--key", bundles / "team.pub") == 0, airpack.out
    assert airpack.out
    assert airpack(*words, "--json") == 0  # in its own place, again
    assert json.loads(airpack.out)["result"]["signature"] == f"{made}.sig"


def test_the_old_bundle_can_be_replaced_by_the_new_one(bundles: Path) -> None:
    """A signature that was the old one's goes with it."""
    place = bundles / "live" / "app.tar.zst"
    place.parent.mkdir()
    place.write_bytes((bundles / "old" / BUNDLE).read_bytes())
    (bundles / "live" / "app.tar.zst.sig").write_text("of the old one")
    (bundles / "new" / f"{BUNDLE}.sig").unlink()
    make.write(Results.at(place), Results.at(bundles / "new"), bundles / "unsigned.delta")
    apply(Results.at(place), bundles / "unsigned.delta", place)
    assert place.read_bytes() == (bundles / "new" / BUNDLE).read_bytes()
    assert _names(place.parent) == ["app.tar.zst"]


def test_a_folder_takes_the_bundle_under_its_name(airpack: Airpack, bundles: Path) -> None:
    """Unless it is that of a pack, whose manifest would not fit."""
    (bundles / "into").mkdir()
    assert airpack("apply", bundles / "old", bundles / "bundle.delta", "-o", bundles / "into") == 0, airpack.err
    assert _names(bundles / "into") == [BUNDLE, f"{BUNDLE}.sig"]
    assert airpack("apply", bundles / "old", bundles / "bundle.delta", "-o", bundles / "old") == 1
    assert "whose manifest is beside it: give --output another name" in airpack.error


def test_another_old_bundle_is_refused(bundles: Path) -> None:
    """Also the new one itself, which is told; a damaged one; none."""
    with pytest.raises(OtherBundle, match="it is the new one already"):
        apply(Results.at(bundles / "new"), bundles / "bundle.delta", bundles / "made")
    make.write(Results.at(bundles / "new"), Results.at(bundles / "old"), bundles / "back.delta")
    with pytest.raises(OtherBundle, match="is for the bundle sha256"):
        apply(Results.at(bundles / "old"), bundles / "back.delta", bundles / "made")
    with pytest.raises(BundleNotFound):
        apply(Results.at(bundles / "none"), bundles / "bundle.delta", bundles / "made")
    assert not (bundles / "made").exists()


def test_what_does_not_fit_the_pins_gets_no_name(bundles: Path) -> None:
    """By its digest, or by the key that signed it."""
    (bundles / "empty").mkdir()
    key = keys.load_public(bundles / "team.pub")
    (bundles / "new" / f"{BUNDLE}.sig").unlink()
    make.write(Results.at(bundles / "old"), Results.at(bundles / "new"), bundles / "unsigned.delta")
    for pins, delta in ((Pins(digest="0" * 64), "bundle.delta"), (Pins(key=key), "unsigned.delta")):
        with pytest.raises(AuditFailed, match=rf"^this is not the bundle that was asked for: {bundles}/empty/made "):
            apply(Results.at(bundles / "old"), bundles / delta, bundles / "empty" / "made", pins=pins)
        assert _names(bundles / "empty") == []


def test_what_is_no_bundle_is_not_replaced(bundles: Path) -> None:
    """A file of the user's."""
    (bundles / "mine").write_text("mine")
    with pytest.raises(OutputRefused, match="is no bundle"):
        apply(Results.at(bundles / "old"), bundles / "bundle.delta", bundles / "mine")
    assert (bundles / "mine").read_text() == "mine"


@pytest.mark.slow
def test_every_changed_bit_of_the_head_is_told(bundles: Path) -> None:
    """One bit of each of its bytes, in turn."""
    data = (bundles / "bundle.delta").read_bytes()
    size = len(Head.loads(data).dumps())
    for place in range(size):
        changed = bytes([data[place] ^ 1 << place % 8])
        _refused(bundles, data[:place] + changed + data[place + 1 :], (InvalidDelta, OtherBundle))  # type: ignore[arg-type]


def _damages(data: bytes) -> Iterator[bytes]:
    """Yield a hundred deltas that are damaged anywhere."""
    dice = random.Random(1)  # noqa: S311 - the same damages each time
    for _ in range(60):
        place = dice.randrange(len(data))
        yield data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :]
    for _ in range(20):
        yield data[: dice.randrange(len(data))]
    for _ in range(10):
        yield data + dice.randbytes(dice.randrange(1, 10_000))
    for _ in range(10):  # a run of bytes is lost, or there twice
        start, stop = sorted(dice.randrange(len(data)) for _ in range(2))
        yield data[:start] + data[stop:] if dice.random() < 0.5 else data[:stop] + data[start:]


@pytest.mark.slow
def test_a_hundred_damaged_deltas_are_refused(bundles: Path) -> None:
    """Changed bits, cut, longer, with parts that are lost or there twice: each in a line, and nothing is left."""
    data = (bundles / "bundle.delta").read_bytes()
    damaged = [each for each in _damages(data) if each != data]
    assert len(damaged) >= 99
    for each in damaged:
        assert _refused(bundles, each, (InvalidDelta, OtherBundle))  # type: ignore[arg-type]


class _Forger:
    """Makes deltas whose own hashes are right, and whose content isn't."""

    def __init__(self, bundles: Path) -> None:
        data = (bundles / "bundle.delta").read_bytes()
        self.head = Head.loads(data)
        place = len(self.head.dumps())
        self.parts: dict[str, bytes] = {}
        for name in ("table", "decoder", "signature", "frames"):
            self.parts[name] = data[place : place + getattr(self.head, name)]
            place += getattr(self.head, name)
        with OpenBundle.at(bundles / "old" / BUNDLE) as old, OpenBundle.at(bundles / "new" / BUNDLE) as new:
            self.old_table, self.new_table = old.file.stored_toc, new.file.stored_toc
            self.toc = new.toc

    def delta(self, *, head: dict[str, Any] | None = None, **parts: bytes) -> bytes:
        """Return a delta with these parts, and with the head that fits them but for what is given of it."""
        held = {**self.parts, **parts}
        rest = b"".join(held.values())
        sizes: dict[str, Any] = {name: len(part) for name, part in held.items()}
        changed = replace(self.head, **{**sizes, "rest": hashlib.sha256(rest).hexdigest(), **(head or {})})
        return changed.dumps() + rest

    def with_table(self, stored: bytes) -> bytes:
        """Return a delta with another table of contents, whose digest it states."""
        about = {"new": hashlib.sha256(stored).hexdigest(), "table_size": len(stored)}
        return self.delta(head=about, table=zstd.compress_after(stored, self.old_table), signature=b"")

    def with_json(self, change: Callable[[dict[str, Any]], object]) -> bytes:
        """Return a delta with a table of contents that was changed."""
        data = json.loads(json.dumps(toc_encoder.to_dict(self.toc)))
        change(data)
        return self.with_table(toc_encoder.store(self.toc.target, zlib.compress(json.dumps(data).encode(), 9)))


def _many_times(data: dict[str, Any]) -> None:
    """Let each frame be there a thousand times: gigabytes out of what the old bundle has."""
    data["frames"] = [column * 1000 for column in data["frames"]]


def test_what_is_forged_is_refused(bundles: Path) -> None:
    """With each hash of the delta's own right: by its table of contents, the sizes, and the new bundle's hash."""
    forger = _Forger(bundles)
    assert forger.delta() == (bundles / "bundle.delta").read_bytes()
    frames = bytearray(forger.parts["frames"])
    frames[1000] ^= 1
    signature = forger.parts["signature"].replace(forger.head.new.encode(), b"0" * 64)
    cases = {
        "a frame in it is damaged": forger.delta(frames=bytes(frames)),
        "where": forger.delta(frames=forger.parts["frames"] + b"more"),
        "its decoder is not the new bundle's": forger.delta(decoder=b"code"),
        "its signature is another bundle's": forger.delta(signature=signature),
        "its table of contents is another bundle's": forger.delta(head={"new": "0" * 64}),
        "it makes another bundle than it says": forger.delta(head={"file_sha256": "0" * 64}),
        "makes another bundle than": forger.delta(head={"file_size": 5}),
        "it is of another size than listed": forger.delta(head={"table_size": 20}),
        "its table of contents:": forger.delta(table=b"no zstd"),
        "bytes, more than any": forger.delta(head={"table_size": 900_000_000}),
        "it has no table of contents": forger.with_table(b"nothing at all"),
        "bytes of frames, where": forger.with_json(_many_times),
        "are lacking": forger.with_json(lambda data: data["frames"][2].__setitem__(0, {"a": []})),
        "leaves the tree": forger.with_json(lambda data: data["files"][0].__setitem__(0, "../evil")),
        "it makes another": forger.with_json(lambda data: data.update(creator="another")),
    }
    for message, data in cases.items():
        assert message in _refused(bundles, data), message


def test_a_bomb_takes_neither_time_nor_memory(bundles: Path) -> None:
    """A table of contents of a few bytes that would become gigabytes."""
    forger = _Forger(bundles)
    bomb = zstd.compress(bytes(64 << 20), 19)
    start = time.process_time()
    for size in (64 << 20, len(forger.new_table)):
        message = _refused(bundles, forger.delta(head={"table_size": size}, table=bomb))
        assert "more than any" in message or "another size" in message
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "content", [b"", b"airpack-delta 2\n", b"airpack-delta x\n", b"PK\3\4", b"airpack-delta 1\nold"]
)
def test_what_is_no_delta_is_told(bundles: Path, content: bytes) -> None:
    """Empty, of a later format, another file, cut in its head."""
    message = _refused(bundles, content)
    kinds = (
        "is no delta that airpack wrote",
        "is of format 2, and this airpack reads format 1",
        "is damaged in its head",
    )
    assert any(kind in message for kind in kinds)


def test_a_disk_that_is_full_leaves_nothing(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new bundle gets its name last."""
    before = _names(bundles)

    def full(source: Path, destination: Path) -> Path:
        raise OSError(28, "No space left on device", str(destination))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        apply(Results.at(bundles / "old"), bundles / "bundle.delta", bundles / "made")
    assert _names(bundles) == before
