"""The licence of a package, from all that is said of it."""

from __future__ import annotations

import pytest
from airpack.licences import licence
from airpack.licences.licence import CLASSIFIER, EXPRESSION, FIELD, TEXT
from packager.licences.test_wording import BSD_3, MIT
from packaging.metadata import RawMetadata

_OSI = "License :: OSI Approved :: "
MIT_CLASSIFIER, BSD_CLASSIFIER = f"{_OSI}MIT License", f"{_OSI}BSD License"
APACHE_CLASSIFIER = f"{_OSI}Apache Software License"


@pytest.mark.parametrize(
    ("metadata", "texts", "expected"),
    [
        ({"license_expression": "mit or apache-2.0"}, [], ("MIT OR Apache-2.0", EXPRESSION)),
        ({"license_expression": "no such"}, [], ("", "")),
        ({"license": "BSD-3-Clause", "classifiers": [BSD_CLASSIFIER]}, [], ("BSD-3-Clause", FIELD)),
        ({"license": "MIT", "classifiers": [BSD_CLASSIFIER]}, [], ("", "")),
        ({"license": "BSD", "classifiers": [BSD_CLASSIFIER]}, [BSD_3, "and what it bundles"], ("BSD-3-Clause", TEXT)),
        ({"license": "BSD", "classifiers": [BSD_CLASSIFIER]}, [], ("", "")),
        ({"license": "BSD"}, [MIT], ("", "")),
        ({"classifiers": [f"{_OSI.removesuffix(' :: ')}"], "license": "new BSD"}, [], ("BSD-3-Clause", FIELD)),
        ({"classifiers": [MIT_CLASSIFIER]}, [], ("MIT", CLASSIFIER)),
        ({"classifiers": [MIT_CLASSIFIER], "license": "UNKNOWN"}, [], ("MIT", CLASSIFIER)),
        ({"classifiers": [MIT_CLASSIFIER], "license": "see LICENSE"}, [], ("", "")),
        ({"classifiers": [MIT_CLASSIFIER], "license": "see LICENSE"}, [MIT], ("MIT", TEXT)),
        ({"classifiers": [MIT_CLASSIFIER, APACHE_CLASSIFIER]}, [MIT], ("", "")),
        (
            {"classifiers": [MIT_CLASSIFIER, APACHE_CLASSIFIER], "license": "MIT OR Apache-2.0"},
            [],
            ("MIT OR Apache-2.0", FIELD),
        ),
        ({"license": "MIT", "classifiers": ["License :: Other/Proprietary License"]}, [], ("", "")),
        ({"license": "MIT", "classifiers": [f"{_OSI}GNU General Public License (GPL)"]}, [], ("", "")),
        (
            {"license": "GPL-3.0-only", "classifiers": [f"{_OSI}GNU General Public License (GPL)"]},
            [],
            ("GPL-3.0-only", FIELD),
        ),
        (
            {"license": "EUPL-1.2", "classifiers": [f"{_OSI}European Union Public Licence 1.2 (EUPL 1.2)"]},
            [],
            ("EUPL-1.2", FIELD),
        ),
        ({"license": MIT}, [], ("MIT", FIELD)),
        ({}, [MIT], ("MIT", TEXT)),
        ({}, [MIT, "another"], ("", "")),
        ({}, [MIT, BSD_3], ("", "")),
        ({}, [], ("", "")),
        (
            {"license": "LGPL-2.1-or-later", "classifiers": [f"{_OSI}GNU Lesser General Public License v2 (LGPLv2)"]},
            [],
            ("LGPL-2.1-or-later", FIELD),
        ),
    ],
)
def test_a_licence_is_what_all_that_is_said_agrees_on(
    metadata: RawMetadata, texts: list[str], expected: tuple[str, str]
) -> None:
    """Expression, field, classifiers, text; what contradicts, or leaves it open, is not known."""
    found = licence.of(metadata, texts)
    assert (found.expression, found.basis) == expected


def test_what_is_said_is_shown_where_nothing_is_certain() -> None:
    """Each once, and no more than a line."""
    found = licence.of({"license": "Dual License", "classifiers": [BSD_CLASSIFIER, APACHE_CLASSIFIER]}, [])
    assert found.shown == "not known for certain (Dual License; BSD License; Apache Software License)"
    assert licence.of({}, []).shown == "not known for certain (the metadata says nothing)"
    assert len(licence.of({"license": "x\n" * 1000}, []).declared) == 200
