"""Paired differences with their intervals, one line each."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from terrasweep.dashboards.figures import canvas
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.palette import stand_in
from terrasweep.dashboards.tables.rows import DifferenceRow


def forest(
    blocks: Mapping[str, Sequence[DifferenceRow]],
    *,
    baseline: str,
    name: str,
    title: str,
    unit: str,
) -> Drawing:
    """Draw paired differences with their intervals, in blocks of one composition."""
    num_lines = sum(len(rows) + 1.6 for rows in blocks.values())
    figure, axes = canvas.axes(4.4, 0.235 * num_lines, left=1.75, right=2.1, top=0.1, bottom=0.55)
    y = 0.0
    for composition, rows in blocks.items():
        canvas.beside(axes, 0, y, f"{composition} against {baseline}", size=10, weight="bold")
        for row in rows:
            y += 1
            _forest_line(axes, y, row)
        y += 1.6
    axes.axvline(0, color=stand_in("muted"), linewidth=0.9, zorder=0)
    axes.set_ylim(y - 0.9, -0.7)
    reach = max(abs(end) for rows in blocks.values() for row in rows for end in _ends(row))
    furthest = 1.06 * reach or 1.0  # a constant answer differs nowhere
    axes.set_xlim(-furthest, furthest)
    axes.set_yticks([])
    canvas.frame(
        axes, xlabel=f"difference in {unit}: left, {baseline} is ahead; right, it is behind"
    )
    return canvas.finished(figure, name=name, title=title, alt=_forest_alt(blocks, baseline))


def _forest_line(axes: Axes, y: float, row: DifferenceRow) -> None:
    ahead = "ahead" if row["difference"] > 0 else "behind"
    colour = stand_in(ahead if row["distinguishable"] else "muted")
    if row["low"] is not None and row["high"] is not None:
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.8)
    fill = colour if row["distinguishable"] else stand_in("paper")
    axes.plot(
        [row["difference"]], [y], "o", markersize=5.5, color=colour, markerfacecolor=fill, zorder=3
    )
    canvas.beside(axes, 0, y, wording.place(row["continent"]), size=9)
    size = f"{wording.signed(row['difference'])} {wording.interval(row['low'], row['high'])}"
    canvas.beside(axes, 1, y, size, size=9)


def _ends(row: DifferenceRow) -> list[float]:
    return [end for end in (row["difference"], row["low"], row["high"]) if end is not None]


def _forest_alt(blocks: Mapping[str, Sequence[DifferenceRow]], baseline: str) -> str:
    lines = (
        f"{composition} against {baseline}, {wording.place(row['continent'])}: "
        f"{wording.signed(row['difference'])} {wording.interval(row['low'], row['high'])}"
        for composition, rows in blocks.items()
        for row in rows
    )
    return "; ".join(lines)
