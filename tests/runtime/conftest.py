"""Fixtures of the runtime's tests, which run under the target's Python: nothing of the packager is here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from airpack_runtime import cache, framing, hashing, host, layout, reader, toc

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "fixtures" / "golden" / layout.BUNDLE_NAME
RUNTIME = ROOT / "runtime"

needs_target = pytest.mark.skipif(
    not host.is_target_python("cp37"),
    reason="runs under Python 3.7, the golden bundle's target: see tests/contract/test_runtime_under_37.py",
)


@pytest.fixture
def golden() -> Path:
    """Return the golden bundle."""
    return GOLDEN


@pytest.fixture
def env(tmp_path: Path) -> Dict[str, str]:
    """Return an environment whose only good cache folder is in `tmp_path`."""
    return {"AIRPACK_CACHE_DIR": str(tmp_path / "cache"), "PATH": os.defpath}


@pytest.fixture
def cache_folder(env: Dict[str, str]) -> Path:
    """Return the cache folder that a boot with `env` uses."""
    return Path(cache.candidates(env)[0])


Rewrite = Callable[[Dict[str, Any]], None]


@pytest.fixture
def forge(tmp_path: Path) -> Callable[[Rewrite], Path]:
    """Return a function that writes the golden bundle with another table of contents."""

    def forge_with(change: Rewrite) -> Path:
        with reader.open_bundle(str(GOLDEN)) as bundle:
            data = json.loads(json.dumps(bundle.toc().to_dict()))
        frames = GOLDEN.read_bytes()[: _end_of_decoder(data)]
        change(data)
        stored = _encode_unchecked(data)
        table = framing.seek_table([(len(frames), 0), (len(stored) + framing.SKIPPABLE_HEADER.size, 0)])
        path = tmp_path / "forged.tar.zst"
        path.write_bytes(frames + framing.skippable(layout.TOC_MAGIC, stored) + table)
        return path

    return forge_with


def _end_of_decoder(data: Dict[str, Any]) -> int:
    return int(data["decoder"]["offset"] + data["decoder"]["size"])


def _encode_unchecked(data: Dict[str, Any]) -> bytes:
    class Raw:
        target = data["target"]

        def to_dict(self) -> Dict[str, Any]:
            return data

    return toc.encode(Raw())  # type: ignore[arg-type]


def python(
    *words: str, env: Dict[str, str], cwd: Optional[Path] = None, timeout: int = 60
) -> "subprocess.CompletedProcess[str]":
    """Run this interpreter with `words` and exactly this environment; capture what it writes."""
    line: List[str] = [sys.executable, *words]
    return subprocess.run(
        line,
        env=env,
        cwd=str(cwd) if cwd else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def dropin(tmp_path: Path, golden: Path) -> Path:
    """Return a drop-in folder with the golden bundle in it."""
    folder = tmp_path / "dropin"
    folder.mkdir()
    shutil.copytree(str(RUNTIME / "airpack_runtime"), str(folder / "airpack_runtime"))
    shutil.copy(str(RUNTIME / "airpack_runtime" / "dropin" / "sitecustomize.py"), str(folder))
    shutil.copy(str(golden), str(folder))
    return folder


def sums_of(folder: Path) -> Dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashing.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
