"""Activates the bundle in every interpreter that finds this folder on its PYTHONPATH.

This file lies either beside the package `airpack_runtime` or in its folder `dropin`.
It must not fail under any Python 3, while the package itself needs 3.7.
"""

import os
import sys


def _activate(folder):
    inside = os.path.join("airpack_runtime", "dropin")
    root = os.path.dirname(os.path.dirname(folder)) if folder.endswith(inside) else folder
    sys.path.insert(0, root)
    try:
        from airpack_runtime import startup
    except Exception as error:  # noqa: BLE001 - the program must not run without its packages
        sys.stderr.write("airpack: the shim in %s is damaged (%s): copy it again\n" % (root, error))
        sys.stderr.flush()
        os._exit(97)
    finally:
        sys.path.remove(root)
    startup.start(folder)


def _hides_any(folder, name):
    """Return whether another module `name` may be on the path. Only if so, the import system is asked: it is slow."""
    try:
        own = os.stat(os.path.join(folder, name + ".py"))
    except OSError:  # it is in a zip file itself
        return True
    for entry in sys.path:
        for suffix in (".py", "", ".pyc"):
            try:
                other = os.stat((entry or ".") + "/" + name + suffix)
            except OSError:
                continue
            if not os.path.samestat(own, other):
                return True
        if os.path.isfile(entry):  # a zip file
            return True
    return False


def _run_hidden(folder, name):
    """Run the module `name` that the one in `folder` hides: the next one on the path, if there is any."""
    places = [os.path.realpath(entry) for entry in sys.path]
    own = os.path.realpath(folder)
    behind = places.index(own) + 1 if own in places else 0
    path = [entry for entry, place in zip(sys.path[behind:], places[behind:]) if place != own]
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path) if hasattr(finder, "find_spec") else None
        if spec is not None and spec.loader is not None:
            module = type(sys)(name)
            module.__spec__, module.__file__, module.__loader__ = spec, spec.origin, spec.loader
            sys.modules[name] = module
            spec.loader.exec_module(module)
            return


_folder = os.path.dirname(os.path.abspath(__file__))
_name = globals().get("customizes", "sitecustomize")  # usercustomize.py runs this file too, and says so
if sys.version_info >= (3, 7) and (_name == "sitecustomize" or "airpack_runtime.startup" not in sys.modules):
    _activate(_folder)
if _hides_any(_folder, _name):
    _run_hidden(_folder, _name)
if not _hides_any(_folder, "usercustomize"):
    sys.modules["usercustomize"] = type(sys)("usercustomize")  # it has nothing to do
