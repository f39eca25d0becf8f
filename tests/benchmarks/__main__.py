"""Measures airpack beside what one would use without it, and renders ratios.

    python tests/benchmarks [PART] [OPTION ...]

Without a PART, the peers of all workloads, the curve, and the report: about four hours on two cores; `--workload
science` takes one of them. As root, or without mounts and with the page cache warm alone. Absolute times belong to
the machine, which should do nothing else meanwhile: compare the ratios.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks import (
    azure,
    containers,
    curve,
    fetch,
    fleet,
    levels,
    measure,
    programs,
    race,
    reading,
    regress,
    report,
    results,
    starts,
    tools,
    wheels,
    workloads,
)
from benchmarks.coverage import measure as coverage
from benchmarks.coverage.ways import WAYS
from benchmarks.peers import PEERS
from benchmarks.process import Failed

_STARTED = time.monotonic()
_RUNS = 7
_STARTS = 100


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a part."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)  # what is mounted is unmounted then, too
    try:
        return _PARTS[arguments.part](arguments)
    except (Failed, results.NoResults) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was measured before is in the results", file=sys.stderr)
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part",
        nargs="?",
        default="all",
        choices=list(_PARTS),
        help="all: peers, curve and report; peers: each workload's measures; curve: the cost of an unpack by size; "
        "report: render the results; check: compare --results' ratios with the committed ones; fetch, containers "
        "(root, podman, runc), azure (bubblewrap), fleet (docker-registry), starts, reading, levels: their own tables; "
        "coverage: whether what teams install can be had, by name (hours; it goes on where it was interrupted); "
        "wheels: whether pip installs the same files (an hour); programs: whether they print the same (ten minutes)",
    )
    chosen = parser.add_argument_group("what is measured; each may be given again")
    chosen.add_argument("--workload", action="append", choices=list(workloads.WORKLOADS), help="default: all")
    chosen.add_argument("--measure", action="append", choices=list(race.PASSES), help="default: by workload")
    chosen.add_argument("--peer", action="append", choices=list(PEERS), metavar="NAME", help="default: all")
    parser.add_argument("--runs", type=_count, help=f"runs of each contender (default: {_RUNS}; of coverage: 1)")
    parser.add_argument("--work", type=Path, default=Path(cache, "airpack-benchmarks"), help="default: %(default)s")
    parser.add_argument("--results", type=Path, default=results.COMMITTED, help="default: the committed ones")
    parser.add_argument("--tolerance", type=float, default=0.25, help="of check (default: %(default)s)")
    parser.add_argument("--dist", type=Path, help="of containers: results of `airpack pack`, instead of packing")
    parser.add_argument("--than", metavar="COMMIT", help="of starts: compare with the shim of this commit")
    names = parser.add_argument_group("of coverage")
    names.add_argument("--names", type=Path, help="a file, one requirement a line; of wheels and programs as well")
    names.add_argument("--way", action="append", choices=list(WAYS), metavar="NAME", help="default: all")
    names.add_argument("--jobs", type=_count, default=1, help="names at once (default: 1, for times that compare)")
    names.add_argument("--again", action="store_true", help="try also what is in the results")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs: give 1 or more")
    return int(text)


def _all(arguments: argparse.Namespace) -> int:
    return _peers(arguments) or _curve(arguments) or _report(arguments)


def _peers(arguments: argparse.Namespace) -> int:
    programs = tools.fetch(arguments.work, arguments.peer or list(PEERS))
    found = results.load_or_begin(arguments.results)
    for name in arguments.workload or workloads.WORKLOADS:
        kit = workloads.prepare(name, arguments.work, programs)
        passes = arguments.measure or race.DEFAULT[name]
        for section in race.measure(kit, passes, arguments.peer or list(PEERS), arguments.runs or _RUNS, _say):
            _note(found)
            results.merge(found, name, section)
            results.save(found, arguments.results)
    return 0


def _curve(arguments: argparse.Namespace) -> int:
    programs = tools.fetch(arguments.work, curve.BUILT)
    found = results.load_or_begin(arguments.results)
    largest = (arguments.workload or list(workloads.WORKLOADS))[-1]
    kit = workloads.prepare(largest, arguments.work, programs)
    found["curve"] = curve.measure(kit, arguments.runs or _RUNS, _say)
    _note(found)
    results.save(found, arguments.results)
    return 0


def _coverage(arguments: argparse.Namespace) -> int:
    asked = coverage.Asked(
        names=coverage.read_names(arguments.names or coverage.NAMES),
        ways=arguments.way or list(WAYS),
        runs=arguments.runs or 1,
        jobs=arguments.jobs,
        again=arguments.again,
        place=arguments.results,
        work=arguments.work,
    )
    coverage.measure(asked, _say)
    return 0


def _note(found: results.Results) -> None:
    found["machine"] = {**tools.machine_facts(), "fresh_file_system": measure.can_mount()}
    found["versions"] = tools.versions()
    found["shim_bytes"] = tools.shim_bytes()


def _report(arguments: argparse.Namespace) -> int:
    report.write(results.load(arguments.results))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    worse = regress.worse(
        results.load(arguments.results), results.load(results.COMMITTED), tolerance=arguments.tolerance
    )
    for line in worse:
        print(line)
    return 1 if worse else 0


def _part(part: Callable[[Path, argparse.Namespace], None]) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        with tempfile.TemporaryDirectory(prefix="airpack-bench-") as scratch:
            part(Path(scratch), arguments)
        return 0

    return run


def _say(text: str) -> None:
    print(f"{time.monotonic() - _STARTED:6.0f} s  {text}", file=sys.stderr, flush=True)


_PARTS: dict[str, Callable[[argparse.Namespace], int]] = {
    "all": _all,
    "peers": _peers,
    "curve": _curve,
    "report": _report,
    "check": _check,
    "coverage": _coverage,
    "fetch": _part(lambda scratch, given: fetch.measure(scratch, given.runs or _RUNS)),
    "containers": _part(
        lambda scratch, given: containers.measure(scratch, min(given.runs or _RUNS, containers.RUNS), given.dist)
    ),
    "fleet": _part(lambda scratch, given: fleet.measure(scratch, given.runs or _RUNS)),
    "levels": _part(lambda scratch, _: levels.measure(scratch)),
    "starts": _part(lambda scratch, given: starts.measure(scratch, given.runs or _STARTS, given.than)),
    "reading": _part(lambda scratch, given: reading.measure(scratch, given.runs or _RUNS)),
    "programs": _part(
        lambda scratch, given: programs.measure(scratch, given.names or programs.NAMES, given.jobs, _say)
    ),
    "wheels": _part(lambda scratch, given: wheels.measure(scratch, given.names or wheels.NAMES, given.jobs, _say)),
    "azure": _part(lambda scratch, given: azure.measure(scratch, given.runs or _RUNS)),
}

if __name__ == "__main__":
    sys.exit(main())
