"""The lock as a value: its wheels, their origins, and what is known of the image."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airpack.resolve.lock import Lock, LockedWheel
from airpack.target.installed import ImagePackage
from airpack.target.target import Target

WHEEL = LockedWheel(
    name="My.One",
    version="1.0",
    filename="my_one-1.0-py3-none-any.whl",
    url="https://user:secret@example.invalid/my_one-1.0-py3-none-any.whl",
    sha256="00",
    size=7,
)


@pytest.fixture
def lock(target: Target) -> Lock:
    """Return a lock of one wheel."""
    return Lock(target=target, requirements=("my-one",), wheels=(WHEEL,))


@pytest.mark.parametrize(
    ("wheel", "origin"),
    [
        (WHEEL, "https://example.invalid/my_one-1.0-py3-none-any.whl"),
        (replace(WHEEL, url="file:///home/me/my_one-1.0-py3-none-any.whl"), "local"),
        (replace(WHEEL, built_from="my_one-1.0.tar.gz sha256:11"), "built from my_one-1.0.tar.gz sha256:11"),
    ],
    ids=["index", "folder", "build"],
)
def test_the_origin_of_a_wheel(wheel: LockedWheel, origin: str) -> None:
    """Its source if it was built, else its URL without credentials."""
    assert wheel.origin == origin


def test_the_size_is_known_once_each_wheels_is(lock: Lock) -> None:
    """In bytes; an index doesn't tell it."""
    assert lock.size == 7
    assert replace(lock, wheels=(WHEEL, replace(WHEEL, size=None))).size is None


def test_a_lock_as_requirements_has_hashes(lock: Lock) -> None:
    """A line for each wheel, with its normalised name."""
    assert lock.to_requirements() == "my-one==1.0 --hash=sha256:00\n"


def test_the_image_has_what_its_profile_lists(lock: Lock, target: Target) -> None:
    """Without a profile, what was left out for it."""
    two, three = ImagePackage(name="two", version="2"), ImagePackage(name="three", version="3")
    left_out = replace(lock, provided=(two,))
    assert left_out.in_image == (two,)
    assert replace(left_out, target=replace(target, installed=(two, three))).in_image == (two, three)
