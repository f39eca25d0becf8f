"""What projects call their licences, in SPDX's terms."""

from __future__ import annotations

import pytest
from airpack.licences import names
from packaging.licenses import canonicalize_license_expression

BSD, APACHE = {"BSD-2-Clause", "BSD-3-Clause"}, {"Apache-1.1", "Apache-2.0"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", {"MIT"}),
        ("The MIT License (MIT)", {"MIT"}),
        ("mit license", {"MIT"}),
        ("Apache License, Version 2.0", {"Apache-2.0"}),
        ("Apache Software License v2.0", {"Apache-2.0"}),
        ("Apache 2", {"Apache-2.0"}),
        ("apache-2.0 or mit", {"Apache-2.0 OR MIT"}),
        ("new BSD", {"BSD-3-Clause"}),
        ("BSD 3-Clause License", {"BSD-3-Clause"}),
        ("3-Clause BSD", {"BSD-3-Clause"}),
        ("Simplified BSD", {"BSD-2-Clause"}),
        ("GPLv3+", {"GPL-3.0-or-later"}),
        ("GNU GPL v2+", {"GPL-2.0-or-later"}),
        ("GPL-3.0", {"GPL-3.0-only"}),
        ("LGPL-2.1+", {"LGPL-2.1-or-later"}),
        ("BSD", BSD),
        ("BSD License", BSD),
        ("Apache License", APACHE),
        ("GPL", set()),  # which version?
        ("GPLv3", set()),  # or later?
        ("Dual License", set()),
        ("MIT/X11", set()),
        ("see LICENSE", set()),
        ("", set()),
    ],
)
def test_free_text_is_mapped_where_it_is_certain(text: str, expected: set[str]) -> None:
    """A family where it says no more; nothing where it may be anything."""
    assert names.named_by_text(text) == expected


@pytest.mark.parametrize(
    ("classifier", "expected"),
    [
        ("License :: OSI Approved :: MIT License", {"MIT"}),
        ("License :: OSI Approved :: Boost Software License 1.0 (BSL-1.0)", {"BSL-1.0"}),
        ("License :: OSI Approved :: Mulan Permissive Software License v2 (MulanPSL-2.0)", {"MulanPSL-2.0"}),
        ("License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)", {"GPL-3.0-or-later"}),
        ("License :: OSI Approved :: BSD License", BSD),
        ("License :: OSI Approved :: Apache Software License", APACHE),
        ("License :: OSI Approved :: Python Software Foundation License", set()),
        (
            "License :: OSI Approved :: GNU General Public License (GPL)",
            {"GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"},
        ),
        ("License :: Other/Proprietary License", set()),
        ("License :: Public Domain", set()),
    ],
)
def test_classifiers_are_mapped_where_they_are_certain(classifier: str, expected: set[str]) -> None:
    """By a table, or by the identifier that they have in brackets."""
    assert names.named_by_classifier(classifier) == expected


def test_osi_approved_alone_names_no_licence() -> None:
    """Nor does another classifier."""
    assert not names.is_name("License :: OSI Approved")
    assert not names.is_name("Topic :: MIT License")
    assert names.is_name("License :: OSI Approved :: MIT License")


def test_every_name_of_the_tables_is_spdx() -> None:
    """Each identifier is one of today's, as SPDX spells it."""
    identifiers = {*names._CLASSIFIERS.values(), *names._NAMES.values()}
    identifiers |= {each for family in names._FAMILIES.values() for each in family}
    for identifier in identifiers:
        assert names.expression(identifier) == canonicalize_license_expression(identifier) == identifier
    for name in names._NAMES:
        assert names._words(name) == name
