"""An SBOM in a wheel (PEP 770) -> its components, for the bundle's SBOM; what is hostile or too large gives none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, MutableMapping

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from cyclonedx.schema import SchemaVersion

from airpack.base import jsons
from airpack.inspection.inventory import Document

# The keys of CycloneDX whose texts are URLs (iri-reference in its schema).
_URLS = {"url", "references", "endpoints", "source", "destination", "featuredImage", "socialImage"}
# URLs that are surely such references: of RFC 3986, without percent signs, brackets and users.
_PLAIN = re.compile(
    r"[a-z][a-z0-9+.-]*:(?://[a-z0-9.-]+(?::[0-9]+)?)?(?:/[\w.~@+,=-]*)*(?:[?#][\w.~/=&+-]*)?", re.ASCII | re.IGNORECASE
)
_LETTERS = range(0xC0, 0xD7FF)  # each of them alone is such a reference, too


class Budget:
    """What the SBOMs in the wheels of a bundle may take together.

    The library compares each item of a list with each, and reads URLs that aren't plain by a grammar, in the square of
    their length. The largest that are known, of Rust's crates, have 360 components, and take less than two million.
    """

    def __init__(self) -> None:
        self._left = 7_000_000  # comparisons, or letters by letters; a million takes two seconds

    def allows(self, data: object) -> bool:
        """Return whether an SBOM, as `_abridged` returns it, may be read as well."""
        waiting: list[tuple[str, object]] = [("", data)]
        while waiting and self._left > 0:
            key, value = waiting.pop()
            if isinstance(value, dict):
                self._left -= 500
                waiting += value.items()
            elif isinstance(value, list):
                self._left -= len(value) ** 2
                waiting += [(key, item) for item in value]
            elif isinstance(value, str) and key in _URLS:
                self._left -= len(value) * (len(value) + 400)
        return self._left > 0


def components_of(document: Document, budget: Budget) -> Iterable[Component]:
    """Return the components of an SBOM in a wheel if it is valid CycloneDX JSON within the budget, else nothing."""
    try:
        from cyclonedx.validation.json import JsonValidator  # noqa: PLC0415 - it takes two seconds

        data = jsons.loads(document.content)
        short = _abridged(data, {})
        if not budget.allows(short):
            return []
        version = SchemaVersion.from_version(str(data["specVersion"]))
        if JsonValidator(version).validate_str(json.dumps(short)) is not None:
            return []
        inner: Bom = Bom.from_json(data)  # type: ignore[attr-defined]  # py-serializable adds it
    except Exception:  # noqa: BLE001 - the file may hold anything, and the library raises many kinds of error
        return []
    for number, component in enumerate(_all_of(inner.components), 1):
        component.bom_ref.value = f"{document.path}#{number}"
    return list(inner.components)


def _abridged(data: object, letters: MutableMapping[str, str], key: str = "") -> object:
    """Return an SBOM that is as valid as `data`: a letter stands for each plain URL, always the same for the same.

    The library takes nine tenths of its time to read some hundred of them by its grammar.
    """
    if isinstance(data, dict):
        return {name: _abridged(value, letters, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_abridged(item, letters, key) for item in data]
    if not isinstance(data, str) or key not in _URLS or not _PLAIN.fullmatch(data):
        return data
    if data not in letters and len(letters) < len(_LETTERS):
        letters[data] = chr(_LETTERS[len(letters)])
    return letters.get(data, data)


def _all_of(components: Iterable[Component]) -> Iterator[Component]:
    """Yield components, and the components inside them."""
    for component in components:
        yield component
        yield from _all_of(component.components)
