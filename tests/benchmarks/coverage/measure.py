"""Tries what teams install, name by name, in each way; every result is kept as soon as it is there.

    python tests/benchmarks coverage [--names FILE] [--way NAME] [--runs N] [--jobs N] [--again]

A run goes on where an earlier one was interrupted: what is in the results isn't tried again, unless `--again` says so.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airpack.target.target import DEFAULT, Target
from benchmarks import results, tools
from benchmarks.coverage.reasons import findings_in, reason
from benchmarks.coverage.ways import WAYS, Step, options_of_pip
from benchmarks.measure import median
from benchmarks.process import Failed, execute
from support import machine

NAMES = Path(__file__).with_name("names.txt")
_HERE = Path(__file__).parent
# A way's cache is emptied when it has grown past this.
_CACHE_BYTES = 8_000_000_000
# What has a say in what is found, and isn't the index itself.
_FOREIGN = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "UV_FIND_LINKS", "UV_CONSTRAINT")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is to be tried: the names, in which ways, how often, and how many at once.

    `again` says to try also what is in the results; `place` is the file of the results, `work` a folder for programs
    and caches.
    """

    names: Sequence[str]
    ways: Sequence[str]
    runs: int
    jobs: int
    again: bool
    place: Path
    work: Path


def read_names(path: Path) -> list[str]:
    """Return the requirements in a file, one a line. Raises NoResults if it can't be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise results.NoResults(f"{path}: {error}: give --names a file with one requirement a line") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def measure(asked: Asked, say: Callable[[str], None]) -> None:
    """Try each name in each way, and put what came out into the results, name by name."""
    programs = _programs(asked)
    for way in asked.ways:
        known = {} if asked.again else _known(asked.place, way)
        left = [name for name in asked.names if name not in known]
        say(f"{way}: {len(left)} of {len(asked.names)} names to try")
        with ThreadPoolExecutor(asked.jobs) as executor:

            def trial(name: str, way: str = way) -> None:
                entry = _entry(name, way, asked, programs)
                _keep(asked, way, name, entry)
                say(f"{way}: {name}: {_summary(entry)}")

            list(executor.map(trial, left))


def _programs(asked: Asked) -> dict[str, Sequence[str]]:
    """Return what the placeholders of the ways stand for; peers that none of the ways needs are not installed."""
    work, python = asked.work, str(machine.python37().path)
    work.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(step.line for way in asked.ways for step in WAYS[way].steps.values())
    wanted = [name for name in ("uv", "pex") if f"{{{name}}}" in lines]
    host = tools.environment(work / "peers-coverage", sys.executable, tools.pins(*wanted, on_host=True))
    pip = tools.pins("pip", on_host=False) if "{image_pip}" in lines else []
    image = tools.environment(work / "peers-coverage-python3.7", python, pip)
    target = Target.from_name(DEFAULT)
    platform = work / "complete-platform.json"
    platform.write_text(json.dumps(target.to_dict(), indent=1), encoding="utf-8")
    return {
        "{airpack}": [sys.executable, "-m", "airpack"],
        "{uv}": [str(host / "uv")],
        "{pex}": [str(host / "pex")],
        "{pip}": [sys.executable, "-m", "pip"],
        "{image_pip}": [str(image / "python"), "-m", "pip"],
        "{python}": [python],
        "{platform}": [str(platform)],
        "{tags}": options_of_pip(target),
        "{check}": [sys.executable, str(_HERE / "trial.py")],
    }


def _entry(name: str, way: str, asked: Asked, programs: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what came of a name's steps: whether each went well, its seconds, what was found or why it failed."""
    entry: dict[str, Any] = {}
    cache = asked.work / "caches" / way.replace(" ", "-")
    for number in range(asked.runs):
        with _folder(asked.work) as out:
            (out / "requirements.in").write_text(f"{name}\n", encoding="utf-8")
            for step, each in WAYS[way].steps.items():
                words = _words(each.line, {**programs, "{name}": [name], "{out}": [str(out)]})
                found = _step(words, each, _environment(cache), out)
                earlier = entry.get(step, {})
                series = {key: [*earlier.get(key, []), *found.pop(key)] for key in ("seconds", "cpu")}
                entry[step] = {**found, **series}
                if not found["ok"]:
                    break
        _limit(cache)
        if number and not all(each["ok"] for each in entry.values()):
            break
    return entry


def _words(line: str, values: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the words of a command line; a placeholder alone may stand for several, another for one."""
    words: list[str] = []
    for word in shlex.split(line):
        if word in values:
            words += values[word]
            continue
        for key, value in values.items():
            word = word.replace(key, value[0])  # noqa: PLW2901 - one after the other
        words.append(word)
    return words


def _step(words: Sequence[str], step: Step, env: Mapping[str, str], out: Path) -> dict[str, Any]:
    begun, cpu = time.monotonic(), out / "cpu.txt"
    cpu.unlink(missing_ok=True)
    words = [sys.executable, "-I", "-S", str(_HERE / "timed.py"), str(cpu), *words]
    try:
        said = execute(words, env, limit=step.limit, with_errors=True)
        found: dict[str, Any] = {"ok": True, **_findings(_without_places(said, out))}
    except Failed as failed:
        said = _without_places(failed.said, out)
        found = {"ok": False, "why": reason(said), **_findings(said)}
    except subprocess.TimeoutExpired:
        found = {"ok": False, "why": f"it took more than {step.limit:.0f} s"}
    seconds = round(time.monotonic() - begun, 1)
    return {**found, "seconds": [seconds], "cpu": [round(float(cpu.read_text()), 1)] if cpu.exists() else []}


def _without_places(said: str, out: Path) -> str:
    """Return what a step said without the paths of this machine: its folder, and where its Pythons lie."""
    return re.sub(r"/[^\s'\"()]+(?=/lib/python3\.)", "PYTHON", said.replace(str(out), "OUT"))


def _findings(said: str) -> dict[str, Any]:
    found = findings_in(said)
    return {"found": found} if found else {}


def _environment(cache: Path) -> dict[str, str]:
    """Return the environment of all ways: the index that pip is told of, PyPI else, and nothing else; own caches."""
    env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    if "PIP_INDEX_URL" in env:
        env["UV_DEFAULT_INDEX"] = env["PIP_INDEX_URL"]
    own = {"XDG_CACHE_HOME": str(cache), "UV_CACHE_DIR": str(cache / "uv"), "PIP_CACHE_DIR": str(cache / "pip")}
    return {**env, **own, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}


@contextmanager
def _folder(work: Path) -> Iterator[Path]:
    """Give an empty folder; unlike /tmp, the file system of `work` is large."""
    with tempfile.TemporaryDirectory(prefix="coverage-", dir=work, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _limit(cache: Path) -> None:
    sizes = (os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(cache) for name in names)
    if sum(sizes) > _CACHE_BYTES:
        shutil.rmtree(cache, ignore_errors=True)


def _known(place: Path, way: str) -> dict[str, Any]:
    found = results.load_or_begin(place).get("coverage", {})
    return dict(found.get("ways", {}).get(way, {}))


def _keep(asked: Asked, way: str, name: str, entry: Mapping[str, Any]) -> None:
    """Put an entry into the results, which another run may write to as well."""
    place = asked.place
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_name(f".{place.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = results.load_or_begin(place)
        coverage = found.setdefault("coverage", {"names": [], "ways": {}})
        coverage["names"] = list(dict.fromkeys([*coverage["names"], *asked.names]))
        coverage["ways"].setdefault(way, {})[name] = entry
        results.save(found, place)


def _summary(entry: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{step} {median(each['seconds']):.1f} s" + ("" if each["ok"] else f" FAILED: {each['why']}")
        for step, each in entry.items()
    )
