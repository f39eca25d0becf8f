"""Lines of requirements that lie in no file, as files for pip."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from airpack.base.errors import AirpackError
from airpack.requirements.requirements import Listing


@contextmanager
def written(listings: Sequence[Listing], folder: Path) -> Iterator[list[str]]:
    """Write the listings into `folder` and give them as arguments of pip's; an error names their sources instead."""
    sources = {str(folder / f"listing-{number}.txt"): listing for number, listing in enumerate(listings)}
    for file, listing in sources.items():
        # Only the lines of a file can hold hashes, and the settings of a build.
        Path(file).write_text("".join(f"{line}\n" for line in listing.lines), encoding="utf-8")
    try:
        yield [word for file, each in sources.items() for word in (f"--{each.kind}", file)]
    except AirpackError as error:
        message = str(error)
        for file, listing in sources.items():
            message = _named(message, file, listing)
        error.args = (message,)
        raise


def _named(message: str, file: str, listing: Listing) -> str:
    """Return a message with the places of a listing for the lines of the `file` that holds it."""

    def place(match: re.Match[str]) -> str:
        return listing.place(int(match["a"] or match["b"]))

    at = re.escape(file)
    return re.sub(rf"line (?P<a>\d+) of {at}|-[rc] {at} \(line (?P<b>\d+)\)", place, message).replace(
        file, listing.source
    )
