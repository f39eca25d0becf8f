"""Bundles that are forged: another table of contents, all else in agreement with it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

from airpack.bundle import toc_encoder
from airpack_runtime import layout
from airpack_runtime.format import framing, toc
from airpack_runtime.format.reader import open_bundle

from support import machine

SITE_PACKAGES = "lib/python3.7/site-packages"  # of a tree for the default target
GOLDEN = machine.FIXTURES / "golden" / layout.BUNDLE_NAME


def rewritten(path: Path, change: Callable[[toc.Toc], toc.Toc], source: Path = GOLDEN) -> None:
    """Write the bundle `source` to `path` with the table of contents that `change` makes of its own."""
    data = source.read_bytes()
    with open_bundle(str(source)) as bundle:
        contents = bundle.toc()
        stored = bundle.stored_toc
    start = data.index(framing.skippable(layout.TOC_MAGIC, stored))
    sizes = [(frame.size, frame.raw_size) for frame in contents.frames]
    assert contents.decoder is not None
    sizes.append((contents.decoder.size + framing.SKIPPABLE_HEADER.size, 0))
    changed = change(contents)
    body = zlib.compress(json.dumps(toc_encoder.to_dict(changed)).encode())
    frame = framing.skippable(layout.TOC_MAGIC, toc_encoder.store(changed.target, body))
    path.write_bytes(data[:start] + frame + framing.seek_table([*sizes, (len(frame), 0)]))
