"""The audit: what can't work in the image is found before it gets there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from airpack.bundle.opened import OpenBundle
from airpack_runtime import layout
from support.airpack import Airpack
from support.wheels import build_wheel

MANYLINUX = "cp37-cp37m-manylinux_2_17_x86_64.manylinux2014_x86_64"


@pytest.mark.slow
def test_a_wheel_whose_tag_lies_is_caught(airpack: Airpack, wheels: Path, library: Path) -> None:
    """By its symbols: file, symbol and what the target has; nothing is packed."""
    build_wheel(wheels, "liar", tag=MANYLINUX, files={"liar/new.so": (library / "new.so").read_bytes()})
    assert airpack.pack("liar") == 1
    assert airpack.error.startswith("airpack: error: the audit found packages that fail in the image: liar 1.0: ")
    assert "lib/python3.7/site-packages/liar/new.so needs GLIBC_2.34, the target has GLIBC_2.27" in airpack.error
    assert not airpack.output.exists()
    assert airpack.pack("liar", "--target", "cp37-manylinux_2_36_x86_64") == 0


@pytest.mark.slow
def test_a_library_that_nobody_brings_is_a_warning(airpack: Airpack, wheels: Path, library: Path) -> None:
    """The image may have it; `--strict` fails. A library of the bundle's own is none."""
    files = {"one/new.so": (library / "new.so").read_bytes()}
    build_wheel(wheels, "one", tag=MANYLINUX, files=files)
    words = ["one", "--target", "cp37-manylinux_2_36_x86_64"]
    assert airpack.pack(*words) == 0
    sentence = (
        "1.0 needs libother.so for lib/python3.7/site-packages/one/new.so, which neither "
        "the bundle nor every image of the target"
    )
    assert f"warning: one {sentence} has: add it to the image" in airpack.err
    shutil.rmtree(airpack.output)
    assert airpack.pack(*words, "--strict") == 1
    assert not airpack.output.exists()
    build_wheel(wheels, "one", "1.1", tag=MANYLINUX, files={**files, "one.libs/libother.so": b""})
    assert airpack.pack(*words, "--strict", "--no-import") == 0
    assert "libother" not in airpack.err


@pytest.mark.slow
def test_a_module_for_another_machine_is_an_error(airpack: Airpack, wheels: Path, library: Path) -> None:
    """Whatever the tag says; a helper for another machine is a note."""
    data = bytearray((library / "libother.so").read_bytes())
    data[18:20] = (40).to_bytes(2, "little")  # e_machine: EM_ARM
    helper = bytes(data)
    module = helper + b"PyInit_x\0"
    build_wheel(wheels, "one", tag=MANYLINUX, files={"one/__init__.py": "", "one/a.so": helper, "one/b.so": helper})
    assert airpack.pack("one", "--strict") == 0, airpack.err
    sentence = "lib/python3.7/site-packages/one/a.so is for another machine (EM_ARM), and 1 more"
    assert f"note: one 1.0: {sentence}: nothing in the image loads it" in airpack.err
    build_wheel(wheels, "one", "1.1", tag=MANYLINUX, files={"one/x.so": module})
    assert airpack.pack("one") == 1
    assert "lib/python3.7/site-packages/one/x.so is for another machine (EM_ARM)" in airpack.error


@pytest.mark.slow
def test_a_module_of_the_standard_librarys_name_is_noted(airpack: Airpack, wheels: Path) -> None:
    """The shim lets the standard library's win; no strictness fails for it."""
    build_wheel(wheels, "one", files={"secrets.py": ""})
    assert airpack.pack("one", "--strict") == 0
    assert "note: one 1.0 has a module secrets, as the standard library does: the shim lets" in airpack.err
    tree = airpack.output.with_name("tree")
    assert airpack.pack("one", "--tree", tree) == 0
    warning = "from a plain tree on PYTHONPATH it would replace it, and break what starts: use --drop-in"
    assert f"warning: one 1.0 has a module secrets, as the standard library does: {warning}" in airpack.err


@pytest.mark.slow
def test_an_unmet_requirement_is_an_error(airpack: Airpack, wheels: Path) -> None:
    """Such as a bundle packed from a lock that was written by hand; extras that are asked for count."""
    build_wheel(wheels, "one", requires=["two[more]"])
    build_wheel(wheels, "two", requires=["three>=1; extra == 'more'"], metadata=["Provides-Extra: more"])
    build_wheel(wheels, "three", "1.0")
    assert airpack.pack("one") == 0, airpack.err
    lock = airpack.output / "pylock.toml"
    head, *packages = lock.read_text().split("[[packages]]\n")
    kept = [package for package in packages if 'name = "three"' not in package.splitlines()[0]]
    lock.write_text("[[packages]]\n".join([head, *kept]))
    assert airpack("audit", airpack.output) == 1
    unmet = 'error: two 1.0 needs three>=1, the bundle has none: add three>=1; extra == "more" to the requirements'
    assert airpack.out.splitlines()[0] == unmet


@pytest.mark.slow
def test_audit_of_results(airpack: Airpack, wheels: Path) -> None:
    """As text and as JSON; for another target than it was packed for, tags and all."""
    build_wheel(wheels, "one", tag="cp37-cp37m-manylinux_2_27_x86_64")
    assert airpack.pack("one") == 0
    assert airpack("audit", airpack.output) == 0
    assert airpack.out == "0 findings in cp37-manylinux_2_27_x86_64\n"
    assert airpack("audit", airpack.output, "--target", "cp37-manylinux2014_x86_64", "--json") == 1
    (finding,) = json.loads(airpack.out)
    assert (finding["severity"], finding["package"]) == ("error", "one")
    assert finding["sentence"].endswith("which cp37-manylinux2014_x86_64 does not take")
    assert (airpack.output / layout.BUNDLE_NAME).exists()


@pytest.mark.slow
def test_files_that_two_wheels_write_are_told(airpack: Airpack, wheels: Path) -> None:
    """In one line for two wheels; that of the wheel which requires the other is kept, as pip installs it later."""
    shared = ("a.py", "b.py", "c.py")
    build_wheel(wheels, "one", files={"same.py": "", **dict.fromkeys(shared, "WHO = 1\n")}, requires=["two"])
    build_wheel(wheels, "two", files={"same.py": "", **dict.fromkeys(shared, "WHO = 2\n")})
    assert airpack.pack("one", "--no-bytecode") == 0
    (warning,) = (line for line in airpack.err.splitlines() if line.startswith("warning: "))
    assert warning == (
        "warning: one 1.0 writes lib/python3.7/site-packages/a.py and 2 more, as "
        "two-1.0-py3-none-any.whl does with another content: "
        "the later wheel's is kept, as pip would; check that both work with it"
    )
    with OpenBundle.at(airpack.output / layout.BUNDLE_NAME) as bundle:
        assert {bundle.read(bundle.find(name)[1]) for name in shared} == {b"WHO = 1\n"}
