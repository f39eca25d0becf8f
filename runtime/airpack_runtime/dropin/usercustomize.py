"""Activates the bundle where the `sitecustomize` of another folder is first on the path and hides this folder's.

Python imports it after `sitecustomize`. This file lies beside the `sitecustomize.py` of `airpack_runtime`. It must not
fail under any Python 3.
"""

import os
import sys
from importlib.machinery import PathFinder

_spec = PathFinder.find_spec("sitecustomize", [os.path.dirname(os.path.abspath(__file__))])
_module = type(sys)("sitecustomize")
_module.__file__, _module.customizes = _spec.origin, "usercustomize"
_spec.loader.exec_module(_module)
