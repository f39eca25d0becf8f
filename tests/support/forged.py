"""Forges wheels: each is in order but for what is done to it."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from support.wheels import record_line

NAME = "one-1.0-py3-none-any.whl"
INFO, DATA = "one-1.0.dist-info", "one-1.0.data"


class Forged:
    """A wheel of the distribution `one` to be spoilt: what is in it, what RECORD says, and the bytes in the end."""

    def __init__(self) -> None:
        self.members: list[tuple[zipfile.ZipInfo, bytes]] = []
        self.record: dict[str, str] = {}
        self.finish: list[Callable[[bytes], bytes]] = []
        self.add("one.py", b"X = 1\n")
        self.add(f"{INFO}/METADATA", b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        self.add(f"{INFO}/WHEEL", b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")

    def add(self, name: str, data: bytes = b"harm\n", *, mode: int = 0o100644, recorded: bool = True) -> None:
        """Add a file, and its line in RECORD."""
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.members.append((entry, data))
        if recorded:
            self.record[name] = record_line(name, data)

    def replace(self, name: str, data: bytes) -> None:
        """Give a file another content, and RECORD the line for it."""
        self.drop(name)
        self.add(name, data)

    def drop(self, name: str, *, recorded: bool = False) -> None:
        """Leave a file out; its line in RECORD, too, unless it is `recorded`."""
        self.members = [each for each in self.members if each[0].filename != name]
        if not recorded:
            self.record.pop(name, None)

    def swap(self, old: bytes, new: bytes) -> None:
        """Replace bytes of the finished file."""

        def swapped(data: bytes) -> bytes:
            assert old in data
            return data.replace(old, new)

        self.finish.append(swapped)

    def set_flag(self, name: str, flag: int) -> None:
        """Set a bit of a member's general purpose flags, in both of its headers."""

        def flagged(data: bytes) -> bytes:
            out = bytearray(data)
            for magic, flags, name_at in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
                place = -1
                while (place := data.find(magic, place + 1)) >= 0:
                    if data[place + name_at :].startswith(name.encode()):
                        (before,) = struct.unpack_from("<H", out, place + flags)
                        struct.pack_into("<H", out, place + flags, before | flag)
            return bytes(out)

        self.finish.append(flagged)

    def write(self, folder: Path) -> Path:
        """Write the wheel, RECORD last."""
        record = "".join(self.record.values()) + f"{INFO}/RECORD,,\n"
        if f"{INFO}/RECORD" not in self.record:
            self.add(f"{INFO}/RECORD", record.encode("utf-8", "surrogateescape"), recorded=False)
        buffer = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
            warnings.simplefilter("ignore")  # of a name that is there twice
            for entry, data in self.members:
                archive.writestr(entry, data)
        content = buffer.getvalue()
        for change in self.finish:
            content = change(content)
        path = folder / NAME
        path.write_bytes(content)
        return path


Spoil = Callable[[Forged], object]


def entry_points(text: str) -> Spoil:
    """Add an entry_points.txt."""
    return lambda wheel: wheel.add(f"{INFO}/entry_points.txt", text.encode())


def metadata(text: str) -> Spoil:
    """Replace METADATA."""
    return lambda wheel: wheel.replace(f"{INFO}/METADATA", f"Metadata-Version: 2.1\n{text}".encode())


def record(name: str, line: str) -> Spoil:
    """Let RECORD say something else of a file."""
    return lambda wheel: wheel.record.update({name: line})


def sized(name: str, size: int, *, recorded: int | None = None) -> Spoil:
    """Let the archive, and RECORD, give a member another size than its content has."""

    def spoil(wheel: Forged) -> None:
        def sized(data: bytes) -> bytes:
            directory = data.rindex(name.encode(), 0, data.rindex(f"{INFO}/METADATA".encode())) - 46
            return data[: directory + 24] + struct.pack("<L", size) + data[directory + 28 :]

        wheel.finish.append(sized)
        wheel.record[name] = f"{wheel.record[name].rpartition(',')[0]},{recorded or size}\n"

    return spoil


def named(raw: bytes, *, utf8: bool) -> Spoil:
    """Give a member a name of these bytes."""

    def spoil(wheel: Forged) -> None:
        placeholder = "N" * len(raw)
        wheel.add(placeholder, recorded=False)
        wheel.record["raw"] = record_line(raw.decode("utf-8" if utf8 else "cp437", "surrogateescape"), b"harm\n")
        if utf8:
            wheel.set_flag(placeholder, 0x800)
        wheel.swap(placeholder.encode(), raw)

    return spoil


def compressed(method: int, name: str = "one.py") -> Spoil:
    """Compress a file by another method."""

    def spoil(wheel: Forged) -> None:
        next(entry for entry, _ in wheel.members if entry.filename == name).compress_type = method

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """Do several things."""
    return lambda wheel: [spoil(wheel) for spoil in spoils]


def add(name: str, data: bytes = b"harm\n", *, mode: int = 0o100644, recorded: bool = True) -> Spoil:
    """Add a file."""
    return lambda wheel: wheel.add(name, data, mode=mode, recorded=recorded)
