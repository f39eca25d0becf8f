"""Whose credentials go to a registry: the files of podman and docker, and credential helpers."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from airpack.base.errors import RegistryError
from airpack.registry import credentials
from airpack.registry.credentials import Credentials
from airpack.registry.reference import Reference

HOST = "registry.example:5000"
REFERENCE = Reference.parse(f"{HOST}/models/churn:1")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose home, run-time folder and programs are the test's."""
    return {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "PATH": str(tmp_path / "bin")}


def _write(path: str | Path, **content: object) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(content))
    return str(path)


def _entry(user: str, password: str = "secret") -> dict[str, str]:  # noqa: S107 - of these tests
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def _helper(folder: Path, name: str, script: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    path = folder / "bin" / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _user(env: dict[str, str], reference: Reference = REFERENCE) -> str | None:
    known = credentials.find(reference, env)
    return known.user if known else None


def test_the_files_are_looked_into_in_podmans_order(env: dict[str, str], tmp_path: Path) -> None:
    """`$REGISTRY_AUTH_FILE` alone if set; else the run-time folder's, the configuration's, docker's."""
    assert credentials.find(REFERENCE, env) is None
    _write(tmp_path / "home/.docker/config.json", auths={HOST: _entry("docker")})
    assert _user(env) == "docker"
    _write(tmp_path / "home/.config/containers/auth.json", auths={HOST: _entry("configured")})
    assert _user(env) == "configured"
    _write(tmp_path / "run/containers/auth.json", auths={HOST: _entry("podman")})
    assert _user(env) == "podman"
    env["REGISTRY_AUTH_FILE"] = _write(tmp_path / "mine.json", auths={"other.example": _entry("mine")})
    assert _user(env) is None


def test_the_most_specific_key_wins(env: dict[str, str], tmp_path: Path) -> None:
    """As podman has it: a repository, a folder of them, the registry; docker's keys may be URLs."""
    auths = {HOST: _entry("all"), f"{HOST}/models": _entry("models"), f"{HOST}/models/churn": _entry("churn")}
    auths["https://docker.example/v1/"] = _entry("docker")
    _write(tmp_path / "run/containers/auth.json", auths=auths)
    names: dict[str, str | None] = {
        f"{HOST}/models/churn": "churn",
        f"{HOST}/models/spam": "models",
        f"{HOST}/other": "all",
    }
    names |= {"docker.example/a": "docker", "other.example/a": None}
    assert {name: _user(env, Reference.parse(name)) for name in names} == names


def test_a_helper_is_asked_by_the_registrys_name(env: dict[str, str], tmp_path: Path) -> None:
    """One registry's own before everybody's; one that knows nothing isn't an error."""
    _helper(
        tmp_path, "one", f'test "$1 $(/bin/cat)" = \'get {HOST}\' && echo \'{{"Username":"me","Secret":"hidden"}}\''
    )
    _helper(tmp_path, "none", "echo credentials not found in native keychain; exit 1")
    _helper(tmp_path, "broken", "echo secret; exit 1")
    place = tmp_path / "home/.docker/config.json"
    _write(place, credHelpers={HOST: "one"}, credsStore="broken")
    known = credentials.find(REFERENCE, env)
    assert known == Credentials(source="docker-credential-one", user="me", password="hidden")  # noqa: S106 - of this test
    assert "hidden" not in repr(known)
    _write(place, credsStore="none")
    assert credentials.find(REFERENCE, env) is None
    _write(place, credsStore="broken")
    with pytest.raises(RegistryError) as caught:
        credentials.find(REFERENCE, env)
    problem = "its credentials can't be obtained: docker-credential-broken get ended with status 1: log in again"
    assert str(caught.value) == f"{HOST}: {problem}"
    _write(place, credsStore="missing")
    with pytest.raises(RegistryError, match="from docker-credential-missing: No such file or directory: install it"):
        credentials.find(REFERENCE, env)


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": 1}', '{"auths": {"registry.example:5000": {"auth": "%%%"}}}'])
def test_a_file_that_makes_no_sense_is_named(env: dict[str, str], tmp_path: Path, text: str) -> None:
    """Nothing of it is shown."""
    (tmp_path / "bad.json").write_text(text)
    env["REGISTRY_AUTH_FILE"] = str(tmp_path / "bad.json")
    with pytest.raises(RegistryError) as caught:
        credentials.find(REFERENCE, env)
    what = "it is not JSON as docker and podman write it: correct the file, or log in again"
    assert str(caught.value) == f"{HOST}: its credentials can't be read from {tmp_path}/bad.json: {what}"
