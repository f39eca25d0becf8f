"""Fixtures that the tests of both packages share."""

from __future__ import annotations

import sys
from pathlib import Path

# The runtime's tests run under Python 3.7 with nothing of the packager installed.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "runtime")]
