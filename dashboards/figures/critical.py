"""Average ranks on a line, and bars under those that cannot be told apart (Demsar 2006)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from terrasweep.dashboards.figures import canvas
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import stand_in
from terrasweep.dashboards.statistics.ranks import cliques

WIDE = 6.2
LINE = 0.24
"""Inches from one line of words to the next."""


def critical_difference(
    ranks: Mapping[str, float], *, critical: float, name: str, title: str
) -> Drawing:
    """Draw the average rank of every composition, the best on the left."""
    names = sorted(ranks, key=lambda one: (ranks[one], one))
    values = np.array([ranks[one] for one in names])
    groups = cliques(values, critical=critical)
    high = LINE * (len(groups) + (len(names) + 1) // 2 + 3)
    figure, axes = canvas.axes(WIDE, high, left=1.7, right=1.7, top=0.1, bottom=0.1)
    axes.set_xlim(0.8, len(names) + 0.2)
    axes.set_ylim(high / LINE, -2.4)
    axes.plot([1, len(names)], [0, 0], color=stand_in("ink"), linewidth=1.2)
    for rank in range(1, len(names) + 1):
        axes.plot([rank, rank], [-0.25, 0], color=stand_in("ink"), linewidth=1.0)
        canvas.text(axes, rank, -0.7, f"{rank}", size=9, colour="muted")
    axes.plot([1, 1 + critical], [-1.7, -1.7], color=stand_in("warn"), linewidth=2.5)
    canvas.text(
        axes, 1.05 + critical, -1.7, "critical difference", size=8.5, colour="muted", ha="left"
    )
    for at, group in enumerate(groups):
        ends = [values[group[0]] - 0.04, values[group[-1]] + 0.04]
        axes.plot(ends, [at + 0.7] * 2, color=stand_in("muted"), linewidth=4)
    _labels(axes, names, values, below=len(groups) + 1.0)
    listed = ", ".join(f"{one} {ranks[one]:.2f}" for one in names)
    alt = f"Average ranks, 1 is best: {listed}; critical difference {critical:.2f}"
    return canvas.finished(figure, name=name, title=title, alt=alt)


def _labels(axes: Axes, names: list[str], values: np.ndarray, *, below: float) -> None:
    """Write the better half on the left and the rest on the right, lines leading to their ranks."""
    half = (len(names) + 1) // 2
    for at, (one, rank) in enumerate(zip(names, values, strict=True)):
        is_left = at < half
        y = below + (at if is_left else len(names) - 1 - at)
        edge = 0.8 if is_left else len(names) + 0.2
        axes.plot([rank, rank, edge], [0, y, y], color=stand_in("rule"), linewidth=1.0, zorder=0)
        canvas.beside(axes, 0 if is_left else 1, y, f"{one}  {rank:.2f}", size=9.5)
