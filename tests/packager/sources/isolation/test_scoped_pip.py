"""The pip of a build's environment takes certain projects from one index, and from no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airpack.sources.isolation import scoped_pip
from build import BuildException
from packaging.utils import canonicalize_name

_PIP = """
class SearchScope:
    index_urls = ["public"]

    def get_index_urls_locations(self, project_name):
        return ["public"]
"""
_URLS = ["https://a.invalid/x/", "https://b.invalid"]
_SCOPES = [{"url": url, "projects": [pattern]} for url, pattern in zip(_URLS, ("acme-*", "*"), strict=True)]


def test_the_first_scope_that_names_a_project_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody tells the URLs, as to a pip that a build starts, no index has it; others stay as they were."""
    module = tmp_path / "lib" / "python3.7" / "site-packages" / "pip" / "_internal" / "models" / "search_scope.py"
    module.parent.mkdir(parents=True)
    module.write_text(_PIP)
    scoped_pip.scope(tmp_path, _SCOPES[:1])
    names: dict[str, Any] = {"canonicalize_name": canonicalize_name}
    exec(module.read_text(), names)  # noqa: S102 - as pip's own module is
    search = names["SearchScope"]()
    assert search.get_index_urls_locations("other") == ["public"]
    assert search.get_index_urls_locations("Acme_one") == []
    (tmp_path / "file").write_text(scoped_pip.dumps(_URLS))
    monkeypatch.setenv(scoped_pip.FILE, str(tmp_path / "file"))
    assert search.get_index_urls_locations("Acme_one") == ["https://a.invalid/x/acme-one/"]
    search.index_urls = []  # --no-index, to older pips
    assert search.get_index_urls_locations("Acme_one") == ["public"]
    search.no_index = False
    assert search.get_index_urls_locations("Acme_one") == ["https://a.invalid/x/acme-one/"]


def test_a_pip_that_can_not_heed_them_is_told(tmp_path: Path) -> None:
    """That of a Python 3.7.4, say; without scopes, any will do."""
    scoped_pip.scope(tmp_path, ())
    with pytest.raises(BuildException, match=r"^its Python brings a pip of before 2019, which knows no index for "):
        scoped_pip.scope(tmp_path, _SCOPES)
