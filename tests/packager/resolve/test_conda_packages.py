"""What an index has of conda's packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airpack.base.errors import IndexUnreachable
from airpack.requirements import conda
from airpack.resolve import conda_packages
from airpack.resolve.pip import Pip
from airpack.target.target import Target
from support.index import Index
from support.sdists import build_sdist
from support.wheels import build_wheel


def _environment(*texts: str) -> conda.CondaEnvironment:
    return conda.from_yaml(Path("environment.yml"), {"dependencies": [*texts]})


@pytest.mark.slow
def test_each_package_is_looked_up(plain_env: None, index: Index, wheels: Path, target: Target, tmp_path: Path) -> None:
    """In the versions that the file wants; nothing is built for it, and a name that no project can have isn't sent."""
    build_wheel(wheels, "one", "1.2")
    build_wheel(wheels, "one", "2.0")
    build_wheel(wheels, "new", "3.0")
    build_sdist(wheels, "source")
    environment = _environment("one=1", "new<2", "source", "openssl", "_libgcc_mutex")
    pip = Pip(env=os.environ, index_url=index.url)
    found = conda_packages.offers(environment, target, pip=pip, cache=tmp_path / "cache")
    assert [str(offer) for offer in found] == [
        "the index has one 1.2",
        "the index has others of it",
        "the index has others of it",
        "the index has none",
        "the index has none",
    ]
    assert [offer.is_known for offer in found] == [True, True, True, False, False]
    assert not any("mutex" in request for request in index.requests)


def test_an_index_that_does_not_answer_is_an_error(plain_env: None, target: Target, tmp_path: Path) -> None:
    """It may have everything."""
    pip = Pip(env=os.environ, index_url="http://127.0.0.1:9/simple")
    with pytest.raises(IndexUnreachable, match=r"http://127\.0\.0\.1:9/simple/one/ can't be read"):
        conda_packages.offers(_environment("one"), target, pip=pip, cache=tmp_path / "cache")
