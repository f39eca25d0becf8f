"""Facts -> the page: one file of HTML with its style, and no script; the same facts give the same bytes.

What is in a bundle was named by others: Jinja2 escapes all of it, and a Content-Security-Policy of the page itself
lets nothing run, nothing load, and no other style apply.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from packaging.utils import canonicalize_name

from airpack import __version__
from airpack.base.console import amount
from airpack.base.urls import redacted
from airpack.inspection.inventory import PackageRecord
from airpack.inspection.licence_texts import LicenceText
from airpack.inspection.summary import PackageSummary
from airpack.licences.licence import Licence
from airpack.report import dependencies, treemap, waterfall
from airpack.report.facts import Facts

GENERATOR = f"airpack {__version__}"
# The sizes of the treemap on a wide screen and on a narrow one.
_MAPS = {"wide": (960, 470), "narrow": (360, 620)}
_LONGEST_TEXT, _ALL_TEXTS = 200_000, 700_000  # letters of licences
_LISTED = 2_000  # of what a list has, so that the page stays one that a browser opens


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A package of the report, by its number: what each of the bundle's readers tells of it."""

    number: int
    summary: PackageSummary
    record: PackageRecord
    licence: Licence
    needed_by: Sequence[int]
    goes_with: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """The text of a licence, with the packages that bring it; cut after `shown`, None where it is left out."""

    about: LicenceText
    packages: Sequence[str]
    shown: str | None
    is_cut: bool


def render(facts: Facts) -> str:
    """Return the page."""
    made = environment()
    rows = _rows(facts)
    drawing = dependencies.draw(facts.graph)
    style = made.get_template("style.css").render(nodes=[node.number for node in drawing.nodes])
    style = f"\n{style}\n"
    return made.get_template("page.html").render(
        facts=facts,
        generator=GENERATOR,
        style=Markup(style),  # noqa: S704 - its only variables are numbers
        policy=policy(style),
        rows=rows,
        drawing=drawing,
        maps={name: treemap.draw(facts.files, width=size[0], height=size[1]) for name, size in _MAPS.items()},
        kinds=_kinds(facts),
        waterfall=waterfall.draw(facts.proof.imports) if facts.proof and facts.proof.imports else None,
        licences=_licences(rows),
        texts=_texts(facts),
        listed=_LISTED,
    )


def environment() -> Environment:
    """Return what renders the templates: all that they show is escaped, and without control characters."""
    made = Environment(
        loader=PackageLoader("airpack.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters["amount"] = amount
    return made


def policy(style: str) -> str:
    """Return a Content-Security-Policy (CSP level 3) that allows this style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _printable(value: Any) -> Any:
    """Return what the template shows of a value: text without control characters, and without access to URLs."""
    if type(value) is not str:
        return value
    return redacted(value if value.isprintable() else "".join(map(_letter, value.expandtabs())))


def _letter(letter: str) -> str:
    if letter == "\n" or letter.isprintable():
        return letter
    return " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"


def _rows(facts: Facts) -> list[Row]:
    sizes = {canonicalize_name(package.name): package for package in facts.summary.packages}
    numbers = {key: number for number, key in enumerate(facts.graph.nodes)}
    return [
        Row(
            number=numbers[record.key],
            summary=sizes[record.key],
            record=record,
            licence=facts.licences[record.key],
            needed_by=[numbers[key] for key in facts.graph.nodes[record.key].needed_by],
            goes_with=facts.graph.unpacked_with(record.key),
        )
        for record in facts.inventory.packages
    ]


def _kinds(facts: Facts) -> dict[str, int]:
    """Return the bytes of each kind of files."""
    sizes = dict.fromkeys(treemap.KINDS, 0)
    for files in facts.files.values():
        for file in files:
            sizes[treemap.kind_of(file.path)] += file.size
    return sizes


def _licences(rows: Sequence[Row]) -> list[tuple[Licence, list[Row]]]:
    """Return the packages of each licence; those come last of which none is known for certain.

    Of several that have the same, the licence is that of the first.
    """
    found: dict[tuple[bool, str], list[Row]] = {}
    for row in rows:
        found.setdefault((not row.licence.expression, row.licence.shown), []).append(row)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))
    return [(holders[0].licence, holders) for _, holders in ordered]


def _texts(facts: Facts) -> list[Text]:
    """Return each text once, as far as there is room for all of them."""
    packages: dict[str, list[str]] = {}
    first: dict[str, LicenceText] = {}
    for key, texts in facts.licence_files.items():
        for text in texts:
            first.setdefault(text.sha256, text)
            names = packages.setdefault(text.sha256, [])
            names += [key] if key not in names else []
    left, shown = _ALL_TEXTS, []
    for sha256, about in first.items():
        whole = facts.texts.get(sha256)
        part = None if whole is None or left <= 0 else whole[: min(_LONGEST_TEXT, left)]
        left -= len(part or "")
        is_cut = part is not None and part != whole
        shown.append(Text(about=about, packages=packages[sha256], shown=part, is_cut=is_cut))
    return shown
