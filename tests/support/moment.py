"""The package index as it was at a moment, so that what a test expects doesn't change when the index does.

    python tests/support/moment.py COMMAND [ARGUMENT ...]

runs a command with it, say `pip install --group dev`. The pages come from the index that pip is configured to use,
through a process on loopback (`moment_server.py`) that leaves out what was uploaded later; the files come from where
they are. No other index or folder, and nothing else of pip's or uv's configuration, has a say in what is found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MOMENT = "2026-10-01T00:00:00Z"
# What the projects that the tests use had then, for indexes that don't tell when a file was uploaded.
RECORD = Path(__file__).resolve().parent.parent.parent / "fixtures" / "moment" / "versions.txt"
# Settings, by how their names begin, that have a say in what pip and uv find; and those of pip's that have none.
_FOREIGN = (
    "PIP_", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX", "UV_NO_INDEX", "UV_FIND_LINKS", "UV_CONSTRAINT",
    "UV_OVERRIDE", "UV_EXCLUDE", "UV_PRERELEASE", "UV_RESOLUTION",
)  # fmt: skip
_KEPT = ("PIP_CACHE_DIR", "PIP_NO_CACHE_DIR")


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """An index on loopback.

    `url` is as it was at the moment, `now` as it is; `env` is the environment in which pip, uv, and all that
    start them, use the former and nothing else.
    """

    url: str
    now: str
    env: Mapping[str, str]


@contextmanager
def index(env: Mapping[str, str], *, record: Path = RECORD, moment: str = MOMENT) -> Iterator[Index]:
    """Serve the index that pip uses in the environment `env`, until the block ends."""
    line = [sys.executable, str(Path(__file__).with_name("moment_server.py")), moment, str(record)]
    with subprocess.Popen(
        line, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            told = json.loads(server.stdout.readline() or "null")
            if told is None:
                raise RuntimeError("the index of the tests can't be served: `pip config list` may say why")
            url, now = told["url"], told["now"]
            yield Index(url=url, now=now, env=_environment(env, {**told["settings"], "PIP_INDEX_URL": url}))
        finally:
            server.stdin.close()


@contextmanager
def entered(cache: Path | None = None) -> Iterator[Index]:
    """Have this process, and all that it starts, use the index as it was, until the block ends.

    uv keeps what it fetches in the folder `cache`: by the URL of the index, which is another each time.
    """
    before = dict(os.environ)
    with index(before) as served:
        try:
            os.environ.clear()
            os.environ.update(served.env)
            if cache is not None:
                os.environ["UV_CACHE_DIR"] = str(cache)
            yield served
        finally:
            os.environ.clear()
            os.environ.update(before)


def _environment(env: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in env.items() if name in _KEPT or not name.startswith(_FOREIGN)}
    local = {name: ",".join(filter(None, [env.get(name), "127.0.0.1"])) for name in ("no_proxy", "NO_PROXY")}
    return {
        **kept,
        **local,
        **settings,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_DEFAULT_INDEX": settings["PIP_INDEX_URL"],
        "UV_NO_CONFIG": "1",
    }


def main() -> int:
    """Run the command that was given, and return its exit status."""
    with index(os.environ) as served:
        return subprocess.run(sys.argv[1:], env=served.env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
