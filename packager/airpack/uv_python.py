"""Brings the target's interpreter along where a machine has none: by uv, into airpack's own cache.

What uv reads from its environment and its configuration files holds: mirrors, lists of downloads, proxies,
certificates, and whether it may download at all.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airpack import cache, interpreter
from airpack.errors import NotBrought
from airpack.interpreter import Brought, Interpreter
from airpack.target import Target

# uv lists no download of Python 3.7 since its version 0.7; the file was not taken away. For this list alone,
# and where nobody gave uv a list of their own.
_LIST = Path(__file__).with_name("python_downloads.json")
_LIST_VARIABLE = "UV_PYTHON_DOWNLOADS_JSON_URL"
_HOW = "pip install 'airpack[python]' brings one"
_TRUE = ("1", "true", "t", "yes", "y", "on")
_LIST_SECONDS = 60
# A slow line takes some minutes for 30 MB; uv itself gives up a server that is silent for 30 s.
_INSTALL_SECONDS = 600
_STAGING = ".temp"  # uv's, below the folder of installations: what a killed uv leaves lies there

_OTHERWISE = "mend that, or give --python PATH"

Waiting = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Obtained:
    """The interpreter for a target; `brought` if it was downloaded for this, `lack` if there is none."""

    interpreter: Interpreter | None = None
    brought: Brought | None = None
    lack: NotBrought | None = None


def obtain(
    target: Target,
    *,
    given: Path | None,
    download: bool,
    env: Mapping[str, str],
    waiting: Waiting = lambda _: nullcontext(),
) -> Obtained:
    """Return the interpreter `given`, else one of this machine or the cache, else one that uv downloads.

    `waiting` is called with what is being downloaded. Raises NoInterpreter if `given` is not of the target's version.
    """
    version = target.python_version
    found = interpreter.find(target, given=given, env=env)
    if found is not None:
        return Obtained(interpreter=found)
    try:
        _check_allowed(version, download, env)
        with waiting(f"python    {version} is being downloaded by uv"):
            brought = install(version, env)
    except NotBrought as error:
        return Obtained(lack=error)
    # Another process may have brought it meanwhile, or be removing it.
    found = interpreter.find(target, given=None, env=env)
    lack = None if found else NotBrought(version, cause="it was removed meanwhile", remedy="try again")
    return Obtained(interpreter=found, brought=brought, lack=lack)


def install(version: str, env: Mapping[str, str]) -> Brought | None:
    """Install a Python, such as `3.7` or `3.7.9`, by uv; None if the cache has one that runs. Raises NotBrought."""
    uv = _program(env)
    if uv is None:
        raise NotBrought(version, remedy=f"{_HOW}, or give --python PATH")
    folder = cache.folder(env) / cache.PYTHON
    with _alone(folder):
        if any(interpreter.ask(each.python) for each in kept(version, env)):
            return None
        own = {**env, **_settings(folder, env)}
        offer, own = _offer(uv, version, own)
        place = folder / offer["key"]
        # uv takes a folder for an installation, whatever became of who made it.
        shutil.rmtree(place, ignore_errors=True)
        try:
            done = _run(uv, ["install", offer["key"]], own, _INSTALL_SECONDS)
            if done.returncode:
                raise NotBrought(version, cause=f"{_from(offer)}: {_reason(done.stderr)}", remedy=_OTHERWISE)
            return _finish(place, offer, version)
        except OSError as error:
            raise NotBrought(version, cause=f"{error.filename}: {error.strerror}", remedy=_OTHERWISE) from error
        finally:
            shutil.rmtree(folder / _STAGING, ignore_errors=True)
            if not (place / interpreter.NOTE).exists():
                shutil.rmtree(place, ignore_errors=True)


def kept(version: str, env: Mapping[str, str]) -> list[Brought]:
    """Return the installations of the cache that `version`, a minor or a full one, means."""
    return [each for each in interpreter.brought(env) if f"{each.version}.".startswith(f"{version}.")]


def remove(version: str, env: Mapping[str, str]) -> list[Brought]:
    """Remove what the cache has of `version`, and return it: nothing of the machine's own is touched."""
    folder = cache.folder(env) / cache.PYTHON
    with _alone(folder):
        removed = kept(version, env)
        for each in removed:
            # First of all, so that a removal that is interrupted leaves nothing that is taken for an interpreter.
            (each.folder / interpreter.NOTE).unlink()
            shutil.rmtree(each.folder)
        for link in folder.glob("cpython-*"):
            if link.is_symlink() and not link.exists():  # uv's, from the minor version
                link.unlink()
    return removed


def _check_allowed(version: str, download: bool, env: Mapping[str, str]) -> None:
    """Raise NotBrought if the command line or the environment says that nothing is downloaded unasked."""
    if not download:
        raise NotBrought(version, remedy="leave --no-python-download out, or give --python PATH")
    for name, values in (
        ("UV_PYTHON_DOWNLOADS", ("never", "manual", "false")),
        ("UV_PYTHON_PREFERENCE", ("only-system",)),
        ("UV_NO_MANAGED_PYTHON", _TRUE),
    ):
        value = env.get(name, "")
        if value.lower() in values:
            raise NotBrought(version, cause=f"{name}={value}", remedy=f"unset {name}, or give --python PATH")


def _program(env: Mapping[str, str]) -> str | None:
    """Return the path of uv: the installed package's, else that on PATH."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - it may be missing, and is seldom needed

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        return shutil.which("uv", path=env.get("PATH"))


def _settings(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep all that uv does in `folder`; as variables, an older uv passes over new ones."""
    return {
        "UV_PYTHON_INSTALL_DIR": str(folder.absolute()),
        "UV_PYTHON_INSTALL_BIN": "0",  # no links in ~/.local/bin
        "UV_NO_CACHE": "1",
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_RETRIES": env.get("UV_HTTP_RETRIES", "2"),
        "NO_COLOR": "1",
    }


def _offer(uv: str, version: str, env: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return uv's newest download of `version` for this machine, and the environment it is had with.

    Raises NotBrought.
    """
    environments = [env]
    if not env.get(_LIST_VARIABLE):
        environments.append({**env, _LIST_VARIABLE: str(_LIST)})
    for each in environments:
        done = _run(uv, ["list", "--only-downloads", "--output-format", "json", version], each, _LIST_SECONDS)
        if done.returncode:
            raise NotBrought(version, cause=f"uv: {_reason(done.stderr)}", remedy=_OTHERWISE)
        for offer in _listed(done.stdout):
            if (offer.get("implementation"), offer.get("variant", "default")) == ("cpython", "default"):
                return offer, each
    raise NotBrought(version, cause="uv knows no download of it for this machine", remedy="give --python PATH")


def _listed(text: str) -> list[dict[str, Any]]:
    """Return what uv lists; nothing where it is not the JSON that is expected, of another program called uv, say."""
    with suppress(ValueError):
        listed = json.loads(text)
        if isinstance(listed, list):
            return [each for each in listed if isinstance(each, dict) and {"key", "version", "url"} <= each.keys()]
    return []


def _run(uv: str, words: list[str], env: Mapping[str, str], seconds: int) -> subprocess.CompletedProcess[str]:
    """Run `uv python WORDS` for so many seconds at most; one that takes longer has failed."""
    line = [uv, "python", *words]
    try:
        return subprocess.run(line, env=env, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(line, 1, "", f"it took longer than {seconds} s")
    except OSError as error:
        return subprocess.CompletedProcess(line, 1, "", f"{uv} can't be run: {error.strerror}")


def _finish(place: Path, offer: Mapping[str, Any], wanted: str) -> Brought:
    """Return what was installed at `place`, once it has run and has its note. Raises NotBrought."""
    version = str(offer["version"])
    major, minor = version.split(".")[:2]
    python = place / "bin" / f"python{major}.{minor}"
    if interpreter.ask(python) is None:
        raise NotBrought(wanted, cause=f"{_from(offer)}: it does not run on this machine", remedy="give --python PATH")
    brought = Brought(folder=place, version=version, python=python, source=_host(offer))
    note = {"version": version, "source": brought.source, "url": offer["url"]}
    (place / interpreter.NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    return brought


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change the installations in `folder`."""
    with cache.claims(folder / ".airpack-lock") as claim:
        claim("", True)
        yield


def _from(offer: Mapping[str, Any]) -> str:
    return f"uv, {offer['version']} from {_host(offer)}"


def _host(offer: Mapping[str, Any]) -> str:
    """Return where a download comes from: a host, or a folder."""
    url = urlsplit(str(offer["url"]))
    return url.netloc.rpartition("@")[2] or str(Path(url.path).parent)


def _reason(text: str) -> str:
    """Return why uv failed, in its own words, as one line: the last cause that it names."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in text.splitlines()]
    said = [line.partition(": ")[2] for line in lines if line.startswith(("error: ", "cause: ", "Caused by: "))]
    return (said or [line for line in lines if line] or ["it ended without a word"])[-1]
