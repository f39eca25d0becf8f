"""Run by every interpreter that finds this folder on its PYTHONPATH: activates the bundle.

This file lies either beside the package `airpack_runtime` or in its folder `dropin`.
"""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))
_root = os.path.dirname(os.path.dirname(_folder)) if _folder.endswith("airpack_runtime/dropin") else _folder
sys.path.insert(0, _root)
try:
    from airpack_runtime import startup
finally:
    sys.path.remove(_root)
startup.start(_folder)
