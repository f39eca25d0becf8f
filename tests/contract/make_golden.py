"""Made the golden bundle in `fixtures/golden`; once that is released, run again only for a new version of the format.

    python tests/contract/make_golden.py fixtures/golden

A bundle that a released airpack wrote must stay readable: `test_golden.py` holds each later one to that. Beside it
lies its signature, by a key that was thrown away.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent.parent))

from airpack.cli.app import main as airpack
from airpack_runtime import layout
from support.wheels import build_wheel

SHARED = "the same words in two wheels\n" * 5000


def build_wheels(folder: Path) -> None:
    """Write wheels with all that a bundle can hold: scripts, data, links, `.pth`, a file over several frames."""
    build_wheel(
        folder,
        "alpha",
        files={
            "alpha/__init__.py": "VALUE = 41\n\n\ndef main():\n    print('alpha', VALUE)\n",
            "alpha/data.txt": SHARED,
            "alpha/empty.txt": "",
        },
        scripts={"alpha-hello": "alpha:main"},
        requires=["beta>=2"],
    )
    build_wheel(
        folder,
        "beta",
        "2.0",
        files={
            "beta/__init__.py": "import alpha\n",
            "beta/data.txt": SHARED,
            "beta/large.bin": b"".join(b"%07d\n" % number for number in range(700_000)),
            "beta-2.0.data/data/share/beta/readme.txt": "beta\n",
            "beta-2.0.data/scripts/beta-script": "#!python\nimport beta\nprint('beta', beta.alpha.VALUE)\n",
        },
    )
    build_wheel(
        folder,
        "gamma",
        files={
            "gamma.pth": "gamma_more\nimport sys; sys.gamma_was_here = True\n",
            "gamma_more/gamma_inner.py": "VALUE = 'inner'\n",
        },
    )


def make(folder: Path) -> None:
    """Write the golden bundle and its checksums into `folder`."""
    with tempfile.TemporaryDirectory() as scratch:
        wheels, dist = Path(scratch, "wheels"), Path(scratch, "dist")
        build_wheels(wheels)
        options = ["--find-links", str(wheels), "--level", "19", "-q", "-o", str(dist)]
        if airpack(["pack", "alpha", "gamma", *options]):
            raise SystemExit(1)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(dist / layout.BUNDLE_NAME, folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
