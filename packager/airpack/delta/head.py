"""The head of a delta: which bundle it makes of which, and what follows, each with its size and its hash.

The text is strict: nothing in it can be written in two ways, so that a changed bit anywhere is told.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from airpack_runtime import layout
from airpack_runtime.format.toc import Toc

HEADING = b"airpack-delta "
FORMAT = 1
LIMIT = 1024  # bytes of a head
SIGNATURE_LIMIT = 8 << 10
_TEXT = """airpack-delta 1
old sha256:{}
new sha256:{}
file sha256:{} {}
table {} of {}
decoder {}
signature {}
frames {}
rest sha256:{}
"""
_HASH, _NUMBER = "([0-9a-f]{64})", r"(0|[1-9]\d{0,14})"
_PATTERN = re.compile(
    _TEXT.format(*(_NUMBER if place in (3, 4, 5, 6, 7, 8) else _HASH for place in range(10))), re.ASCII
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The head of a delta, its members in the order in which the text has them. SHA-256 are in hexadecimal.

    `old` and `new` are the digests of the bundles; `file_sha256` and `file_size` are those of the new bundle's file.
    Then the sizes in bytes of what follows: `table`, the new table of contents, compressed with the old one as a
    prefix, from `table_size` bytes; the decoder as the new bundle stores it, nothing if the old one has it; the new
    bundle's signature, if it has one; the frames that the old bundle lacks, in order. `rest` is the SHA-256 of it all.
    """

    old: str
    new: str
    file_sha256: str
    file_size: int
    table: int
    table_size: int
    decoder: int
    signature: int
    frames: int
    rest: str

    @property
    def size(self) -> int:
        """The size in bytes of the whole delta."""
        return len(self.dumps()) + self.table + self.decoder + self.signature + self.frames

    def dumps(self) -> bytes:
        """Return the text."""
        return _TEXT.format(*astuple(self)).encode("ascii")

    @classmethod
    def loads(cls, start: bytes) -> Head:
        """Return the head at the start of a delta. Raises ValueError that says what is wrong with it."""
        match = _PATTERN.match(start[:LIMIT].decode("latin-1"))
        if match is None:
            raise ValueError(_reason(start))
        values: list[Any] = [text if len(text) == 64 else int(text) for text in match.groups()]
        head = cls(**dict(zip(cls.__dataclass_fields__, values, strict=True)))
        sizes = {
            "table of contents": (max(head.table, head.table_size), layout.TOC_STORED_LIMIT),
            "decoder": (head.decoder, layout.DECODER_LIMIT),
            "signature": (head.signature, SIGNATURE_LIMIT),
        }
        for name, (size, limit) in sizes.items():
            if size > limit:
                raise ValueError(f"is damaged: its {name} has {size:,} bytes, more than any")
        return head


def _reason(start: bytes) -> str:
    version = start[len(HEADING) : LIMIT].partition(b"\n")[0]
    if not start.startswith(HEADING) or not re.fullmatch(rb"\d{1,9}", version):
        return "is no delta that airpack wrote"
    if int(version) != FORMAT:
        return f"is of format {int(version)}, and this airpack reads format {FORMAT}"
    return "is damaged in its head"


def shared(old: Toc, new: Toc) -> Sequence[int | None]:
    """Return for each frame of the new bundle the number of that of the old one which is the same, None if none is.

    Each frame of the old one is given once: a bundle is never larger than the old one and a delta together.
    """
    numbers: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number in reversed(range(len(old.frames))):
        numbers[old.frames[number].sha256, old.frames[number].size].append(number)
    # What a table of contents has as a hash may be anything that JSON holds.
    found = (numbers.get((str(frame.sha256), frame.size)) for frame in new.frames)
    return [same.pop() if same else None for same in found]
