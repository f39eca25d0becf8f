"""Makes the pictures of the README and of the pages, in docs/pictures.

    python tests/pictures [flow] [boots] [terminal] [report]

Without a word, all of them. `flow` is drawn, `boots` is drawn from `tests/benchmarks/results.json`, `terminal` shows
what a session prints while it runs, `report` what Chromium shows of that session's bundle: both pack the fixture
`science`, and need the network.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pictures import boots, flow, session
from support import machine

FOLDER = machine.ROOT / "docs" / "pictures"
NAMES = ("flow", "boots", "terminal", "report")


def main(names: Sequence[str]) -> int:
    """Make the pictures with these names, all if there are none."""
    wanted = names or NAMES
    unknown = sorted({*wanted} - {*NAMES})
    if unknown:
        print(f"there is no picture {unknown[0]}: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    if "flow" in wanted:
        (FOLDER / "flow.svg").write_text(flow.draw(), encoding="utf-8")
    if "boots" in wanted:
        (FOLDER / "boots.svg").write_text(boots.draw(), encoding="utf-8")
    if {"terminal", "report"} & {*wanted}:
        with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
            recorded = session.record(Path(folder))
            if "terminal" in wanted:
                (FOLDER / "terminal.svg").write_text(session.draw(recorded), encoding="utf-8")
            if "report" in wanted:
                session.shoot(Path(folder), FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
