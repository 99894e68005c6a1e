"""Matrices of scores: compositions on continents, and continents on continents."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from terrasweep.dashboards.figures import canvas
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import NUM_DIVERGING, stand_in
from terrasweep.dashboards.tables.rows import DifferenceRow, SummaryRow

MIDDLE = NUM_DIVERGING // 2
CELL = 0.98
"""Inches from one continent of a heat map to the next."""


def heat_map(
    scores: Mapping[tuple[str, str], SummaryRow],
    *,
    contrasts: Mapping[tuple[str, str], DifferenceRow],
    compositions: Sequence[str],
    continents: Sequence[str],
    baseline: str,
    name: str,
    title: str,
) -> Drawing:
    """Draw the mean of every composition on every continent, coloured by its difference."""
    largest = _largest([abs(row["difference"]) for row in contrasts.values()])
    wide, high = len(continents), len(compositions)
    left = 0.25 + 0.085 * max(len("(baseline)"), *map(len, compositions))
    legend = 5.2 + 0.07 * len(baseline)  # it may be wider than a few continents
    right = max(0.1, legend - wide * CELL)
    figure, axes = canvas.axes(
        wide * CELL, high * 0.62, left=left, right=right, top=0.55, bottom=0.65
    )
    for y, composition in enumerate(compositions):
        label = f"{composition}\n(baseline)" if composition == baseline else composition
        canvas.text(axes, -0.1, y + 0.5, label, ha="right", size=10)
        for x, continent in enumerate(continents):
            place = (composition, continent)
            _heat_cell(axes, x, y, scores.get(place), contrasts.get(place), largest=largest)
    for x, continent in enumerate(continents):
        where = wording.place(continent).replace(" ", "\n", 1)
        canvas.text(axes, x + 0.5, -0.12, where, va="bottom", size=9, colour="muted")
    axes.set_xlim(0, wide)
    axes.set_ylim(high, 0)
    if contrasts:
        _diverging_legend(axes, high + 0.35, largest=largest, baseline=baseline)
    cells = (
        f"{one} {wording.place(two)} {wording.score(row['mean'])}"
        for (one, two), row in scores.items()
    )
    return canvas.finished(figure, name=name, title=title, alt="; ".join(cells))


def _heat_cell(
    axes: Axes,
    x: int,
    y: int,
    row: SummaryRow | None,
    contrast: DifferenceRow | None,
    *,
    largest: float,
) -> None:
    share = 0.0 if contrast is None else float(np.clip(contrast["difference"] / largest, -1, 1))
    colour = stand_in("paper" if row is None else f"d{MIDDLE + round(MIDDLE * share)}")
    axes.add_patch(Rectangle((x + 0.03, y + 0.04), 0.94, 0.92, color=colour, linewidth=0))
    if row is None:
        canvas.text(axes, x + 0.5, y + 0.5, wording.NOTHING, size=10, colour="muted")
        return
    weight = "bold" if contrast is not None and contrast["distinguishable"] else "normal"
    canvas.text(axes, x + 0.5, y + 0.3, wording.score(row["mean"]), size=10.5, weight=weight)
    if row["std"] is not None:
        canvas.text(axes, x + 0.5, y + 0.57, f"±{row['std']:.3f}", size=7.5)
    if row["low"] is not None:
        canvas.text(axes, x + 0.5, y + 0.79, wording.interval(row["low"], row["high"]), size=7.5)


def _largest(sizes: Sequence[float]) -> float:
    """Return where the colours end.

    It is limited to twice the median: an outlier such as no pretraining would pale all others.
    """
    return min(max(sizes), 2 * float(np.median(sizes))) or 1.0 if sizes else 1.0


def _diverging_legend(axes: Axes, y: float, *, largest: float, baseline: str) -> None:
    """Draw the colours below the axes, from their left edge on."""
    size, left = 0.24, 0.62
    for step in range(NUM_DIVERGING):
        place = (left + step * size, y)
        patch = Rectangle(place, size, 0.26, color=stand_in(f"d{step}"), linewidth=0, clip_on=False)
        axes.add_patch(patch)
    right = left + NUM_DIVERGING * size
    ends: dict[float, tuple[Literal["left", "right"], str]] = {
        left - 0.06: ("right", f"≤ {wording.signed(-largest)}"),
        right + 0.06: (
            "left",
            f"≥ {wording.signed(largest)} against {baseline}; bold: distinguishable",
        ),
    }
    for x, (side, words) in ends.items():
        canvas.text(axes, x, y + 0.14, words, ha=side, size=8, colour="muted")


def home_matrix(
    values: np.ndarray, *, continents: Sequence[str], sign: int, name: str, title: str
) -> Drawing:
    """Draw the scores of each column against the column's mean; the diagonal has a frame."""
    size = len(continents)
    apart = sign * (values - values.mean(axis=0))
    largest = float(np.abs(apart).max()) or 1.0
    figure, axes = canvas.axes(size * 0.98, size * 0.5, left=1.9, right=0.2, top=0.85, bottom=0.1)
    for y, home in enumerate(continents):
        canvas.text(axes, -0.1, y + 0.5, wording.place(home), ha="right", size=10)
        for x in range(size):
            shade = MIDDLE + round(MIDDLE * float(apart[y, x]) / largest)
            edge = stand_in("ink" if x == y else f"d{shade}")
            place, face = (x + 0.03, y + 0.04), stand_in(f"d{shade}")
            axes.add_patch(
                Rectangle(place, 0.94, 0.92, facecolor=face, edgecolor=edge, linewidth=1.3)
            )
            canvas.text(axes, x + 0.5, y + 0.5, wording.score(float(values[y, x])), size=10)
    for x, place_name in enumerate(continents):
        where = wording.place(place_name).replace(" ", "\n", 1)
        canvas.text(axes, x + 0.5, -0.12, where, va="bottom", size=9, colour="muted")
    canvas.text(axes, size / 2, -1.25, "tested in", size=9, colour="muted")
    canvas.text(axes, -1.9, -0.4, "pretrained on", size=9, colour="muted", ha="left")
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    cells = (
        f"{wording.place(home)} in {wording.place(where)} {wording.score(float(values[y, x]))}"
        for y, home in enumerate(continents)
        for x, where in enumerate(continents)
    )
    return canvas.finished(figure, name=name, title=title, alt="; ".join(cells))
