"""What a project calls its licence -> SPDX, where that is certain; a name that leaves it open names a family.

The identifiers are those of the SPDX licence list (https://spdx.org/licenses/), classifiers those of PyPI (trove).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

CLASSIFIER = "License :: "
# The last parts of classifiers that name one licence of SPDX's, besides those that have its identifier in brackets.
_CLASSIFIERS: Mapping[str, str] = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 1.0 (MPL)": "MPL-1.0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "University of Illinois/NCSA Open Source License": "NCSA",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "PostgreSQL License": "PostgreSQL",
    "zlib/libpng License": "Zlib",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
}
# Names in free text, as `_words` gives them.
_NAMES: Mapping[str, str] = {
    "mit": "MIT",
    "expat": "MIT",
    "mit expat": "MIT",
    "isc": "ISC",
    "iscl": "ISC",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "bsd 3 clause": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "bsd 3": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "bsd new": "BSD-3-Clause",
    "bsd 2 clause": "BSD-2-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "bsd 2": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "mozilla public 2.0": "MPL-2.0",
    "mozilla public 2.0 mpl": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "gnu general public 2 or later": "GPL-2.0-or-later",
    "gnu general public 3 or later": "GPL-3.0-or-later",
    "gnu lesser general public 2.1 or later": "LGPL-2.1-or-later",
    "gnu lesser general public 3 or later": "LGPL-3.0-or-later",
    "gnu gpl 2+": "GPL-2.0-or-later",
    "gnu gpl 3+": "GPL-3.0-or-later",
    "gpl 2+": "GPL-2.0-or-later",
    "gpl 3+": "GPL-3.0-or-later",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3+": "GPL-3.0-or-later",
    "lgplv2.1+": "LGPL-2.1-or-later",
    "lgplv3+": "LGPL-3.0-or-later",
    "agplv3+": "AGPL-3.0-or-later",
    "boost 1.0": "BSL-1.0",
    "unlicense": "Unlicense",
    "zlib": "Zlib",
    "zlib libpng": "Zlib",
    "psf 2.0": "PSF-2.0",
    "cc0 1.0": "CC0-1.0",
}
# Names that say no more than that it is one of these.
_FAMILIES: Mapping[str, frozenset[str]] = {
    "bsd": frozenset({"BSD-2-Clause", "BSD-3-Clause"}),
    "bsd like": frozenset({"BSD-2-Clause", "BSD-3-Clause"}),
    "bsd style": frozenset({"BSD-2-Clause", "BSD-3-Clause"}),
    "apache": frozenset({"Apache-1.1", "Apache-2.0"}),
    "gnu general public gpl": frozenset({"GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"}),
    "gnu library or lesser general public lgpl": frozenset({"LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only"}),
    "european union public 1.2 eupl": frozenset({"EUPL-1.2"}),
}
_EMPTY = frozenset({"the", "license", "licence", "licensed", "under", "software", "version"})
_IN_BRACKETS = re.compile(r".*\(([\w.+-]+)\)")
_GNU = re.compile(r"(?P<name>(?:A|L)?GPL-\d\.\d|GFDL-\d\.\d)(?P<later>\+?)", re.ASCII)


def expression(text: str) -> str:
    """Return an SPDX expression in its canonical form, without identifiers that SPDX has replaced; empty if it is none.

    `GPL-3.0` and `GPL-3.0+` are `GPL-3.0-only` and `GPL-3.0-or-later` today.
    """
    try:
        canonical = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return ""
    return " ".join(re.sub(r"[^\s()]+", lambda word: current(word[0]), canonical).split())


def current(identifier: str) -> str:
    """Return the identifier that SPDX has today for one that it had before; any other is returned as it is."""
    match = _GNU.fullmatch(identifier)
    if match is None:
        return identifier
    return f"{match['name']}-{'or-later' if match['later'] else 'only'}"


def named_by_classifier(classifier: str) -> frozenset[str]:
    """Return the licence that a classifier names; several where it may be any of them, none where that isn't known."""
    name = classifier.rpartition(" :: ")[2]
    in_brackets = _IN_BRACKETS.fullmatch(name)
    known = _CLASSIFIERS.get(name) or (expression(in_brackets[1]) if in_brackets else "")
    return frozenset({known}) if known else _FAMILIES.get(_words(name), frozenset())


def named_by_text(text: str) -> frozenset[str]:
    """Return the licence that a line of free text names; several, or none, as for a classifier."""
    words = _words(text)
    known = expression(text) or _NAMES.get(words)
    return frozenset({known}) if known else _FAMILIES.get(words, frozenset())


def kin(identifier: str) -> str:
    """Return what the versions of one licence of GNU's have in common, whose classifiers are coarse, else it itself."""
    match = re.match(r"(?:A|L)?GPL-", identifier)
    return match[0] if match else identifier


def is_name(classifier: str) -> bool:
    """Return whether a classifier names a licence: `OSI Approved` alone doesn't say which one."""
    return classifier.startswith(CLASSIFIER) and classifier.rpartition(" :: ")[2] != "OSI Approved"


def _words(text: str) -> str:
    """Return the words of a name that tell it from others: lower case, each once, without brackets and dashes."""
    words = re.sub(r"[^\w.+]+", " ", text.lower()).split()
    kept = [re.sub(r"^v\.?(?=\d)", "", word).strip(".") for word in words if word not in _EMPTY]
    return " ".join(dict.fromkeys(word for word in kept if word))
