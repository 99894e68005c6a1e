"""The only door to matplotlib: every figure of a report, drawn in stand-in colours."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dashboards import words
from dashboards.drawing import Drawing, drawing
from dashboards.palette import NUM_DIVERGING, NUM_LINES, stand_in
from dashboards.tables import Row

MIDDLE = NUM_DIVERGING // 2
CELL = 0.98
"""Inches from one continent of a heat map to the next."""
NUM_POINTS = 150
"""Points of a drawn curve."""
LINE_STYLES = ("-", "--", ":", "-.")


def heat_map(
    scores: Mapping[tuple[str, str], Row],
    *,
    contrasts: Mapping[tuple[str, str], Row],
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
    figure, axes = _axes(wide * CELL, high * 0.52, left=left, right=right, top=0.55, bottom=0.65)
    for y, composition in enumerate(compositions):
        label = f"{composition}\n(baseline)" if composition == baseline else composition
        _text(axes, -0.1, y + 0.5, label, ha="right", size=10)
        for x, continent in enumerate(continents):
            place = (composition, continent)
            _heat_cell(axes, x, y, scores.get(place), told=contrasts.get(place), largest=largest)
    for x, continent in enumerate(continents):
        where = words.place(continent).replace(" ", "\n", 1)
        _text(axes, x + 0.5, -0.12, where, va="bottom", size=9, colour="muted")
    axes.set_xlim(0, wide)
    axes.set_ylim(high, 0)
    if contrasts:
        _diverging_legend(axes, high + 0.35, largest=largest, baseline=baseline)
    told = (
        f"{one} {words.place(two)} {words.score(row['mean'])}" for (one, two), row in scores.items()
    )
    return _finished(figure, name=name, title=title, alt="; ".join(told))


def forest(
    blocks: Mapping[str, Sequence[Row]], *, baseline: str, name: str, title: str, unit: str
) -> Drawing:
    """Draw paired differences with their intervals, in blocks of one composition."""
    num_lines = sum(len(rows) + 1.6 for rows in blocks.values())
    figure, axes = _axes(4.4, 0.235 * num_lines, left=1.75, right=2.1, top=0.1, bottom=0.55)
    y = 0.0
    for composition, rows in blocks.items():
        _beside(axes, 0, y, f"{composition} against {baseline}", size=10, weight="bold")
        for row in rows:
            y += 1
            _forest_line(axes, y, row)
        y += 1.6
    axes.axvline(0, color=stand_in("muted"), linewidth=0.9, zorder=0)
    axes.set_ylim(y - 0.9, -0.7)
    reach = 1.06 * max(abs(end) for rows in blocks.values() for row in rows for end in _ends(row))
    axes.set_xlim(-reach, reach)
    axes.set_yticks([])
    _frame(axes, xlabel=f"difference in {unit}: left, {baseline} is ahead; right, it is behind")
    return _finished(figure, name=name, title=title, alt=_forest_alt(blocks, baseline))


def curves(
    histories: Mapping[str, Sequence[Mapping[str, np.ndarray]]], *, name: str, title: str
) -> Drawing:
    """Draw the loss of every pretraining; replicates of a composition share their colour."""
    figure, axes = _axes(6.4, 2.9, left=0.75, right=1.6, top=0.1, bottom=0.55)
    for at, (composition, runs) in enumerate(histories.items()):
        colour = stand_in(f"c{at % NUM_LINES}")
        style = LINE_STYLES[at // NUM_LINES % len(LINE_STYLES)]
        for number, run in enumerate(runs):
            label = "_replicate" if number else composition
            x, y = _smooth(run["step"]), _smooth(run["loss"])
            axes.plot(x, y, style, color=colour, linewidth=1.6, label=label)
    _frame(axes, xlabel="optimiser step", ylabel="loss")
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0.0,
        frameon=False,
        fontsize=10,
        labelcolor=stand_in("ink"),
    )
    last = (
        f"{composition} ends at {words.score(float(run['loss'][-1]))}"
        for composition, runs in histories.items()
        for run in runs
    )
    return _finished(figure, name=name, title=title, alt="; ".join(last))


def _axes(
    wide: float, high: float, *, left: float, right: float, top: float, bottom: float
) -> tuple[Figure, Axes]:
    """Return axes of a size in inches, with margins in inches; no ticks, no frame."""
    width, height = wide + left + right, high + top + bottom
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
    axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    return figure, axes


def _frame(axes: Axes, *, xlabel: str, ylabel: str = "") -> None:
    axes.tick_params(
        bottom=True,
        labelbottom=True,
        labelleft=bool(ylabel),
        color=stand_in("rule"),
        labelcolor=stand_in("muted"),
        labelsize=9,
    )
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(stand_in("rule"))
    axes.grid(True, axis="y" if ylabel else "x", color=stand_in("rule"), linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(xlabel, color=stand_in("muted"), fontsize=9, labelpad=7)
    axes.set_ylabel(ylabel, color=stand_in("muted"), fontsize=9, labelpad=7)


def _text(axes: Axes, x: float, y: float, said: str, *, colour: str = "ink", **style: Any) -> None:
    style = {"ha": "center", "va": "center", "linespacing": 1.15, **style}
    axes.text(x, y, said, color=stand_in(colour), **style)


def _heat_cell(
    axes: Axes, x: int, y: int, row: Row | None, *, told: Row | None, largest: float
) -> None:
    share = 0.0 if told is None else float(np.clip(told["difference"] / largest, -1, 1))
    colour = stand_in("paper" if row is None else f"d{MIDDLE + round(MIDDLE * share)}")
    axes.add_patch(Rectangle((x + 0.03, y + 0.04), 0.94, 0.92, color=colour, linewidth=0))
    if row is None:
        _text(axes, x + 0.5, y + 0.5, words.NOTHING, size=10, colour="muted")
        return
    weight = "bold" if told is not None and told["distinguishable"] else "normal"
    _text(axes, x + 0.5, y + 0.4, words.score(row["mean"]), size=10.5, weight=weight)
    if row["std"] is not None:
        _text(axes, x + 0.5, y + 0.75, f"±{row['std']:.3f}", size=7.5)


def _largest(sizes: Sequence[float]) -> float:
    """Return where the colours end: an outlier such as no pretraining must not pale all others."""
    return min(max(sizes), 2 * float(np.median(sizes))) or 1.0 if sizes else 1.0


def _diverging_legend(axes: Axes, y: float, *, largest: float, baseline: str) -> None:
    """Draw the colours below the axes, from their left edge on."""
    size, left = 0.24, 0.62
    for step in range(NUM_DIVERGING):
        place = (left + step * size, y)
        patch = Rectangle(place, size, 0.26, color=stand_in(f"d{step}"), linewidth=0, clip_on=False)
        axes.add_patch(patch)
    right = left + NUM_DIVERGING * size
    told = {
        left - 0.06: ("right", f"≤ {words.signed(-largest)}"),
        right + 0.06: (
            "left",
            f"≥ {words.signed(largest)} against {baseline}; bold: distinguishable",
        ),
    }
    for x, (side, said) in told.items():
        _text(axes, x, y + 0.14, said, ha=side, size=8, colour="muted")


def _beside(axes: Axes, side: int, y: float, said: str, **style: Any) -> None:
    """Write left (0) or right (1) of the axes, at a height in data."""
    axes.annotate(
        said,
        (side, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(8 if side else -120, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        color=stand_in("ink"),
        **style,
    )


def _forest_line(axes: Axes, y: float, row: Row) -> None:
    ahead = "ahead" if row["difference"] > 0 else "behind"
    colour = stand_in(ahead if row["distinguishable"] else "muted")
    if row["low"] is not None:
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.8)
    fill = colour if row["distinguishable"] else stand_in("paper")
    axes.plot(
        [row["difference"]], [y], "o", markersize=5.5, color=colour, markerfacecolor=fill, zorder=3
    )
    _beside(axes, 0, y, words.place(row["continent"]), size=9)
    said = f"{words.signed(row['difference'])} {words.interval(row['low'], row['high'])}"
    _beside(axes, 1, y, said, size=9)


def _ends(row: Row) -> list[float]:
    return [row[end] for end in ("difference", "low", "high") if row[end] is not None]


def _forest_alt(blocks: Mapping[str, Sequence[Row]], baseline: str) -> str:
    said = (
        f"{composition} against {baseline}, {words.place(row['continent'])}: "
        f"{words.signed(row['difference'])} {words.interval(row['low'], row['high'])}"
        for composition, rows in blocks.items()
        for row in rows
    )
    return "; ".join(said)


def _smooth(curve: np.ndarray) -> np.ndarray:
    """Average a long curve in blocks, so that neither noise nor the file's size grows with it."""
    blocks = np.array_split(curve, min(curve.size, NUM_POINTS))
    return np.array([block.mean() for block in blocks])


def _finished(figure: Figure, *, name: str, title: str, alt: str) -> Drawing:
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return drawing(out.getvalue(), name=name, title=title, alt=alt)
