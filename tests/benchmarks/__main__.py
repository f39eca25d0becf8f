"""Measures airpack beside what one would use without it, and prints tables of ratios.

    python tests/benchmarks [--only boot|fetch|containers|azure] [--runs N] [--dist DIR]

Contenders run in turn. Absolute times belong to the machine: compare the ratios.
`containers` (as root, with podman and runc) and `azure` (with bubblewrap) are measured only if they are named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import azure, boot, containers, fetch


def main() -> int:
    """Measure what --only names, else boot and fetch, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=["boot", "fetch", "containers", "azure"], help="measure this alone")
    parser.add_argument("--runs", type=int, default=7, help="runs of each contender (default: %(default)s)")
    parser.add_argument("--dist", type=Path, help="results of `airpack pack` to boot instead of packing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airpack-bench-") as scratch:
        if arguments.only == "containers":
            containers.measure(Path(scratch), min(arguments.runs, containers.RUNS), arguments.dist)
            return 0
        if arguments.only == "azure":
            azure.measure(Path(scratch), arguments.runs)
            return 0
        if arguments.only != "fetch":
            boot.measure(Path(scratch), arguments.runs, arguments.dist)
        if arguments.only != "boot":
            fetch.measure(Path(scratch), arguments.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
