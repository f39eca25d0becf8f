"""The shim's command line. Each start of a container waits for `exec`: in its usual form it is read here, as argparse
takes longer to import than a warm start; any other form, and the other commands, are read in `commands`.
"""

from __future__ import annotations

import os
import sys

if not __package__:  # its folder was named to Python, which then looks for modules in there
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from airpack_runtime.execute import execute, guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    given = {}
    rest = words[1:]
    while len(rest) > 1 and rest[0] in ("--bundle", "--tree") and rest[1][:1] != "-":
        given[rest[0]] = rest[1]
        rest = rest[2:]
    if words[:1] == ["exec"] and rest[:1] == ["--"]:
        bundle, tree = given.get("--bundle"), given.get("--tree")
        return guarded(lambda: execute(rest[1:], bundle, tree), bundle or tree)
    from airpack_runtime import commands

    return commands.main(words)


if __name__ == "__main__":
    sys.exit(main())
