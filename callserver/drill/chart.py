"""A drill as one picture: bit rate and frame rate over time, ours and direct, each direction. SVG without a library."""

from html import escape

from callserver.drill.run import Outcome

_WIDTH, _PANEL, _LEFT, _TOP = 860, 170, 60, 50
_COLOURS = {"ours": "#0b6e4f", "direct": "#b3541e"}


def draw(outcomes: dict[str, Outcome], title: str) -> str:
    """An SVG document."""
    panels = [
        (f"{label}: {name}", direction, name)
        for direction, label in (("to_customer", "To the customer"), ("to_agent", "To the agent"))
        for name in ("kbps", "fps")
    ]
    height = _TOP + len(panels) * (_PANEL + 40) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="16">{escape(title)}</text>',
    ]
    for index, name in enumerate(outcomes):
        colour = _COLOURS.get(name, "#444")
        parts.append(
            f'<text x="{_WIDTH - 160 + 70 * index}" y="24" font-size="14" fill="{colour}">{escape(name)}</text>'
        )
    for index, (label, direction, field) in enumerate(panels):
        parts += _panel(outcomes, direction, field, label, _TOP + index * (_PANEL + 40))
    return "\n".join([*parts, "</svg>"])


def _panel(outcomes: dict[str, Outcome], direction: str, field: str, label: str, top: int) -> list[str]:
    lines = {name: getattr(outcome, direction).timeline for name, outcome in outcomes.items()}
    highest = max((row[field] for rows in lines.values() for row in rows), default=0.0) * 1.1 or 1.0
    longest = max((row["at"] for rows in lines.values() for row in rows), default=0.0) or 1.0
    width, bottom = _WIDTH - _LEFT - 20, top + _PANEL
    parts = [
        f'<text x="{_LEFT}" y="{top - 6}" font-size="12" fill="#333">{escape(label)}</text>',
        f'<path d="M{_LEFT} {top}V{bottom}H{_WIDTH - 20}" fill="none" stroke="#999"/>',
    ]
    for share in (0.5, 1.0):
        y = bottom - share * _PANEL / 1.1
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - 20}" stroke="#eee"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" font-size="11" text-anchor="end">{share * highest / 1.1:.0f}</text>'
        )
    for second in range(0, int(longest) + 1, max(1, int(longest) // 6)):
        x = _LEFT + second / longest * width
        parts.append(f'<text x="{x:.1f}" y="{bottom + 14}" font-size="11" text-anchor="middle">{second} s</text>')
    for name, rows in lines.items():
        points = " ".join(
            f"{_LEFT + row['at'] / longest * width:.1f},{bottom - row[field] / highest * _PANEL:.1f}" for row in rows
        )
        colour = _COLOURS.get(name, "#444")
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts
