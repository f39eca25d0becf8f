"""`airpack sbom`: what is in a bundle as CycloneDX, valid, complete, and the same each time."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from airpack.base import extras
from airpack.inspection.inventory import Document
from airpack.inspection.sboms_in_wheels import Budget, components_of
from airpack.results.entries import PackageEntry
from airpack_runtime import layout
from airpack_runtime.format import toc
from lib4sbom.parser import SBOMParser
from support.airpack import Airpack, Repeat
from support.bundles import rewritten
from support.schemas import check_sbom
from support.wheels import build_wheel

INNER = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.4",
    "version": 1,
    "components": [
        {"type": "library", "name": "libjpeg", "version": "9e", "purl": "pkg:deb/debian/libjpeg@9e", "bom-ref": "a"},
        {"type": "library", "name": "libpng", "version": "1.6", "components": [{"type": "library", "name": "libz"}]},
    ],
}


@pytest.fixture
def packed(airpack: Airpack, wheels: Path, repeat: Repeat) -> Path:
    """Return the results of a pack with all that an SBOM tells of."""
    libraries: dict[str, str | bytes] = {
        "one.py": "",
        "one.libs/libgfortran-040039e1.so.5.0.0": b"fortran",
        "one.libs/libopenblasp-r0-2d23e62b.3.17.so": b"blas",
        "one-1.0.dist-info/sboms/auditwheel.cdx.json": json.dumps(INNER),
        "one-1.0.dist-info/sboms/other.spdx.json": '{"spdxVersion": "SPDX-2.3"}',
        "one-1.0.dist-info/sboms/bad.cdx.json": '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 5}',
    }
    needs = ["two[fast]>=1", "never; python_version >= '3.8'"]
    classifier = "Classifier: License :: OSI Approved ::"
    licences = [f"{classifier} MIT License", f"{classifier} BSD License", "License: whatever", "Provides-Extra: fast"]

    def pack() -> None:
        build_wheel(wheels, "one", files=libraries, requires=needs, metadata=["License-Expression: MIT OR Apache-2.0"])
        build_wheel(wheels, "two", requires=["three; extra == 'fast'", "one; extra == 'slow'"], metadata=licences)
        build_wheel(wheels, "three", "1.0+local.1", metadata=["Summary: Drei", "License: Three's own, see below"])
        assert airpack.pack("one", "--no-bytecode", "--sbom") == 0, airpack.err

    repeat(pack)
    return airpack.output


def _sbom(airpack: Airpack, place: Path) -> dict[str, Any]:
    assert airpack("sbom", place) == 0, airpack.err
    data: dict[str, Any] = json.loads(airpack.out)
    return data


def _component(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in data["components"] if each["name"] == name)


@pytest.mark.slow
def test_it_is_valid(airpack: Airpack, packed: Path) -> None:
    """By the schema of CycloneDX 1.6, at its strictest; the one that pack wrote is the same."""
    assert airpack("sbom", packed) == 0
    check_sbom(airpack.out)
    assert (packed / "sbom.cdx.json").read_text() == airpack.out


def test_only_what_an_index_may_have_is_of_pypi(
    airpack: Airpack, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of that type is looked up on PyPI by its name: a private one would get another's faults."""
    origins = {
        "one": ("", "https://packages.example/one-1.0-py3-none-any.whl"),
        "two": ("git+https://git.example/two.git@abc", ""),
        "three": ("local content 00ff", ""),
    }
    wheel = "one-1.0-py3-none-any.whl"
    entry = PackageEntry(name="one", version="1.0", wheel=wheel, size=1, sha256="", origin=origins["one"][1])
    monkeypatch.setattr("airpack.results.folder.Results.entries", lambda *_: (entry,))
    path = tmp_path / "bundle.tar.zst"

    def built(old: toc.Toc) -> toc.Toc:
        shares = [share._replace(built_from=origins[share.name][0]) for share in old.distributions]
        return old._replace(distributions=tuple(shares))

    rewritten(path, built, packed / layout.BUNDLE_NAME)
    found = {each["name"]: each for each in _sbom(airpack, path)["components"]}
    assert found["one"]["purl"] == (
        "pkg:pypi/one@1.0?download_url=https://packages.example/one-1.0-py3-none-any.whl&file_name=one-1.0-py3-none-any.whl"
    )
    assert found["two"]["purl"].startswith("pkg:generic/two@1.0?file_name=two-1.0-py3-none-any.whl&vcs_url=git")
    assert "git.example/two.git" in found["two"]["purl"]
    assert found["three"]["purl"].startswith("pkg:generic/three@1.0")
    assert found["three"]["properties"] == [{"name": "airpack:built_from", "value": "local content 00ff"}]
    assert "properties" not in found["one"]


def test_the_sdist_of_an_index_of_ones_own_has_its_url(
    airpack: Airpack, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel that was built from one is of that index as well, and not of PyPI."""
    built_from, url = "one-1.0.tar.gz sha256:00", "https://packages.example/one-1.0.tar.gz"
    wheel, origin = "one-1.0-py3-none-any.whl", f"built from {built_from} of {url}"
    entry = PackageEntry(name="one", version="1.0", wheel=wheel, size=1, sha256="", origin=origin)
    monkeypatch.setattr("airpack.results.folder.Results.entries", lambda *_: (entry,))
    monkeypatch.setattr("airpack.results.folder.Results.origins", lambda *_: {"one": origin})
    path = tmp_path / "bundle.tar.zst"

    def built(old: toc.Toc) -> toc.Toc:
        shares = [share._replace(built_from=built_from if share.name == "one" else "") for share in old.distributions]
        return old._replace(distributions=tuple(shares))

    rewritten(path, built, packed / layout.BUNDLE_NAME)
    one = _component(_sbom(airpack, path), "one")
    assert one["purl"] == f"pkg:pypi/one@1.0?download_url={url}&file_name={wheel}"
    assert one["properties"] == [{"name": "airpack:built_from", "value": built_from}]
    assert airpack("inspect", path, "--json") == 0
    assert json.loads(airpack.out)["packages"][0]["origin"] == origin


def test_packages_have_purl_hash_and_licence(airpack: Airpack, packed: Path) -> None:
    """PEP 639's expression, else classifiers, else the text."""
    data = _sbom(airpack, packed)
    one = _component(data, "one")
    wheel = json.loads((packed / "manifest.json").read_text())["packages"][0]
    assert one["purl"] == "pkg:pypi/one@1.0?file_name=one-1.0-py3-none-any.whl"
    assert one["hashes"] == [{"alg": "SHA-256", "content": wheel["sha256"]}]
    assert one["licenses"] == [{"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}]
    assert [each["license"] for each in _component(data, "two")["licenses"]] == [
        {"id": "MIT", "acknowledgement": "declared"},
        {"name": "BSD License", "acknowledgement": "declared"},
    ]
    three = _component(data, "three")
    assert three["licenses"][0]["license"]["name"] == "Three's own, see below"
    assert three["purl"] == "pkg:pypi/three@1.0%2Blocal.1?file_name=three-1.0%2Blocal.1-py3-none-any.whl"
    assert three["description"] == "Drei"


def test_dependencies_are_those_of_the_target(airpack: Airpack, packed: Path) -> None:
    """By its markers, with the extras that are asked for, and no other."""
    data = _sbom(airpack, packed)
    names = {each["bom-ref"]: each["name"] for each in data["components"]}
    root = data["metadata"]["component"]["bom-ref"]
    names[root] = "the bundle"
    graph = {names[each["ref"]]: [names[ref] for ref in each.get("dependsOn", [])] for each in data["dependencies"]}
    assert graph == {"the bundle": ["one"], "one": ["two"], "two": ["three"], "three": []}


def test_libraries_in_wheels_are_components_of_theirs(airpack: Airpack, packed: Path) -> None:
    """What auditwheel grafted, by the names that it gives; and what SBOMs in the wheel list (PEP 770)."""
    one = _component(_sbom(airpack, packed), "one")
    told = {(each["name"], each.get("version")) for each in one["components"]}
    assert told == {("libgfortran", "5.0.0"), ("libopenblasp-r0", "3.17"), ("libjpeg", "9e"), ("libpng", "1.6")}
    fortran = next(each for each in one["components"] if each["name"] == "libgfortran")
    assert fortran["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"fortran").hexdigest()}]
    assert fortran["properties"] == [
        {"name": "airpack:path", "value": "lib/python3.7/site-packages/one.libs/libgfortran-040039e1.so.5.0.0"}
    ]
    png = next(each for each in one["components"] if each["name"] == "libpng")
    assert [each["name"] for each in png["components"]] == ["libz"]
    sboms = "lib/python3.7/site-packages/one-1.0.dist-info/sboms"
    assert [(each["type"], each["url"]) for each in one["externalReferences"]] == [
        ("bom", f"{sboms}/auditwheel.cdx.json"),
        ("bom", f"{sboms}/bad.cdx.json"),
        ("bom", f"{sboms}/other.spdx.json"),
    ]


@pytest.mark.parametrize(
    ("url", "is_read"),
    [
        ("https://crates.example/serde", True),
        ("HTTP://h:80/a//b/?q=1", True),
        ("https://h/a%20b", True),
        ("https://straße.example/#a", True),
        ("", True),
        ("https://h/a b", False),
        ("https://h/%zz", False),
        ("ht tp://h", False),
        ("https://h/#a#b", False),
    ],
)
def test_urls_of_an_sbom_in_a_wheel(url: str, is_read: bool) -> None:
    """They are carried over as they are; an SBOM with one that CycloneDX forbids is not read."""
    other = "https://crates.example/other"
    references = [{"type": "website", "url": each} for each in (url, other)]
    data = {**INNER, "components": [{"type": "library", "name": "serde", "externalReferences": references}]}
    document = Document(path="a", sha256="", content=json.dumps(data).encode())
    told = [str(each.url) for component in components_of(document, Budget()) for each in component.external_references]
    assert sorted(told) == (sorted([url, other]) if is_read else [])


def test_it_names_the_bundle_and_its_target(airpack: Airpack, packed: Path) -> None:
    """And no time, nor anything of this machine: the same bundle has the same SBOM."""
    data = _sbom(airpack, packed)
    digest = json.loads((packed / "manifest.json").read_text())["bundle"]["digest"]
    root = data["metadata"]["component"]
    assert (root["name"], root["version"]) == ("bundle.tar.zst", digest)
    properties = {each["name"]: each["value"] for each in root["properties"]}
    assert properties["airpack:target"] == "cp37-manylinux_2_27_x86_64"
    assert "timestamp" not in data["metadata"]
    assert str(packed.parent) not in airpack.out
    alone = packed.parent / "elsewhere.bin"
    (packed / layout.BUNDLE_NAME).rename(alone)
    assert _sbom(airpack, alone) == data


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # lib4sbom leaves the file open
def test_another_tool_reads_it(airpack: Airpack, packed: Path) -> None:
    """lib4sbom, which knows nothing of airpack."""
    parser = SBOMParser("cyclonedx")
    parser.parse_file(str(packed / "sbom.cdx.json"))
    packages = {(each["name"], each.get("version")) for each in parser.get_packages()}
    assert {("one", "1.0"), ("two", "1.0"), ("three", "1.0+local.1")} <= packages
    relations = {(each["source"], each["target"]) for each in parser.get_relationships()}
    assert {("one", "two"), ("two", "three")} <= relations


def test_where_it_goes(airpack: Airpack, packed: Path, tmp_path: Path) -> None:
    """A file of its own, which an SBOM may be in, and nothing else."""
    place = tmp_path / "out.cdx.json"
    for _ in range(2):
        assert airpack("sbom", packed, "-o", place) == 0
        assert airpack.out == f"sbom      {place}, 3 packages, 2 libraries in them\n"
    place.write_text("mine")
    assert airpack("sbom", packed, "-o", place) == 1
    assert airpack.error == f"airpack: error: {place} is not an SBOM: give --output another name, or move it away"
    assert place.read_text() == "mine"


@pytest.mark.usefixtures("target_python")
def test_without_the_extra(airpack: Airpack, packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it is told, by a pack before it does anything."""
    for name in [name for name in sys.modules if name.startswith(("airpack.inspection.sbom", "cyclonedx"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cyclonedx", None)
    needed = "cyclonedx-python-lib, which isn't installed"
    expected = f"airpack: error: an SBOM needs {needed}: {extras.install('sbom')}"
    assert airpack("sbom", packed) == 1
    assert airpack.error == expected
    assert airpack.pack("three", "--sbom") == 1
    assert airpack.err.splitlines()[1:] == [expected]
