"""What `airpack pack` tells of what it packed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airpack_runtime import layout
from airpack_runtime.format.toc import Toc

from airpack.audit.finding import ORDER
from airpack.bundle.opened import unpacked_size
from airpack.cli import answers, screen
from airpack.packing.deliver import Packed
from airpack.packing.order import Order
from airpack.results.folder import LOCK, MANIFEST

_LARGEST = 3  # packages that are named


def to_dict(packed: Packed, order: Order) -> dict[str, Any]:
    """Return what was packed as the document for programs has it."""
    bundle, contents, lock, image = packed.bundle, packed.bundle.contents, packed.wheelhouse.lock, packed.image
    return {
        "output": order.output,
        **answers.of_lock(lock),
        "bundle": {
            "path": bundle.path,
            "size": bundle.size,
            "digest": f"sha256:{bundle.digest}",
            "unpacked_size": contents.unpacked_size,
            "files": len(contents.files) + len(contents.links),
        },
        "wheelhouse": packed.wheelhouse.folder,
        "lock": order.output / LOCK,
        "manifest": order.output / MANIFEST,
        "excluded": {"files": packed.excluded.files, "size": packed.excluded.size},
        "tree": order.tree,
        "drop_in": order.drop_in,
        "sbom": packed.sbom,
        "image": image and {"path": image.path, "size": image.size, "digest": f"sha256:{image.sha256}"},
        "key": order.sign and order.sign.id,
    }


def lines(packed: Packed, order: Order) -> Iterator[str]:
    """Yield the lines that tell a person, at the end, what was packed; they fit a screen."""
    bundle, contents, lock = packed.bundle, packed.bundle.contents, packed.wheelhouse.lock
    files = len(contents.files) + len(contents.links)
    yield f"wheels    {len(lock.wheels):,} in {packed.wheelhouse.folder}, {(lock.size or 0) / 1e6:,.1f} MB"
    unpacked = f"{contents.unpacked_size / 1e6:,.1f} MB unpacked, {files:,} files"
    yield f"bundle    {bundle.path}, {bundle.size / 1e6:,.1f} MB ({unpacked})"
    if packed.excluded.files:
        yield f"excluded  {packed.excluded.files:,} files, {packed.excluded.size / 1e6:,.1f} MB before compression"
    if order.tree:
        yield f"tree      {order.tree}"
    if order.drop_in:
        yield f"drop-in   {order.drop_in}: set PYTHONPATH to where it is in the image"
    if packed.sbom:
        yield f"sbom      {packed.sbom}"
    yield f"digest    sha256:{bundle.digest}"
    yield f"largest   {_largest(contents)}"
    if packed.findings:
        counts = [screen.counted(packed.findings[each], each) for each in ORDER if each in packed.findings]
        yield f"findings  {', '.join(counts)}: told above"
    if order.sign is not None:
        yield f"signed    {bundle.path}{layout.SIGNATURE_SUFFIX}, by the key {order.sign.id}"
        if order.drop_in:
            yield ("          a drop-in has its own shim: the signature protects only with a shim in the image")
    if packed.image is not None:
        yield f"image     {packed.image.path}, {packed.image.size / 1e6:,.1f} MB, sha256:{packed.image.sha256}"
    python = f"python{lock.target.python_version}"
    yield (
        "boot      airpack shim -o airpack-runtime.pyz, then in the image:\n"
        f"          {python} airpack-runtime.pyz exec --bundle {bundle.path.name} -- {python} YOUR_PROGRAM.py"
    )


def _largest(contents: Toc) -> str:
    """Return the packages that unpack to most, with their sizes."""
    sizes = sorted(((unpacked_size(contents, share), share.name) for share in contents.distributions), reverse=True)
    shown = ", ".join(f"{name} {screen.amount(size)}" for size, name in sizes[:_LARGEST])
    return f"{shown} +{len(sizes) - _LARGEST}" if len(sizes) > _LARGEST else shown
