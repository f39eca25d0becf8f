"""Licences that are told by their words."""

from __future__ import annotations

import pytest
from airpack.licences import wording

MIT = """Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
BSD_2 = """Redistribution and use in source and binary forms, with or without modification, are permitted provided
that the following conditions are met:

  * Redistributions of source code must retain the above copyright notice.
  * Redistributions in binary form must reproduce the above copyright notice.
{more}
THIS SOFTWARE IS PROVIDED "AS IS" ... EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""
THIRD = (
    "  * Neither the name of X may be used to endorse or promote products derived from this software without consent."
)
FOURTH = "  * All advertising materials mentioning features or use of this software must say so."
BSD_3 = BSD_2.format(more=THIRD)
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies. ...
ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MIT, "MIT"),
        (MIT.replace("The above copyright", "No"), "MIT-0"),
        (MIT + "\nExcept as contained in this notice, the name of X shall not be used.", ""),
        (BSD_2.format(more=""), "BSD-2-Clause"),
        (BSD_3, "BSD-3-Clause"),
        (BSD_2.format(more=THIRD + FOURTH), ""),
        (BSD_3.replace("\n", "\n# "), "BSD-3-Clause"),
        (BSD_3 + "\n\nThis bundles another:\n" + MIT, "BSD-3-Clause MIT"),
        (ISC, "ISC"),
        (ISC.replace("provided that the above copyright notice and this permission notice appear", "as"), "0BSD"),
        ("x " * 2000 + MIT, ""),
        ("MIT", ""),
        ("", ""),
    ],
)
def test_a_licence_is_told_by_its_words(text: str, expected: str) -> None:
    """By those at the beginning; another licence that differs by a sentence is not taken for it."""
    if expected == "MIT-0":
        text = text.replace("notice and this permission notice shall be included in all copies", "restriction")
    assert wording.recognised([text]) == ({*expected.split()} or {""})


def test_a_text_that_is_made_to_take_long_does_not() -> None:
    """Only its beginning is looked at."""
    assert wording.recognised([BSD_3[:200] * 100_000]) == {""}
