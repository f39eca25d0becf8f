"""Source -> wheel, by pypa/build, in an isolated environment of an interpreter of the target's version.

Under another interpreter, `setup.py` and its markers would answer for the wrong Python. Where there is none, the
host's interpreter builds only wheels for any Python 3 (`py3-none-any`) with static metadata (core metadata 2.2).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from build import BuildBackendException, BuildException, ProjectBuilder

from airpack.base import cache
from airpack.base.errors import BuildFailed
from airpack.sources import build_log
from airpack.sources.compiled import tree_must_compile
from airpack.sources.isolation.environment import Environment, run
from airpack.sources.repair import ELSEWHERE, fitted
from airpack.sources.source import Builder, Built, Settings
from airpack.sources.static import static_metadata
from airpack.sources.toolchain import Toolchain, toolchain_for


def build_wheel(
    source: Path,
    name: str,
    builder: Builder,
    *,
    sha256: str | None = None,
    settings: Settings | None = None,
    on_start: Callable[[], None] = lambda: None,
) -> Built:
    """Return a wheel built from the source tree `source` of the distribution `name`, now or before.

    `sha256` is the sdist's, None for other sources (a local folder, say), which are built each time. `settings` are
    the backend's (PEP 517). `on_start` is called before a build, not where its wheel was kept. Raises BuildFailed with
    the reason.
    """
    by_host = builder.python is None
    toolchain = toolchain_for(builder.tags, builder.cache / "zig")
    kept = _kept(source, name, builder, toolchain, sha256, settings)
    if sha256 is not None:
        for path in sorted(kept.glob("*.whl")):
            return Built(path=path, by_host=by_host, settings=settings or {})
    on_start()
    cache.make_folder(builder.cache)  # the compiler has a place in it
    with tempfile.TemporaryDirectory(prefix="airpack-build-") as folder:
        with _explained(name, by_zig=toolchain.zig is not None):
            wheel = _build(source, Path(folder), builder, toolchain, settings)
        wheel = fitted(wheel, name, builder, toolchain)
        cache.make_folder(kept)
        aside = kept / f".{wheel.name}.{os.getpid()}"
        shutil.copyfile(wheel, aside)
        os.replace(aside, kept / wheel.name)
    return Built(path=kept / wheel.name, by_host=by_host, settings=settings or {})


def metadata_of(
    source: Path,
    name: str,
    builder: Builder,
    *,
    sha256: str,
    settings: Settings | None = None,
    on_start: Callable[[], None] = lambda: None,
) -> Path | None:
    """Return a `.dist-info` folder with the METADATA of a wheel, which is not built; None if its backend must build it.

    The arguments are those of `build_wheel`. Raises BuildFailed with the reason.
    """
    toolchain = toolchain_for(builder.tags, builder.cache / "zig")
    kept = _kept(source, name, builder, toolchain, sha256, settings)
    if builder.python is None or any(kept.glob("*.whl")):
        return None
    for path in sorted(kept.glob("*.dist-info")):
        return path
    on_start()
    cache.make_folder(builder.cache)  # the compiler has a place in it
    with tempfile.TemporaryDirectory(prefix="airpack-build-") as folder:
        with _explained(name, by_zig=toolchain.zig is not None):
            project, words = _project(source, Path(folder), builder, toolchain, settings)
            prepared = project.prepare("wheel", Path(folder, "dist"), words)
        if prepared is None:
            return None
        info = kept / Path(prepared).name
        cache.make_folder(info)
        aside = info / f".{os.getpid()}"
        shutil.copyfile(Path(prepared, "METADATA"), aside)
        os.replace(aside, info / "METADATA")
    return info


def _kept(
    source: Path, name: str, builder: Builder, toolchain: Toolchain, sha256: str | None, settings: Settings | None
) -> Path:
    """Return the folder that keeps what comes of a source. Raises BuildFailed for one that can't be built."""
    by_host = builder.python is None
    if not any(os.path.isfile(source / file) for file in ("pyproject.toml", "setup.py")):
        raise BuildFailed(name, "it holds neither a pyproject.toml nor a setup.py")
    if builder.for_another_system and tree_must_compile(source):
        raise BuildFailed(name, f"it is compiled, and the target is another system than this: {ELSEWHERE}")
    if by_host:
        _check_static(source, name, builder)
    try:
        requires = sorted(ProjectBuilder(source).build_system_requires)
    except BuildException as error:
        raise BuildFailed(name, str(error)) from error
    inputs = [sha256, builder.target, requires, by_host and sys.version_info[:2], settings, toolchain.identity]
    key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    return builder.cache / "built" / key


def _build(source: Path, folder: Path, builder: Builder, toolchain: Toolchain, settings: Settings | None) -> Path:
    """Return the path of the wheel that the backend builds, in the empty folder `folder`.

    Raises CalledProcessError, BuildException, or BuildBackendException.
    """
    project, settings = _project(source, folder, builder, toolchain, settings)
    return Path(project.build("wheel", folder / "dist", settings))


def _project(
    source: Path, folder: Path, builder: Builder, toolchain: Toolchain, settings: Settings | None
) -> tuple[ProjectBuilder, Settings | None]:
    """Return what asks the backend, with all that it requires installed in `folder`, and its settings."""
    environment = Environment(folder, builder.python, source, toolchain, builder.cache / "pip")
    project = ProjectBuilder.from_isolated_env(environment, source, runner=run)
    settings = toolchain.settings(project.build_system_requires, environment.tools, settings or {}) or None
    places = builder.pip_options, builder.scopes
    environment.install(project.build_system_requires, *places)
    environment.install(project.get_requires_for_build("wheel", settings), *places)
    return project, settings


@contextmanager
def _explained(name: str, *, by_zig: bool) -> Iterator[None]:
    """Raise BuildFailed, with the reason that the build's output tells, for a build that fails in the block."""
    try:
        yield
    except (subprocess.CalledProcessError, BuildBackendException, BuildException) as error:
        cause = getattr(error, "exception", error)
        output = f"{getattr(cause, 'stdout', None) or ''}\n{getattr(cause, 'stderr', None) or ''}"
        reason = build_log.sentence_in(output if output.strip() else str(cause), name, by_zig=by_zig)
        raise BuildFailed(name, f"{reason}; -v shows all of it") from error


def _check_static(source: Path, name: str, builder: Builder) -> None:
    """Raise BuildFailed unless the metadata of the source is static: no build can change it (core metadata 2.2)."""
    if static_metadata(source) is None:
        raise BuildFailed(name, f"its metadata depends on the Python that builds it: {builder.needs_python}")
