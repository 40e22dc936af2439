"""Plots as inline SVG: bars, and bars that are stacked by day. No script, no font, nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, ROW, LABEL = 720, 22, 210
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#b7791f", "#6b46c1", "#c53030", "#2c7a7b", "#718096")
DAYS_AT_MOST = 120
_HEIGHT, _FOOT, _LEGEND = 200, 20, 18


def bars(counts: Mapping[str, int], title: str) -> str:
    """One bar for each name, the largest first, with its number."""
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    largest = max((count for _, count in rows), default=0) or 1
    drawn = []
    for at, (name, count) in enumerate(rows):
        width = (WIDTH - LABEL - 80) * count / largest
        top = at * ROW
        drawn.append(
            f'<text x="{LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LABEL}" y="{top + 3}" width="{width:.1f}" height="{ROW - 6}" fill="{COLOURS[0]}"/>'
            f'<text x="{LABEL + width + 6:.1f}" y="{top + 15}">{count}</text>'
        )
    return _svg("".join(drawn), len(rows) * ROW, title)


def stacked(days: Mapping[str, Mapping[str, int]], title: str) -> str:
    """A column for each day, parted by reason; the last `DAYS_AT_MOST` days."""
    shown = sorted(days.items())[-DAYS_AT_MOST:]
    names = _largest(days)
    tallest = max((sum(counts.values()) for _, counts in shown), default=0) or 1
    step = WIDTH / max(len(shown), 1)
    drawn = []
    for at, (day, counts) in enumerate(shown):
        foot = float(_HEIGHT)
        for number, name in enumerate(names):
            count = (
                sum(counts.values()) - sum(counts.get(n, 0) for n in names[:-1]) if name == "" else counts.get(name, 0)
            )
            if count:
                height = _HEIGHT * count / tallest
                foot -= height
                drawn.append(
                    f'<rect x="{at * step:.1f}" y="{foot:.1f}" width="{max(step - 1, 0.5):.1f}" height="{height:.1f}"'
                    f' fill="{COLOURS[number]}"><title>{day}: {escape(name) or "others"} {count}</title></rect>'
                )
    if shown:
        drawn.append(f'<text x="0" y="{_HEIGHT + 14}">{shown[0][0]}</text>')
        drawn.append(f'<text x="{WIDTH}" y="{_HEIGHT + 14}" text-anchor="end">{shown[-1][0]}</text>')
    return _svg("".join(drawn) + _legend(names), _HEIGHT + _FOOT + _LEGEND * len(names), title)


def _largest(days: Mapping[str, Mapping[str, int]]) -> Sequence[str]:
    """The names that are told apart, the largest first; "" for all others together, where there are more."""
    totals: dict[str, int] = {}
    for counts in days.values():
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
    names = sorted(totals, key=lambda name: (-totals[name], name))
    return names if len(names) <= len(COLOURS) else [*names[: len(COLOURS) - 1], ""]


def _legend(names: Sequence[str]) -> str:
    drawn = []
    for number, name in enumerate(names):
        top = _HEIGHT + _FOOT + number * _LEGEND
        drawn.append(
            f'<rect x="0" y="{top + 2}" width="12" height="12" fill="{COLOURS[number]}"/>'
            f'<text x="18" y="{top + 13}">{escape(name) or "others"}</text>'
        )
    return "".join(drawn)


def _svg(drawn: str, height: int, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {max(height, 1)}" role="img" aria-label="{escape(title)}" width="100%">'
        f"<title>{escape(title)}</title>{drawn}</svg>"
    )
