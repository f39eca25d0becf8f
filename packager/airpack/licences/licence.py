"""The licence of a package: what its metadata says, and the texts in its wheel, as an SPDX expression."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from airpack_runtime.format.toc import Distribution
from packaging.metadata import RawMetadata

from airpack.bundle.opened import OpenBundle
from airpack.inspection import inventory, licence_texts
from airpack.licences import names, wording

EXPRESSION, FIELD, CLASSIFIER, TEXT, ASSUMED = "expression", "field", "classifier", "text", "assumed"
_LONGEST = 200  # characters that are shown of what a project says


@dataclass(frozen=True, kw_only=True, slots=True)
class Licence:
    """A licence: `expression` is one of SPDX's in its canonical form, empty if it is not known for certain.

    `declared` is what the metadata says, for people. `basis` is what tells the expression, empty without one:
    EXPRESSION (PEP 639), FIELD (`License`), CLASSIFIER, TEXT (the wording of the licence in the wheel), or ASSUMED
    (the user).
    """

    expression: str
    declared: str
    basis: str = ""

    @property
    def shown(self) -> str:
        """The expression, or else what the metadata says, for people."""
        if self.expression:
            return self.expression
        return f"not known for certain ({self.declared or 'the metadata says nothing'})"


def licences(opened: OpenBundle) -> dict[str, Licence]:
    """Return the licence of each distribution of a bundle, by name. Raises BundleDamaged."""
    metadata = inventory.metadata_in(opened).values()
    shares = zip(opened.toc.distributions, metadata, strict=True)
    return {share.name: _of_distribution(opened, share, fields) for share, fields in shares}


def _of_distribution(opened: OpenBundle, share: Distribution, metadata: RawMetadata) -> Licence:
    own = [text for text in licence_texts.texts_of(opened, share) if ".dist-info/" in text.path]
    return of(metadata, list(licence_texts.read(opened, own).values()))


def of(metadata: RawMetadata, texts: Sequence[str]) -> Licence:
    """Return the licence of a distribution with this core metadata, and these texts in its folder *.dist-info.

    An expression (PEP 639) is taken as it is. Else what the field `License` says must agree with the classifiers; where
    both leave it open (`BSD`), or are not there, the texts decide, if one of them is that of one licence.
    """
    stated = metadata.get("license_expression", "").strip()
    field = metadata.get("license", "").strip()
    field = "" if field.upper() == "UNKNOWN" else field
    classifiers = [text for text in metadata.get("classifiers", ()) if names.is_name(text)]
    said = [" ".join(field.split())] if field else []
    said += [text.rpartition(" :: ")[2] for text in classifiers]
    declared = stated or "; ".join(dict.fromkeys(said))
    declared = declared if len(declared) <= _LONGEST else f"{declared[: _LONGEST - 3]}..."
    if names.expression(stated):
        return Licence(expression=names.expression(stated), declared=declared, basis=EXPRESSION)
    expression, basis = _told(_by_field(field), [names.named_by_classifier(each) for each in classifiers], texts)
    return Licence(expression=expression, declared=declared, basis=basis)


def _by_field(field: str) -> frozenset[str] | None:
    """Return what the field `License` names, as `names.named_by_text` does; None without the field."""
    if not field:
        return None
    if "\n" in field:  # the whole text of a licence, as old metadata may have it
        return frozenset(wording.recognised([field]) - {""})
    return names.named_by_text(field)


def _told(
    by_field: frozenset[str] | None, by_classifiers: Sequence[frozenset[str]], texts: Sequence[str]
) -> tuple[str, str]:
    """Return the expression and its basis, both empty where nothing tells it for certain."""
    if by_field is not None and len(by_field) == 1:
        (expression,) = by_field
        agreed = all(_agrees(expression, each) for each in by_classifiers)
        return (expression, FIELD) if agreed else ("", "")
    if len(by_classifiers) > 1:  # nobody says whether all of them hold, or any
        return "", ""
    found = wording.recognised(texts)
    if not by_classifiers and by_field is None:
        return _only(found, TEXT) if "" not in found else ("", "")
    possible = by_classifiers[0] if by_classifiers else frozenset(by_field or ())
    if by_classifiers and by_field:
        possible &= by_field
    if len(possible) == 1 and by_field != frozenset():
        return _only(possible, CLASSIFIER)
    # Other texts beside the project's own are those of what is bundled.
    return _only(found & possible, TEXT)


def _agrees(expression: str, said: frozenset[str]) -> bool:
    """Return whether what else is said is one of the licences in the expression; versions of GNU's may differ.

    `LGPLv2` is the only classifier that LGPL-2.1 has. A name that isn't known, such as `Other/Proprietary`, may be any.
    """
    identifiers = {*map(names.kin, expression.replace("(", " ").replace(")", " ").split())}
    return bool(identifiers & {*map(names.kin, said)})


def _only(found: Collection[str], basis: str) -> tuple[str, str]:
    return (next(iter(found)), basis) if len(found) == 1 else ("", "")
