"""Puts a tree on `sys.path`, behind the standard library and ahead of the image's packages.

Every warm start imports this module.
"""

from __future__ import annotations

import os
import site
import sys

from airpack_runtime import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import MutableMapping


def activate(tree: str, env: MutableMapping[str, str]) -> str:
    """Put the packages of `tree` on `sys.path` and its scripts on `env["PATH"]`; return the folder of its packages.

    The tree becomes `sys.prefix`, as in a virtual environment that sees the image's packages: programs look there for
    their data (share/jupyter), scripts and modules (`site.getsitepackages`). `sys.base_prefix` stays. Doing it
    again changes nothing.
    """
    site_packages = site_of(tree)
    if site_packages not in sys.path:
        place = behind_standard_library()
        sys.path.insert(place, site_packages)
        if site_packages != tree:
            sys.prefix = sys.exec_prefix = tree
            site.PREFIXES.insert(0, tree)
            if "sysconfig" in sys.modules:
                import sysconfig

                sysconfig.get_config_vars().update(prefix=tree, exec_prefix=tree, base=tree, platbase=tree)
        _extend_namespaces(site_packages)
        _process_pth(site_packages, place + 1)
    export(tree, env)
    return site_packages


def site_of(tree: str) -> str:
    """Return the folder of a tree's packages; for a plain folder of packages, as Azure ML mounts one, itself."""
    site_packages = site_packages_of(tree)
    return site_packages if os.path.isdir(site_packages) else tree


def site_packages_of(prefix: str) -> str:
    """Return the folder of the packages in a prefix for this Python, as `sysconfig` has it."""
    threads = "t" * ("t" in sys.abiflags)
    return "%s/lib/python%d.%d%s/site-packages" % (prefix, *sys.version_info[:2], threads)


def export(tree: str, env: MutableMapping[str, str]) -> None:
    """Put the tree's scripts on `env["PATH"]`, and have them run under this interpreter."""
    scripts = f"{tree}/{layout.BIN}"
    path = env.get("PATH", os.defpath)
    if scripts not in path.split(os.pathsep):
        env["PATH"] = scripts + os.pathsep + path
    python = interpreter()
    if python:
        env["AIRPACK_PYTHON"] = python


def interpreter() -> str:
    """Return the path of the Python that runs this process, empty if it isn't known.

    In a server that embeds Python (uwsgi), `sys.executable` may be that server: then it is the Python of its library.
    """
    python = sys.executable or ""
    if "python" not in os.path.basename(python):
        beside = sys.base_exec_prefix + "/bin/python%d.%d" % sys.version_info[:2]
        if os.path.exists(beside):
            return beside
    return python


def behind_standard_library() -> int:
    """Return the index in `sys.path` right behind the standard library's last folder."""
    library = os.path.dirname(os.__file__)
    folders = (library, f"{library}/lib-dynload", f"{sys.base_exec_prefix}/lib/{os.path.basename(library)}/lib-dynload")
    last = max((index for index, entry in enumerate(sys.path) if entry in folders), default=-1)
    if last >= 0:
        return last + 1
    # The standard library is frozen or zipped: at least ahead of the image's site- or dist-packages.
    for index, entry in enumerate(sys.path):
        if entry.endswith("-packages"):
            return index
    return len(sys.path)


def pth_files(site_packages: str) -> list[str]:
    """Return the names of a folder's `.pth` files in the order in which `site` processes them, and no pipe."""
    names = [name for name in os.listdir(site_packages) if name.endswith(".pth")]
    return sorted(name for name in names if os.path.isfile(site_packages + "/" + name))


def _extend_namespaces(site_packages: str) -> None:
    """Have the namespace packages that are imported already find their modules in the tree as well.

    The image's *-nspkg.pth make some. Whose folder in the tree has an `__init__.py` would not be looked at any more.
    """
    for name, module in list(sys.modules.items()):
        if hasattr(module, "__path__") and not getattr(module, "__file__", None):
            folder = site_packages + "/" + name.replace(".", "/")
            if os.path.isdir(folder) and folder not in module.__path__:
                module.__path__ = [folder, *module.__path__]


def _process_pth(site_packages: str, place: int) -> None:
    """Process the tree's `.pth` files as `site` does, and move the entries that they append to the index `place`."""
    names = pth_files(site_packages)
    if not names:
        return
    before = list(sys.path)
    for name in names:
        site.addpackage(site_packages, name, None)
    # Lines that begin with "import" may insert entries anywhere: only appended entries are moved.
    if sys.path[: len(before)] == before:
        appended = sys.path[len(before) :]
        del sys.path[len(before) :]
        sys.path[place:place] = appended
