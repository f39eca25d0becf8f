"""Lines of `pip freeze` that name where conda built a package."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base.errors import InvalidRequirement
from airpack.requirements import conda_freeze


def _taken(line: str, tmp_path: Path) -> list[str] | None:
    listing = conda_freeze.from_index(tmp_path / "r.txt", f"{line}\n", allowed=True)
    return None if listing is None else [*listing.lines]


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("certifi @ file:///croot/certifi_1665076670883/work/certifi", "certifi"),
        ("Pillow @ file:///home/conda/feedstock_root/build_artifacts/pillow_1630696601414/work", "Pillow"),
        ("numpy @ file:///work/numpy_1/dist/numpy-1.21.6-cp37-cp37m-linux_x86_64.whl#sha256=aa", "numpy==1.21.6"),
        ("numpy@file:///work/other-1.0-py3-none-any.whl", "numpy"),
        ("uvicorn[standard] @ file:///croot/uvicorn/work ; os_name == 'nt'", "uvicorn[standard] ; os_name == 'nt'"),
    ],
)
def test_the_version_is_that_of_the_wheel(line: str, taken: str, tmp_path: Path) -> None:
    """If the URL names one; a folder has none in its name."""
    assert _taken(line, tmp_path) == [taken]


def test_what_is_here_stays(tmp_path: Path) -> None:
    """A folder of the user's, what a variable names (pip reads its value), and what comes from elsewhere."""
    for line in (
        f"mine @ {tmp_path.as_uri()}",
        "six==1.16.0",
        "six @ https://host/six.whl",
        "six @ file://${WHEELS}/six.whl",
        "-e ./mine",
    ):
        assert _taken(line, tmp_path) is None


@pytest.mark.parametrize(
    "line",
    [
        "one @ file:///home/runner/work/one/dist/one-1.0-py3-none-any.whl#sha256=00",
        "one @ file:///C:/Users/joe/src/one",
    ],
)
def test_what_is_on_another_machine(tmp_path: Path, line: str) -> None:
    """Where no conda built it, no list of conda's versions is the remedy."""
    path = tmp_path / "r.txt"
    with pytest.raises(InvalidRequirement) as raised:
        conda_freeze.from_index(path, f"six\n{line}\n", allowed=False)
    assert str(raised.value) == (
        f"{path}: line 2: {line!r} names what another machine had, and isn't here: write NAME==VERSION for what an "
        "index has, or the path of the wheel or project on this machine"
    )


def test_files_that_a_file_includes_are_looked_into(tmp_path: Path) -> None:
    """The line is named where it stands; a file that includes itself is no end."""
    outer, inner = tmp_path / "r.txt", tmp_path / "deep" / "inner.txt"
    inner.parent.mkdir()
    inner.write_text("alpha\nbeta @ file:///croot/beta/work\n-r ../r.txt\n")
    outer.write_text("-r deep/inner.txt\n-c limits.txt\n./mine\n")
    with pytest.raises(InvalidRequirement) as raised:
        conda_freeze.from_index(outer, outer.read_text(), allowed=False)
    assert str(raised.value).startswith(f"{inner}: line 2: 'beta @ file:///croot/beta/work' names where conda built it")
    listing = conda_freeze.from_index(outer, outer.read_text(), allowed=True)
    assert listing is not None
    assert [*listing.lines][:2] == ["alpha", "beta"]
    assert [*listing.lines][-2:] == [f"-c {tmp_path}/limits.txt", f"{tmp_path}/mine"]
