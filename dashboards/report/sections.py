"""What was found, section by section: the answer, the coverage, the scores, the differences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from terrasweep.dashboards.figures.forests import forest
from terrasweep.dashboards.figures.heat import heat_map
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.page import (
    Content,
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
from terrasweep.dashboards.report.results import Findings, Group
from terrasweep.dashboards.report.sentences import (
    Verdict,
    across_models,
    caveats,
    headline,
    verdicts,
)
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.statistics.failure_signs import gathered, where
from terrasweep.dashboards.tables.cells import PLACE, Row, grouped

HEADS = ("composition", "model", "task", "continent", "judged", "n", "protocol", "metric")
"""What a line of the tables of scores and differences begins with."""
WORST = 3
"""Places that are named for each sign."""
SHOWN = 200
"""Lines of the table; the CSV beside the page holds them all."""
SETTING: Final = ("model", "task", "n", "protocol", "composition")
WORDS: Final = ("same", "others", "all")
"""What the column `tested` says where no single continent is judged on."""
Matrix = Mapping[tuple[str, str], float]
"""Mean scores by where a cell was finetuned and where it was judged."""


def answer(findings: Findings) -> Section:
    """Answer the question in sentences."""
    if not findings.groups:
        said = element("p", "No cell of the grid is finished yet.", class_="answer")
        return Section("answer", "Answer", said)
    parts = [*_across(findings)]
    parts += [part for group in findings.groups for part in _answered(findings, group)]
    parts += _not_compared(findings)
    compared = findings.tables["differences"].to_pylist()
    warned = items(caveats(compared, coverage=findings.coverage), class_="caveats")
    return Section("answer", "Answer", html(stamp(findings.is_synthetic), *parts, warned))


def coverage(findings: Findings) -> Section:
    """Show what was planned and what became of it."""
    rows = findings.coverage
    planned, done = (sum(row[fate] for row in rows) for fate in ("planned", "done"))
    lead = f"{done:,} of {planned:,} planned cells are done."
    excluded = sum(row["excluded"] for row in rows)
    if excluded:
        lead += f" {excluded:,} more are left out on purpose."
    body = html(element("p", lead), *(_matrix(findings, model) for model in findings.models))
    return Section("coverage", "Coverage", html(body, *_troubled(rows), *_failed(findings)))


def scores(findings: Findings) -> Section | None:
    """Show the mean of every composition on every continent."""
    drawings = tuple(_heat_map(group, findings.baseline) for group in findings.groups)
    if not drawings:
        return None
    lead = (
        "Mean over finetuning seeds ± standard deviation, [95 % interval]. Colours are "
        f"differences against {findings.baseline} on the same continent."
    )
    shown = (figure(drawing, caption=stamp(findings.is_synthetic)) for drawing in drawings)
    numbers = folded("All scores with their intervals", _score_table(findings))
    return Section("scores", "Scores", html(element("p", lead), *shown, numbers), drawings)


def differences(findings: Findings) -> Section | None:
    """Show every paired difference with its interval."""
    drawings = tuple(
        forest(
            group.blocks,
            baseline=findings.baseline,
            name=f"differences-{group.name}",
            title=f"Differences against {findings.baseline}: {group.label}.",
            unit=group.unit,
        )
        for group in findings.groups
        if group.blocks
    )
    if not drawings:
        return None
    lead = (
        "Each line pairs the same finetuning seeds, hence the same training samples, under two "
        "compositions. Bars are 95 % bootstrap intervals; a filled point is distinguishable from "
        "zero after correction, a hollow one is not."
    )
    shown = (figure(drawing, caption=stamp(findings.is_synthetic)) for drawing in drawings)
    numbers = folded("All differences with their tests", _difference_table(findings))
    return Section(
        "differences", "Differences", html(element("p", lead), *shown, numbers), drawings
    )


def _across(findings: Findings) -> Iterable[Html]:
    compared = [row for group in findings.groups for row in group.ordered]
    said = across_models(compared, baseline=findings.baseline)
    if said:
        yield element("p", "Where each difference shows most, and under which model:")
        yield items(said, class_="verdicts")


def _answered(findings: Findings, group: Group) -> Iterable[Html]:
    if group.guesses:
        return
    several = len(findings.groups) > 1
    if several:
        yield element("h3", group.label)
    yield element("p", headline(group.contrasts, baseline=findings.baseline), class_="answer")
    said = verdicts(group.ordered, baseline=findings.baseline)
    yield items((_verdict(one, head="h4" if several else "h3") for one in said), class_="verdicts")


def _not_compared(findings: Findings) -> Iterable[Html]:
    names = sorted({group.setting["protocol"] for group in findings.groups if group.guesses})
    for name in names:
        yield element(
            "p", f"Not compared: {name}, which looks at nothing and scores as a guess does."
        )


def _verdict(verdict: Verdict, *, head: str) -> Html:
    return html(element(head, verdict.composition), " ".join(verdict.sentences))


def _matrix(findings: Findings, model: str) -> Html:
    rows = [row for row in findings.coverage if row["model"] == model]
    counts = {(row["composition"], row["continent"]): row for row in rows}
    continents = list(dict.fromkeys(row["continent"] for row in rows))
    compositions = dict.fromkeys(row["composition"] for row in rows)
    lines = (
        [composition, *(_done(counts.get((composition, continent))) for continent in continents)]
        for composition in compositions
    )
    heads = ["composition", *map(wording.place, continents)]
    return table(heads, lines, caption=f"Cells done of those planned: {model}")


def _troubled(rows: Sequence[Row]) -> Iterable[Html]:
    lines = [
        [row["composition"], row["model"], wording.place(row["continent"]), row["why"]]
        for row in rows
        if row["why"]
    ]
    heads = ["composition", "model", "continent", "why"]
    if lines:
        yield table(heads, lines, caption="Cells without a value, and why", num_words=4)


def _failed(findings: Findings) -> Iterable[Html]:
    lines = [
        [
            element("code", row["key"]),
            row["label"],
            wording.reason(row["kind"], row["message"]),
        ]
        for row in findings.failed_steps
    ]
    if lines:
        yield table(["step", "label", "why"], lines, caption="Steps that failed", num_words=3)


def _done(row: dict[str, int] | None) -> Content:
    if row is None or not row["planned"]:
        return wording.NOTHING
    if row["done"] == row["planned"]:
        return f"{row['done']:,}"
    return element("span", f"{row['done']:,} of {row['planned']:,}", class_="bad")


def _heat_map(group: Group, baseline: str) -> Drawing:
    return heat_map(
        {(row["composition"], row["continent"]): row for row in group.scores},
        contrasts={
            (row["composition"], row["continent"]): row
            for row in group.contrasts
            if row["continent"] != MEAN
        },
        compositions=group.compositions,
        continents=group.continents,
        baseline=baseline,
        name=f"scores-{group.name}",
        title=f"Mean {group.unit}: {group.label}.",
    )


def _score_table(findings: Findings) -> Html:
    found = findings.tables["summary"].to_pylist()
    places, common = _places(found)
    rows = (
        [
            *place,
            wording.score(row["mean"]),
            wording.score(row["std"]),
            wording.interval(row["low"], row["high"]),
            f"{row['num_values']:,}",
            _number_of_holes(row["num_holes"]),
        ]
        for place, row in zip(places[1:], found, strict=True)
    )
    numbers = ["mean", "std", "95 % interval", "values", "holes"]
    caption = f"Scores{common}; intervals {_luck(findings)}"
    return table([*places[0], *numbers], rows, caption=caption, num_words=len(places[0]))


def _difference_table(findings: Findings) -> Html:
    found = [row for group in findings.groups for row in group.ordered]
    places, common = _places(found)
    rows = (
        [
            *place,
            wording.signed(row["difference"]),
            wording.interval(row["low"], row["high"]),
            wording.p_value(row["p_holm"]),
            wording.score(row["detectable"]),
            f"{row['num_pairs']:,}",
            _number_of_holes(row["num_holes"]),
        ]
        for place, row in zip(places[1:], found, strict=True)
    )
    numbers = ["difference", "95 % interval", "p (Holm)", "detectable", "pairs", "holes"]
    caption = f"Differences against {findings.baseline}{common}; intervals {_luck(findings)}"
    return table([*places[0], *numbers], rows, caption=caption, num_words=len(places[0]))


def _places(rows: Sequence[Row]) -> tuple[list[list[str]], str]:
    """Return heads and where each row lies; what is the same everywhere is said once, in words."""
    columns = list(zip(HEADS, *map(_place, rows), strict=True))
    same = [column for column in columns[1:] if len(set(column[1:])) == 1]
    told = "".join(f"; {column[0]} {column[1]}" for column in same)
    varied = [column for column in columns if column not in same]
    return [list(line) for line in zip(*varied, strict=True)], told


def _place(row: Row) -> list[str]:
    tested, n = wording.tested(row["tested"]), wording.samples(row["n"])
    place = [str(row[axis]) for axis in ("composition", "model", "task", "continent")]
    return [*place, tested, n, str(row["protocol"]), str(row["metric"])]


def _luck(findings: Findings) -> str:
    labels = dict.fromkeys(findings.tables["summary"]["interval"].to_pylist())
    return wording.listed(list(labels))


def _number_of_holes(number: int) -> Content:
    return element("span", f"{number:,}", class_="bad") if number else "0"


def doubts(findings: Findings) -> Section | None:
    """Show which places of the grid show which sign of a failure."""
    rows: list[Row] = findings.signatures.to_pylist()
    if not rows:
        return None
    signs = gathered(rows, worst=WORST)
    said = (f"{sign.name} ({sign.places:,})" for sign in signs)
    lead = (
        f"Some results look like failures rather than answers: {wording.listed(list(said))}. "
        "Read the scores at these places with care."
    )
    places = len(list(grouped(findings.cells, PLACE)))
    summed = (
        [sign.name, where(row), row["told"], f"{sign.places:,}", f"{sign.places / places:.0%}"]
        for sign in signs
        for row in sign.worst
    )
    heads = ["sign", "where it is worst", "why", "places", "of all"]
    worst = table(heads, summed, caption="Each sign, and where it is worst", num_words=3)
    lines = ([where(row), row["sign"], row["told"]] for row in rows[:SHOWN])
    listed = table(["place", "sign", "why"], lines, caption="Signs of failure", num_words=3)
    more = f" The first {SHOWN} are shown; signatures.csv holds all." if len(rows) > SHOWN else ""
    body = html(element("p", lead + more), worst, folded("All places and signs", listed))
    return Section("doubts", "Doubtful results", body)


def transfer(findings: Findings) -> Section | None:
    """Show every matrix of a sweep that judges on each continent, composition by composition."""
    found = matrices(findings.tables["summary"].to_pylist())
    if not found:
        return None
    lead = (
        "Rows are where a probe was finetuned, columns where it was judged; the training samples "
        "of a row are the same in every column. On the diagonal both are one continent."
    )
    tables = (_table(place, values) for place, values in found.items())
    return Section("transfer", "Transfer between continents", html(element("p", lead), *tables))


def matrices(summary: Iterable[Row]) -> dict[tuple[Any, ...], Matrix]:
    """Return the means by setting, then by where a cell was finetuned and judged."""
    found: dict[tuple[Any, ...], dict[tuple[str, str], float]] = {}
    for row in summary:
        if row["tested"] not in WORDS:
            place = tuple(row[axis] for axis in SETTING)
            found.setdefault(place, {})[row["continent"], row["tested"]] = row["mean"]
    return found  # type: ignore[return-value]


def _table(place: tuple[Any, ...], values: Matrix) -> Html:
    model, task, n, protocol, composition = place
    trained = sorted({one for one, _ in values})
    judged = sorted({other for _, other in values})
    lines = (
        [wording.place(one), *(wording.score(values.get((one, other))) for other in judged)]
        for one in trained
    )
    told = f"{composition}: {model} on {task}, n = {wording.samples(n)}, {protocol}"
    return table(["finetuned in", *map(wording.place, judged)], lines, caption=told)
