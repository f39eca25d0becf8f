"""Which files of the installed wheels go into a bundle, which as links, and which clash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from airpack.base.errors import InvalidWheel
from airpack.tree.members import Clash, Folders, Group, collect, content_digest, directories, sums
from support import trees
from support.wheels import build_wheel

LARGE = bytes(range(256)) * 1000


def _collect(wheels: Sequence[Path], folder: Path) -> tuple[list[Group], list[Clash]]:
    return collect([trees.part(wheel, folder / str(number)) for number, wheel in enumerate(wheels)], trees.TARGET)


def _links(groups: Sequence[Group]) -> dict[str, str]:
    return {each.path: each.link_to for group in groups for each in group.members if each.link_to is not None}


def test_a_member_is_a_file_with_its_hash(wheels: Path, tmp_path: Path) -> None:
    """Sorted by path; a script is executable, all else is not."""
    wheel = build_wheel(wheels, "one", files={"one.py": "X = 1\n"}, scripts={"go": "one:main"})
    (group,), clashes = _collect([wheel], tmp_path)
    assert [member.path for member in group.members] == sorted(member.path for member in group.members)
    assert {member.path for member in group.members if member.mode == 0o755} == {"bin/go"}
    (module,) = (member for member in group.members if member.path == "lib/python3.7/site-packages/one.py")
    assert (module.mode, module.size, module.sha256) == (0o644, 6, hashlib.sha256(b"X = 1\n").hexdigest())
    assert (module.source().read_bytes(), module.link_to, clashes) == (b"X = 1\n", None, [])


def test_equal_files_of_a_wheel_are_links_to_the_first(wheels: Path, tmp_path: Path) -> None:
    """Unless they are empty, or of another mode."""
    files = {"a.txt": "same", "b.txt": "same", "c.txt": "other", "d.txt": "", "e.txt": ""}
    groups, _ = _collect([build_wheel(wheels, "one", files={**files, "one-1.0.data/scripts/f": "same"})], tmp_path)
    assert _links(groups) == {"lib/python3.7/site-packages/b.txt": "lib/python3.7/site-packages/a.txt"}


def test_large_files_are_links_across_wheels_and_small_ones_are_not(wheels: Path, tmp_path: Path) -> None:
    """A changed pin should change its own frames alone; a large library that several have is worth the exception."""
    pair = [
        build_wheel(wheels, name, files={f"{name}/large.bin": LARGE, f"{name}/small.bin": b"same"})
        for name in ("one", "two")
    ]
    groups, _ = _collect(pair, tmp_path)
    assert _links(groups) == {"lib/python3.7/site-packages/two/large.bin": "lib/python3.7/site-packages/one/large.bin"}


def test_the_file_of_the_wheel_that_requires_the_other_is_kept(wheels: Path, tmp_path: Path) -> None:
    """As pip would install it later; only other content is a clash."""
    pair = [
        build_wheel(wheels, name, files={"shared.py": f"WHO = {name!r}\n", "same.py": "X = 1\n"}, requires=requires)
        for name, requires in (("one", ()), ("two", ("one",)))
    ]
    groups, clashes = _collect(pair, tmp_path)
    assert clashes == [Clash(path="lib/python3.7/site-packages/shared.py", first=pair[0].name, second=pair[1].name)]
    paths = [{member.path for member in group.members if ".dist-info" not in member.path} for group in groups]
    assert paths == [set(), {"lib/python3.7/site-packages/shared.py", "lib/python3.7/site-packages/same.py"}]


def test_a_file_that_is_a_folder_in_another_wheel_is_refused(wheels: Path, tmp_path: Path) -> None:
    """Both wheels are named."""
    one = build_wheel(wheels, "one", files={"common": "x"})
    two = build_wheel(wheels, "two", files={"common/inner.txt": "x"})
    with pytest.raises(InvalidWheel) as raised:
        _collect([one, two], tmp_path)
    assert str(raised.value) == (
        f"{one.name}: has a file lib/python3.7/site-packages/common, which is a folder in {two.name}"
    )


def test_directories_are_listed_parents_first(wheels: Path, tmp_path: Path) -> None:
    """Each once."""
    pair = [build_wheel(wheels, name, files={f"pkg/{name}/x": "", f"pkg/{name}/y": ""}) for name in ("one", "two")]
    groups, _ = _collect(pair, tmp_path)
    assert directories(groups) == [
        "lib",
        "lib/python3.7",
        "lib/python3.7/site-packages",
        "lib/python3.7/site-packages/one-1.0.dist-info",
        "lib/python3.7/site-packages/pkg",
        "lib/python3.7/site-packages/pkg/one",
        "lib/python3.7/site-packages/pkg/two",
        "lib/python3.7/site-packages/two-1.0.dist-info",
    ]


def test_folders_are_common_or_of_one_group() -> None:
    """Common are those of several groups, and those outside of site-packages."""
    folders = Folders.of(
        [
            ["lib/python3.7/site-packages/one/a/x", "lib/python3.7/site-packages/ns/one/x", "share/doc/one.txt"],
            ["lib/python3.7/site-packages/two/x", "lib/python3.7/site-packages/ns/two/x"],
        ]
    )
    assert folders.common == [
        "lib",
        "lib/python3.7",
        "lib/python3.7/site-packages",
        "lib/python3.7/site-packages/ns",
        "share",
        "share/doc",
    ]
    assert folders.own == [
        ["lib/python3.7/site-packages/ns/one", "lib/python3.7/site-packages/one", "lib/python3.7/site-packages/one/a"],
        ["lib/python3.7/site-packages/ns/two", "lib/python3.7/site-packages/two"],
    ]


def test_sums_are_lines_of_sha256sum(wheels: Path, tmp_path: Path) -> None:
    """In the order of the members."""
    (group,), _ = _collect([build_wheel(wheels, "one")], tmp_path)
    lines = sums(group).decode().splitlines()
    assert lines == [f"{member.sha256}  {member.path}" for member in group.members]


def test_the_content_digest_depends_on_path_mode_and_content() -> None:
    """Not on the order."""
    one, two = ("a", 0o644, "0" * 64), ("b", 0o755, "1" * 64)
    text = f"644 {'0' * 64}  a\n755 {'1' * 64}  b\n"
    assert content_digest([one, two]) == content_digest([two, one]) == hashlib.sha256(text.encode()).hexdigest()
    others = [("c", 0o644, "0" * 64), ("a", 0o755, "0" * 64), ("a", 0o644, "2" * 64)]
    assert len({content_digest([other, two]) for other in (one, *others)}) == 4
