"""Libraries that a wheel puts into the prefix itself: its modules find them by their RPATH, as in an environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.airpack import Airpack
from support.wheels import build_wheel

from .conftest import Compile


@pytest.mark.slow
@pytest.mark.usefixtures("target_python")
def test_a_library_in_the_lib_of_the_prefix_is_found(airpack: Airpack, compiled: Compile, wheels: Path) -> None:
    """The wheels of oneDAL, MKL and TBB do so; another project's modules look for theirs there."""
    library = compiled("libzzdal.so.1", "int a(void) { return 41; }")
    module = compiled("libown.so", "int a(void); int c(void) { return a() + 1; }", library, rpath="$ORIGIN/../../..")
    build_wheel(wheels, "dal", files={"dal-1.0.data/data/lib/libzzdal.so.1": library.read_bytes()})
    code = "import ctypes, os\nVALUE = ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libown.so')).c()\n"
    files: dict[str, str | bytes] = {"one/__init__.py": code, "one/libown.so": module.read_bytes()}
    build_wheel(wheels, "one", files=files, requires=["dal"])
    assert airpack.pack("one", "--target", "cp37-manylinux_2_36_x86_64", "--strict") == 0, airpack.err
