"""Opens a bundle, and checks all that is read from it against its table of contents."""

from __future__ import annotations

import os

from airpack_runtime import layout
from airpack_runtime.errors import BundleDamaged, BundleNotFound, reason_of
from airpack_runtime.format import framing
from airpack_runtime.format.hashing import sha256
from airpack_runtime.format.toc import decode, decode_heading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from airpack_runtime.format.toc import File, Toc

    Decompress = Callable[[bytes, int], bytes]

_ZSTD_START = layout.ZSTD_MAGIC.to_bytes(4, "little")
_TAIL = 1 << 20  # bytes in which a bundle's end is looked for


class Bundle:
    """An open bundle, whose table of contents (TOC) has been located and hashed.

    `stat` is the open file's, `digest` the bundle digest without "sha256:", `target` the target's name in the
    heading. `toc()` parses the TOC, `frame()` reads a frame; any thread and any forked process may call them.
    """

    def __init__(self, path: str, fd: int, info: os.stat_result, stored_toc: bytes) -> None:
        self.path = path
        self.stat = info
        self.digest: str = sha256(stored_toc).hexdigest()
        self._fd = fd
        self.stored_toc = stored_toc
        self._toc: Toc | None = None
        try:
            self.target = decode_heading(stored_toc).target
        except framing.NewerFormat as error:
            raise BundleDamaged(path, str(error), "use the shim of the airpack that packed it") from error
        except framing.LayoutError as error:
            raise BundleDamaged(path, str(error)) from error

    def __enter__(self) -> Bundle:  # noqa: PYI034 - typing.Self is newer than 3.7
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._fd)

    def toc(self) -> Toc:
        """Return the table of contents. Raises BundleDamaged."""
        if self._toc is None:
            try:
                self._toc = decode(self.stored_toc)
            except framing.LayoutError as error:
                raise self.damaged(str(error)) from error
        return self._toc

    def frame(self, number: int, decompress: Decompress) -> bytes:
        """Return the decompressed bytes of a frame, which is hashed before. Raises BundleDamaged.

        `decompress` is what `decoder.load` returns.
        """
        frame = self.toc().frames[number]
        stored = self._checked(frame.offset, frame.size, frame.sha256, f"frame {number}")
        try:
            return decompress(stored, frame.raw_size)
        except ValueError as error:
            raise self.damaged(f"frame {number} is damaged ({error})") from error

    def fileno(self) -> int:
        """Return the descriptor of the open file."""
        return self._fd

    def set_turn(self, turn: int) -> None:
        """Set what `take_turn` returns next."""
        os.lseek(self._fd, turn, os.SEEK_SET)

    def take_turn(self) -> int:
        """Return the next number, one more at each call of this process and of those that it has forked.

        It is the position in the open file, which these processes share, and which the kernel moves in one step.
        """
        return os.lseek(self._fd, 1, os.SEEK_CUR) - 1

    def content(self, file: File, decompress: Decompress) -> bytes:
        """Return the content of a file in the bundle. Raises BundleDamaged."""
        parts = []
        for number, piece in framing.Plan(self.toc()).pieces(file):
            parts.append(self.frame(number, decompress)[piece.offset : piece.offset + piece.length])
        return b"".join(parts)

    def decoder(self) -> bytes:
        """Return the bytes of the decoder's extension module, checked. Raises BundleDamaged."""
        decoder = self.toc().decoder
        if decoder is None:
            raise self.damaged("it carries no decoder")
        stored = self._checked(decoder.offset, decoder.size, decoder.sha256, "the decoder")
        try:
            return framing.inflate(stored, layout.DECODER_LIMIT)
        except framing.LayoutError as error:
            raise self.damaged(str(error)) from error

    def check_structure(self) -> None:
        """Check the bytes that no SHA-256 covers: the skippable frames' headers and the seek table.

        Raises BundleDamaged.
        """
        toc, header = self.toc(), framing.SKIPPABLE_HEADER
        sizes = [(frame.size, frame.raw_size) for frame in toc.frames]
        place = toc.frames[-1].offset + toc.frames[-1].size
        skippable = [(layout.TOC_MAGIC, len(self.stored_toc))]
        if toc.decoder is not None:
            skippable.insert(0, (layout.DECODER_MAGIC, toc.decoder.size))
        expected = []
        for magic, size in skippable:
            expected.append((place, header.pack(magic, size)))
            sizes.append((header.size + size, 0))
            place += header.size + size
        expected.append((place, framing.seek_table(sizes)))
        end = place + len(expected[-1][1])
        try:
            whole = all(_pread(self._fd, start, len(data)) == data for start, data in expected)
        except OSError as error:
            raise self.damaged(f"it can't be read ({reason_of(error)})") from error
        if not whole or os.fstat(self._fd).st_size != end:
            raise self.damaged("its seek table is damaged, or bytes in it belong to nothing")

    def damaged(self, problem: str) -> BundleDamaged:
        """Return the error that says what is wrong with this bundle."""
        return BundleDamaged(self.path, problem)

    def _checked(self, offset: int, size: int, expected: str, what: str) -> bytes:
        try:
            data = _pread(self._fd, offset, size)
        except OSError as error:
            raise self.damaged(f"{what} can't be read ({reason_of(error)})") from error
        if len(data) != size:
            raise self.damaged(f"{what} is cut off")
        if sha256(data).hexdigest() != expected:
            raise self.damaged(f"{what} is damaged (its SHA-256 differs)")
        return data


def open_bundle(path: str, flags: int = 0) -> Bundle:
    """Return the bundle at `path`, open until the end of a `with` block; `flags` are further ones of open(2).

    Raises BundleNotFound if the file doesn't exist or can't be read, BundleDamaged if it is truncated, no bundle,
    or of an unknown format.
    """
    try:
        # Without O_NONBLOCK, it would wait for the writer of a FIFO.
        fd = os.open(path, os.O_CLOEXEC | os.O_NONBLOCK | flags)
        try:
            info = os.fstat(fd)  # before anything is read: a file that changes meanwhile must have another key
            return Bundle(path, fd, info, _stored_toc(path, fd, info.st_size))
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise BundleNotFound(path, error) from error


def _stored_toc(path: str, fd: int, size: int) -> bytes:
    """Return the content of the TOC frame, which the seek table at the file's end locates. Raises BundleDamaged."""
    footer_at = size - framing.SEEK_FOOTER.size
    footer = _pread(fd, max(footer_at, 0), framing.SEEK_FOOTER.size)
    count = descriptor = magic = 0
    if len(footer) == framing.SEEK_FOOTER.size:
        count, descriptor, magic = framing.SEEK_FOOTER.unpack(footer)
    if magic != layout.SEEK_FOOTER_MAGIC:
        raise BundleDamaged(path, _missing_end(fd, size))
    checked = descriptor & layout.SEEK_CHECKSUM_FLAG
    entry = framing.SEEK_ENTRY_CHECKED if checked else framing.SEEK_ENTRY
    last_entry_at = footer_at - entry.size
    seek_at = footer_at - count * entry.size - framing.SKIPPABLE_HEADER.size
    if count < 1 or seek_at < 0:
        raise BundleDamaged(path, "its seek table is damaged")
    last_entry = _pread(fd, last_entry_at, entry.size)
    if len(last_entry) != entry.size:
        raise BundleDamaged(path, "it was cut while it was read")
    stored_size = entry.unpack(last_entry)[0]
    if not framing.SKIPPABLE_HEADER.size < stored_size <= min(seek_at, layout.TOC_STORED_LIMIT):
        raise BundleDamaged(path, "its seek table is damaged")
    frame = _pread(fd, seek_at - stored_size, stored_size)
    header, content = frame[: framing.SKIPPABLE_HEADER.size], frame[framing.SKIPPABLE_HEADER.size :]
    if header != framing.SKIPPABLE_HEADER.pack(layout.TOC_MAGIC, len(content)):
        raise BundleDamaged(path, "its table of contents is not where the seek table says")
    return content


def _missing_end(fd: int, size: int) -> str:
    """Return what a file without a seek table is, by how it begins."""
    start = _pread(fd, 0, 512).lstrip().lower()
    if start.startswith(_ZSTD_START):
        tail = _pread(fd, max(size - _TAIL, 0), _TAIL)
        end = tail.rfind(layout.SEEK_FOOTER_MAGIC.to_bytes(4, "little")) + 4
        if end >= framing.SEEK_FOOTER.size:
            return f"it has {len(tail) - end:,} bytes behind its end"
        return f"it is truncated, or no airpack bundle (it ends after {size:,} bytes without a seek table)"
    what = "not an airpack bundle" if size else "empty"
    if start.startswith(b"version https://git-lfs"):
        what = "a pointer of Git LFS, which stands for the file (git lfs pull)"
    elif start.startswith((b"<!doctype html", b"<html")):
        what = "a page of HTML, as a server sends it that asks for a login"
    return f"it is {what}: {size:,} bytes"


def _pread(fd: int, offset: int, size: int) -> bytes:
    """Return `size` bytes of a file at `offset`, fewer only at its end."""
    data = b""
    while len(data) < size:
        more = os.pread(fd, size - len(data), offset + len(data))
        if not more:
            return data
        data += more
    return data
