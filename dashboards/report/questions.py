"""The questions beyond the first: one section for each that a sweep can answer."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from terrasweep.dashboards.figures.critical import critical_difference
from terrasweep.dashboards.figures.heat import home_matrix
from terrasweep.dashboards.figures.lines import scaling
from terrasweep.dashboards.figures.scatters import scatter
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.page import (
    Html,
    Section,
    element,
    figure,
    folded,
    html,
    items,
    stamp,
    table,
)
from terrasweep.dashboards.report.results import SweepResults
from terrasweep.dashboards.statistics.convergence import NEVER_SEEN, STAYS
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.statistics.diversity import DiversityPoints
from terrasweep.dashboards.statistics.home_advantage import HomeMatrix
from terrasweep.dashboards.statistics.intervals import ALPHA
from terrasweep.dashboards.tables.cells import direction, tested_where_trained
from terrasweep.dashboards.tables.rows import (
    ConvergenceRow,
    DifferenceRow,
    DiversityRow,
    HomeRow,
    InteractionRow,
    ModelSetting,
    RankRow,
    group_by,
    model_setting_of,
)

TITLE_LABELS = "More labels: does it still matter?"


class Ranking(ModelSetting):
    """What one ranking is of."""

    over: str


class LabelPlot(TypedDict):
    """What one figure of differences over n is of."""

    model: str
    task: str
    protocol: str
    metric: str


def ranks(results: SweepResults) -> Section | None:
    """Show which composition ranks first over all tasks and continents, and how clearly."""
    rows = results.rows("ranks", RankRow)
    groups = group_by(rows, _ranking_of)
    if not groups:
        return None
    lead = (
        "Average ranks count from 1, over every task and continent where all compositions were "
        "tested. A bar joins compositions that are not distinguishable (Nemenyi, 5 %). The mean "
        "dense rank counts from 0, as one study prints it."
    )
    drawings = tuple(
        drawing for ranking, own in groups if (drawing := _ranked(ranking, own)) is not None
    )
    sentences = items(_agreement(ranking, own) for ranking, own in groups)
    heads = ["model", "protocol", "over", "composition", "n", "dense rank", "average rank", "p"]
    lines = (
        [
            *(
                row["model"],
                row["protocol"],
                row["over"],
                row["composition"],
                wording.samples(row["n"]),
            ),
            f"{row['dense_rank']:.2f}",
            wording.NOTHING if row["average_rank"] is None else f"{row['average_rank']:.2f}",
            wording.p_value(row["p"]),
        ]
        for row in rows
    )
    numbers = folded(
        "All ranks", table(heads, lines, caption="Dense and average ranks", num_words=4)
    )
    return _section("ranks", "Ranks", results, [element("p", lead), sentences], drawings, numbers)


def architecture(results: SweepResults) -> Section | None:
    """Show whether the best composition depends on the model."""
    rows = results.rows("architecture", InteractionRow)
    if not rows:
        return None
    lead = (
        "For each composition: does its difference from the baseline differ between models? "
        "(Welch's test, p corrected by Holm.)"
    )
    return _section(
        "architecture",
        "Does it depend on the architecture?",
        results,
        [element("p", lead), items(map(_depends, rows))],
    )


def home(results: SweepResults) -> Section | None:
    """Show whether pretraining on the tested continent is best."""
    if not results.home_matrices:
        return None
    lead = (
        "A row is the continent of pretraining, a column the continent of testing. Colours are "
        "relative to the mean of the column. The home advantage is the mean of the diagonal less "
        "the mean of all other cells."
    )
    sentences = items(map(_local, results.rows("home", HomeRow)))
    drawings = tuple(map(_home_drawing, results.home_matrices))
    return _section("home", "Is local best?", results, [element("p", lead), sentences], drawings)


def labels(results: SweepResults) -> Section | None:
    """Show whether differences vanish as labels grow."""
    rows = results.rows("labels", ConvergenceRow)
    if not rows:
        return None
    lead = (
        "The difference on average over the continents as the number of labelled samples grows. "
        "Bands are 95 % intervals. A difference that is not distinguishable from zero may still "
        "exist."
    )
    contrasts = tested_where_trained(results.rows("differences", DifferenceRow))
    plots = group_by(
        [row for row in contrasts if row["continent"] == MEAN and row["p"] is not None],
        _label_plot_of,
    )
    drawings = tuple(_scaling_drawing(plot, own, results) for plot, own in plots)
    sentences = items(map(_vanishes, rows))
    return _section("labels", TITLE_LABELS, results, [element("p", lead), sentences], drawings)


def diversity(results: SweepResults) -> Section | None:
    """Show whether diversity goes with performance, and how wide the intervals are."""
    rows = results.rows("diversity", DiversityRow)
    if not rows:
        return None
    number = max(row["num_compositions"] for row in rows)
    lead = (
        f"Each point is a composition: {number} of them, which is few, so the intervals are wide. "
        "p is the share of random orders that correlate as much. Partial correlations hold another "
        "measure fixed."
    )
    drawings = tuple(
        drawing for points in results.diversity_points for drawing in _scatter_drawings(points)
    )
    heads = ["model", "protocol", "measure", "held fixed", "n", "rho", "95 % interval", "p"]
    lines = (
        [
            *(row["model"], row["protocol"], _measure(row["measure"]), _measure(row["given"])),
            wording.samples(row["n"]),
            wording.score(row["rho"]),
            wording.interval(row["low"], row["high"]),
            wording.p_value(row["p"]),
        ]
        for row in rows
    )
    numbers = table(heads, lines, caption="Diversity against performance", num_words=4)
    parts = [element("p", lead)]
    return _section("diversity", "Diversity", results, parts, drawings, numbers, side_by_side=True)


def _section(
    name: str,
    title: str,
    results: SweepResults,
    parts: Sequence[Html],
    drawings: Sequence[Drawing] = (),
    after: Html | None = None,
    side_by_side: bool = False,
) -> Section:
    shown = [figure(drawing, caption=stamp(results.is_synthetic)) for drawing in drawings]
    if side_by_side:
        shown = [element("div", *shown, class_="charts")]
    body = html(*parts, *shown, *([after] if after else []))
    return Section(name, title, body, tuple(drawings))


def _ranking_of(row: RankRow) -> Ranking:
    return {**model_setting_of(row), "over": row["over"]}


def _label_plot_of(row: DifferenceRow) -> LabelPlot:
    return {
        "model": row["model"],
        "task": row["task"],
        "protocol": row["protocol"],
        "metric": row["metric"],
    }


def _ranking_words(ranking: Ranking) -> str:
    n = wording.samples(ranking["n"])
    return f"{ranking['model']}, n = {n}, {ranking['protocol']}, {ranking['over']}"


def _ranked(ranking: Ranking, rows: Sequence[RankRow]) -> Drawing | None:
    critical = rows[0]["critical"]
    ranks = {
        row["composition"]: row["average_rank"] for row in rows if row["average_rank"] is not None
    }
    if critical is None:
        return None
    return critical_difference(
        ranks,
        critical=critical,
        name=f"ranks-{wording.slug(*ranking.values())}",
        title=f"Average ranks: {_ranking_words(ranking)}.",
    )


def _agreement(ranking: Ranking, rows: Sequence[RankRow]) -> str:
    first, p = min(rows, key=lambda row: row["dense_rank"]), rows[0]["p"]
    best = f"{_ranking_words(ranking)}: {first['composition']} has the best mean rank"
    places = wording.counted(first["num_places"], "place")
    if p is None:
        return f"{best}; {places} are too few to test it."
    agree = "agree that compositions differ" if p < ALPHA else "do not agree on any order"
    return f"{best}; the {places} {agree} (Friedman, p {_p(p)})."


def _p(p: float) -> str:
    text = wording.p_value(p)
    return text if text.startswith("<") else f"= {text}"


def _depends(row: InteractionRow) -> str:
    against = f"{row['composition']} against {row['baseline']}"
    where = f"n = {wording.samples(row['n'])}, {row['protocol']}"
    if not row["depends"]:
        return f"{against}, {where}: no sign that it depends on the model (p {_p(row['p_holm'])})."
    return (
        f"{against}, {where}: it depends on the model (p {_p(row['p_holm'])}); {row['most']} gains "
        f"{wording.score(row['range'])} more from it than {row['least']}, {row['interval']}."
    )


def local_is_best(row: HomeRow) -> bool:
    """Return whether a row of the home advantage shows that local is best."""
    return row["advantage"] > 0 and row["p_assignment"] < ALPHA


def _local(row: HomeRow) -> str:
    where = f"{row['model']} on {row['task']}, n = {wording.samples(row['n'])}, {row['protocol']}"
    size = f"{wording.signed(row['advantage'])} {wording.interval(row['low'], row['high'])}"
    p = row["p_assignment"]
    verdict = "local is best" if local_is_best(row) else "no sign that local is best"
    return (
        f"{where}: {verdict}. The home advantage is {size} {wording.metric(row['metric'])}, "
        f"{row['interval']}; a share of {p:.3f} of all pairings of continents has one as large."
    )


def _home_drawing(matrix: HomeMatrix) -> Drawing:
    own = matrix.setting
    n = wording.samples(own["n"])
    return home_matrix(
        matrix.mean,
        continents=matrix.continents,
        sign=direction(own["metric"]),
        name=f"home-{wording.slug(*own.values())}",
        title=f"Pretrained on, tested in: {own['model']} on {own['task']}, n = {n}.",
    )


def _scaling_drawing(
    plot: LabelPlot, rows: Sequence[DifferenceRow], results: SweepResults
) -> Drawing:
    lines: dict[str, list[DifferenceRow]] = {}
    for row in sorted(rows, key=lambda row: row["n"]):
        lines.setdefault(row["composition"], []).append(row)
    order = dict.fromkeys(row["composition"] for row in rows)
    return scaling(
        {name: lines[name] for name in order},
        baseline=results.baseline,
        name=f"labels-{wording.slug(*plot.values())}",
        title=f"Differences as labels grow: {plot['model']} on {plot['task']}, {plot['protocol']}.",
        unit=wording.metric(plot["metric"]),
    )


def _vanishes(row: ConvergenceRow) -> str:
    pair = f"{row['composition']} against {row['baseline']}, {row['model']} on {row['task']}"
    ends = f"{wording.signed(row['at_fewest'])} at n = {row['fewest']:,}"
    ends += f", {wording.signed(row['at_most'])} at n = {row['most']:,}"
    if row["says"] == NEVER_SEEN:
        return f"{pair}: not distinguishable at any n ({ends})."
    if row["says"] == STAYS:
        return f"{pair}: distinguishable to the end ({ends})."
    return f"{pair}: no longer distinguishable from n = {row['vanishes_at']:,} on ({ends})."


def _scatter_drawings(points: DiversityPoints) -> Iterable[Drawing]:
    own = points.setting
    for measure, values in points.measures.items():
        yield scatter(
            points.compositions,
            values,
            points.scores,
            xlabel=f"{_measure(measure)} entropy, nats",
            ylabel=f"performance ({wording.metric(points.performance)})",
            name=f"diversity-{wording.slug(measure, *own.values())}",
            title=f"{_measure(measure).capitalize()} diversity: {own['model']}, "
            f"n = {wording.samples(own['n'])}, {own['protocol']}.",
        )


def _measure(name: str) -> str:
    return name.replace("_", " ")
