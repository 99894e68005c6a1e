"""Compositions as points: how diverse they are, and how they do."""

from collections.abc import Sequence

import numpy as np

from terrasweep.dashboards.figures import canvas
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import stand_in

HEIGHT = 0.085
"""Height of a name, as a share of the range of the points."""
WIDTH = 0.3
"""Width of a name."""


def scatter(
    names: Sequence[str],
    x: np.ndarray,
    y: np.ndarray,
    *,
    xlabel: str,
    ylabel: str,
    name: str,
    title: str,
) -> Drawing:
    """Draw a point for every composition, named, and the line of least squares."""
    figure, axes = canvas.axes(3.3, 2.5, left=0.85, right=1.0, top=0.15, bottom=0.6)
    if np.ptp(x) > 0:
        slope, start = np.polyfit(x, y, 1)
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, start + slope * ends, color=stand_in("rule"), linewidth=1.4, zorder=0)
    axes.plot(x, y, "o", color=stand_in("accent"), markersize=5.5)
    for one, across, up, beside in zip(names, x, y, _apart(x, y), strict=True):
        axes.annotate(
            one,
            (across, up),
            xytext=(across + 0.04 * (np.ptp(x) or 1.0), beside),
            va="center",
            size=8,
            color=stand_in("ink"),
        )
    axes.margins(x=0.08, y=0.12)
    canvas.frame(axes, xlabel=xlabel, ylabel=ylabel)
    points = (f"{one} {across:.3f}, {up:.3f}" for one, across, up in zip(names, x, y, strict=True))
    return canvas.finished(figure, name=name, title=title, alt="; ".join(points))


def _apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the heights of the names: as their points, but pushed up where they would overlap."""
    heights = np.array(y, dtype=np.float64)
    line, column = HEIGHT * (np.ptp(y) or 1.0), WIDTH * (np.ptp(x) or 1.0)
    order = np.argsort(y, kind="stable")
    for at, one in enumerate(order):
        near = [heights[other] for other in order[:at] if abs(x[other] - x[one]) < column]
        heights[one] = max([heights[one], *(height + line for height in near)])
    return heights
