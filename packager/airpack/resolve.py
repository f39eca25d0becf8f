"""requirements + Target -> Lock, by pip in a subprocess that is prepared for the target."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from airpack.lock import Lock, LockedWheel
from airpack.pip_process import Pip
from airpack.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What the user asked for: requirements (PEP 508), requirements files, constraints files."""

    specifications: Sequence[str] = ()
    files: Sequence[Path] = ()
    constraints: Sequence[Path] = ()

    def arguments(self) -> list[str]:
        """Return them as arguments of `pip install`."""
        arguments = []
        for file in self.files:
            arguments += ["--requirement", str(file)]
        for file in self.constraints:
            arguments += ["--constraint", str(file)]
        return [*arguments, *self.specifications]


def resolve(requirements: Requirements, target: Target, *, pip: Pip) -> Lock:
    """Return the wheels that `requirements` mean for `target`.

    Raises Unsatisfiable, Conflict, UnknownMarker, InvalidRequirement,
    IndexUnreachable, HashMismatch, or PipFailed with pip's own words.
    """
    request = {
        "do": "resolve",
        "target": {
            "python_full_version": target.python_full_version,
            "tags": [str(tag) for tag in target.tags],
            "marker_environment": dict(target.marker_environment),
        },
    }
    with tempfile.TemporaryDirectory(prefix="airpack-resolve-") as folder:
        report = Path(folder, "report.json")
        options = [
            "--dry-run",
            "--ignore-installed",
            "--only-binary=:all:",
            f"--python-version={target.python_full_version}",
            f"--report={report}",
            *requirements.arguments(),
        ]
        answer = pip.run(request, options)
        installs: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    wheels = [_locked(install) for install in installs]
    return Lock(
        target=target,
        requirements=answer.requirements,
        wheels=tuple(sorted(wheels, key=lambda wheel: wheel.key)),
    )


def _locked(install: dict[str, Any]) -> LockedWheel:
    """Read one entry of pip's installation report (its specification: version 1)."""
    metadata, download = install["metadata"], install["download_info"]
    return LockedWheel(
        name=metadata["name"],
        version=metadata["version"],
        filename=unquote(urlsplit(download["url"]).path.rsplit("/", 1)[-1]),
        url=download["url"],
        sha256=download["archive_info"].get("hashes", {}).get("sha256", ""),
        requires_python=metadata.get("requires_python", ""),
    )
