"""Wheels that pip passes over are named."""

from __future__ import annotations

from airpack.resolve.pip_worker.wheels import passed_over
from pip._internal.exceptions import MetadataInconsistent, UnsupportedWheel
from pip._internal.models.link import Link
from pip._internal.req.constructors import install_req_from_line


def test_a_wheel_that_names_another_version_was_passed_over() -> None:
    """With what its metadata says, and its file name; a wheel that failed for another reason is not listed."""
    requirement = install_req_from_line("one")
    one, two = (Link(f"https://host.invalid/{name}-1.0-py3-none-any.whl#sha256=00") for name in ("one", "two"))
    failures = {one: MetadataInconsistent(requirement, "version", "1.0", "2.0"), two: UnsupportedWheel("odd")}
    assert passed_over(failures) == [
        {"file": "one-1.0-py3-none-any.whl", "problem": "its METADATA has the version '2.0', not '1.0'"}
    ]
