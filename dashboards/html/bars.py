"""Bars and matrices written as SVG by hand: shares beside the land's, distributions, overlaps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing, drawn, opening
from terrasweep.dashboards.html.palette import NUM_DIVERGING

LINE: Final = 25
LABEL: Final = 248
BAR: Final = 162
NUMBERS: Final = 122
PLAIN: Final = NUM_DIVERGING // 2
CHARACTER: Final = 6.4
"""Pixels that a letter takes, on average."""


@dataclass(frozen=True)
class Bar:
    """One value of a stratum."""

    label: str
    share: float
    land: float | None
    """What share of the land has this value; none where that is not known."""


def shares(bars: Sequence[Bar], *, name: str, title: str) -> Drawing:
    """Draw the share of every value as a bar, with a tick at its share of the land."""
    width, height = LABEL + BAR + NUMBERS, LINE * len(bars) + 6
    top = max([bar.share for bar in bars] + [bar.land or 0.0 for bar in bars]) or 1.0
    alt = "; ".join(f"{bar.label} {wording.percent(bar.share)}{_of_land(bar)}" for bar in bars)
    parts = [opening(width, height, shown=1, title=title, alt=alt)]
    for place, bar in enumerate(bars):
        parts += _share_line(bar, y=LINE * place + 4, scale=BAR / top)
    return drawn("".join([*parts, "</svg>"]), name=name, title=title, alt=alt)


def distribution(
    bins: Mapping[int, int], *, per_unit: int, unit: str, mean: float, name: str, title: str
) -> Drawing:
    """Draw how many samples lie in each bin, from zero on, and where their mean is."""
    width, height, base = 540, 176, 138
    last, most = max(bins) + 1, max(bins.values())
    step = (width - 20) / last
    alt = f"{sum(bins.values()):,} samples from {min(bins) / per_unit:.2f} to {last / per_unit:.2f}"
    parts = [opening(width, height, shown=1, title=title, alt=f"{alt} {unit}, mean {mean:.2f}")]
    for at, number in sorted(bins.items()):
        high = (base - 26) * number / most
        size = f'width="{max(step - 0.5, 0.5):.2f}" height="{high:.1f}"'
        parts.append(f'<rect x="{10 + at * step:.2f}" y="{base - high:.1f}" {size} {_fill("m2")}/>')
    parts.append(_line(10, base, width - 10, base, colour="rule"))
    ticks = range(0, last + 1, max(per_unit // 2, 1))
    parts += [_text(10 + at * step, base + 17, f"{at / per_unit:g}", side="middle") for at in ticks]
    parts.append(_text(width / 2, base + 35, unit, side="middle"))
    x = 10 + mean * per_unit * step
    side = "end" if x > width / 2 else "start"
    parts.append(_line(x, 12, x, base, colour="ink"))
    parts.append(_text(x + (-6 if side == "end" else 6), 20, f"mean {mean:.2f}", side=side))
    return drawn("".join([*parts, "</svg>"]), name=name, title=title, alt=alt)


def matrix(
    labels: Sequence[str],
    values: Mapping[tuple[str, str], float],
    *,
    most: float,
    name: str,
    title: str,
) -> Drawing:
    """Draw a value for every two labels, the darker the larger; `most` is the largest there is."""
    left = 16 + CHARACTER * max(map(len, labels))
    above, size = 10 + 0.72 * left, 54
    width, height = left + size * len(labels) + above * 0.75, above + 34 * len(labels) + 4
    alt = "; ".join(f"{one} and {two} {value:.2f}" for (one, two), value in values.items())
    parts = [opening(width, height, shown=1, title=title, alt=alt)]
    for place, label in enumerate(labels):
        x, y = left + size * (place + 0.5), above + 34 * (place + 0.5)
        parts.append(_text(left - 10, y + 4, label, side="end", colour="ink"))
        turned = f'transform="rotate(-38 {x:.0f} {above - 8:.0f})"'
        parts.append(_text(x, above - 8, label, side="start", colour="ink", more=turned))
    for row, one in enumerate(labels):
        for column, two in enumerate(labels):
            value = values.get((one, two), values.get((two, one)))
            x, y = left + size * column, above + 34 * row
            parts += _matrix_cell(x, y, value, size=size, most=most)
    return drawn("".join([*parts, "</svg>"]), name=name, title=title, alt=alt)


def _share_line(bar: Bar, *, y: float, scale: float) -> Iterable[str]:
    wide = bar.share * scale
    yield _text(LABEL - 10, y + 13, bar.label, side="end", colour="ink")
    yield f'<rect x="{LABEL}" y="{y + 2}" width="{wide:.1f}" height="14" {_fill("m2")}/>'
    if bar.land is not None:
        x = LABEL + bar.land * scale
        yield _line(x, y - 1, x, y + 19, colour="ink", thick=2)
    far = max(wide, (bar.land or 0.0) * scale)
    yield _text(LABEL + far + 8, y + 13, f"{wording.percent(bar.share)}{_of_land(bar)}")


def _of_land(bar: Bar) -> str:
    return "" if bar.land is None else f" (land {wording.percent(bar.land)})"


def _matrix_cell(
    x: float, y: float, value: float | None, *, size: float, most: float
) -> Iterable[str]:
    depth = 0 if value is None else round(PLAIN * min(value / most, 1.0))
    colour = "paper" if value is None else f"d{PLAIN + depth}"
    box = f'x="{x + 1:.1f}" y="{y + 1:.1f}" width="{size - 2}" height="32"'
    yield f"<rect {box} {_fill(colour)}/>"
    number = wording.NOTHING if value is None else f"{value:.2f}"
    yield _text(x + size / 2, y + 21, number, side="middle", colour="ink")


def _text(
    x: float, y: float, words: str, *, side: str = "start", colour: str = "muted", more: str = ""
) -> str:
    style = f'text-anchor="{side}" {_fill(colour)} style="font:12px var(--sans)"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style} {more}>{escape(words)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, *, colour: str, thick: float = 1.2) -> str:
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} stroke="var(--{colour})" stroke-width="{thick}"/>'


def _fill(colour: str) -> str:
    return f'fill="var(--{colour})"'
