"""Pretrained there, judged here: a matrix whose diagonal is at home."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle

from terrasweep.dashboards.figures import canvas
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import NUM_DIVERGING, stand_in

MIDDLE = NUM_DIVERGING // 2


def crossing(
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
    canvas.text(axes, size / 2, -1.25, "judged in", size=9, colour="muted")
    canvas.text(axes, -1.9, -0.4, "pretrained on", size=9, colour="muted", ha="left")
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    told = (
        f"{wording.place(home)} in {wording.place(where)} {wording.score(float(values[y, x]))}"
        for y, home in enumerate(continents)
        for x, where in enumerate(continents)
    )
    return canvas.finished(figure, name=name, title=title, alt="; ".join(told))
