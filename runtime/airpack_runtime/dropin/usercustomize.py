"""Activates the bundle where the `sitecustomize` of another folder is first on the path and hides this folder's.

Python imports it after `sitecustomize`. This file lies beside the `sitecustomize.py` of `airpack_runtime`. It must not
fail under any Python 3.
"""

import os

_path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sitecustomize.py")
_text = globals()["__loader__"].get_data(_path)  # it may be in a zip file
exec(compile(_text, _path, "exec"), {"__file__": _path, "customizes": "usercustomize"})  # noqa: S102
