"""The image's word for its tags, and the packager's: two lists that must be one."""

from __future__ import annotations

import pytest
from airpack.target.target import LAST_RELEASE, Target
from airpack_runtime.image import probe


@pytest.mark.parametrize("minor", [minor for _, minor in LAST_RELEASE])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("platform", "family", "libc"),
    [("manylinux_2_17", "glibc", (2, 17)), ("manylinux_2_39", "glibc", (2, 39)), ("musllinux_1_2", "musl", (1, 2))],
)
def test_a_profiles_tags_are_those_of_the_targets_name(
    minor: int, machine: str, platform: str, family: str, libc: tuple[int, int]
) -> None:
    """What `probe` works out with the standard library alone is what packaging gives."""
    abi = f"3{minor}m" if minor < 8 else f"3{minor}"
    accepted = probe.platforms(family, libc, machine)
    tags = list(probe.compatible_tags((3, minor), abi, accepted))
    assert tags == [str(tag) for tag in Target.parse(f"cp3{minor}-{platform}_{machine}").tags]
