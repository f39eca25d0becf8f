"""The texts of licences and notices that the wheels of a bundle bring, wherever they put them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from airpack_runtime.format.toc import Distribution

from airpack.bundle.opened import OpenBundle, paths_of
from airpack.target import prefix

_LARGEST = 4 << 20  # bytes of a text; the longest that is known, of PyTorch, has half a megabyte
_MOST = 64 << 20  # bytes of all
# By PEP 639 all files of this folder are such texts; else they are told by their names, code aside.
_FOLDER = re.compile(r"[^/]+\.dist-info/licenses/.+")
_NAME = re.compile(
    r"(?:un)?licen[cs]es?(?:[-_. ].*)?|copying(?:[-_. ].*)?|(?:copyright|notice|patents)s?(?:\.(?:txt|md|rst))?",
    re.IGNORECASE,
)
_CODE = (".py", ".pyc", ".pyi", ".so", ".json", ".yml", ".yaml", ".toml", ".js", ".css", ".png", ".h")


@dataclass(frozen=True, kw_only=True, slots=True)
class LicenceText:
    """A file with a licence or a notice: its path in the tree, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str


def texts_of(opened: OpenBundle, distribution: Distribution) -> list[LicenceText]:
    """Return the texts of a distribution, its own first, then those of what it contains. Raises BundleDamaged."""
    paths = [path for path in paths_of(opened.toc, distribution) if is_text(path)]
    paths.sort(key=lambda path: (".dist-info/" not in path, path.count("/"), path))
    return [LicenceText(path=path, size=opened.entries[path].size, sha256=opened.sums.get(path, "")) for path in paths]


def is_text(path: str) -> bool:
    """Return whether the file at a path of the tree is the text of a licence or a notice."""
    name = path.rpartition("/")[2]
    return bool(
        _FOLDER.fullmatch(prefix.shortened(path)) or (_NAME.fullmatch(name) and not name.lower().endswith(_CODE))
    )


def read(opened: OpenBundle, texts: Iterable[LicenceText]) -> dict[str, str]:
    """Return each text by the SHA-256 of its file, with one kind of line ends; one larger than 4 MiB is left out.

    Raises BundleDamaged (of `airpack_runtime.errors`), also for more than 64 MiB.
    """
    distinct = {text.sha256: text for text in texts if text.size <= _LARGEST}
    if sum(text.size for text in distinct.values()) > _MOST:
        raise opened.file.damaged(f"its texts of licences are larger than {_MOST >> 20} MiB")
    return {sha256: _decoded(opened.read(opened.entries[text.path])) for sha256, text in distinct.items()}


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # what older licences are in
    return "\n".join(text.splitlines())
