"""The cold boots of the committed benchmark as bars."""

from __future__ import annotations

from benchmarks import results
from benchmarks.measure import median
from benchmarks.peers import AIRPACK
from pictures import svg

_WORKLOAD = "science"
# Of the peers, those that carry packages into an image as they are meant to.
_PEERS = (AIRPACK, "uv, cold cache", "venv-pack", "shiv", "pex", "pip --no-index")
_WIDTH, _LEFT, _TOP, _ROW, _BAR = 900, 150, 46, 34, 20
_STYLE = f"""
text {{ font: 14px {svg.SANS}; }}
.title {{ font-weight: 600; }}
.soft {{ fill: var(--soft); }}
.name {{ text-anchor: end; }}
.ours {{ font-weight: 600; }}
.bar {{ fill: var(--bar); }}
.key {{ fill: var(--accent); }}
"""


def seconds() -> dict[str, float]:
    """Return the median seconds of each peer's cold boot, the fastest first."""
    boots = results.load(results.COMMITTED)["workloads"][_WORKLOAD]["measures"]["boot"]
    return dict(sorted(((name, median(boots[name]["wall"])) for name in _PEERS), key=lambda item: item[1]))


def draw() -> str:
    """Return the drawing."""
    found = seconds()
    unit = (_WIDTH - _LEFT - 70) / max(found.values())
    body = svg.text(0, 18, "Cold boot until scikit-learn and pandas are imported, in seconds", "title")
    for number, (name, took) in enumerate(found.items()):
        y = _TOP + number * _ROW
        ours = name == AIRPACK
        body += svg.text(_LEFT - 12, y + 15, name, "name ours" if ours else "name")
        kind = "key" if ours else "bar"
        body += f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{took * unit:.1f}" height="{_BAR}" rx="3"/>\n'
        body += svg.text(_LEFT + took * unit + 8, y + 15, f"{took:.1f}", "ours" if ours else "soft")
    about = "; ".join(f"{name}: {took:.1f} s" for name, took in found.items())
    height = _TOP + len(found) * _ROW
    return svg.drawing(body, width=_WIDTH, height=height, about=f"Cold boots: {about}", style=_STYLE)
