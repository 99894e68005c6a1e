"""Lines: losses over optimiser steps, differences over the number of labels."""

from collections.abc import Mapping, Sequence

import numpy as np

from terrasweep.dashboards.figures import canvas
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import NUM_LINES, stand_in
from terrasweep.dashboards.tables.rows import DifferenceRow

NUM_POINTS = 150
"""Points of a drawn curve."""
LINE_STYLES = ("-", "--", ":", "-.")


def curves(
    histories: Mapping[str, Sequence[Mapping[str, np.ndarray]]], *, name: str, title: str
) -> Drawing:
    """Draw the loss of every pretraining; replicates of a composition share their colour."""
    figure, axes = canvas.axes(6.4, 2.9, left=0.75, right=1.6, top=0.1, bottom=0.55)
    for at, (composition, runs) in enumerate(histories.items()):
        colour = stand_in(f"c{at % NUM_LINES}")
        style = LINE_STYLES[at // NUM_LINES % len(LINE_STYLES)]
        for number, run in enumerate(runs):
            label = "_replicate" if number else composition
            x, y = _smooth(run["step"]), _smooth(run["loss"])
            axes.plot(x, y, style, color=colour, linewidth=1.6, label=label)
    canvas.frame(axes, xlabel="optimiser step", ylabel="loss")
    canvas.legend(axes)
    last = (
        f"{composition} ends at {wording.score(float(run['loss'][-1]))}"
        for composition, runs in histories.items()
        for run in runs
    )
    return canvas.finished(figure, name=name, title=title, alt="; ".join(last))


def _smooth(curve: np.ndarray) -> np.ndarray:
    """Average a long curve in blocks, so that neither noise nor the file's size grows with it."""
    blocks = np.array_split(curve, min(curve.size, NUM_POINTS))
    return np.array([block.mean() for block in blocks])


def scaling(
    lines: Mapping[str, Sequence[DifferenceRow]], *, baseline: str, name: str, title: str, unit: str
) -> Drawing:
    """Draw one line for each composition; its rows are differences at rising n."""
    figure, axes = canvas.axes(6.4, 3.1, left=0.85, right=1.6, top=0.1, bottom=0.6)
    for at, (composition, rows) in enumerate(lines.items()):
        colour = stand_in(f"c{at % NUM_LINES}")
        x, y = [row["n"] for row in rows], [row["difference"] for row in rows]
        low, high = (
            np.array([row["low"] for row in rows], dtype=np.float64),
            np.array([row["high"] for row in rows], dtype=np.float64),
        )
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(x, y, "o-", color=colour, linewidth=1.6, markersize=4.5, label=composition)
    axes.axhline(0, color=stand_in("muted"), linewidth=0.9, zorder=0)
    axes.set_xscale("log")
    ns = sorted({row["n"] for rows in lines.values() for row in rows})
    canvas.frame(axes, xlabel="labelled samples, n", ylabel=f"{unit} against {baseline}")
    axes.set_xticks(ns, [f"{n:,}" for n in ns])
    axes.set_xticks([], minor=True)
    canvas.legend(axes)
    points = (
        f"{composition} at {row['n']:,}: {wording.signed(row['difference'])} "
        f"{wording.interval(row['low'], row['high'])}"
        for composition, rows in lines.items()
        for row in rows
    )
    return canvas.finished(figure, name=name, title=title, alt="; ".join(points))
