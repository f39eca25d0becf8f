"""Activates the bundle where the `sitecustomize` of another folder is first on the path and hides this folder's.

Python imports it after `sitecustomize`. This file lies beside the `sitecustomize.py` of `airpack_runtime`. It must not
fail under any Python 3.
"""

import os
import sys
from importlib.machinery import PathFinder


def _customize(folder):
    spec = PathFinder.find_spec("sitecustomize", [folder])
    module = type(sys)("sitecustomize")
    module.__file__, module.customizes = spec.origin, "usercustomize"
    spec.loader.exec_module(module)


_customize(os.path.dirname(os.path.abspath(__file__)))
