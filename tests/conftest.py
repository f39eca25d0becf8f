"""Fixtures that the tests of both packages share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The runtime's tests run under Python 3.7 with nothing of the packager installed.
# An interpreter that this machine lacks is a reason to skip, not to download it; the tests of downloads lift this.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "runtime")]
