"""The list of modules of well-known projects."""

from __future__ import annotations

import pytest
from airpack.requirements.modules import project_named_by_module, projects
from airpack.verify import missing
from packaging.utils import canonicalize_name


@pytest.mark.parametrize(
    ("name", "project"),
    [("PIL", "pillow"), ("pil", "pillow"), ("cv2", "opencv-python-headless"), ("numpy", ""), ("flask", ""), ("zz", "")],
)
def test_a_module_in_place_of_its_project(name: str, project: str) -> None:
    """In any case, as names of projects are; a project that is named like its module was meant itself."""
    assert project_named_by_module(name) == project


def test_the_list_is_of_valid_requirements() -> None:
    """Every module is importable by its name; each requirement is of a name, perhaps with versions and a marker."""
    assert list(projects()) == sorted(projects())
    for module, requirement in projects().items():
        assert all(part.isidentifier() for part in module.split("."))
        assert requirement.url is None
        assert missing.project_of(f"{module}.inner") == canonicalize_name(requirement.name)
