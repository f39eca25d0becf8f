"""A bundle for another image, by each way that a process gets its packages: told in one line, nothing unpacked."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Callable, Dict

import pytest

from .conftest import RUNTIME, needs_target, python, told

pytestmark = needs_target

MACHINE = os.uname().machine
_ELSEWHERE = "aarch64" if MACHINE == "x86_64" else "x86_64"
_GLIBC = r"a system with glibc 2\.\d+"
_REPACK = ": pack it with the --target of this image"
# What the bundle was packed for, and what the line says of this image.
IMAGES = {
    f"cp37-manylinux_2_99_{MACHINE}": _GLIBC + _REPACK,
    f"cp37-musllinux_1_2_{MACHINE}": f"{_GLIBC}, not musl{_REPACK}",
    f"cp37-manylinux_2_17_{_ELSEWHERE}": f"a {MACHINE} machine{_REPACK}",
    f"cp37-manylinux_2_99_{_ELSEWHERE}": f"a {MACHINE} machine{_REPACK}",
    f"cp37-musllinux_1_2_{_ELSEWHERE}": f"a {MACHINE} machine{_REPACK}",
    f"cp39-manylinux_2_17_{MACHINE}": "Python cp37: run it with cp39, or pack for cp37",
    f"cp39-manylinux_2_99_{MACHINE}": "Python cp37: run it with cp39, or pack for cp37",
    f"cp314-musllinux_1_2_{_ELSEWHERE}": "Python cp37: run it with cp314, or pack for cp37",
}
ACTIVATE = "import airpack_runtime; airpack_runtime.activate()"


@pytest.mark.parametrize("target", IMAGES)
@pytest.mark.parametrize("way", ["exec", "activate", "drop-in"])
def test_a_wrong_image_is_told_before_a_byte_is_unpacked(
    tmp_path: Path, forge: Callable[..., Path], env: Dict[str, str], dropin: Path, target: str, way: str
) -> None:
    """What the bundle needs and what is here. A drop-in lets a process of another Python run without its packages."""
    path = forge(lambda data: data.update(target=target))
    env.update(AIRPACK_BUNDLE=str(path), PYTHONPATH=str(dropin if way == "drop-in" else RUNTIME))
    if way == "exec":
        done = python("-m", "airpack_runtime", "exec", "--", sys.executable, "-c", "print('it ran')", env=env)
    else:
        done = python("-c", ACTIVATE if way == "activate" else "print('it ran')", env=env)
    if way == "drop-in" and not target.startswith("cp37"):
        assert (done.returncode, done.stdout, done.stderr) == (0, "it ran\n", "")
    else:
        message = done.stderr.splitlines()[-1] if way == "activate" else told(done)
        message = re.sub(r"^(airpack: |airpack_runtime\.errors\.\w+: )", "", message)
        wanted = re.escape(f"{path} was packed for {target}, but this is ") + IMAGES[target]
        assert re.fullmatch(wanted, message), message
        assert done.stdout == ""
        assert done.returncode == (1 if way == "activate" else 97)
    assert not (tmp_path / "cache").exists()
