"""The way of requirements into an image, as a drawing."""

from __future__ import annotations

from pictures import svg

_WIDTH, _HEIGHT = 900, 316
_BOX, _TALL, _GAP, _LEFT = 122, 46, 52, 41
_STYLE = f"""
text {{ font: 14px {svg.SANS}; text-anchor: middle; }}
.panel {{ fill: var(--wash); stroke: var(--line); }}
.box {{ fill: var(--paper); stroke: var(--line); }}
.key {{ fill: var(--accent); stroke: none; }}
.on {{ fill: var(--on); font-weight: 600; }}
.name {{ text-anchor: start; font-weight: 600; }}
.soft {{ fill: var(--soft); font-size: 12.5px; }}
.where {{ fill: var(--soft); text-anchor: start; }}
.way {{ fill: none; stroke: var(--soft); stroke-width: 1.4; }}
.gap {{ stroke: var(--accent); stroke-width: 1.6; stroke-dasharray: 5 5; fill: none; }}
.head {{ fill: var(--soft); }}
"""
# Of each box: what it is called, and what leads to it.
_AGENT = (
    ("requirements", ""),
    ("pylock.toml", "resolve"),
    ("wheelhouse/", "fetch"),
    ("tree", "install"),
    ("bundle.tar.zst", "pack"),
)
_IMAGE = (("shim", ""), ("cache", "unpack"), ("sys.path", "boot"), ("your program", "import"))


def draw() -> str:
    """Return the drawing."""
    body = _panel(10, "CI agent", "a network, and Python 3.10 or newer")
    body += _row(_AGENT, _LEFT, 62, key="bundle.tar.zst")
    body += _panel(176, "Secured image", "no network")
    body += svg.text(26, 263, "Python 3.7 or newer", "where")
    start = _LEFT + _BOX + _GAP
    body += _row(_IMAGE, start, 228, key="shim")
    # From the bundle down, through the gap, to the shim.
    right, left, middle = _LEFT + 4 * (_BOX + _GAP) + _BOX / 2, start + _BOX / 2, 158
    body += f'<path class="gap" d="M{right:g} {62 + _TALL}V{middle}H{left:g}V222"/>\n'
    body += f'<path class="head" d="M{left - 5:g} 220h10l-5 8z"/>\n'
    body += svg.text((left + right) / 2, middle - 7, "the air gap: one file to carry", "soft")
    about = (
        "On a CI agent with a network, airpack resolves requirements into a lock, fetches a wheelhouse, installs a "
        "tree and packs one bundle; across the air gap, the shim unpacks it once in the image and puts it on sys.path."
    )
    return svg.drawing(body, width=_WIDTH, height=_HEIGHT, about=about, style=_STYLE)


def _panel(y: int, name: str, what: str) -> str:
    panel = f'<rect class="panel" x="10" y="{y}" width="{_WIDTH - 20}" height="124" rx="8"/>\n'
    return panel + svg.text(26, y + 26, name, "name") + svg.text(40 + len(name) * 9, y + 26, what, "where")


def _row(boxes: tuple[tuple[str, str], ...], x: float, y: int, *, key: str) -> str:
    """Return boxes in a row, with an arrow from each to the next."""
    body = ""
    for number, (name, way) in enumerate(boxes):
        left = x + number * (_BOX + _GAP)
        kind = "key" if name == key else "box"
        body += f'<rect class="{kind}" x="{left:g}" y="{y}" width="{_BOX}" height="{_TALL}" rx="6"/>\n'
        body += svg.text(left + _BOX / 2, y + 28, name, "on" if name == key else "")
        if way:
            middle = y + _TALL / 2
            body += f'<path class="way" d="M{left - _GAP + 3:g} {middle:g}H{left - 9:g}"/>\n'
            body += f'<path class="head" d="M{left - 11:g} {middle - 4:g}v8l8-4z"/>\n'
            body += svg.text(left - _GAP / 2, middle - 8, way, "soft")
    return body
