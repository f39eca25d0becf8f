"""METADATA: the licence and the requirements that a distribution has."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.wheels.metadata import license_in, requirements_in


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: mit"], "MIT"),
        (["License: BSD-3-Clause", "Classifier: License :: OSI Approved :: BSD License"], "BSD-3-Clause"),
        (["License: Dual", "Classifier: License :: OSI Approved :: BSD License"], "BSD License"),
        (
            ["Classifier: License :: OSI Approved :: MIT License", "Classifier: License :: Public Domain"],
            "MIT License; Public Domain",
        ),
        (["License: new BSD", "Classifier: License :: OSI Approved"], "new BSD"),
        (["License: Copyright by me", "        All rights, " + "and so on " * 90], "Copyright by me"),
        ([], ""),
    ],
)
def test_the_licence_is_read_as_pep_639_says(tmp_path: Path, lines: list[str], licence: str) -> None:
    """An expression first; then what the old metadata has, the preciser word first."""
    assert license_in(_metadata(tmp_path, lines).read_bytes()) == licence


def test_requirements_that_are_none_are_left_out(tmp_path: Path) -> None:
    """Old releases have them, and pip passes over them as well."""
    lines = ["Requires-Dist: two (>=1) ; extra == 'more'", "Requires-Dist: not a (requirement", "Requires-Dist: three"]
    found = [str(requirement) for requirement in requirements_in(_metadata(tmp_path, lines).read_bytes())]
    assert found == ['two>=1; extra == "more"', "three"]


def _metadata(folder: Path, lines: list[str]) -> Path:
    path = folder / "METADATA"
    path.write_text("\n".join(["Metadata-Version: 2.4", "Name: one", "Version: 1", *lines]) + "\n")
    return path
