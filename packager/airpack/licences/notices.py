"""A file of notices: the licence of each package, and the texts that its wheel brings, as many licences demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from airpack.base import files
from airpack.base.lines import harmless
from airpack.bundle.opened import OpenBundle
from airpack.inspection import licence_texts
from airpack.licences.licence import Licence

_HEADING = "Third-party notices"
_RULE = "=" * 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Notices:
    """The text of a file of notices; `bare` are the packages whose wheels have no text of a licence."""

    text: str
    bare: tuple[str, ...]


def write(opened: OpenBundle, known: Mapping[str, Licence]) -> Notices:
    """Return the notices of a bundle with these licences, by name; a text that comes again is named, not repeated.

    What would act on a terminal is left out.

    Raises BundleDamaged (of `airpack_runtime.errors`).
    """
    lines = [_HEADING, "", "What the packages of this bundle say of their licences, and the texts in their wheels:"]
    lines += [f"bundle sha256:{opened.file.digest}", f"target {opened.toc.target}", ""]
    seen: dict[str, str] = {}
    bare = []
    shares = opened.toc.distributions
    brought = [licence_texts.texts_of(opened, share) for share in shares]
    contents = licence_texts.read(opened, chain(*brought))
    for share, texts in zip(shares, brought, strict=True):
        licence = known[share.name]
        lines += [_RULE, f"{share.name} {share.version}"]
        lines += [f"licence: {licence.shown}"]
        lines += [f"wheel: {share.wheel}", f"wheel sha256:{share.sha256}", _RULE, ""]
        if not texts:
            bare.append(share.name)
            lines += ["The wheel has no text of a licence.", ""]
        for text in texts:
            lines += list(_text_lines(text, contents, seen))
    return Notices(text=harmless("\n".join(lines)).rstrip() + "\n", bare=tuple(bare))


def _text_lines(text: licence_texts.LicenceText, contents: Mapping[str, str], seen: dict[str, str]) -> Iterator[str]:
    """Yield a text with its path above it; `seen` has the paths of the texts before it, by SHA-256."""
    if text.sha256 in seen:
        yield from (f"--- {text.path}: the same as {seen[text.sha256]}", "")
        return
    seen[text.sha256] = text.path
    if text.sha256 in contents:
        yield from (f"--- {text.path}", "", contents[text.sha256].strip("\n"), "")
    else:
        yield from (f"--- {text.path}: {text.size:,} bytes, too large to be shown", "")


def check_place(path: Path) -> None:
    """Raise OutputRefused if something else than notices lies at `path`."""
    problem = "holds no notices: give --notices another name, or move it away"
    files.check_replaceable(path, lambda text: text.startswith(f"{_HEADING}\n"), problem)
