"""Which modules are imported again, where an earlier pack imported most of the same files."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from airpack.base import cache
from support.airpack import Airpack
from support.layouts import digest_of
from support.wheels import build_wheel

pytestmark = [pytest.mark.usefixtures("target_python"), pytest.mark.slow]


@pytest.fixture
def packed(airpack: Airpack, wheels: Path) -> Airpack:
    """Return the command after a pack of `base`, of `user`, which imports and requires it, and of `apart`."""
    build_wheel(wheels, "base")
    build_wheel(wheels, "user", files={"user.py": "import base\n"}, requires=["base"])
    build_wheel(wheels, "apart", files={"apart.py": "try:\n    import spare\nexcept ImportError:\n    pass\n"})
    assert airpack.pack("user", "apart") == 0, airpack.err
    assert "import         3 modules" in airpack.err
    return airpack


def _imported(airpack: Airpack, *names: str) -> str:
    """Return what a pack of the projects `names` says of its imports."""
    assert airpack.pack(*names) == 0, airpack.err
    tried = json.loads((airpack.output / "imports.json").read_text())["imports"]
    assert [each["error"] for each in tried] == [""] * len(tried)
    return "\n".join(line for line in airpack.err.splitlines() if line.startswith("import"))


def test_what_loads_from_a_changed_distribution_is_imported_again(packed: Airpack, wheels: Path) -> None:
    """With what requires it; the rest is known, and all are in imports.json. The bytes are those without a cache."""
    build_wheel(wheels, "base", "2.0")
    said = _imported(packed, "user", "apart")
    assert "import    1 module as before: all that they load is the same" in said
    assert "import         2 modules" in said
    tried = json.loads((packed.output / "imports.json").read_text())["imports"]
    assert sorted(each["module"] for each in tried) == ["apart", "base", "user"]
    digest = digest_of(packed.output)
    shutil.rmtree(cache.folder(os.environ))
    assert _imported(packed, "user", "apart").startswith("import         3 modules")
    assert digest_of(packed.output) == digest


@pytest.mark.parametrize("change", ["module", "entry point"])
def test_what_could_be_loaded_as_well_makes_all_be_imported(packed: Airpack, wheels: Path, change: str) -> None:
    """Whoever looked for a module, and did without it, finds it now; or finds what an entry point names."""
    scripts = {"run": "base:VERSION"} if change == "entry point" else {}
    files: dict[str, str | bytes] = {"base.py": "VERSION = 2\n"}
    build_wheel(
        wheels, "base", "2.0", files={**files, "spare.py": ""} if change == "module" else files, scripts=scripts
    )
    said = _imported(packed, "user", "apart")
    assert "as before" not in said


def test_a_damaged_note_is_none(packed: Airpack, wheels: Path) -> None:
    """All modules are imported then, and noted anew."""
    build_wheel(wheels, "base", "2.0")
    for path in (cache.folder(os.environ) / cache.PROOFS).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    assert "as before" not in _imported(packed, "user", "apart")
    build_wheel(wheels, "base", "3.0")
    assert "import    1 module as before" in _imported(packed, "user", "apart")


def test_a_module_that_fails_is_imported_each_time(airpack: Airpack, wheels: Path) -> None:
    """What it fails of may have changed on this machine; the finding is told each time."""
    build_wheel(wheels, "good")
    build_wheel(wheels, "bad", files={"bad.py": "raise RuntimeError('no')\n"})
    for _ in range(2):
        assert airpack.pack("good", "bad") == 0, airpack.err
        assert "import bad fails here: RuntimeError: no" in airpack.err
    assert "import    1 module as before" in airpack.err


def test_what_may_have_tried_a_module_that_failed_is_imported_again(airpack: Airpack, wheels: Path) -> None:
    """It did without that module, and with another release it may load it."""
    build_wheel(wheels, "other", files={"other.py": "try:\n    import spare\nexcept RuntimeError:\n    pass\n"})
    build_wheel(wheels, "spare", files={"spare.py": "raise RuntimeError('no')\n"})
    assert airpack.pack("other", "spare") == 0, airpack.err
    build_wheel(wheels, "spare", "2.0")
    assert "as before" not in _imported(airpack, "other", "spare")
