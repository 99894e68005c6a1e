"""What figures share: axes measured in inches, words on them, and how they are finished."""

import io
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from terrasweep.dashboards.html.drawing import Drawing, drawing
from terrasweep.dashboards.html.palette import stand_in


def axes(
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


def frame(axes: Axes, *, xlabel: str, ylabel: str = "") -> None:
    """Draw the ticks, the lower edge, the grid and the labels of the axes."""
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


def text(
    axes: Axes,
    x: float,
    y: float,
    words: str,
    *,
    size: float,
    colour: str = "ink",
    ha: Literal["left", "center", "right"] = "center",
    va: Literal["center", "bottom"] = "center",
    weight: str = "normal",
) -> None:
    """Write at a place in data."""
    style = {"ha": ha, "va": va, "size": size, "weight": weight}
    axes.text(x, y, words, color=stand_in(colour), linespacing=1.15, fontdict=style)


def beside(
    axes: Axes, side: int, y: float, words: str, *, size: float, weight: str = "normal"
) -> None:
    """Write left (0) or right (1) of the axes, at a height in data."""
    axes.annotate(
        words,
        (side, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(8 if side else -120, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        color=stand_in("ink"),
        size=size,
        weight=weight,
    )


def legend(axes: Axes) -> None:
    """Name the lines on the right of the axes."""
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0.0,
        frameon=False,
        fontsize=10,
        labelcolor=stand_in("ink"),
    )


def finished(figure: Figure, *, name: str, title: str, alt: str) -> Drawing:
    """Return a figure as a drawing."""
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return drawing(out.getvalue(), name=name, title=title, alt=alt)
