"""The texts in a distribution's folder *.dist-info, read within limits: a few kilobytes can become gigabytes, or hours.

What reading a text takes grows with its entries, not with its bytes: up to a kilobyte and a millisecond for each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

# Bytes of each text; the largest that are known have a tenth of that. What is not listed is read by nobody.
_LIMITS = {"METADATA": 4 << 20, "WHEEL": 1 << 16, "entry_points.txt": 1 << 20}
_OTHER = 64 << 20
# Of METADATA; what comes after its first blank line is a description, which is not parsed.
_HEADER = 2 << 20  # bytes; old metadata has the description among the fields
_ONCE = ("name", "version", "requires_python", "license", "license_expression")  # of the fields that are read
_KEPT = 1 << 16  # bytes of fields that are kept once they are parsed: a pack asks five times for those of each wheel
_MOST_FIELDS = 5_000  # entries of fields that may be repeated, such as Requires-Dist
_LONGEST_REQUIREMENT = 10_000  # characters
_MOST_BRACKETS = 100  # in a requirement; pip reads its marker by recursion
# In all requirements together, and so many times the number of requirements; the most that are known are 201 in 1,312.
# Whoever resolves evaluates each marker for each extra that is asked for.
_MOST_EXTRAS = 1_000
_MOST_EVALUATIONS = 500_000
_EXTRAS = re.compile(r"[^\[;@<>=!~(]*\[([^\]]*)\]")
# Of the requirements on each project, their number's square, summed up: pip compares each with all before it.
_MOST_COMPARISONS = 250_000  # the most that are known: 32,041 (apache-airflow 2.10)
_NAME = re.compile(r"\s*([\w.-]*)")
_DIGITS = re.compile(r"\d{1001}")  # Python reads 4,300 at most
_PARTS = re.compile(rb"(?:^|[\r\n])content-type:\s*multipart", re.IGNORECASE)
_FIELD_END = re.compile(rb"(?:\r\n|\r|\n)(?![ \t])")  # the next line doesn't go on with the field
_ROW_END = re.compile(rb"\r\n|[\n\r\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")  # where str.splitlines does
_BLANK = re.compile(rb"\r?\n\r?\n")


def check_size(name: str, size: int) -> None:
    """Raise ValueError if the text called `name`, such as METADATA, has more bytes than any known one by far."""
    limit = _LIMITS.get(name, _OTHER)
    if size > limit:
        unit, scale = ("MiB", 20) if limit >= 1 << 20 else ("KiB", 10)
        raise ValueError(f"is larger than {limit >> scale} {unit}")


def fields_in(metadata: bytes) -> RawMetadata:
    """Return the fields of METADATA (core metadata), without the description; they are not to be changed.

    Raises ValueError if it is too large.
    """
    check_size("METADATA", len(metadata))
    blank = _BLANK.search(metadata)
    header = metadata[: blank.end()] if blank else metadata
    return _kept_fields_of(header) if len(header) <= _KEPT else _fields_of(header)


def _fields_of(header: bytes) -> RawMetadata:
    if len(header) > _HEADER:
        raise ValueError(f"has fields of more than {_HEADER >> 20} MiB")
    if _count(_FIELD_END, header) > _MOST_FIELDS:
        raise ValueError(f"has more than {_MOST_FIELDS:,} fields")
    if _PARTS.search(header):
        raise ValueError("is a message of several parts, which pip can't read")
    fields = _with_first(*parse_email(header))
    for text in (fields.get("version", ""), fields.get("requires_python", ""), *fields.get("requires_dist", ())):
        if _DIGITS.search(text):
            raise ValueError("has a number of more than 1,000 digits")
    check_requirements(fields.get("requires_dist", ()))
    return fields


_kept_fields_of = lru_cache(maxsize=256)(_fields_of)


def _with_first(fields: RawMetadata, others: Mapping[str, Sequence[str]]) -> RawMetadata:
    """Return `fields`, and of those of the `others` that may be there once and are repeated, the first, as pip does."""
    repeated = {key: others.get(key.replace("_", "-"), ()) for key in _ONCE}
    return cast("RawMetadata", {**fields, **{key: texts[0] for key, texts in repeated.items() if len(texts) > 1}})


def check_requirements(texts: Sequence[str]) -> None:
    """Raise ValueError for requirements that take their reader, or the resolve that follows, too long."""
    if max(map(len, texts), default=0) > _LONGEST_REQUIREMENT:
        raise ValueError(f"has a requirement of more than {_LONGEST_REQUIREMENT:,} characters")
    if any(text.count("(") > _MOST_BRACKETS for text in texts):
        raise ValueError(f"has a requirement with more than {_MOST_BRACKETS} brackets")
    extras = sum(match[1].count(",") + 1 for match in map(_EXTRAS.match, texts) if match)
    if extras > _MOST_EXTRAS or extras * len(texts) > _MOST_EVALUATIONS:
        raise ValueError(f"asks for {extras:,} extras in {len(texts):,} requirements, more than a resolve can follow")
    names = Counter(canonicalize_name(match[1]) for match in map(_NAME.match, texts) if match)
    if sum(count * count for count in names.values()) > _MOST_COMPARISONS:
        name, count = names.most_common(1)[0]
        raise ValueError(f"requires {name} {count:,} times, more than a resolve can follow")


def check_rows(record: bytes, most: int) -> None:
    """Raise ValueError if a RECORD has more than `most` rows."""
    rows = _count(_ROW_END, record)
    if rows > most:
        raise ValueError(f"has {rows:,} rows, where at most {most:,} may be")


def _count(pattern: re.Pattern[bytes], text: bytes) -> int:
    return sum(1 for _ in pattern.finditer(text))
