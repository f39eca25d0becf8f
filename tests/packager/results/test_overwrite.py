"""What a pack may replace: an earlier pack's results, and nothing of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base.errors import OutputRefused
from airpack.results import overwrite
from airpack_runtime import layout
from support.airpack import Airpack
from support.wheels import build_wheel

SIG = f"{layout.BUNDLE_NAME}{layout.SIGNATURE_SUFFIX}"


def test_a_wheelhouse_that_is_the_users(airpack: Airpack, wheels: Path) -> None:
    """Files that airpack did not write are never deleted."""
    build_wheel(wheels, "one")
    mine = airpack.output / "wheelhouse" / "mine-1.0-py3-none-any.whl"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert airpack.pack("one") == 1
    assert airpack.error.endswith("wheelhouse was not written by airpack: move it away, or give --output another name")
    assert mine.read_text() == "mine"


@pytest.mark.slow
def test_a_wheel_that_the_user_added(airpack: Airpack, wheels: Path) -> None:
    """Files in an earlier wheelhouse that its manifest does not list are never deleted, either."""
    build_wheel(wheels, "one")
    assert airpack.pack("one") == 0
    mine = airpack.output / "wheelhouse" / "mine-1.0-py3-none-any.whl"
    mine.write_text("mine")
    assert airpack.pack("one") == 1
    assert airpack.error.endswith(
        "wheelhouse holds mine-1.0-py3-none-any.whl, which airpack did not put there: move it away"
    )


@pytest.mark.parametrize("name", ["manifest.json", "pylock.toml", "bundle.tar.zst"])
def test_a_file_of_the_users_where_a_result_goes(airpack: Airpack, wheels: Path, name: str) -> None:
    """Such as the project's own pylock.toml, with -o in its folder."""
    build_wheel(wheels, "one")
    airpack.output.mkdir()
    (airpack.output / name).write_text("{}")
    assert airpack.pack("one") == 1
    assert airpack.error.endswith(f"{name} was not written by airpack: move it away, or give --output another name")
    assert (airpack.output / name).read_text() == "{}"


def test_a_tree_that_is_the_users(airpack: Airpack, wheels: Path, tmp_path: Path) -> None:
    """A folder with files of the user's is no place for --tree."""
    build_wheel(wheels, "one")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").write_text("mine")
    assert airpack.pack("one", "--tree", tmp_path / "home") == 1
    assert "is neither an empty folder nor an airpack tree" in airpack.error


def test_a_signature_that_is_not_airpacks_is_not_replaced(airpack: Airpack, wheels: Path) -> None:
    """No manifest says that it is."""
    build_wheel(wheels, "one")
    airpack.output.mkdir()
    (airpack.output / SIG).write_text("mine")
    assert airpack.pack("one") == 1
    assert airpack.error.endswith(f"{SIG} was not written by airpack: move it away, or give --output another name")


def test_a_foreign_image_is_not_replaced(airpack: Airpack, wheels: Path) -> None:
    """Nor removed: no airpack manifest lies beside it."""
    build_wheel(wheels, "one")
    airpack.output.mkdir()
    (airpack.output / "bundle.erofs").write_text("mine")
    assert airpack.pack("one") == 1
    assert "bundle.erofs was not written by airpack" in airpack.error
    assert (airpack.output / "bundle.erofs").read_text() == "mine"


def test_a_file_that_is_no_sbom_is_not_replaced(tmp_path: Path) -> None:
    """An SBOM may be, and so may nothing."""
    path = tmp_path / "sbom.cdx.json"
    overwrite.check_sbom(path)
    path.write_text('{"bomFormat": "CycloneDX"}')
    overwrite.check_sbom(path)
    for text in ("{}", "[]", "mine", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(OutputRefused) as caught:
            overwrite.check_sbom(path)
        assert str(caught.value) == f"{path} is not an SBOM: give --output another name, or move it away"


def test_results_go_into_a_folder(tmp_path: Path) -> None:
    """A file in its place is refused; a folder with other files is not."""
    (tmp_path / "mine").write_text("mine")
    overwrite.check(tmp_path)
    overwrite.check(tmp_path / "new")
    with pytest.raises(OutputRefused) as caught:
        overwrite.check(tmp_path / "mine")
    assert str(caught.value) == f"{tmp_path / 'mine'} is not a folder: give --output another name"


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "{", '{"creator": "another 1.0", "packages": []}', '{"creator": "airpack 1.0", "packages": [1]}'],
)
def test_a_manifest_of_something_else_permits_nothing(tmp_path: Path, text: str) -> None:
    """What lies beside it was not written by airpack."""
    (tmp_path / "manifest.json").write_text(text)
    (tmp_path / "pylock.toml").touch()
    with pytest.raises(OutputRefused, match=r"wheelhouse|pylock\.toml was not written by airpack: move it away"):
        overwrite.check(tmp_path)


def test_folders_for_several_results_lie_apart(tmp_path: Path) -> None:
    """The results, the tree and the drop-in folder: one in another would be replaced with it."""
    dist, inner, other = tmp_path / "dist", tmp_path / "dist" / "inner", tmp_path / "other"
    overwrite.check(dist, tree=tmp_path / "tree", drop_in=other)
    beside = "overlap: give"
    for folder, options, message in (
        (dist, {"tree": inner}, f"{inner} and {dist} {beside} --tree a folder beside the results"),
        (inner, {"drop_in": dist}, f"{dist} and {inner} {beside} --drop-in a folder beside the results"),
        (
            dist,
            {"tree": other, "drop_in": other},
            f"{other} and {other} {beside} --tree and --drop-in separate folders",
        ),
    ):
        with pytest.raises(OutputRefused) as caught:
            overwrite.check(folder, **options)
        assert str(caught.value) == message


def test_only_folders_of_airpacks_are_replaced(tmp_path: Path) -> None:
    """A tree by its note, a drop-in by what it holds; an empty folder is free, a link is not followed."""
    tree, link = tmp_path / "tree", tmp_path / "link"
    tree.mkdir()
    overwrite.check(tmp_path / "dist", tree=tree)
    overwrite.check(tmp_path / "dist", drop_in=tree)
    (tree / layout.TREE_NOTE).write_text("{}")
    overwrite.check(tmp_path / "dist", tree=tree)
    link.symlink_to(tree)
    for options, message in (
        ({"tree": link}, f"{link} is neither an empty folder nor an airpack tree: give --tree another name"),
        (
            {"drop_in": tree},
            f"{tree} is neither an empty folder nor an airpack drop-in folder: give --drop-in another name",
        ),
    ):
        with pytest.raises(OutputRefused) as caught:
            overwrite.check(tmp_path / "dist", **options)
        assert str(caught.value) == message
