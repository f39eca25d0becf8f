"""Measures the start of Azure ML's inference server in its stand-in image, by each way to give it its packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from airpack.cli.app import main as airpack
from airpack_runtime import layout
from benchmarks.measure import median
from support import azure_image, machine
from support.azure_image import APP, FIXTURE, SERVE, SERVER, START, Image
from support.bundles import SITE_PACKAGES

_SCIENCE = machine.FIXTURES / "science" / "requirements.txt"
_LIB_PATH, _REQUIREMENTS = "AZUREML_EXTRA_PYTHON_LIB_PATH", "AZUREML_EXTRA_REQUIREMENTS_TXT"
_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{APP}/{layout.WHEELHOUSE}"}
_BASELINE = "everything in the image's environment"


def measure(folder: Path, runs: int) -> None:
    """Print a table of the seconds from the start to the first prediction over HTTP, each way in turn."""
    ways = _ways(folder)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, start in ways.items():
            found[name].append(start())
    print(f"\n| start to the first prediction, {runs} runs in turn | median s | min - max s | ratio |")
    print("|---|---|---|---|")
    for name, seconds in found.items():
        share = median([one / other for one, other in zip(seconds, found[_BASELINE], strict=True)])
        print(f"| {name} | {median(seconds):.2f} | {min(seconds):.2f} - {max(seconds):.2f} | {share:.2f} |")


def _ways(folder: Path) -> dict[str, Callable[[], float]]:
    """Build the image and what each way needs, and return what starts it once, by name."""
    pack = ["pack", "-q", "--no-import", "-r", str(_SCIENCE)]
    apps = {name: folder / name for name in ("bare", "dropin", "plain", "pip")}
    for app in apps.values():
        app.mkdir()
        shutil.copy(FIXTURE / "score.py", app)
    outputs = ["--drop-in", str(apps["dropin"] / "extras"), "--tree", str(apps["plain"] / "extras")]
    server = ["-r", str(machine.FIXTURES / "server" / "requirements.txt"), "-o", str(folder / "everything")]
    for words in ([*pack, "-o", str(folder / "dist"), *outputs], [*pack, *server]):
        if airpack(words):
            raise SystemExit(1)
    house = folder / "everything" / layout.WHEELHOUSE
    azure_image.build_environment(folder / "server", house)
    wanted = [line for line in _SCIENCE.read_text().splitlines() if not line.startswith("#")]
    azure_image.build_environment(folder / "full", house, [SERVER, *wanted])
    shutil.copytree(folder / "dist" / layout.WHEELHOUSE, apps["pip"] / layout.WHEELHOUSE, copy_function=os.link)
    shutil.copy(_SCIENCE, apps["pip"])
    (folder / "model").mkdir()
    train = [str(folder / "full" / "bin" / "python3.7"), str(FIXTURE / "train.py"), str(folder / "model")]
    done = machine.run(train)
    assert done.returncode == 0, done.stderr
    image = Image(environment=folder / "server", model=folder / "model")
    full = Image(environment=folder / "full", model=folder / "model")
    given = {_LIB_PATH: "extras"}
    (folder / "tmp").mkdir()
    image.seconds(apps["dropin"], START, given, folder / "tmp")
    return {
        _BASELINE: partial(full.seconds, apps["bare"], SERVE, {}),
        "the drop-in folder, unpacked before": partial(image.seconds, apps["dropin"], START, given, folder / "tmp"),
        "the plain tree as the lib path": partial(
            image.seconds, apps["plain"], START, {_LIB_PATH: f"extras/{SITE_PACKAGES}"}
        ),
        "the drop-in folder, first start": partial(image.seconds, apps["dropin"], START, given),
        "`pip install --no-index -r` at boot": partial(_pip, image, apps["pip"], folder / "fresh"),
    }


def _pip(image: Image, app: Path, fresh: Path) -> float:
    """Start with an environment that pip can install into, and that nothing was installed into before."""
    assert image.environment is not None
    shutil.copytree(image.environment, fresh, symlinks=True)
    try:
        changed = Image(environment=fresh, model=image.model, writable=True)
        return changed.seconds(app, START, {_REQUIREMENTS: "requirements.txt", **_OFFLINE})
    finally:
        shutil.rmtree(fresh)
