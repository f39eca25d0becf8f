"""JSON from elsewhere: in a text that can be written again, or not at all."""

from __future__ import annotations

import json

import pytest
from airpack.base import jsons


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ude00\ud83d"])
@pytest.mark.parametrize("form", ['"%s"', '{"a": ["%s"]}', '{"%s": 1}', '["\\\\%s"]'])
def test_half_a_pair_of_utf_16_is_no_json(form: str, text: str) -> None:
    """JSON can write it (RFC 8259, 8.2); a file, a line or a name that is made of it can't be."""
    written = form % json.dumps(text)[1:-1]
    for each in (written, written.encode()):
        with pytest.raises(ValueError, match="surrogates not allowed"):
            jsons.loads(each)


@pytest.mark.parametrize("text", ["\N{GRINNING FACE}", "\\ud800", "\ue000", "ä"])
def test_a_whole_pair_is(text: str) -> None:
    """So is what only looks like half of one."""
    assert jsons.loads(json.dumps([text])) == [text]
    assert jsons.loads(json.dumps([text], ensure_ascii=False).encode()) == [text]


@pytest.mark.parametrize("before", range(0, 500, 83))
def test_a_number_of_many_digits_is_no_json(before: int) -> None:
    """Wherever it stands: some Pythons take their square. A hash of digits is a text."""
    with pytest.raises(ValueError, match=r"^it holds a number of too many digits$"):
        jsons.loads(" " * before + f"[{'9' * 1_000}]")
    assert jsons.loads(" " * before + f'["{"9" * 400}", 1{"0" * 90}]') == ["9" * 400, 10**90]
