"""Registries on loopback: one that can be told to misbehave, and Debian's, which is the reference implementation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from airpack.oci.layout import Layout
from airpack.registry.reference import Endpoint
from support import layouts, unreliable
from support import registry as real
from support.registry import Registry
from support.unreliable import Unreliable


@pytest.fixture
def oci_layout(tmp_path: Path) -> Layout:
    """Return a layout of three layers, with a note that refers to the image."""
    return layouts.small(tmp_path / "layout")


@pytest.fixture
def registry() -> Iterator[Unreliable]:
    """Run a registry that does nothing wrong yet."""
    with unreliable.serve() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """Return how long was waited, in seconds; nothing is."""
    return []


@pytest.fixture
def endpoint(registry: Unreliable, waits: list[float], tmp_path: Path) -> Endpoint:
    """Return the way to `models/churn:1` of that registry, for one who has the right password."""
    return unreliable.endpoint_of(registry, tmp_path, waits)


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Registry]:
    """Run Debian's registry."""
    with real.serve(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home without anybody's credentials."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"
