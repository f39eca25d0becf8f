"""Builds real sdists with a build backend of their own, so that no build needs an index."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# Runs in the build environment's Python (>= 3.7). Notes each build in the file BUILDS, if that is set.
_BACKEND = """
import base64, hashlib, os, sys, zipfile
NAME, VERSION, TAG = {name!r}, {version!r}, {tag!r}

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    if os.environ.get("BUILDS"):
        with open(os.environ["BUILDS"], "a") as log:
            log.write(NAME + " under %d.%d" % sys.version_info[:2] + chr(10))
    settings = config_settings
    {backend}
    requires = []
    if "{requires}":
        requires = [{requires!r} + "-py%d%d" % sys.version_info[:2]]
    info = NAME + "-" + VERSION + ".dist-info/"
    wheel = NAME + "-" + VERSION + "-" + TAG + ".whl"
    lines = ["Metadata-Version: 2.1", "Name: " + NAME, "Version: " + VERSION]
    lines += ["Requires-Dist: " + each for each in requires]
    kind = ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: " + TAG]
    files = {{
        NAME + ".py": "BUILT_BY = %r" % (sys.version_info[:2],),
        info + "METADATA": chr(10).join(lines) + chr(10),
        info + "WHEEL": chr(10).join(kind) + chr(10),
    }}
    record = ""
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w") as archive:
        for each, text in files.items():
            archive.writestr(zipfile.ZipInfo(each), text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += "%s,sha256=%s,%d" % (each, digest, len(text)) + chr(10)
        archive.writestr(zipfile.ZipInfo(info + "RECORD"), record + info + "RECORD,," + chr(10))
    return wheel
"""
_PYPROJECT = '[build-system]\nrequires = {requires}\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def source_files(
    name: str,
    version: str = "1.0",
    *,
    backend: str = "pass",
    requires: str = "",
    tag: str = "py3-none-any",
    metadata: str = "",
    build_requires: Sequence[str] = (),
) -> dict[str, str]:
    """Return the files of a source tree, by path.

    `backend` is a statement that the build runs; with `requires`, the wheel requires
    `REQUIRES-pyXY` of the Python that builds it. `metadata` is PKG-INFO's version of the
    core metadata and further lines.
    """
    code = _BACKEND.format(name=name, version=version, tag=tag, backend=backend, requires=requires)
    info = f"{metadata or 'Metadata-Version: 2.1'}\nName: {name}\nVersion: {version}\n"
    return {"pyproject.toml": _PYPROJECT.format(requires=list(build_requires)), "backend.py": code, "PKG-INFO": info}


def build_tree(folder: Path, name: str, **options: str) -> Path:
    """Write the source tree of `source_files` into the new folder `folder`, and return it."""
    folder.mkdir()
    for path, text in source_files(name, **options).items():
        (folder / path).write_text(text)
    return folder


def commit(tree: Path) -> None:
    """Make a folder a git repository, with one commit of all that is in it."""
    git = ["git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)


def build_sdist(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    backend: str = "pass",
    requires: str = "",
    tag: str = "py3-none-any",
    metadata: str = "",
    build_requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write an sdist of `source_files` and further `files` into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = source_files(
        name, version, backend=backend, requires=requires, tag=tag, metadata=metadata, build_requires=build_requires
    )
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for each, text in {**sources, **(files or {})}.items():
            info = tarfile.TarInfo(f"{name}-{version}/{each}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path
