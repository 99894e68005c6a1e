"""The questions beyond the first, each a section where a sweep can answer it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from terrasweep.dashboards.figures.critical import critical_difference
from terrasweep.dashboards.figures.heat import crossing
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
from terrasweep.dashboards.report.results import Findings
from terrasweep.dashboards.statistics.convergence import NEVER_SEEN, STAYS
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.statistics.diversity import Scatter
from terrasweep.dashboards.statistics.home_advantage import Crossing
from terrasweep.dashboards.statistics.intervals import ALPHA
from terrasweep.dashboards.tables.cells import Row, direction, judged_at_home


def ranks(findings: Findings) -> Section | None:
    """Say who stands first over all tasks and continents, and whether they agree on it."""
    groups = _by(findings.rows("ranks"), "model", "n", "protocol", "over")
    if not groups:
        return None
    lead = (
        "Average ranks count from 1, over every task and continent where all were judged. Those "
        "that a bar joins cannot be told apart (Nemenyi, 5 %). The mean dense rank counts from 0, "
        "as one study prints it."
    )
    drawings = tuple(
        _ranked(place, rows) for place, rows in groups.items() if rows[0]["critical"] is not None
    )
    said = items(_agreed(place, rows) for place, rows in groups.items())
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
        for row in findings.rows("ranks")
    )
    numbers = folded(
        "All ranks", table(heads, lines, caption="Dense and average ranks", num_words=4)
    )
    return _section("ranks", "Ranks", findings, [element("p", lead), said], drawings, numbers)


def architecture(findings: Findings) -> Section | None:
    """Say whether the best composition depends on the model."""
    rows = findings.rows("architecture")
    if not rows:
        return None
    lead = (
        "For each composition, whether its difference from the baseline differs between models "
        "(Welch's test, corrected by Holm)."
    )
    return _section(
        "architecture",
        "Does it depend on the architecture?",
        findings,
        [element("p", lead), items(map(_depends, rows))],
    )


def home(findings: Findings) -> Section | None:
    """Say whether pretraining where one is judged is best."""
    if not findings.crossings:
        return None
    lead = (
        "Rows were pretrained on one continent, columns are where they are judged. Colours are "
        "against the mean of the column. The home advantage is the diagonal less all else."
    )
    said = items(map(_local, findings.rows("home")))
    drawings = tuple(map(_crossed, findings.crossings))
    return _section("home", "Is local best?", findings, [element("p", lead), said], drawings)


def labels(findings: Findings) -> Section | None:
    """Say whether differences vanish as labels grow."""
    rows = findings.rows("labels")
    if not rows:
        return None
    lead = (
        "The difference on average over the continents as the number of labelled samples grows; "
        "bands are 95 % intervals. What cannot be told from zero is not thereby zero."
    )
    contrasts = judged_at_home(findings.tables["differences"])
    curves = _by(
        [row for row in contrasts if row["continent"] == MEAN and row["p"] is not None],
        *("model", "task", "protocol", "metric"),
    )
    drawings = tuple(_scaled(place, own, findings) for place, own in curves.items())
    said = items(map(_vanishes, rows))
    title = "More labels: does it still matter?"
    return _section("labels", title, findings, [element("p", lead), said], drawings)


def diversity(findings: Findings) -> Section | None:
    """Say whether diversity goes with performance, and how little a few data sets prove."""
    rows = findings.rows("diversity")
    if not rows:
        return None
    number = max(row["num_compositions"] for row in rows)
    said = (
        f"Each point is a composition: {number} of them, which is few. The interval of a rank "
        "correlation says how little they prove; p is the share of random orders that correlate "
        "as much. Partial correlations hold another measure fixed."
    )
    drawings = tuple(drawing for one in findings.scatters for drawing in _scattered(one))
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
    told = table(heads, lines, caption="Diversity against performance", num_words=4)
    lead = element("p", said)
    return _section("diversity", "Diversity", findings, [lead], drawings, told, side_by_side=True)


def _section(
    name: str,
    title: str,
    findings: Findings,
    told: Sequence[Html],
    drawings: Sequence[Drawing] = (),
    after: Html | None = None,
    side_by_side: bool = False,
) -> Section:
    shown = [figure(drawing, caption=stamp(findings.is_synthetic)) for drawing in drawings]
    if side_by_side:
        shown = [element("div", *shown, class_="charts")]
    body = html(*told, *shown, *([after] if after else []))
    return Section(name, title, body, tuple(drawings))


def _by(rows: Iterable[Row], *axes: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[axis] for axis in axes)].append(row)
    return dict(groups)


def _ranked(place: tuple[Any, ...], rows: Sequence[Row]) -> Drawing:
    model, n, protocol, over = place
    return critical_difference(
        {row["composition"]: row["average_rank"] for row in rows},
        critical=rows[0]["critical"],
        name=f"ranks-{wording.slug(*place)}",
        title=f"Average ranks: {model}, n = {wording.samples(n)}, {protocol}, {over}.",
    )


def _agreed(place: tuple[Any, ...], rows: Sequence[Row]) -> str:
    model, n, protocol, over = place
    where = f"{model}, n = {wording.samples(n)}, {protocol}, {over}"
    first, p = min(rows, key=lambda row: row["dense_rank"]), rows[0]["p"]
    best = f"{first['composition']} has the best mean rank"
    places = wording.counted(first["num_places"], "place")
    if p is None:
        return f"{where}: {best}; {places} cannot say whether by luck."
    agree = "agree that compositions differ" if p < ALPHA else "do not agree on any order"
    return f"{where}: {best}; the {places} {agree} (Friedman, p {_p(p)})."


def _p(p: float) -> str:
    told = wording.p_value(p)
    return told if told.startswith("<") else f"= {told}"


def _depends(row: Row) -> str:
    against = f"{row['composition']} against {row['baseline']}"
    where = f"n = {wording.samples(row['n'])}, {row['protocol']}"
    if not row["depends"]:
        return f"{against}, {where}: no sign that it depends on the model (p {_p(row['p_holm'])})."
    return (
        f"{against}, {where}: it depends on the model (p {_p(row['p_holm'])}); {row['most']} gains "
        f"{wording.score(row['range'])} more from it than {row['least']}, {row['interval']}."
    )


def local_is_best(row: Row) -> bool:
    """Say whether a row of the home advantage shows that local is best."""
    return bool(row["advantage"] > 0 and row["p_assignment"] < ALPHA)


def _local(row: Row) -> str:
    where = f"{row['model']} on {row['task']}, n = {wording.samples(row['n'])}, {row['protocol']}"
    told = f"{wording.signed(row['advantage'])} {wording.interval(row['low'], row['high'])}"
    p = row["p_assignment"]
    verdict = "local is best" if local_is_best(row) else "no sign that local is best"
    return (
        f"{where}: {verdict}. The home advantage is {told} {wording.metric(row['metric'])}, "
        f"{row['interval']}; of all pairings of continents a share of {p:.3f} has as large a one."
    )


def _crossed(one: Crossing) -> Drawing:
    told = one.setting
    n = wording.samples(told["n"])
    return crossing(
        one.mean,
        continents=one.continents,
        sign=direction(told["metric"]),
        name=f"home-{wording.slug(*told.values())}",
        title=f"Pretrained on, judged in: {told['model']} on {told['task']}, n = {n}.",
    )


def _scaled(place: tuple[Any, ...], rows: Sequence[Row], findings: Findings) -> Drawing:
    model, task, protocol, metric = place
    lines: Mapping[str, list[Row]] = {
        name: sorted(own, key=lambda row: row["n"])
        for (name,), own in _by(rows, "composition").items()
    }
    return scaling(
        lines,
        baseline=findings.baseline,
        name=f"labels-{wording.slug(*place)}",
        title=f"Differences as labels grow: {model} on {task}, {protocol}.",
        unit=wording.metric(metric),
    )


def _vanishes(row: Row) -> str:
    pair = f"{row['composition']} against {row['baseline']}, {row['model']} on {row['task']}"
    ends = f"{wording.signed(row['at_fewest'])} at n = {row['fewest']:,}"
    ends += f", {wording.signed(row['at_most'])} at n = {row['most']:,}"
    if row["says"] == NEVER_SEEN:
        return f"{pair}: not distinguishable at any n ({ends})."
    if row["says"] == STAYS:
        return f"{pair}: distinguishable to the end ({ends})."
    return f"{pair}: no longer distinguishable from n = {row['vanishes_at']:,} on ({ends})."


def _scattered(one: Scatter) -> Iterable[Drawing]:
    told = one.setting
    for measure, values in one.measures.items():
        yield scatter(
            one.compositions,
            values,
            one.scores,
            xlabel=f"{_measure(measure)} entropy, nats",
            ylabel=f"performance ({wording.metric(one.performance)})",
            name=f"diversity-{wording.slug(measure, *told.values())}",
            title=f"{_measure(measure).capitalize()} diversity: {told['model']}, "
            f"n = {wording.samples(told['n'])}, {told['protocol']}.",
        )


def _measure(name: str) -> str:
    return name.replace("_", " ")
