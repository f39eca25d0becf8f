"""What was set out to be reached, beside what was: each figure with its bound, and the reason where it is missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import AIRPACK, IMAGE, LIMIT, ON_DISK, SLIM
from benchmarks.results import Results, ratio

_OF = "science"
_LARGE = "large: "
_MEGABYTE = 10**6
# Why a figure isn't reached, by what it is called below, of whichever workload.
REASONS: dict[str, str] = {
    "tree, of `cp -r`": "Python's own start, 0.02 s, counts as airpack's",
    "tree, of `uv, cold cache`": "uv writes no bytecode; where it does, it takes several times as long",
    "tree, of `tar --zstd`": "both decompress and write on two cores; airpack also hashes, and starts a Python",
    "cold boot, of the fastest peer, `EROFS mount`": (
        "nothing is unpacked, from an image twice as large, by who may mount; airpack does so faster (`--image erofs`)"
    ),
    "cold boot, of the limit": "what exceeds 1 is the unpack, on two cores",
    "cold boot with `--slim`, of the limit": "what exceeds 1 is the unpack, on two cores, of four fifths of the bytes",
    "warm boot, of the limit": (
        "the shim adds the few ms that stand above; the rest is noise: `cp -a`, whose tree is the limit's, has it too"
    ),
    "size, of the wheels": "the default level is the fast one; `pack --release` makes it as small",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure: what it is, the bound that is wanted, what was reached (None: not measured), its unit."""

    what: str
    wanted: float
    reached: float | None
    unit: str = ""
    below: bool = False

    @property
    def missed(self) -> bool:
        """Return whether what was measured doesn't keep the bound."""
        if self.reached is None:
            return False
        return self.reached >= self.wanted if self.below else self.reached > self.wanted

    @property
    def verdict(self) -> str:
        """Say whether the bound is kept, or why not."""
        if self.reached is None:
            return "not measured"
        if not self.missed:
            return "yes"
        reason = REASONS.get(self.what.removeprefix(_LARGE))
        return f"**no**: {reason}" if reason else "**no**"


def figures(results: Results) -> list[Figure]:
    """Return every figure that has a bound."""
    section = results["workloads"].get(_OF)
    large = results["workloads"].get("large")
    found = list(_figures(section)) if section else []
    return found + (list(_large(large, results)) if large else [])


def _figures(section: dict[str, Any]) -> Iterator[Figure]:
    measures = section["measures"]
    tree = {"cp -r": 0.75, "pip --no-index": 1 / 15, "uv, cold cache": 0.6, "tar --zstd": 0.65, "unsquashfs": 1.0}
    for peer, wanted in tree.items():
        reached = ratio(measures.get("tree", {}), peer)
        yield Figure(what=f"tree, of `{peer}`", wanted=wanted, reached=reached, below=wanted == 1)
    boot = measures.get("boot", {})
    yield from _cold(boot, "")
    yield Figure(what="cold boot with `--slim`, of the limit", wanted=1.4, reached=ratio(boot, LIMIT, SLIM))
    yield Figure(what="warm boot, of the limit", wanted=1.03, reached=ratio(measures.get("warm", {}), LIMIT))
    wheels = section["wheels"]["bytes"]
    sizes = {name: about["artifact"] / wheels for name, about in section["peers"].items()}
    yield Figure(what="size, of the wheels", wanted=0.8, reached=sizes.get(AIRPACK))
    yield Figure(what="size with `--slim`, of the wheels", wanted=0.7, reached=sizes.get(SLIM))
    builds = {name: measures.get(name, {}).get(AIRPACK) for name in ("build", "rebuild")}
    both = {name: each for name, each in builds.items() if each}
    reached = ratio({AIRPACK: both["rebuild"], "build": both["build"]}, "build") if len(both) == 2 else None
    yield Figure(what="rebuild after one changed pin, of the build", wanted=0.2, reached=reached)
    for peer, wanted in {"uv + tar.zst": 1.1, "pex": 0.5, "shiv": 0.5}.items():
        share = ratio(measures.get("build", {}), peer)
        yield Figure(what=f"build, of `{peer}`", wanted=wanted, reached=share, below=wanted < 1)


def _cold(boot: dict[str, Any], of: str) -> Iterator[Figure]:
    fastest, share = fastest_peer(boot)
    yield Figure(what=f"{of}cold boot, of the fastest peer, `{fastest}`", wanted=1, reached=share, below=True)
    yield Figure(what=f"{of}cold boot, of the limit", wanted=1.6, reached=ratio(boot, LIMIT))


def _large(section: dict[str, Any], results: Results) -> Iterator[Figure]:
    yield from _cold(section["measures"].get("boot", {}), _LARGE)
    yield Figure(what=f"{_LARGE}memory of an unpack", wanted=300, reached=memory(section, results), unit=" MB")


def memory(section: dict[str, Any], results: Results) -> float | None:
    """Return what an unpack took at most, in megabytes: its largest process's peak, once for each processor."""
    unpacked = section["measures"].get("tree", {}).get(AIRPACK)
    return max(unpacked["peak"]) * float(results["machine"]["cores"]) / _MEGABYTE if unpacked else None


def fastest_peer(measured: dict[str, Any]) -> tuple[str | None, float | None]:
    """Return the peer that airpack is the least ahead of, the limit aside, and airpack's share of its time."""
    shares = {peer: ratio(measured, peer) for peer in measured if peer not in (AIRPACK, SLIM, IMAGE, LIMIT, ON_DISK)}
    known = {peer: share for peer, share in shares.items() if share is not None}
    if not known:
        return None, None
    peer = max(known, key=lambda each: known[each])
    return peer, known[peer]
