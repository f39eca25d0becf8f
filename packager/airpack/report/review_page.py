"""A review -> Markdown (GitHub's, which GitLab and Azure DevOps read as well), or one page of HTML without scripts.

What is in a bundle was named by others: nothing of it is markup, a link or a mention in either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup

from airpack.base.console import amount, plain
from airpack.inspection.diff import ADDED, CHANGED, REMOVED
from airpack.report.page import GENERATOR, environment, policy
from airpack.report.review import Review, Row, Side
from airpack.results.overwrite import REPORT_MARK

MARKDOWN, HTML = FORMATS = ("md", "html")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~<>&@:])")
_MARK = f'{REPORT_MARK.removesuffix("airpack ")}{GENERATOR}">'  # a report of airpack's, which the next may replace
_NOTHING = "-"
# The columns after the package: their headings, and what a side has in them, one text a line.
_COLUMNS: dict[str, Callable[[Side], Sequence[str]]] = {
    "version": lambda side: [side.version],
    "licence": lambda side: [side.licence],
    "origin": lambda side: [side.origin],
    "SHA-256 of the wheel": lambda side: [side.sha256],
    "unpacked": lambda side: [amount(side.size)],
    "native libraries": lambda side: side.libraries or ["none"],
    "signed by": lambda side: side.signed_by or ["nobody, as far as is known"],
}
HASH = "SHA-256 of the wheel"


def markdown(review: Review) -> str:
    """Return the review in Markdown."""
    lines = [f"<!-- {_MARK} -->", "# Review of a bundle", "", *_bundle_lines(review), ""]
    if review.is_empty:
        return "\n".join([*lines, "Both are the same bundle."]) + "\n"
    if review.settings:
        lines += ["| setting | before | now |", "|---|---|---|"]
        for name, setting in review.settings.items():
            lines.append(f"| {_escaped(name)} | {_escaped(setting.old)} | {_escaped(setting.new)} |")
        lines.append("")
    lines += [f"## {_counted(review)}", ""]
    if review.rows:
        headings = ["package", *_COLUMNS, "files"]
        lines += [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
        lines += [f"| {' | '.join(_cells(row))} |" for row in review.rows]
        lines.append("")
    if review.same:
        lines += [f"The same in both: {_escaped(', '.join(review.same))}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def html(review: Review) -> str:
    """Return the review as a page, which carries its style and a Content-Security-Policy against all else."""
    made = environment()
    style = "\n" + made.get_template("style.css").render(nodes=[]) + made.get_template("review.css").render() + "\n"
    return made.get_template("review.html").render(
        review=review,
        columns=_COLUMNS,
        hash_column=HASH,
        counted=_counted(review),
        generator=GENERATOR,
        policy=policy(style),
        style=Markup(style),  # noqa: S704 - it has no variables
    )


def _bundle_lines(review: Review) -> Iterable[str]:
    yield "| | before | now |"
    yield "|---|---|---|"
    yield f"| digest | `{review.old.digest}` | `{review.new.digest}` |"
    yield f"| size | {amount(review.old.size)} | {amount(review.new.size)} |"
    yield f"| signature (not verified) | {_escaped(review.old.signature)} | {_escaped(review.new.signature)} |"


def _counted(review: Review) -> str:
    counts = {kind: sum(row.kind == kind for row in review.rows) for kind in (ADDED, REMOVED, CHANGED)}
    told = [f"{count:,} {kind}" for kind, count in counts.items() if count]
    frames = f"{amount(review.frames.to_upload)} of {amount(review.frames.size)} to carry"
    return f"Packages: {', '.join([*told, f'{len(review.same):,} the same'])}; {frames}"


def _cells(row: Row) -> Iterable[str]:
    yield f"**{_escaped(row.name)}** {row.kind}"
    for heading, read in _COLUMNS.items():
        paint = _code if heading == HASH else _escaped
        before, now = (_joined(side, read, paint) for side in (row.old, row.new))
        yield now if before == now else f"{before} → {now}" if heading == "version" else f"{before}<br>→ {now}"
    yield ", ".join(f"{count:,} {kind}" for kind, count in row.files.items() if count) or "the same"


def _joined(side: Side | None, read: Callable[[Side], Sequence[str]], paint: Callable[[str], str]) -> str:
    return _NOTHING if side is None else ", ".join(map(paint, read(side)))


def _code(text: str) -> str:
    """Return text as code; what would end it, or the cell, is not in a hash."""
    return f"`{re.sub(r'[^0-9A-Za-z:._-]', '?', text)}`"


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is: its signs are named by their numbers (HTML's character references)."""
    return _MARKUP.sub(lambda sign: f"&#{ord(sign[0])};", plain(text))
