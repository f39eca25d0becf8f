"""Azure ML's requirements file at boot, by a bundle that was packed from that very file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support import machine
from support.airpack import Airpack
from support.sdists import build_tree
from support.wheels import build_wheel


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_folders_in_the_file_are_met_by_the_projects_that_were_built_from_some(
    airpack: Airpack, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are: a path doesn't tell the project's name. One more, or a wheel that isn't there, is told."""
    app = tmp_path / "app"
    app.mkdir()
    build_tree(app / "folder", "one")
    build_wheel(wheels, "two")
    (app / "requirements.txt").write_text("-e ./folder\ntwo\n")
    monkeypatch.chdir(app)
    assert airpack.pack("-r", "requirements.txt", "--no-import") == 0, airpack.err
    assert airpack("shim", "-o", tmp_path / "shim.pyz") == 0

    def boot(requirements: str) -> subprocess.CompletedProcess[str]:
        (app / "requirements.txt").write_text(requirements)
        env = {
            "AML_APP_ROOT": str(app),
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "AZUREML_EXTRA_REQUIREMENTS_TXT": "requirements.txt",
            "AIRPACK_BUNDLE": str(airpack.output / "bundle.tar.zst"),
            "AIRPACK_CACHE_DIR": str(tmp_path / "cache"),
            "AIRPACK_LOG": "off",
        }
        shim = [str(machine.python37().path), str(tmp_path / "shim.pyz")]
        line = [*shim, "exec", "--", "python", "-c", "import one, two"]
        return subprocess.run(line, env=env, capture_output=True, text=True, check=False)

    done = boot("-e ./folder\ntwo\n")
    assert (done.returncode, done.stderr) == (0, "")
    for named in ("./other", "./three-1.0-py3-none-any.whl", "git+https://host.invalid/four.git"):
        done = boot(f"-e ./folder\n{named}\ntwo\n" if named == "./other" else f"{named}\ntwo\n")
        assert done.returncode == 95
        assert f"{named}: a boot takes packages by their names alone, from no path or URL" in done.stderr
