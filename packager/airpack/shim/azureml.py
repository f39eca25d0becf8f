"""Folders and settings of an Azure ML deployment with a bundle (Python package extensibility)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airpack_runtime import layout
from airpack_runtime.image.azure import LIB_PATH

from airpack.base import staging
from airpack.base.errors import OutputRefused, UsageError
from airpack.shim import write
from airpack.target import prefix
from airpack.target.interpreter import Interpreter

# The ways to make the image use the packages; EXEC needs a start command of its own.
DROP_IN, PYTHONPATH, TREE, EXEC = METHODS = ("drop-in", "pythonpath", "tree", "exec")
EXTRAS = "extras"
SHIM = "airpack-runtime.pyz"
_APP_ROOT = "/var/azureml-app"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """The folders of a deployment: `code` is deployed with the entry script, `model` is registered as the model.

    `entry_script` is a path relative to `code`.
    """

    code: Path
    model: Path
    entry_script: str = "score.py"

    @property
    def base(self) -> Path:
        """The entry script's folder; the image takes the paths in its variables relative to it."""
        return (self.code / self.entry_script).parent


def check(deployment: Deployment) -> None:
    """Raise OutputRefused or UsageError if the deployment would not work in the image."""
    code, model = deployment.code.resolve(), deployment.model.resolve()
    if code == model or code in model.parents or model in code.parents:
        raise UsageError(
            f"{deployment.code} and {deployment.model} overlap: give --code and --model separate folders, because "
            "every version of the registered model would carry the entry script and the packages along"
        )
    script = Path(deployment.entry_script)
    if script.is_absolute() or ".." in script.parts:
        raise UsageError(f"--entry-script {script} must be a path inside {deployment.code}")
    unwanted = (script.name, "requirements.txt", layout.BUNDLE_NAME, EXTRAS, layout.WHEELHOUSE)
    for name in unwanted if deployment.model.is_dir() else ():
        if (deployment.model / name).exists():
            raise OutputRefused(
                deployment.model / name,
                "is in the model's folder, where the image does not look for it, and every version of the model would "
                f"carry it along: move it to {deployment.base}",
            )


def lay_out(
    bundle: Path, deployment: Deployment, method: str, python: Interpreter | None, *, follow: bool = False
) -> dict[str, str]:
    """Write what `method` needs beside the entry script; return the deployment's environment variables.

    With `follow`, `bundle` may be a symbolic link. Raises OutputRefused, UsageError or OSError: nothing was changed.
    """
    check(deployment)
    base = deployment.base
    with staging.scratch_in(base) as scratch:
        staged: dict[Path, Path] = {}
        if method in (DROP_IN, PYTHONPATH):
            _check_free(base / EXTRAS)
            write.write_drop_in(scratch / EXTRAS, bundle, python, follow=follow)
            staged[scratch / EXTRAS] = base / EXTRAS
        elif method == EXEC:
            write.write_zipapp(scratch / SHIM, python)
            copied = write.copy_bundle(bundle, scratch, follow=follow)
            staged = {scratch / name: base / name for name in (SHIM, *copied)}
        elif not (base / EXTRAS / layout.TREE_NOTE).exists():
            raise UsageError(f"there is no tree at {base / EXTRAS}: first pack with --tree {base / EXTRAS}")
        # The signature of an earlier bundle would make the shim refuse this one.
        stale = [base / name for name in layout.SIGNATURE_NAMES[:1] if method == EXEC and scratch / name not in staged]
        staging.place(staged, gone=stale, aside=scratch)
    deployment.model.mkdir(parents=True, exist_ok=True)
    return _variables(deployment, method)


def _variables(deployment: Deployment, method: str) -> dict[str, str]:
    """Return the environment variables that a deployment needs for `method`, whose files are there."""
    modules = sorted((deployment.base / EXTRAS).glob(prefix.site_packages("3*")))
    folder = Path(_APP_ROOT, deployment.entry_script).parent
    return {
        DROP_IN: {LIB_PATH: EXTRAS},
        PYTHONPATH: {"PYTHONPATH": f"{folder / EXTRAS}"},
        TREE: {LIB_PATH: f"{modules[0].relative_to(deployment.base)}" if modules else EXTRAS},
        EXEC: {"AIRPACK_BUNDLE": f"{folder / layout.BUNDLE_NAME}"},
    }[method]


def command(deployment: Deployment, method: str) -> Sequence[str]:
    """Return the deployment's start command; empty if the image's own is used."""
    if method != EXEC:
        return ()
    folder = Path(_APP_ROOT, deployment.entry_script).parent
    server = ["azmlinfsrv", "--entry_script", Path(deployment.entry_script).name, "--port", "31311"]
    return ["python", f"{folder / SHIM}", "exec", "--", *server]


def snippet_v1(values: Mapping[str, str]) -> str:
    """Return Python code that sets the variables on an `azureml.core` Environment (SDK v1)."""
    lines = [
        "from azureml.core import Environment",
        "",
        'myenv = Environment(name="my_azureml_env")',
        "myenv.docker.base_image = ...  # the prebuilt inference image",
        "myenv.python.user_managed_dependencies = True",
        f"myenv.environment_variables = {json.dumps(dict(values), indent=4)}",
    ]
    return "\n".join(lines)


def snippet_v2(deployment: Deployment, values: Mapping[str, str]) -> str:
    """Return YAML of a managed online deployment with the variables (CLI and SDK v2)."""
    lines = [
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
        "name: blue",
        "endpoint_name: my-endpoint",
        "model:",
        f"  path: {json.dumps(str(deployment.model))}",
        "code_configuration:",
        f"  code: {json.dumps(str(deployment.code))}",
        f"  scoring_script: {json.dumps(deployment.entry_script)}",
        "environment:",
        "  image: ...  # the prebuilt inference image",
        "environment_variables:",
        *(f"  {name}: {json.dumps(value)}" for name, value in values.items()),
    ]
    return "\n".join(lines)


def _check_free(place: Path) -> None:
    """Raise OutputRefused unless `place` is an earlier drop-in folder, empty, or absent."""
    is_empty = place.is_dir() and not any(place.iterdir())
    if place.exists() and not write.is_drop_in(place) and not is_empty:
        raise OutputRefused(place, "is not an airpack drop-in folder: move it away")
