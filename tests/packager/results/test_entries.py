"""The entries of a manifest are read as they were written."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from airpack.base.errors import InvalidTarget
from airpack.resolve.lock import LockedWheel
from airpack.results.entries import ImageEntry, PackageEntry, Signed, TargetEntry, TargetPython, Toolchain
from airpack.results.fields import BadField, Fields
from airpack.target.installed import ImagePackage
from airpack.target.target import Target
from support import machine


def _fields(entry: dict[str, Any]) -> Fields:
    """Return the fields of an entry, written as JSON and read again."""
    return Fields(json.loads(json.dumps(entry)))


def test_a_target_is_read_as_it_was_written(target: Target) -> None:
    """With the Python version that its name left open; its tags are listed only where its name does not imply them."""
    target = replace(target, assumed_release=False)
    entry = TargetEntry.of(target)
    assert "compatible_tags" not in entry.to_dict()
    assert TargetEntry.from_fields(_fields(entry.to_dict())) == entry
    assert entry.to_target() == target
    profile = replace(target, tags=target.tags[:3], installed=(ImagePackage(name="pip", version="23.0"),))
    entry = TargetEntry.of(profile)
    assert entry.to_dict()["compatible_tags"] == [str(tag) for tag in target.tags[:3]]
    assert TargetEntry.from_fields(_fields(entry.to_dict())).to_target() == profile


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": None}, "name is missing"),
        ({"marker_environment": []}, "marker_environment is [], not a JSON object"),
        ({"compatible_tags": "py3"}, 'compatible_tags is "py3", not a list'),
        ({"installed": [{}]}, "installed lists something that is not a package ('name')"),
        (
            {"installed": [{"name": "one", "version": 1}]},
            "installed lists something that is not a package (the",
        ),
    ],
    ids=["no name", "markers", "tags", "a package without a name", "a package without a version"],
)
def test_a_target_that_can_not_be_read_is_refused(target: Target, change: dict[str, Any], problem: str) -> None:
    """The field is named."""
    with pytest.raises(BadField) as caught:
        TargetEntry.from_fields(_fields({**TargetEntry.of(target).to_dict(), **change}))
    assert str(caught.value).startswith(problem)


def test_a_target_that_makes_no_sense_is_refused(target: Target) -> None:
    """Its fields have the right types, and yet no target has them."""
    entry = TargetEntry.of(target)
    with pytest.raises(InvalidTarget):
        replace(entry, name="nonsense").to_target()
    with pytest.raises(TypeError):
        replace(entry, tags=["py3"]).to_target()


def test_digests_are_written_with_their_algorithm() -> None:
    """And read without it."""
    signed = Signed(file="bundle.tar.zst", kind="bundle", digest="ab" * 32, key="0" * 16)
    assert signed.to_dict()["digest"] == f"sha256:{'ab' * 32}"
    assert Signed.from_fields(_fields(signed.to_dict())) == signed
    assert signed.signature == "bundle.tar.zst.sig"


def test_a_package_names_its_wheel_and_where_it_came_from() -> None:
    """A public URL without credentials, or the source that it was built from."""
    wheel = LockedWheel(
        name="one",
        version="1.0",
        filename="one-1.0-py3-none-any.whl",
        url="https://user:secret@host.invalid/one-1.0-py3-none-any.whl",
        sha256="ab" * 32,
        size=7,
    )
    entry = PackageEntry.of(wheel)
    assert (entry.origin, entry.built_from) == ("https://host.invalid/one-1.0-py3-none-any.whl", "")
    built = PackageEntry.of(replace(wheel, built_from="one-1.0.tar.gz sha256:cd"))
    assert (built.origin, built.built_from) == ("built from one-1.0.tar.gz sha256:cd", "one-1.0.tar.gz sha256:cd")
    assert PackageEntry.from_fields(_fields(asdict(built))) == built


def test_an_image_is_read_as_it_was_written() -> None:
    """Its size is a number."""
    image = ImageEntry(file="bundle.squashfs", sha256="ab" * 32, size=4096)
    assert ImageEntry.from_fields(_fields(asdict(image))) == image
    with pytest.raises(BadField, match=r'^size is "4096", not a number$'):
        ImageEntry.from_fields(_fields({**asdict(image), "size": "4096"}))


def test_the_tools_are_named_with_or_without_the_targets_python() -> None:
    """It compiled the bytecode, if there is one."""
    without = Toolchain.here(None)
    assert without.target_python is None
    assert Toolchain.from_fields(_fields(asdict(without))) == without
    python = machine.python37()
    tools = Toolchain.here(python)
    assert Toolchain.from_fields(_fields(asdict(tools))) == tools
    assert tools.target_python == TargetPython(version=python.version, magic=python.magic, build=python.build)
    assert str(tools.target_python) == f"{python.version} {python.build}"
