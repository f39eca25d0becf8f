"""Measures what zstd's levels give for a bundle's frames: their size, and the CPU time that they take both ways."""

from __future__ import annotations

import time
from pathlib import Path

from airpack.base import zstd
from airpack.cli.app import main as airpack
from airpack.results.folder import Results
from support import machine

LEVELS = (1, 3, 5, 6, 9, 12, 15, 16, 17, 18, 19)
_EVERY = 3  # of the frames: they are taken from all over the bundle


def measure(folder: Path) -> None:
    """Print the table, of every third frame of the science bundle, which is packed into `folder`."""
    wanted = machine.FIXTURES / "science" / "requirements.txt"
    if airpack(["pack", "-q", "--no-import", "-r", str(wanted), "-o", str(folder / "dist")]):
        raise SystemExit(1)
    with Results.at(folder / "dist").open_bundle() as opened:
        frames = [opened.file.frame(number, zstd.decompress) for number in range(0, len(opened.toc.frames), _EVERY)]
    total = sum(map(len, frames))
    print(f"\n| level ({len(frames)} frames, {total / 1e6:.0f} MB) | size | compress, CPU s | decompress, CPU s |")
    print("|---|---|---|---|")
    for level in LEVELS:
        started = time.process_time()
        stored = [zstd.compress(frame, level) for frame in frames]
        packed = time.process_time()
        for data, frame in zip(stored, frames, strict=True):
            zstd.decompress(data, len(frame))
        unpacked = time.process_time() - packed
        share = sum(map(len, stored)) / total
        print(f"| {level} | {share:.1%} | {packed - started:.1f} | {unpacked:.2f} |")
