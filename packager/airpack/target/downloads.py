"""Downloads the target's interpreter with uv, into airpack's cache, where a machine has none.

uv's own settings apply, from the environment and the configuration files of the user and the system: mirrors, lists of
downloads, proxies, certificates, and whether it may download. Those of the current folder, and of folders above it,
don't: anybody may have put a `uv.toml` into /tmp, and what it names would be run, and kept for other projects.
Only this module reads what uv prints: its list of downloads as JSON, and its error messages as text, which is shown and
decides nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from airpack.base import cache, extras, jsons
from airpack.base.errors import AirpackError, PythonMissing
from airpack.target import interpreter
from airpack.target.interpreter import Installation, Interpreter
from airpack.target.target import Target

# Since its version 0.7, uv lists no download of Python 3.7, although the file is still there. This list names it; it is
# used for what uv does not list, unless the user gave uv a list.
_LIST = Path(__file__).with_name("python_downloads.json")
_LIST_VARIABLE = "UV_PYTHON_DOWNLOADS_JSON_URL"
_PATHS = (_LIST_VARIABLE, "UV_CONFIG_FILE", "UV_PYTHON_INSTALL_MIRROR")  # which may hold one
# The values of uv's settings that forbid a download, or one that the user did not ask for.
_FORBIDDING = (
    ("UV_PYTHON_DOWNLOADS", ("never", "manual", "false")),
    ("UV_PYTHON_PREFERENCE", ("only-system",)),
    ("UV_NO_MANAGED_PYTHON", ("1", "true", "t", "yes", "y", "on")),
)
_LIST_SECONDS = 60
# 30 MB take some minutes on a slow line; uv itself gives up on a server that is silent for 30 s.
_INSTALL_SECONDS = 600
_STAGING = ".temp"  # uv's folder for unfinished installations; a killed uv leaves files in it

_GIVE_ONE = "give --python PATH"
_SOLVE = f"solve that, or {_GIVE_ONE}"

Waiting = Callable[[str], AbstractContextManager[None]]


class NotDownloaded(AirpackError):
    """A Python to remove that is not among those that airpack downloaded."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"airpack has not downloaded a Python {version}: airpack python list shows which it has; "
            "remove one of the machine's own with what installed it"
        )
        self.version = version


@dataclass(frozen=True, kw_only=True, slots=True)
class Obtained:
    """An interpreter for a target; `downloaded` is its installation if it was downloaded just now."""

    interpreter: Interpreter
    downloaded: Installation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Offer:
    """A download that uv lists: uv's name for it, the full version, the URL, and the environment that lists it."""

    key: str
    version: str
    url: str
    env: Mapping[str, str]

    @property
    def source(self) -> str:
        """The host that it is downloaded from, or the folder."""
        url = urlsplit(self.url)
        return url.netloc.rpartition("@")[2] or str(Path(url.path).parent)

    def failed(self, version: str, reason: str, remedy: str) -> PythonMissing:
        """Return the error for an installation of this download, which was chosen for `version`."""
        return PythonMissing(version, reason=f"uv, {self.version} from {self.source}: {reason}", remedy=remedy)


def obtain(
    target: Target,
    *,
    given: Path | None,
    download: bool,
    env: Mapping[str, str],
    waiting: Waiting = lambda _: nullcontext(),
) -> Obtained:
    """Return the interpreter `given`, else one on this machine or in the cache, else one that uv downloads.

    `waiting` is called with a description of the download while it runs. Raises NoInterpreter if `given` is not of the
    target's version, PythonMissing if there is no interpreter.
    """
    version = target.python_version
    python = interpreter.find(target, given=given, env=env)
    if python is not None:
        return Obtained(interpreter=python)
    _check_allowed(version, download, env)
    with waiting(f"python    downloading {version} with uv"):
        downloaded = install(version, env)
    # Another process may have downloaded it first, or may have removed it.
    python = interpreter.find(target, given=None, env=env)
    if python is None:
        raise PythonMissing(version, reason="another process removed it", remedy="try again")
    return Obtained(interpreter=python, downloaded=downloaded)


def install(version: str, env: Mapping[str, str]) -> Installation | None:
    """Download a Python, such as `3.7` or `3.7.9`, with uv; return None if the cache has one that runs.

    Raises PythonMissing.
    """
    uv = _program(env)
    if uv is None:
        remedy = f"{extras.install('python')} lets airpack download one, or {_GIVE_ONE}"
        raise PythonMissing(version, remedy=remedy)
    folder = cache.folder(env) / cache.PYTHON
    with _locked(folder):
        if any(interpreter.ask(installation.python) for installation in kept(version, env)):
            return None
        offer = _offer(uv, version, {**env, **_settings(folder, env)})
        place = folder / offer.key
        # uv takes any folder of this name for an installation, even one that was left unfinished.
        shutil.rmtree(place, ignore_errors=True)
        try:
            process = _run(uv, ["install", offer.key], offer.env, _INSTALL_SECONDS)
            if process.returncode:
                raise offer.failed(version, _reason(process.stderr), _SOLVE)
            return _complete(place, offer, version)
        except OSError as error:
            raise PythonMissing(version, reason=f"{error.filename}: {error.strerror}", remedy=_SOLVE) from error
        finally:
            shutil.rmtree(folder / _STAGING, ignore_errors=True)
            if not (place / interpreter.NOTE).exists():
                shutil.rmtree(place, ignore_errors=True)


def kept(version: str, env: Mapping[str, str]) -> list[Installation]:
    """Return the installations in the cache that are of `version`, which is a minor or a full one."""
    return [python for python in interpreter.installations(env) if f"{python.version}.".startswith(f"{version}.")]


def remove(version: str, env: Mapping[str, str]) -> list[Installation]:
    """Remove the installations in the cache that are of `version`, and return them. Raises NotDownloaded if none is."""
    folder = cache.folder(env) / cache.PYTHON
    with _locked(folder):
        removed = kept(version, env)
        if not removed:
            raise NotDownloaded(version)
        for installation in removed:
            # The note goes first: an interrupted removal must not leave what counts as complete.
            (installation.folder / interpreter.NOTE).unlink()
            shutil.rmtree(installation.folder)
        for link in folder.glob("cpython-*"):
            if link.is_symlink() and not link.exists():  # uv links the minor version to the full one
                link.unlink()
    return removed


def _check_allowed(version: str, download: bool, env: Mapping[str, str]) -> None:
    """Raise PythonMissing if the command line or uv's settings forbid a download that the user did not ask for."""
    if not download:
        raise PythonMissing(version, remedy=f"leave out --no-python-download, or {_GIVE_ONE}")
    for name, values in _FORBIDDING:
        value = env.get(name, "")
        if value.lower() in values:
            raise PythonMissing(version, reason=f"{name}={value}", remedy=f"unset {name}, or {_GIVE_ONE}")


def _program(env: Mapping[str, str]) -> str | None:
    """Return the path of uv, of the installed package or else on PATH, or None."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - it may be missing, and is seldom needed

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        return shutil.which("uv", path=env.get("PATH"))


def _settings(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep all of uv's files in `folder`; an older uv ignores variables it doesn't know."""
    return {
        "UV_PYTHON_INSTALL_DIR": str(folder.absolute()),
        "UV_PYTHON_INSTALL_BIN": "0",  # no links in ~/.local/bin
        "UV_NO_CACHE": "1",
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_RETRIES": env.get("UV_HTTP_RETRIES", "2"),
        "NO_COLOR": "1",
    }


def _offer(uv: str, version: str, env: Mapping[str, str]) -> _Offer:
    """Return uv's newest download of `version` for this machine. Raises PythonMissing."""
    environments = [env]
    if not env.get(_LIST_VARIABLE):
        environments.append({**env, _LIST_VARIABLE: str(_LIST)})
    for environment in environments:
        line = ["list", "--only-downloads", "--output-format", "json", version]
        process = _run(uv, line, environment, _LIST_SECONDS)
        if process.returncode:
            raise PythonMissing(version, reason=f"uv: {_reason(process.stderr)}", remedy=_SOLVE)
        offer = next(_offers(process.stdout, environment), None)
        if offer is not None:
            return offer
    raise PythonMissing(version, reason="uv knows no download of it for this machine", remedy=_GIVE_ONE)


def _offers(text: str, env: Mapping[str, str]) -> Iterator[_Offer]:
    """Yield the downloads of ordinary CPythons in uv's list; none if another program called uv printed the text."""
    entries: object = None
    with suppress(ValueError):
        entries = jsons.loads(text)
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not {"key", "version", "url"} <= entry.keys():
            continue
        if (entry.get("implementation"), entry.get("variant", "default")) == ("cpython", "default"):
            yield _Offer(key=str(entry["key"]), version=str(entry["version"]), url=str(entry["url"]), env=env)


def _run(uv: str, words: list[str], env: Mapping[str, str], seconds: int) -> subprocess.CompletedProcess[str]:
    """Run `uv python WORDS` where no project is; it fails if it takes longer than `seconds`, or cannot be run."""
    line = [os.path.abspath(uv), "python", *words]
    # What the environment names is relative to the current folder.
    env = {**env, **{name: os.path.abspath(env[name]) for name in _PATHS if os.path.exists(env.get(name, ""))}}
    try:
        return subprocess.run(line, env=env, cwd=os.sep, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(line, 1, "", f"it took longer than {seconds} s")
    except OSError as error:
        return subprocess.CompletedProcess(line, 1, "", f"{uv} can't be run: {error.strerror}")


def _complete(place: Path, offer: _Offer, version: str) -> Installation:
    """Return the installation at `place`, once its program has run and its note is written. Raises PythonMissing."""
    major, minor = offer.version.split(".")[:2]
    python = place / "bin" / f"python{major}.{minor}"
    if interpreter.ask(python) is None:
        raise offer.failed(version, "it does not run on this machine", _GIVE_ONE)
    note = {"version": offer.version, "source": offer.source, "url": offer.url}
    (place / interpreter.NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    return Installation(folder=place, version=offer.version, python=python, source=offer.source)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let only one process at a time change the installations in `folder`."""
    with cache.claims(folder / ".airpack-lock") as claim:
        claim("", True)
        yield


def _reason(text: str) -> str:
    """Return why uv failed, on one line: the last cause that its messages name, which it folds at a width of 80."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    unfolded = re.sub(r"\n +(?![ \n]|cause: |Caused by: )", " ", text)
    lines = [line.strip() for line in unfolded.splitlines()]
    causes = [line.partition(": ")[2] for line in lines if line.startswith(("error: ", "cause: ", "Caused by: "))]
    return (causes or [line for line in lines if line] or ["it ended without a message"])[-1]
