"""Curves of pretrainings."""

from collections.abc import Mapping, Sequence

import numpy as np

from terrasweep.dashboards.figures import canvas
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import NUM_LINES, stand_in

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
