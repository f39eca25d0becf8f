"""Eight ways in which another version of a package may win: the boot's line, doctor and the probe tell what is so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import pytest
from airpack_runtime import layout

from ..conftest import needs_target

pytestmark = needs_target


class Image(NamedTuple):
    """An image with a virtual environment, whose folder of packages is `site`; `variables` are the image's own."""

    folder: Path
    python: str
    site: Path
    variables: Dict[str, str]

    def run(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run the image's Python."""
        env = {"PATH": os.defpath, "AIRPACK_CACHE_DIR": str(self.folder / "cache"), **self.variables, **variables}
        line = [self.python, *words]
        return subprocess.run(
            line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False
        )


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Return an image that has no `alpha` yet."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(venv)], check=True)
    return Image(tmp_path, str(venv / "bin" / "python"), next(venv.glob("lib/python3*/site-packages")), {})


def _legacy(folder: Path, *, metadata: bool = True) -> Path:
    """Write the version 0.9 of `alpha` into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alpha.py").write_text("VALUE = 9\n")
    if metadata:
        (folder / "alpha-0.9.dist-info").mkdir()
        (folder / "alpha-0.9.dist-info" / "METADATA").write_text("Name: alpha\nVersion: 0.9\n")
        (folder / "alpha-0.9.dist-info" / "RECORD").write_text("alpha.py,,\nalpha-0.9.dist-info/METADATA,,\n")
    return folder


def _in_pythonpath(image: Image) -> str:
    legacy = _legacy(image.folder / "legacy")
    image.variables["PYTHONPATH"] = str(legacy)
    return "alpha 0.9 from %s" % legacy


def _in_pythonpath_without_metadata(image: Image) -> str:
    legacy = _legacy(image.folder / "legacy", metadata=False)
    image.variables["PYTHONPATH"] = str(legacy)
    return "alpha from %s" % legacy


def _in_a_zip_file(image: Image) -> str:
    path = image.folder / "legacy.zip"
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr("alpha.py", "VALUE = 9\n")
    image.variables["PYTHONPATH"] = str(path)
    return "alpha from %s" % path


def _inserted_by_a_pth(image: Image) -> str:
    legacy = _legacy(image.folder / "legacy")
    (image.site / "legacy.pth").write_text("import sys; sys.path.insert(0, %r)\n" % str(legacy))
    return "alpha 0.9 from %s" % legacy


def _imported_before(image: Image) -> str:
    _legacy(image.site)
    (image.site / "early.pth").write_text("import alpha\n")
    return "alpha 0.9 from %s" % image.site


def _named_by_a_pth(image: Image) -> str:
    (image.site / "legacy.pth").write_text(str(_legacy(image.folder / "legacy")))
    return ""


def _in_the_environment(image: Image) -> str:
    _legacy(image.site)
    return ""


def _in_the_users_site(image: Image) -> str:
    version = "python%d.%d" % sys.version_info[:2]
    _legacy(image.folder / "user" / "lib" / version / "site-packages")
    image.variables["PYTHONUSERBASE"] = str(image.folder / "user")
    return ""


@pytest.mark.parametrize(
    "way",
    [
        _in_pythonpath,
        _in_pythonpath_without_metadata,
        _in_a_zip_file,
        _inserted_by_a_pth,
        _imported_before,
        _named_by_a_pth,
        _in_the_environment,
        _in_the_users_site,
    ],
    ids=lambda way: way.__name__.strip("_"),
)
def test_who_wins_is_told_as_it_is(image: Image, dropin: Path, way: Any) -> None:
    """By the boot that unpacks and a later one, by doctor before and after, by the probe; and the program agrees."""
    winner = way(image)
    told: List[str] = ["%s wins over the bundle's 1.0" % winner] if winner else []
    shim, bundle = str(dropin / "airpack_runtime"), str(dropin / layout.BUNDLE_NAME)

    def doctor() -> Dict[str, Any]:
        facts: Dict[str, Any] = json.loads(image.run(shim, "doctor", "--json", "--bundle", bundle).stdout)
        return facts

    before = doctor()
    path = os.pathsep.join(filter(None, [str(dropin), image.variables.get("PYTHONPATH", "")]))
    for _ in range(2):
        program = "import alpha; print(alpha.VALUE)"
        done = image.run("-c", program, PYTHONPATH=path, AIRPACK_LOG="text")
        assert (done.stdout, done.returncode) == ("9\n" if winner else "41\n", 0), done.stderr
        assert [line for line in done.stderr.splitlines() if " wins over " in line] == [
            "airpack: shadowed: %s" % each for each in told
        ]
    for facts in (before, doctor()):
        assert facts["shadowed"] == told
        overridden = not winner and ["alpha 1.0 over 0.9"]
        assert facts["overrides"] == (overridden or [])
        assert [each.split()[0] for each in facts["imported before"]] == ["alpha"] * (way is _imported_before)
    listed = json.loads(image.run(shim, "probe").stdout)["installed"]
    if "0.9" in winner or not winner:  # what has no metadata is not listed
        (alpha,) = [each for each in listed if each["name"] == "alpha"]
        assert alpha.get("wins", False) is bool(winner)
