"""The texts of a wheel are read within limits."""

from __future__ import annotations

import pytest
from airpack.wheels import texts

HEAD = b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\n"


def test_a_description_is_not_parsed() -> None:
    """It may be long, and nothing that is read of a wheel stands in it."""
    content = HEAD + b"Requires-Dist: two\n\nRequires-Dist: three\n" + b"x\n" * 500_000
    assert texts.fields_in(content)["requires_dist"] == ["two"]


def test_of_a_field_that_is_repeated_the_first_counts() -> None:
    """As for pip; packaging's parser takes none of them."""
    fields = texts.fields_in(b"Requires-Python: >=3.6\n" + HEAD + b"Version: 2.0\nName: two\nRequires-Python: >=3.9\n")
    assert (fields["name"], fields["version"], fields["requires_python"]) == ("one", "1.0", ">=3.6")


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        (b"\n" + bytes(4 << 20), "is larger than 4 MiB"),
        (b"Author: " + b"x" * (2 << 20) + b"\n", "has fields of more than 2 MiB"),
        (b"Requires-Dist: two\n" * 5_001, "has more than 5,000 fields"),
        (b"K\n" * 5_001, "has more than 5,000 fields"),
        (b"Requires-Dist: two\r" * 5_001, "has more than 5,000 fields"),
        (b"Requires-Dist: two" + b">1," * 4000 + b">1\n", "has a requirement of more than 10,000 characters"),
        (b"Requires-Dist: two; " + b"(" * 101 + b"\n", "has a requirement with more than 100 brackets"),
        (
            b"".join(b'Requires-Dist: one[e%d]; extra == "e%d"\n' % (number + 1, number) for number in range(708)),
            "asks for 708 extras in 708 requirements, more than a resolve can follow",
        ),
        (
            b"Requires-Dist: two [a" + b",a" * 1000 + b"] >= 1\n",
            "asks for 1,001 extras in 1 requirements, more than a resolve can follow",
        ),
        (
            b"".join(b"Requires-Dist: Two>0.%d\nRequires-Dist: two\n" % number for number in range(251)),
            "requires two 502 times, more than a resolve can follow",
        ),
        (
            b"".join(b"Requires-Dist: a%sb\n" % (b"-" * (1 + number) + b"." * (number % 2)) for number in range(501)),
            "requires a-b 501 times, more than a resolve can follow",
        ),
        (b"Requires-Dist: two>=" + b"9" * 1001 + b"\n", "has a number of more than 1,000 digits"),
        (b"Requires-Python: >=3." + b"0" * 5000 + b"\n", "has a number of more than 1,000 digits"),
        (b"Content-Type: multipart/mixed; boundary=a\n", "is a message of several parts, which pip can't read"),
        (b"Author: a\rContent-Type: multipart/mixed\n", "is a message of several parts, which pip can't read"),
    ],
)
def test_metadata_of_which_too_much_would_become_is_refused(rest: bytes, problem: str) -> None:
    """Before it is parsed, but for the length of one requirement."""
    with pytest.raises(ValueError, match=f"^{problem}$"):
        texts.fields_in(HEAD + rest)


def test_what_the_largest_projects_ask_for_is_read() -> None:
    """acryl-datahub asks for 201 extras in 1,312 requirements, apache-airflow 179 times for some of its own."""
    rows = [b'Requires-Dist: one[a]; extra == "x%d"\n' % number for number in range(201)]
    rows += [b"Requires-Dist: two%d>=1\n" % number for number in range(1_200)]
    assert len(texts.fields_in(HEAD + b"".join(rows))["requires_dist"]) == 1_401


def test_a_field_of_many_lines_is_one() -> None:
    """Old metadata has descriptions and licences like that."""
    content = HEAD + b"License: x\n" + b"        and so on\n" * 30_000
    assert texts.fields_in(content)["license"].count("and so on") == 30_000


@pytest.mark.parametrize(("name", "size"), [("WHEEL", 1 << 16), ("entry_points.txt", 1 << 20), ("RECORD", 64 << 20)])
def test_each_text_has_a_limit(name: str, size: int) -> None:
    """By its name; at the limit it is read."""
    texts.check_size(name, size)
    with pytest.raises(ValueError, match=r"^is larger than \d+ [MK]iB$"):
        texts.check_size(name, size + 1)


def test_a_record_lists_no_more_than_so_many_rows() -> None:
    """Each of them, of two bytes, would take half a kilobyte."""
    texts.check_rows(b"a\n" * 10, 10)
    texts.check_rows(b"a\r\n" * 10, 10)
    for end in (b"\n", b"\r\n", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9"):
        assert len((b"a" + end).decode().splitlines()) == 1
        with pytest.raises(ValueError, match=r"^has 11 rows, where at most 10 may be$"):
            texts.check_rows((b"a" + end) * 11, 10)
