"""How an extra of airpack is installed: from where airpack itself came, never by a name that is nobody's."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from airpack.base import extras


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ({"url": "file:///srv/air%20pack", "dir_info": {"editable": True}}, "pip install -e '/srv/air pack[oci]'"),
        ({"url": "file:///srv/airpack", "dir_info": {}}, "pip install '/srv/airpack[oci]'"),
        (
            {"url": "https://git.example/airpack.git", "vcs_info": {"vcs": "git", "commit_id": "d2c6175"}},
            "pip install 'airpack[oci] @ git+https://git.example/airpack.git@d2c6175'",
        ),
        (
            {"url": "file:///srv/airpack-1-py3-none-any.whl", "archive_info": {}},
            "pip install 'airpack[oci] @ file:///srv/airpack-1-py3-none-any.whl'",
        ),
        (
            {"url": "https://me:secret@host.example/airpack-1-py3-none-any.whl", "archive_info": {}},
            "pip install 'airpack[oci] @ https://****@host.example/airpack-1-py3-none-any.whl'",
        ),
        (None, "pip install 'airpack[oci]'"),
    ],
)
def test_an_extra_comes_from_where_airpack_came(
    origin: object, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what its installer noted (PEP 610); by the name alone only where an index gave it."""
    noted = tmp_path / "airpack-1.dist-info"
    noted.mkdir()
    (noted / "METADATA").write_text("Metadata-Version: 2.1\nName: airpack\nVersion: 1\n")
    if origin is not None:
        (noted / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(tmp_path)
    assert extras.install("oci") == command
    with pytest.raises(extras.MissingExtra) as caught, extras.from_extra("a registry", "urllib4", "oci"):
        importlib.import_module("urllib4")
    assert str(caught.value) == f"a registry needs urllib4, which isn't installed: {command}"
