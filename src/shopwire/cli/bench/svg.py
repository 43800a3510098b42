"""Plain bar and line charts as SVG text, readable on light and dark ground."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final, Literal

import msgspec

WIDTH: Final = 760
LABEL: Final = 230
ROW: Final = 34
HEAD: Final = 64
PLOT_HEIGHT: Final = 260
COLOURS: Final = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#64748b")


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One picture: bars by name, or lines over a shared axis."""

    name: str
    """Part of the file's name."""
    title: str
    unit: str
    kind: Literal["bars", "lines"] = "bars"
    bars: Sequence[tuple[str, float]] = ()
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]] = ()
    """Name and points (x, y) of each line."""
    x_unit: str = ""
    log_scale: bool = False
    """For bars whose values are orders of magnitude apart."""


def render(chart: Chart) -> str:
    """The chart as a whole SVG document."""
    body, height = _bars(chart) if chart.kind == "bars" else _lines(chart)
    style = (
        "text{font:13px system-ui,sans-serif;fill:#334155}"
        "@media(prefers-color-scheme:dark){text{fill:#cbd5e1}}"
        ".t{font-size:16px;font-weight:600}.g{stroke:#94a3b8;stroke-opacity:.35}"
    )
    title = escape(chart.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{title}"><style>{style}</style>'
        f'<text class="t" x="16" y="28">{title}</text>'
        f'<text x="16" y="48">{escape(chart.unit)}{" (log scale)" if chart.log_scale else ""}'
        f"</text>{''.join(body)}</svg>\n"
    )


def _bars(chart: Chart) -> tuple[list[str], int]:
    room = WIDTH - LABEL - 120
    largest = max((value for _, value in chart.bars), default=1) or 1
    body: list[str] = []
    for row, (name, value) in enumerate(chart.bars):
        y = HEAD + row * ROW
        share = _log_share(value, largest) if chart.log_scale else value / largest
        length = max(1.0, share * room)
        colour = COLOURS[0] if row == 0 else COLOURS[-1]
        body.append(
            f'<text x="{LABEL - 10}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="22" rx="3" fill="{colour}"/>'
            f'<text x="{LABEL + length + 8:.1f}" y="{y + 16}">{_number(value)}</text>'
        )
    return body, HEAD + len(chart.bars) * ROW + 16


def _log_share(value: float, largest: float) -> float:
    return math.log10(max(value, 1) + 1) / math.log10(max(largest, 1) + 1)


def _lines(chart: Chart) -> tuple[list[str], int]:
    points = [point for _, line in chart.lines for point in line] or [(0.0, 0.0)]
    x_max, y_max = (max(axis) or 1 for axis in zip(*points, strict=True))
    left, bottom, room = 70, HEAD + PLOT_HEIGHT, WIDTH - 100
    body: list[str] = []
    for step in range(5):
        y = bottom - PLOT_HEIGHT * step / 4
        body.append(
            f'<line class="g" x1="{left}" x2="{left + room}" y1="{y}" y2="{y}"/>'
            f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{_number(y_max * step / 4)}</text>'
        )
    for number, (name, line) in enumerate(chart.lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(
            f"{left + x / x_max * room:.1f},{bottom - y / y_max * PLOT_HEIGHT:.1f}" for x, y in line
        )
        body.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<rect x="{left + number * 150}" y="{bottom + 34}" width="12" height="12" '
            f'fill="{colour}"/>'
            f'<text x="{left + number * 150 + 18}" y="{bottom + 45}">{escape(name)}</text>'
        )
    body.append(
        f'<text x="{left + room}" y="{bottom + 20}" text-anchor="end">{chart.x_unit}</text>'
    )
    return body, bottom + 64


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
