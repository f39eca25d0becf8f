"""What a file is that a user gives as requirements or as a lock: told by its content, not by its name."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from airpack.base import files, jsons, toml
from airpack.base.errors import InvalidRequirement
from airpack.requirements import conda, script

STDIN = "-"
_STDIN_NAME = Path("standard input")
_GIVE_FOLDER = ("setup.py", "setup.cfg")
_IN_FOLDERS = ("requirements.txt", "conda.yaml", "conda.yml", "environment.yml")  # such as those of MLflow's models
_YAML_KEYS = ("name:", "channels:", "dependencies:", "prefix:", "version:", "metadata:", "package:", "environments:",
              "$schema:", "conda_file:", "python:", "build_dependencies:", "variables:", "platforms:")  # fmt: skip
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")  # zip (a wheel), gzip, bzip2, xz


class Kind(Enum):
    """What a file is."""

    REQUIREMENTS = "a requirements file"
    PROJECT = "a pyproject.toml"
    SCRIPT = "a script (PEP 723)"
    CONDA = "a conda environment"
    CONDA_EXPORT = "conda's list of packages"
    PYLOCK = "a pylock.toml"
    UV = "a uv.lock"
    POETRY = "a poetry.lock"
    PIPENV = "a Pipfile.lock"

    @property
    def is_lock(self) -> bool:
        """Whether such a file names exact versions, so that nothing is to be resolved."""
        return self in (Kind.PYLOCK, Kind.UV, Kind.POETRY, Kind.PIPENV)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A file that was recognised. `data` is its content as TOML, JSON or YAML, empty for the other kinds.

    `argument` is the word of the command line that names it; `is_stream` says that it could be read only once: it was
    standard input, or a pipe. `text` is its text, empty for a URL.
    """

    argument: str
    path: Path
    kind: Kind
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    is_stream: bool = False


def recognise(argument: str) -> Document:
    """Return what the file is that a user names, or that standard input (`-`) holds. Raises InvalidRequirement."""
    if "://" in argument:
        _refuse_remote(argument)
        return Document(argument=argument, path=Path(argument), kind=Kind.REQUIREMENTS)
    path = _STDIN_NAME if argument == STDIN else Path(argument)
    _refuse_by_name(path)
    is_stream = argument == STDIN or files.is_stream(path)
    try:
        content = _read(argument)
    except OSError as error:
        raise InvalidRequirement(f"requirements file {path} can't be read: {error.strerror}") from error
    if content.startswith(_ARCHIVES):
        raise InvalidRequirement(f"{path} is an archive: give a wheel or a source distribution without -r")
    try:
        text = content.decode("utf-8-sig")
    except ValueError:
        text = _decoded(content)
        return Document(argument=argument, path=path, kind=Kind.REQUIREMENTS, text=text, is_stream=is_stream)
    kind, data = _kind(path, text)
    return Document(argument=argument, path=path, kind=kind, text=text, data=data, is_stream=is_stream)


def _read(argument: str) -> bytes:
    if argument != STDIN:
        return files.read_given(Path(argument))
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer.read(files.TEXT_LIMIT)


def _decoded(content: bytes) -> str:
    """Return the text of a requirements file that is not UTF-8: pip goes by a byte order mark, or by a first line."""
    return content.decode("utf-16") if content.startswith((b"\xff\xfe", b"\xfe\xff")) else content.decode("latin-1")


def _kind(path: Path, text: str) -> tuple[Kind, Mapping[str, Any]]:
    """Return what a text is, and what it holds. Raises InvalidRequirement for what airpack can tell but not use."""
    if script.is_script(text):
        return Kind.SCRIPT, {}
    if path.suffix == ".py":
        raise InvalidRequirement(f"{path} has no block '# /// script' (PEP 723): write its requirements into a file")
    if text.lstrip().startswith(("{", "[")) and (found := _json(text)) is not None:
        return _kind_of_json(path, found)
    found = _toml(text)
    if found is None and path.suffix in _TOML and _TABLE.search(text):
        raise InvalidRequirement(f"{path} is not TOML ({_fault(text)}): copy it again, or have its tool write it again")
    if found and (path.suffix in _TOML or any(isinstance(each, dict | list) for each in found.values())):
        return _kind_of_toml(path, found)
    if any(line.startswith(_YAML_KEYS) for line in text.splitlines()) and (found := _yaml(path, text)):
        return _kind_of_yaml(path, found)
    if text.lstrip().startswith("@EXPLICIT") or "\n@EXPLICIT" in text:
        raise _other(path, "a list of conda's own files, which are not wheels", "pip list --format=freeze")
    if conda.is_export(text):
        return Kind.CONDA_EXPORT, {}
    return Kind.REQUIREMENTS, {}


def _kind_of_toml(path: Path, data: Mapping[str, Any]) -> tuple[Kind, Mapping[str, Any]]:
    if "lock-version" in data:
        return Kind.PYLOCK, data
    metadata = data.get("metadata", {})
    if isinstance(metadata, dict) and "lock_version" in metadata:
        raise _other(path, "a pdm.lock", "pdm export --format pylock -o pylock.toml")
    if "metadata" in data and ("package" in data or "content-hash" in metadata):
        return Kind.POETRY, data
    if isinstance(data.get("version"), int) and ("requires-python" in data or "package" in data or "manifest" in data):
        return Kind.UV, data
    if isinstance(data.get("dependencies"), dict) and {"project", "workspace"} & set(data):
        raise _other(path, "a pixi.toml, whose packages are conda's", "pip list --format=freeze")
    if {"project", "tool", "build-system", "dependency-groups"} & set(data):
        return Kind.PROJECT, data
    if {"packages", "dev-packages", "source"} & set(data):
        raise _other(path, "a Pipfile, which has no exact versions", "pipenv lock, and give Pipfile.lock")
    if "sets" in data:
        raise _other(path, "a file of many packs", f"airpack pack-all {path}")
    raise InvalidRequirement(f"{path} is TOML, but no lock and no pyproject.toml that airpack knows: {_KNOWN}")


def _kind_of_json(path: Path, data: Any) -> tuple[Kind, Mapping[str, Any]]:
    if isinstance(data, dict) and isinstance(data.get("_meta"), dict):
        return Kind.PIPENV, data
    python = data.get("python") if isinstance(data, dict) else None
    if isinstance(python, dict) and isinstance(python.get("condaDependencies"), dict):  # of Azure ML's first SDK
        return Kind.CONDA, python["condaDependencies"]
    if isinstance(data, list) and all(isinstance(each, dict) and "version" in each for each in data):
        raise _other(path, "a list of packages in JSON", "pip list --format=freeze")
    if isinstance(data, dict) and "pip_version" in data:
        raise _other(path, "what pip inspect or pip install --report tells", "pip list --format=freeze")
    raise InvalidRequirement(f"{path} is JSON, but no lock that airpack knows: {_KNOWN}")


def _kind_of_yaml(path: Path, data: Mapping[str, Any]) -> tuple[Kind, Mapping[str, Any]]:
    if "conda_file" in data:
        if isinstance(data["conda_file"], dict):
            return Kind.CONDA, data["conda_file"]
        where = path.parent / str(data["conda_file"])
        raise _other(path, "an environment of Azure ML, which names conda's file", f"-r {where}")
    if "build_dependencies" in data and isinstance(data.get("dependencies"), list):  # MLflow's python_env.yaml
        wanted = [f"python={data['python']}"] if "python" in data else []
        return Kind.CONDA, {"dependencies": [*wanted, {"pip": data["dependencies"]}]}
    if isinstance(data.get("dependencies"), list) or "channels" in data:
        return Kind.CONDA, data
    if "package" in data or "packages" in data:
        raise _other(path, "a lock of conda or pixi, whose files are not wheels", "pip list --format=freeze")
    raise InvalidRequirement(f"{path} is YAML, but no environment of conda's: {_KNOWN}")


_TABLE = re.compile(r"^\[+[\w.\"' -]+\]+\s*$", re.MULTILINE)
_TOML = (".toml", ".lock")  # in another file, lines such as `one=1.0` alone are TOML by chance
_KNOWN = (
    "give a requirements file, a pyproject.toml, a pylock.toml, uv.lock, poetry.lock or Pipfile.lock, or a conda.yaml"
)


def _other(path: Path, what: str, remedy: str) -> InvalidRequirement:
    return InvalidRequirement(f"{path} is {what}: use {remedy}")


def _refuse_by_name(path: Path) -> None:
    """Raise InvalidRequirement for what is no file of requirements, whatever is in it."""
    if path.is_dir():
        inside = next((path / name for name in _IN_FOLDERS if (path / name).is_file()), None)
        remedy = "give a project's folder without -r" if inside is None else f"give -r {inside}"
        raise InvalidRequirement(f"{path} is a folder: {remedy}")
    if path.name in _GIVE_FOLDER:
        raise InvalidRequirement(f"{path} belongs to a project: give its folder, without -r: {path.parent.absolute()}")


def _refuse_remote(argument: str) -> None:
    """Raise InvalidRequirement for a URL of what pip can't read from there."""
    name = argument.partition("?")[0].rpartition("/")[2]
    if name.endswith((".toml", ".lock", ".yml", ".yaml", ".py")):
        raise InvalidRequirement(f"{name} must be a local file: download it, and give its path with -r")


def _toml(text: str) -> dict[str, Any] | None:
    try:
        return toml.loads(text)
    except ValueError:
        return None


def _fault(text: str) -> str:
    """Return what is wrong with a text that isn't TOML."""
    try:
        toml.loads(text)
    except ValueError as error:
        return str(error)
    return ""


def _json(text: str) -> Any:
    try:
        return jsons.loads(text)
    except ValueError:
        return None


def _yaml(path: Path, text: str) -> dict[str, Any] | None:
    """Return what a YAML text holds, None if it isn't a mapping. Raises InvalidRequirement."""
    import yaml  # noqa: PLC0415 - takes a while, and few need it

    try:
        data = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and tables alone
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise InvalidRequirement(f"{path} is not YAML: {reason}") from error
    return data if isinstance(data, dict) else None
