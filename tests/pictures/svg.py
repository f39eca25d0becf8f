"""What all drawings have in common: their letters and colours, light and dark as the reader's system has it."""

from __future__ import annotations

from html import escape

SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
_STYLE = """
:root { --ink: #1d2226; --soft: #5d676e; --line: #c9cfca; --wash: #f4f5f1; --paper: #ffffff; --accent: #0a6b68;
  --on: #ffffff; --bar: #b9c4c6; --green: #2c6b2f; --red: #a8261c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e3; --soft: #98a2a8; --line: #434b4f; --wash: #1d2123;
  --paper: #15181a; --accent: #6cc5bd; --on: #10201f; --bar: #4d585d; --green: #8fcf8f; --red: #f0857a; } }
text { fill: var(--ink); }
"""


def drawing(body: str, *, width: int, height: int, about: str, style: str) -> str:
    """Return an SVG document; `about` says what it shows to those who can't see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(about)}">\n<style>{_STYLE}{style}</style>\n{body}</svg>\n'
    )


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a line of text, of a class of the style."""
    of_class = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{of_class}>{escape(words)}</text>\n'
