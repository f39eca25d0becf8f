"""The variables by which Azure ML's prebuilt inference images take packages, without a network.

The images' start script reads them; where the shim starts the server, it does the same. They name a path relative to
the entry script's folder: a folder of packages, or a requirements file. If both are set, the folder wins. The exit
status is 97 if the folder is missing, 99 if the file is, and 95 if what it asks for can't be installed.
"""

from __future__ import annotations

import os

from airpack_runtime import boot, layout, trust
from airpack_runtime.errors import NO_FILE, NO_FOLDER, AzureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping

    from airpack_runtime.ready import Ready

LIB_PATH = "AZUREML_EXTRA_PYTHON_LIB_PATH"
REQUIREMENTS = "AZUREML_EXTRA_REQUIREMENTS_TXT"
CONDA = "AZUREML_EXTRA_CONDA_YAML"
VARIABLES = (LIB_PATH, REQUIREMENTS, CONDA)


def base_folder(env: Mapping[str, str]) -> str:
    """Return the entry script's folder, to which the variables are relative."""
    root, script = env.get("AML_APP_ROOT") or "/var/azureml-app", env.get("AZUREML_ENTRY_SCRIPT", "")
    if script.startswith(root.rstrip("/") + "/"):
        return os.path.dirname(os.path.normpath(script))
    return os.path.normpath(os.path.join(root, os.path.dirname(script.lstrip("/"))))


def ready_tree(env: Mapping[str, str], warn: Callable[[str], None]) -> Ready | None:
    """Return the tree that the variables ask for, or None if they ask for none. Raises BootError, AzureError.

    It calls `warn` with each warning for the person who deploys.
    """
    lib_path, file = env.get(LIB_PATH), env.get(REQUIREMENTS)
    if env.get(CONDA):
        warn(f"{CONDA} is set, and conda files are not handled: pack what it names, from PyPI, into the bundle")
    if lib_path and file:
        warn(f"both {LIB_PATH} and {REQUIREMENTS} are set: the first wins, as in the image; unset one of them")
    if lib_path and env.get("AIRPACK_BUNDLE"):
        warn(f"AIRPACK_BUNDLE is set, and goes before {LIB_PATH}: unset one of them")
    path = named(env)
    if not path:
        return None
    if lib_path:
        return _of_folder(path, env)
    from airpack_runtime.image import requirements

    return requirements.ready_tree(path, env)


def named(env: Mapping[str, str]) -> str:
    """Return the path of the folder, or else of the file, that the variables ask for, empty for none.

    Raises AzureError if it isn't there.
    """
    lib_path, file = env.get(LIB_PATH), env.get(REQUIREMENTS)
    if lib_path:
        return "" if env.get("AIRPACK_BUNDLE") else _existing(LIB_PATH, lib_path, env, os.path.exists, NO_FOLDER)
    return _existing(REQUIREMENTS, file, env, os.path.isfile, NO_FILE) if file else ""


def handled(env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` without the variables: the image's own start script, run later, must not act on them again."""
    return {name: value for name, value in env.items() if name not in (LIB_PATH, REQUIREMENTS)}


def needs_nothing(env: Mapping[str, str]) -> bool:
    """Return whether `env` asks for a requirements file alone, for which `ready_tree` found the image sufficient."""
    return bool(env.get(REQUIREMENTS)) and not env.get(LIB_PATH) and not env.get("AIRPACK_BUNDLE")


def _of_folder(path: str, env: Mapping[str, str]) -> Ready:
    """Return the tree of `path`: a bundle, an image, a tree, a folder with a bundle in it, or a folder of packages."""
    if is_plain(path, env):
        from airpack_runtime.provide.provide import packages_tree

        return packages_tree(path, "a folder of packages")
    return boot.ready_tree(path, env, private=True)


def is_plain(path: str, env: Mapping[str, str]) -> bool:
    """Return whether `path` is a folder of packages, without a bundle. Raises AzureError if none may be taken."""
    inside = (layout.TREE_NOTE, layout.BUNDLE_NAME)
    if not os.path.isdir(path) or any(os.path.exists(os.path.join(path, name)) for name in inside):
        return False
    if trust.binds(env):
        raise AzureError(
            f"{path} is a plain folder, which AIRPACK_DIGEST can't pin, and no signature covers: use a bundle",
            NO_FOLDER,
        )
    return True


def _existing(name: str, given: str, env: Mapping[str, str], is_there: Callable[[str], bool], status: int) -> str:
    """Return the path that the variable `name` gives. Raises AzureError with `status` unless `is_there` accepts it."""
    base = base_folder(env)
    path = os.path.normpath(os.path.join(base, given.lstrip("/")))
    if is_there(path):
        return path
    if os.path.isdir(path):
        raise AzureError(f"{name}={given}: {path} is a folder, not a file", status)
    raise AzureError(f"{name}={given}: {path} does not exist{_hint(base, given.lstrip('/'), env)}", status)


def _hint(base: str, given: str, env: Mapping[str, str]) -> str:
    """Return the end of the message, with the path that was likely meant.

    That is the path without the model's folder before it, or the most similar one that exists.
    """
    first, _, rest = given.partition("/")
    if rest and os.path.exists(os.path.join(base, rest)):
        return f"; {rest} does: leave {first}/ out, the path begins at the entry script's folder"
    model = env.get("AZUREML_MODEL_DIR")
    if model and os.path.exists(os.path.join(model, given)):
        return f"; it lies in the model's folder {model}: put it beside the entry script instead"
    return nearest(os.path.join(base, given))


def nearest(path: str) -> str:
    """Return the end of a message with the existing path that is most similar to `path`, empty if there is none.

    That is in the nearest parent folder that exists.
    """
    import difflib

    parent, name = os.path.split(os.path.normpath(path))
    while parent != "/" and not os.path.isdir(parent):
        parent, name = os.path.split(parent)
    try:
        alike = difflib.get_close_matches(name, os.listdir(parent), 1, 0.5)
    except OSError:
        return ""
    return f"; there is {os.path.join(parent, alike[0])}" if alike else f"; {parent} does, with no similar name in it"
