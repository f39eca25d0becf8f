"""Which index a project is taken from, and what happens where several have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from airpack.base import toml
from support import index as loopback
from support.airpack import Airpack
from support.index import Index
from support.wheels import build_wheel

pytestmark = pytest.mark.slow


@pytest.fixture
def indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Index, Index]]:
    """Serve a public index with `one`, `acme-two` 9.0 and `three`, and a team's with `acme-two` and `three` in 1.0."""
    monkeypatch.chdir(tmp_path)
    for name, version in (("one", "1.0"), ("acme_two", "9.0"), ("three", "9.0")):
        (tmp_path / "public").mkdir(exist_ok=True)
        build_wheel(tmp_path / "public", name, version)
    for name in ("acme_two", "three"):
        (tmp_path / "team").mkdir(exist_ok=True)
        build_wheel(tmp_path / "team", name, "1.0")
    with ExitStack() as stack:
        public, team = (stack.enter_context(loopback.serve(tmp_path / name)) for name in ("public", "team"))
        yield public, team


def _packages(path: Path) -> dict[str, tuple[str, str]]:
    return {package["name"]: (package["version"], package["index"]) for package in toml.read(path)["packages"]}


def test_a_scope_has_its_projects_alone(
    airpack: Airpack, indexes: tuple[Index, Index], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another index has a newer version; the lock says which index each is from, and keeps it when read."""
    public, team = indexes
    monkeypatch.setenv("TEAM_INDEX", team.url.removeprefix("http://"))
    (tmp_path / "airpack.toml").write_text(
        '[indexes.team]\nurl = "http://${TEAM_INDEX}"\nprojects = ["Acme_*"]\n'
        f'[indexes.rest]\nurl = "{public.url}"\nprojects = ["*"]\n'
    )
    assert airpack("lock", "one", "acme-two", "-i", public.url) == 0, airpack.err
    expected = {"acme-two": ("1.0", team.url.rstrip("/")), "one": ("1.0", public.url.rstrip("/"))}
    assert _packages(tmp_path / "pylock.toml") == expected
    assert airpack("lock", "-r", "pylock.toml", "-o", "pylock.again.toml") == 0, airpack.err
    assert _packages(tmp_path / "pylock.again.toml") == expected


def test_an_index_with_a_password_is_fetched_from(
    airpack: Airpack, indexes: tuple[Index, Index], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which the environment has, and neither the lock nor what is printed; a wrong one is refused by the index."""
    team = indexes[1]
    team.password = "hush-hush"  # noqa: S105
    monkeypatch.setenv("TEAM_PASSWORD", team.password)
    url = team.url.replace("http://", "http://user:${TEAM_PASSWORD}@")
    (tmp_path / "airpack.toml").write_text(f'[indexes.team]\nurl = "{url}"\nprojects = ["acme-two"]\n')
    words = ["pack", "acme-two", "-o", "dist", "--decoder", airpack.decoder, "--no-import", "--no-bytecode"]
    assert airpack(*words) == 0, airpack.err
    lock = (tmp_path / "dist" / "pylock.toml").read_text()
    assert f'index = "{team.url.rstrip("/")}"' in lock
    assert team.password not in lock + airpack.out + airpack.err + (tmp_path / "dist" / "manifest.json").read_text()
    monkeypatch.setenv("TEAM_PASSWORD", "wrong")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert airpack(*words, "-v") == 1
    assert team.refused


def test_a_project_on_two_indexes_is_told(airpack: Airpack, indexes: tuple[Index, Index], tmp_path: Path) -> None:
    """A warning without scopes, an error with them; either is silenced by its name."""
    public, team = indexes
    words = ["lock", "three", "-i", public.url, "--extra-index-url", team.url]
    both = " and ".join(sorted(each.url.rstrip("/") for each in indexes))
    assert airpack(*words) == 0, airpack.err
    warning = f"warning: more than one index has three: {both}: [tool.airpack.indexes] can name one for each"
    assert warning in airpack.err.splitlines()
    assert airpack(*words, "--allow-several-indexes", "Three") == 0, airpack.err
    assert "warning" not in airpack.err
    (tmp_path / "airpack.toml").write_text(f'[indexes.team]\nurl = "{team.url}"\nprojects = ["acme-*"]\n')
    assert airpack(*words) == 1
    assert airpack.error == (
        f"airpack: error: three is on more than one index, {both}, and whoever may upload to one of them can replace "
        "it: name its index in [tool.airpack.indexes], or give --allow-several-indexes three"
    )
    assert airpack(*words, "--allow-several-indexes", ":all:") == 0, airpack.err
    assert airpack("lock", "acme-two", *words[2:]) == 0, airpack.err
    assert _packages(tmp_path / "pylock.toml") == {"acme-two": ("1.0", team.url.rstrip("/"))}


def test_no_distribution_requires_what_a_scope_names_from_elsewhere(
    airpack: Airpack, indexes: tuple[Index, Index], tmp_path: Path
) -> None:
    """By a URL (PEP 508), which pip would take; a requirement of the user's own may name any."""
    public, team = indexes
    url = f"{public.url.removesuffix('simple')}files/acme_two-9.0-py3-none-any.whl"
    build_wheel(tmp_path / "public", "four", requires=[f"acme-two @ {url}"])
    (tmp_path / "airpack.toml").write_text(f'[indexes.team]\nurl = "{team.url}"\nprojects = ["acme-*"]\n')
    assert airpack("lock", "four", "-i", public.url) == 1
    assert airpack.error == (
        f"airpack: error: four requires acme-two from {url}, and [tool.airpack.indexes] has it from {team.url} alone: "
        "leave out four, or change its table"
    )
    assert airpack("lock", f"acme-two @ {url}", "-i", public.url) == 0, airpack.err


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("indexes = 3", "airpack.toml: indexes is not a table: write [indexes.NAME] with url and projects"),
        ("[indexes.a]\nurl = 'x'", 'airpack.toml: [indexes.a]: write url = "https://..." and projects = '),
        ("[indexes.a]\nurl = 'x'\nprojects = ['y']", "airpack.toml: [indexes.a]: url: 'x' is not the URL of an index"),
        ("[indexes.a]\nurl = 'http://x'\nprojects = []", "airpack.toml: [indexes.a]: projects: write a list of names"),
        (
            "[indexes.a]\nurl = 'http://${NO_SUCH}@x'\nprojects = ['y']",
            "airpack.toml: [indexes.a]: url: NO_SUCH is not set in the environment",
        ),
    ],
)
def test_a_wrong_table_is_an_error(
    airpack: Airpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: str
) -> None:
    """With where it stands, before anything is asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "airpack.toml").write_text(text)
    assert airpack("lock", "one") == 2
    assert airpack.error.startswith(f"airpack: error: {error}")
