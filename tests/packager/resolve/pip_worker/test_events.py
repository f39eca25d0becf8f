"""Failures of pip's, and the facts that are reported of them."""

from __future__ import annotations

import hashlib

import pytest
from airpack.resolve.pip_worker.events import Failure, facts_of
from pip._internal.exceptions import DiagnosticPipError, HashErrors, HashMismatch, HashMissing, InstallationError
from pip._vendor.rich.text import Text

ACTUAL = hashlib.sha256(b"actual")


def test_hashes_that_differ_are_facts() -> None:
    """The first of several, whatever else lacks a hash; by SHA-256, or by the algorithm that there is."""
    mismatch = HashMismatch({"sha256": ["00", "11"]}, {"sha256": ACTUAL})
    errors = HashErrors()
    errors.append(HashMissing("00"))
    errors.append(mismatch)
    facts = {"failure": "mismatch", "requirement": "a file"}
    by_sha256 = {"algorithm": "sha256", "expected": ["00", "11"], "actual": ACTUAL.hexdigest()}
    assert facts_of(mismatch) == facts_of(errors) == {**facts, **by_sha256}
    other = hashlib.sha512()
    by_sha512 = {"algorithm": "sha512", "expected": ["00"], "actual": other.hexdigest()}
    assert facts_of(HashMismatch({"sha512": ["00"]}, {"sha512": other})) == {**facts, **by_sha512}


def test_markup_is_for_pips_console() -> None:
    """What is shown to the user has none; brackets that are text stay."""
    error = DiagnosticPipError(
        reference="x", message="no [magenta]host[/] for a\\[b]", context=Text("it [is] down"), hint_stmt=None
    )
    assert facts_of(error) == {"failure": "pip", "message": "no host for a[b] it [is] down"}


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (Failure("marker", variable="platform_release"), {"failure": "marker", "variable": "platform_release"}),
        (InstallationError("pip's own words"), {"failure": "pip", "message": "pip's own words"}),
        (
            OSError(28, "No space left", "/tmp/x"),
            {"failure": "os", "errno": 28, "message": "No space left", "path": "/tmp/x"},
        ),
        (KeyError("x"), {"failure": "pip", "message": "KeyError: 'x'"}),
    ],
    ids=["ours", "pip's", "the system's", "a fault"],
)
def test_each_kind_of_error_has_facts(error: Exception, facts: dict[str, object]) -> None:
    """A fault is one line for the user; its traceback goes to the log."""
    assert facts_of(error) == facts
