"""Azure ML's server of today, 1.x under Python 3.9 and 3.10, in a stand-in for its image, given packages in each way.

As in `test_azure.py` the code is read-only, the user is not root, and there is no network but loopback. These images
read none of the variables of old: what a deployment may set is its environment, PYTHONPATH among it, and its command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from airpack.cli.app import main
from airpack_runtime import layout
from support import azure_image, machine, sandbox
from support.azure_image import APP, ENVIRONMENT, FIXTURE, MODEL, SERVE, STARTERS, Boot, Contents, Image

from .conftest import PACK

pytestmark = pytest.mark.network

SERVER = "azureml-inference-server-http"
PACKAGES = ["scikit-learn", "pandas"]
CACHE = "/tmp/airpack-1000"
SHIM = "airpack-runtime.pyz"
EXEC = (f"{APP}/{SHIM}", "exec", "--", "azmlinfsrv", "--entry_script", f"{APP}/score.py", "--port", "31311")
MakeApp = Callable[[Contents], Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """An image with the server, and what packing scikit-learn and pandas for it gave."""

    image: Image
    packed: Path

    @property
    def site(self) -> str:
        """Where packages lie below a tree."""
        return f"lib/python3.{self.image.tag[3:]}/site-packages"


@pytest.fixture(scope="module", params=["cp39", "cp310"])
def today(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Today:
    """Return the image of a Python: the server's newest release for it, with its own dependencies, and nothing else."""
    tag, folder = request.param, tmp_path_factory.mktemp(f"today-{request.param}")
    machine.python(tag)
    target = f"{tag}-ubuntu22.04"
    assert main(["wheelhouse", "-q", SERVER, "--target", target, "-o", str(folder / "server")]) == 0
    azure_image.build_environment(folder / "environment", folder / "server" / layout.WHEELHOUSE, [SERVER], tag=tag)
    forms = ["--drop-in", str(folder / "extras"), "--tree", str(folder / "tree"), "--no-import"]
    assert main([*PACK, *PACKAGES, "--target", target, "-o", str(folder / "dist"), *forms]) == 0
    assert main(["shim", "-q", "-o", str(folder / SHIM)]) == 0
    (folder / "model").mkdir()
    shim = [str(machine.python(tag).path), str(folder / SHIM), "exec", "--tree", str(folder / "tree")]
    done = machine.run([*shim, "--", "python", str(FIXTURE / "train.py"), str(folder / "model")])
    assert done.returncode == 0, done.stderr
    return Today(image=Image(environment=folder / "environment", model=folder / "model", tag=tag), packed=folder)


@pytest.fixture
def app(tmp_path: Path) -> MakeApp:
    """Return what makes the code's folder, of the entry script and further files: path to what to copy."""
    return lambda contents: azure_image.write_code(tmp_path / "code", contents)


def _assert_answers(boot: Boot, tree: str, today: Today) -> None:
    """Check the prediction and where packages are from: those in `tree`, and the server's in the image."""
    azure_image.assert_answers(boot, f"{tree}/{today.site}", f"{ENVIRONMENT}/{today.site}")


def test_it_is_the_server_of_today(today: Today) -> None:
    """The first release of Microsoft's after 0.8 has version 1."""
    (metadata,) = today.packed.glob(f"environment/lib/python3*/site-packages/{SERVER.replace('-', '_')}-*.dist-info")
    assert re.search(r"-1\.\d+\.\d+\.dist-info", metadata.name)


def test_the_dropin_through_pythonpath(today: Today, app: MakeApp) -> None:
    """One folder and one variable; several workers, all killed, are replaced, and have what the master has."""
    code = app({"extras": today.packed / "extras"})
    env = {"PYTHONPATH": f"{APP}/extras", "WORKER_COUNT": "3"}
    boot = today.image.boot(code, SERVE, env, kill=True)
    _assert_answers(boot, f"{CACHE}/DIGEST", today)
    assert (len(boot.workers), len(boot.workers_then)) == (3, 3)
    assert set(boot.workers).isdisjoint(boot.workers_then)
    (line,) = boot.said
    assert line.startswith("airpack: unpacked: ")


def test_the_plain_tree_through_pythonpath(today: Today, app: MakeApp) -> None:
    """Nothing of airpack runs."""
    boot = today.image.boot(app({"extras": today.packed / "tree"}), SERVE, {"PYTHONPATH": f"{APP}/extras/{today.site}"})
    _assert_answers(boot, f"{APP}/extras", today)
    assert boot.said == []


def test_exec_in_place_of_the_start_command(today: Today, app: MakeApp) -> None:
    """The bundle beside the shim, in a deployment whose command is its own."""
    bundle = today.packed / "dist" / layout.BUNDLE_NAME
    boot = today.image.boot(app({SHIM: today.packed / SHIM, layout.BUNDLE_NAME: bundle}), ["python", *EXEC])
    _assert_answers(boot, f"{CACHE}/DIGEST", today)


def test_the_dynamic_method_by_the_shim(today: Today, app: MakeApp, tmp_path: Path) -> None:
    """The old images' requirements file, which the new ones ignore: exec installs it from the wheelhouse beside it."""
    (tmp_path / "wants.txt").write_text("scikit-learn\npandas\n")
    contents = {"wants.txt": tmp_path / "wants.txt", SHIM: today.packed / SHIM}
    contents[layout.WHEELHOUSE] = today.packed / "dist" / layout.WHEELHOUSE
    boot = today.image.boot(app(contents), ["python", *EXEC], {"AZUREML_EXTRA_REQUIREMENTS_TXT": "wants.txt"})
    (line,) = boot.said
    place = re.match(rf"airpack: installed by pip from a wheelhouse: ({CACHE}/requirements-[0-9a-f]+) \(", line)
    assert place is not None, line
    _assert_answers(boot, place[1], today)


def test_the_old_variables_alone_give_nothing(today: Today, app: MakeApp) -> None:
    """As Microsoft removed the block that read them: the entry script finds no pandas."""
    boot = today.image.boot(
        app({"extras": today.packed / "extras"}), SERVE, {"AZUREML_EXTRA_PYTHON_LIB_PATH": "extras"}
    )
    assert boot.status is None
    assert "No module named 'pandas'" in boot.output


def test_curl_gets_the_answer(today: Today, app: MakeApp) -> None:
    """In the sandbox, from the drop-in, with what the server's health says."""
    machine.tool("curl")
    curl = "curl -sS --retry 100 --retry-delay 1 --retry-connrefused http://127.0.0.1:31311"
    script = (
        f"{' '.join(SERVE)} >/tmp/log 2>&1 & {curl}/ || cat /tmp/log; echo; "
        f"{curl}/score -H 'Content-Type: application/json' -d '{{\"data\": [[2], [18]]}}'; kill $!"
    )
    python = machine.python(today.image.tag).path
    assert today.image.environment is not None
    line = sandbox.command(
        python,
        ["sh", "-c", script],
        mounts={
            APP: app({"extras": today.packed / "extras"}),
            MODEL: today.image.model,
            STARTERS: FIXTURE,
            ENVIRONMENT: today.image.environment,
        },
        env={
            "PATH": f"{ENVIRONMENT}/bin:/usr/bin:/bin",
            "PYTHONPATH": f"{APP}/extras",
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "AZUREML_MODEL_DIR": MODEL,
        },
        programs=("/bin/sh", "/usr/bin/env", "/usr/bin/curl", "/bin/cat"),
    )
    done = machine.run(line)
    healthy, answer = done.stdout.splitlines()
    assert healthy == "Healthy"
    assert json.loads(answer)["prediction"] == [0, 1]
