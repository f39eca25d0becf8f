"""The variables by which Azure ML's prebuilt inference images take packages, offline.

The images' start script reads them; this does the same where the shim starts the server. Both name
something relative to the entry script's folder: a folder of packages, whose absence ends the start
with 97, or a requirements file, whose absence ends it with 99, and what can't be installed with 95.
If both are set, the folder wins.
"""

from __future__ import annotations

import os

from airpack_runtime import boot, cache, host, layout, trust
from airpack_runtime.errors import NO_FILE, NO_FOLDER, AzureError
from airpack_runtime.ready import Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping

LIB_PATH = "AZUREML_EXTRA_PYTHON_LIB_PATH"
REQUIREMENTS = "AZUREML_EXTRA_REQUIREMENTS_TXT"
CONDA = "AZUREML_EXTRA_CONDA_YAML"
VARIABLES = (LIB_PATH, REQUIREMENTS, CONDA)


def base_folder(env: Mapping[str, str]) -> str:
    """Return the entry script's folder, which the variables are relative to."""
    root, script = env.get("AML_APP_ROOT") or "/var/azureml-app", env.get("AZUREML_ENTRY_SCRIPT", "")
    if script.startswith(root.rstrip("/") + "/"):
        return os.path.dirname(os.path.normpath(script))
    return os.path.normpath(os.path.join(root, os.path.dirname(script.lstrip("/"))))


def ready_tree(env: Mapping[str, str], warn: Callable[[str], None]) -> Ready | None:
    """Return the tree that the variables ask for, None if they ask for none. Raises BootError, or AzureError.

    `warn` is called with each thing that the deployment should know.
    """
    lib_path, requirements = env.get(LIB_PATH), env.get(REQUIREMENTS)
    if env.get(CONDA):
        warn(f"{CONDA} is set, and conda files are not handled: pack what it names, from PyPI, into the bundle")
    if lib_path and requirements:
        warn(f"both {LIB_PATH} and {REQUIREMENTS} are set: the first wins, as in the image; unset one of them")
    if lib_path and env.get("AIRPACK_BUNDLE"):
        warn(f"AIRPACK_BUNDLE is set, and goes before {LIB_PATH}: unset one of them")
        return None
    if lib_path:
        return _of_folder(_existing(LIB_PATH, lib_path, env, NO_FOLDER), env)
    if requirements:
        from airpack_runtime.image import requirements as files

        return files.ready_tree(_existing(REQUIREMENTS, requirements, env, NO_FILE), env)
    return None


def handled(env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` without the variables: a start script of the image's further down must not act on them again."""
    return {name: value for name, value in env.items() if name not in (LIB_PATH, REQUIREMENTS)}


def needs_nothing(env: Mapping[str, str]) -> bool:
    """Tell whether the image itself meets what is asked for: a requirements file, and no bundle."""
    return bool(env.get(REQUIREMENTS)) and not env.get(LIB_PATH) and not env.get("AIRPACK_BUNDLE")


def plain(folder: str) -> Ready:
    """Return a folder of packages, of which no target is known, as a tree."""
    target = f"{host.python_tag()}-linux_{os.uname().machine}"
    return Ready(folder, cache.key_of(os.stat(folder)), target, "", folder, "a folder of packages")


def _of_folder(path: str, env: Mapping[str, str]) -> Ready:
    """Take what lies at `path`: a bundle or an image, a tree, a folder with a bundle in it, or packages."""
    inside = (layout.TREE_NOTE, layout.BUNDLE_NAME)
    if os.path.isdir(path) and not any(os.path.exists(os.path.join(path, name)) for name in inside):
        if env.get("AIRPACK_DIGEST") or trust.required_key(env):
            raise AzureError(
                f"{path} is a plain folder, which AIRPACK_DIGEST can't pin, and no signature covers: use a bundle",
                NO_FOLDER,
            )
        return plain(path)
    return boot.ready_tree(path, env, private=True)


def _existing(name: str, given: str, env: Mapping[str, str], status: int) -> str:
    base = base_folder(env)
    path = os.path.normpath(os.path.join(base, given.lstrip("/")))
    if os.path.exists(path) and (status == NO_FOLDER or os.path.isfile(path)):
        return path
    if os.path.isdir(path):
        raise AzureError(f"{name}={given}: {path} is a folder, not a file", status)
    raise AzureError(f"{name}={given}: {path} does not exist{_hint(base, given.lstrip('/'), env)}", status)


def _hint(base: str, given: str, env: Mapping[str, str]) -> str:
    """Say what is likely meant: the path without the model's folder before it, or the nearest that exists."""
    first, _, rest = given.partition("/")
    if rest and os.path.exists(os.path.join(base, rest)):
        return f"; {rest} does: leave {first}/ out, the path begins at the entry script's folder"
    model = env.get("AZUREML_MODEL_DIR")
    if model and os.path.exists(os.path.join(model, given)):
        return f"; it lies in the model's folder {model}: put it beside the entry script instead"
    return nearest(os.path.join(base, given))


def nearest(path: str) -> str:
    """Name what exists that is most like `path`: its nearest parent, and in it the name most alike."""
    import difflib

    parent, name = os.path.split(os.path.normpath(path))
    while parent != "/" and not os.path.isdir(parent):
        parent, name = os.path.split(parent)
    try:
        alike = difflib.get_close_matches(name, os.listdir(parent), 1, 0.5)
    except OSError:
        return ""
    return f"; there is {os.path.join(parent, alike[0])}" if alike else f"; {parent} does, with nothing like it"
