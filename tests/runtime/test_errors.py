"""What the shim's lines show of a text."""

from __future__ import annotations

import json

import pytest
from airpack_runtime import errors

from .conftest import ROOT, within

# What airpack shows is the same: tests/packager/base/test_urls.py reads the same table. The secret in it is `hush`.
TABLE = json.loads((ROOT / "fixtures" / "urls" / "shown.json").read_text())


@pytest.mark.parametrize(("text", "shown"), TABLE)
def test_no_line_tells_what_gives_access_in_a_url(text: str, shown: str) -> None:
    """Neither an account, as any reader of URLs may take it, nor what is behind a path; the rest stays."""
    assert errors.printable(text) == shown
    assert errors.printable_facts({text: [text, 1, None]}) == {shown: [shown, 1, None]}
    assert str(errors.BootError(f"at {text}")) == f"at {shown}"


def test_each_secret_of_the_table_is_hidden() -> None:
    """It would show nothing else: none stands in what is expected, and none of another word around it."""
    assert [shown for text, shown in TABLE if "hush" in shown] == []
    assert sum("hush" in text for text, _ in TABLE) > 40


@pytest.mark.parametrize(
    "text",
    [
        *("/" * 10**5, "https:" * 10**5, "@" * 10**5, "https://u:x " + "a@b " * 10**4, "https://u:x@h " * 10**4),
        *("https://h/#egg=" + "," * 10**5 + "%", "https://" + "-" * 10**5 + "%", "?a" * 10**5, "#=" * 10**5),
        *("https://h/?" + "alt=" * 10**5, "https://h/?" + "alt=x&" * 10**5 + "%", "//a?" * 10**5, "a:" * 10**5),
        *("x" * 10**5 + ":@h.x", "git+https://" + "." * 10**5 + "@h", "git+https://" + "./" * 10**5 + "@h"),
        *("x." + "a" * 10**5, ".a" * 10**5, "keys/" * 10**5),
    ],
    ids=lambda text: text[:20],
)
def test_no_text_takes_long(text: str) -> None:
    """Whoever made it up."""
    with within(20, "the reading"):
        errors.redacted(text)
