"""Which expressions a policy allows."""

from __future__ import annotations

import pytest
from airpack.base.errors import UsageError
from airpack.licences.licence import Licence
from airpack.licences.policy import ALLOWED, REFUSED, UNKNOWN, Policy, parsed

GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"


@pytest.mark.parametrize(
    ("expression", "allowed", "denied", "expected"),
    [
        ("MIT", [], [], ALLOWED),
        ("", [], [], UNKNOWN),
        ("MIT", ["MIT"], [], ALLOWED),
        ("MIT", ["mit, Apache-2.0"], [], ALLOWED),
        ("MIT", ["Apache-2.0"], [], REFUSED),
        ("MIT OR GPL-3.0-only", ["MIT"], [], ALLOWED),
        ("MIT OR GPL-3.0-only", [], ["GPL-*"], ALLOWED),
        ("MIT AND GPL-3.0-only", [], ["GPL-*"], REFUSED),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", ["MIT", "BSD-*"], [], ALLOWED),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", ["MIT", "GPL-2.0"], [], REFUSED),
        ("LGPL-3.0-only", [], ["GPL-*"], ALLOWED),
        ("GPL-3.0-only", [], ["GPL-3.0"], REFUSED),
        ("GPL-3.0-or-later", [], ["GPL-3.0+"], REFUSED),
        (GCC, [GCC], [], ALLOWED),
        (GCC, ["GPL-3.0-or-later"], [], ALLOWED),
        ("GPL-3.0-or-later", [GCC], [], REFUSED),
        (GCC, [], ["GPL-*"], REFUSED),
        (GCC, [], ["* WITH GCC-exception-3.1"], REFUSED),
        ("GPL-3.0-or-later", [], ["* WITH GCC-exception-3.1"], ALLOWED),
        ("MIT", ["MIT"], ["MIT"], REFUSED),
        ("LicenseRef-Ours", ["LicenseRef-Ours"], [], ALLOWED),
    ],
)
def test_an_expression_is_judged_by_what_it_lets_one_choose(
    expression: str, allowed: list[str], denied: list[str], expected: str
) -> None:
    """One side of OR is enough, AND needs all; an exception is of its licence."""
    assert Policy.of(allowed, denied).judge(Licence(expression=expression, declared="")) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("GPL3", r"^'GPL3' is no SPDX expression \(is it GPL-3.0-only\?\)$"),
        ("Apache2", r"is it Apache-2.0\?"),
        ("zzz", r"^'zzz' is no SPDX expression: spdx.org/licenses lists the identifiers$"),
        ("zzz-*", "matches no SPDX identifier"),
        (
            "Classpath-exception-2.0",
            r"write 'GPL-2.0-only WITH Classpath-exception-2.0', or with a pattern '\* WITH Classpath-exception-2.0'$",
        ),
        ("MIT OR ISC", "is an expression of several licences: name each of them"),
    ],
)
def test_what_names_no_licence_is_a_usage_error(text: str, message: str) -> None:
    """A typing error in --deny would let everything pass."""
    with pytest.raises(UsageError, match=message):
        Policy.of([], [text])


def test_an_expression_of_the_users_is_canonical() -> None:
    """As SPDX spells it today."""
    assert parsed("mit or gpl-2.0+") == "MIT OR GPL-2.0-or-later"
