"""The inventory of a bundle: packages, and what their wheels contain."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.bundle.opened import OpenBundle
from airpack.inspection import inventory
from airpack.inspection.inventory import Inventory, Library
from airpack_runtime import layout
from support import machine
from support.airpack import Airpack
from support.wheels import build_wheel

GOLDEN = machine.FIXTURES / "golden" / layout.BUNDLE_NAME


def _take(bundle: Path) -> Inventory:
    with OpenBundle.at(bundle) as opened:
        return inventory.take(opened, ())


@pytest.fixture
def packed(airpack: Airpack, wheels: Path) -> Inventory:
    """Return the inventory of two packages, one of which needs the other, and contains libraries and an SBOM."""
    files: dict[str, str | bytes] = {
        "one.py": "",
        "one.libs/libgfortran-040039e1.so.5.0.0": b"fortran",
        "one.libs/libopenblasp-r0-2d23e62b.3.17.so": b"blas",
        "one.libs/readme.txt": "not a library",
        "one-1.0.dist-info/sboms/a.json": "{}",
    }
    needs = ["Two[fast]>=1", "two; python_version < '3'", "never; python_version >= '3.8'"]
    build_wheel(wheels, "one", files=files, requires=needs, metadata=["License-Expression: MIT", "Summary: First"])
    licences = ["License: text", "Classifier: License :: OSI Approved :: BSD License", "Provides-Extra: fast"]
    build_wheel(wheels, "two", metadata=licences)
    assert airpack.pack("one", "--no-bytecode", "--no-import") == 0, airpack.err
    return _take(airpack.output / layout.BUNDLE_NAME)


@pytest.mark.slow
def test_packages_have_their_needs_and_what_was_asked_for_is_marked(packed: Inventory) -> None:
    """Needs are those that the bundle has, on its target."""
    one, two = packed.packages
    assert packed.asked == ("one",)
    assert [(package.key, package.version, package.needs) for package in (one, two)] == [
        ("one", "1.0", ("two",)),
        ("two", "1.0", ()),
    ]
    assert (one.summary, one.licence_expression, one.licences) == ("First", "MIT", ())
    assert (two.summary, two.licence_expression, two.licences) == ("", "", ("BSD License",))


@pytest.mark.slow
def test_libraries_have_the_name_and_version_that_the_file_shows(packed: Inventory) -> None:
    """Without the hash that auditwheel puts into it."""
    one, two = packed.packages
    assert [(library.name, library.version) for library in one.libraries] == [
        ("libgfortran", "5.0.0"),
        ("libopenblasp-r0", "3.17"),
    ]
    assert isinstance(one.libraries[0], Library)
    assert one.libraries[0].path == "lib/python3.7/site-packages/one.libs/libgfortran-040039e1.so.5.0.0"
    assert [(document.path, document.content) for document in one.documents] == [
        ("lib/python3.7/site-packages/one-1.0.dist-info/sboms/a.json", b"{}")
    ]
    assert (two.libraries, two.documents) == ((), ())


def test_the_golden_bundle_has_an_inventory() -> None:
    """It is for the digest that a boot checks."""
    taken = _take(GOLDEN)
    assert [package.key for package in taken.packages] == ["alpha", "beta", "gamma"]
    assert [package.needs for package in taken.packages] == [("beta",), (), ()]
    with OpenBundle.at(GOLDEN) as opened:
        assert (taken.digest, taken.target) == (opened.file.digest, opened.toc.target)
