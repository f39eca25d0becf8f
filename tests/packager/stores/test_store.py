"""Which store a URL names, and the messages for a URL that names none."""

from __future__ import annotations

from pathlib import Path

import pytest
from airpack.base import extras
from airpack.base.errors import UsageError
from airpack.base.extras import MissingExtra
from airpack.stores.folder import Folder
from airpack.stores.objects import Objects
from airpack.stores.store import open_store


def test_the_scheme_decides_which_store_it_is(tmp_path: Path) -> None:
    """`file://` is a folder, `%20` in it a space; anything else is opened by fsspec."""
    (tmp_path / "a share").mkdir()
    (tmp_path / "a share" / "one").write_bytes(b"content")
    folder = open_store((tmp_path / "a share").as_uri())
    assert isinstance(folder, Folder)
    assert folder.names() == {"one"}
    assert isinstance(open_store(f"memory://{tmp_path.name}"), Objects)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (
            "models/fraud",
            "models/fraud is not the URL of a store: write az://, s3://, gs:// or file:// before its path",
        ),
        ("file://share/x", "file://share/x names no folder of this machine: write file:///PATH, with three slashes"),
        ("xyz://a/b", "xyz://a/b can't be opened: Protocol not known: xyz"),
    ],
)
def test_a_url_that_names_no_store_is_a_usage_error(url: str, problem: str) -> None:
    """The message says what to write."""
    with pytest.raises(UsageError) as caught:
        open_store(url)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("az://a/b", "adlfs", "az"),
        ("s3://a/b", "s3fs", "s3"),
        ("gs://a/b", "gcsfs", "gs"),
        ("ftp://a/b", "fsspec", "store"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    url: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is the command that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra) as caught:
        open_store(url)
    scheme = url[: url.index("a/b")]
    assert str(caught.value) == f"{scheme} needs {library}, which isn't installed: {extras.install(extra)}"
