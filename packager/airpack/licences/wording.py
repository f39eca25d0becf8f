"""Recognises a licence by the words at the beginning of its text, where they are those of one licence alone.

What follows it in the same file, such as the licences of what is bundled, is no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Characters before the first words of a licence: its title, and who has the copyright.
_FRONT = 2_500
_WHOLE = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wording:
    """The words with which a licence begins, those with which it ends, and what is between them, or must not be."""

    begins: str
    ends: str
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def is_in(self, text: str) -> bool:
        start = text.find(self.begins, 0, _FRONT)
        stop = text.find(self.ends, start) if start >= 0 else -1
        if stop < 0:
            return False
        own = text[start : stop + len(self.ends)]
        return all(words in own for words in self.has) and not any(words in own for words in self.lacks)


_BSD = (
    "redistribution and use in source and binary forms with or without modification are permitted provided that the "
    "following conditions are met"
)
_BSD_END = "even if advised of the possibility of such damage"
_BSD_2 = ("redistributions of source code must retain", "redistributions in binary form must reproduce")
_ENDORSE = "to endorse or promote products derived from this software without"
_ADVERTISE, _PATENTS = "all advertising materials mentioning features", "patent"
_MIT = (
    "permission is hereby granted free of charge to any person obtaining a copy of this software and associated "
    "documentation files"
)
_NOTICE = "the above copyright notice and this permission notice shall be included in all copies"
_MIT_END = "arising from out of or in connection with the software or the use or other dealings in the software"
_ISC = (
    "permission to use copy modify and or distribute this software for any purpose with or without fee is hereby "
    "granted"
)
_ISC_END = "in connection with the use or performance of this software"
_KEPT = "provided that the above copyright notice and this permission notice appear in all copies"
_WORDINGS: Mapping[str, _Wording] = {
    "MIT": _Wording(begins=_MIT, ends=_MIT_END, has=(_NOTICE,)),
    "MIT-0": _Wording(begins=_MIT, ends=_MIT_END, lacks=(_NOTICE,)),
    "BSD-2-Clause": _Wording(begins=_BSD, ends=_BSD_END, has=_BSD_2, lacks=(_ENDORSE, _ADVERTISE, _PATENTS)),
    "BSD-3-Clause": _Wording(begins=_BSD, ends=_BSD_END, has=(*_BSD_2, _ENDORSE), lacks=(_ADVERTISE, _PATENTS)),
    "ISC": _Wording(begins=_ISC, ends=_ISC_END, has=(_KEPT,)),
    "0BSD": _Wording(begins=_ISC, ends=_ISC_END, lacks=(_KEPT,)),
    "Apache-2.0": _Wording(
        begins="apache license version 2.0 january 2004",
        ends="while redistributing the work or derivative works thereof you may choose to offer",
    ),
    "MPL-2.0": _Wording(begins="mozilla public license version 2.0", ends="incompatible with secondary licenses"),
    "Unlicense": _Wording(
        begins="this is free and unencumbered software released into the public domain",
        ends="please refer to http unlicense.org",
    ),
}
# The X11 licence is MIT's with one more sentence, which follows it.
_X11 = "except as contained in this notice"


def recognised(texts: Iterable[str]) -> set[str]:
    """Return the SPDX identifiers of the licences with which the texts begin; one that isn't known is an empty one."""
    return {identifier for text in texts for identifier in _identifiers(text)}


def _identifiers(text: str) -> set[str]:
    words = _words(text[: _FRONT + _WHOLE])
    found = {identifier for identifier, wording in _WORDINGS.items() if wording.is_in(words)}
    if _X11 in words[: _FRONT + 2_000]:
        found -= {"MIT"}
    return found or {""}


def _words(text: str) -> str:
    """Return the words of a text in lower case, without what sets them apart, and without the signs before a line."""
    text = re.sub(r"[^\w.\s/]+", " ", text.lower()).replace("/", " ")
    return " ".join(word.rstrip(".") for word in text.split())
