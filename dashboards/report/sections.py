"""The results, section by section: answer, coverage, scores, differences, transfer, doubts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

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
from terrasweep.dashboards.report.results import SettingResults, SweepResults
from terrasweep.dashboards.report.sentences import (
    Verdict,
    across_models,
    caveats,
    headline,
    verdicts,
)
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.statistics.failure_signs import describe_place, summarise_signs
from terrasweep.dashboards.tables.rows import (
    CoverageRow,
    DifferenceRow,
    SignRow,
    SummaryRow,
    group_by,
    place_of,
    rows_of,
)

HEADS = ("composition", "model", "task", "continent", "tested", "n", "protocol", "metric")
"""What a line of the tables of scores and differences begins with."""
WORST = 3
"""Places that are named for each sign."""
SHOWN = 200
"""Lines of the table; the CSV beside the page holds them all."""
WORDS: Final = ("same", "others", "all")
"""What the column `tested` says where the test samples are not of one named continent."""
TransferMatrix: TypeAlias = Mapping[tuple[str, str], float]
"""Mean scores by the continent of finetuning and the continent of testing."""


class TransferSetting(NamedTuple):
    """What one transfer matrix is of."""

    model: str
    task: str
    n: int
    protocol: str
    composition: str


def answer(results: SweepResults) -> Section:
    """Answer the question in sentences."""
    if not results.by_setting:
        message = element("p", "No cell of the grid is finished yet.", class_="answer")
        return Section("answer", "Answer", message)
    parts = [*_across(results)]
    parts += [part for group in results.by_setting for part in _answered(results, group)]
    parts += _not_compared(results)
    compared = results.rows("differences", DifferenceRow)
    warnings = items(caveats(compared, coverage=results.coverage), class_="caveats")
    return Section("answer", "Answer", html(stamp(results.is_synthetic), *parts, warnings))


def coverage(results: SweepResults) -> Section:
    """Show how many cells were planned, done, failed and left open."""
    rows = results.coverage
    planned, done = sum(row["planned"] for row in rows), sum(row["done"] for row in rows)
    lead = f"{done:,} of {planned:,} planned cells are done."
    excluded = sum(row["excluded"] for row in rows)
    if excluded:
        lead += f" {excluded:,} more are excluded by the plan."
    body = html(element("p", lead), *(_matrix(results, model) for model in results.models))
    return Section("coverage", "Coverage", html(body, *_without_value(rows), *_failed(results)))


def scores(results: SweepResults) -> Section | None:
    """Show the mean of every composition on every continent."""
    drawings = tuple(_heat_map(group, results.baseline) for group in results.by_setting)
    if not drawings:
        return None
    lead = (
        "Mean over finetuning seeds ± standard deviation, [95 % interval]. Colours are "
        f"differences against {results.baseline} on the same continent."
    )
    shown = (figure(drawing, caption=stamp(results.is_synthetic)) for drawing in drawings)
    numbers = folded("All scores with their intervals", _score_table(results))
    return Section("scores", "Scores", html(element("p", lead), *shown, numbers), drawings)


def differences(results: SweepResults) -> Section | None:
    """Show every paired difference with its interval."""
    drawings = tuple(
        forest(
            group.blocks,
            baseline=results.baseline,
            name=f"differences-{group.name}",
            title=f"Differences against {results.baseline}: {group.label}.",
            unit=group.unit,
        )
        for group in results.by_setting
        if group.blocks
    )
    if not drawings:
        return None
    lead = (
        "Each line compares two compositions on the same finetuning seeds, hence on the same "
        "training samples. Bars are 95 % bootstrap intervals. A filled point is "
        "distinguishable from zero after correction, a hollow one is not."
    )
    shown = (figure(drawing, caption=stamp(results.is_synthetic)) for drawing in drawings)
    numbers = folded("All differences with their tests", _difference_table(results))
    return Section(
        "differences", "Differences", html(element("p", lead), *shown, numbers), drawings
    )


def _across(results: SweepResults) -> Iterable[Html]:
    compared = [row for group in results.by_setting for row in group.ordered]
    sentences = across_models(compared, baseline=results.baseline)
    if sentences:
        yield element("p", "Where each difference is largest, and for which model:")
        yield items(sentences, class_="verdicts")


def _answered(results: SweepResults, group: SettingResults) -> Iterable[Html]:
    if group.guesses:
        return
    several = len(results.by_setting) > 1
    if several:
        yield element("h3", group.label)
    yield element("p", headline(group.contrasts, baseline=results.baseline), class_="answer")
    head = "h4" if several else "h3"
    own = verdicts(group.ordered, baseline=results.baseline)
    yield items((_verdict(verdict, head=head) for verdict in own), class_="verdicts")


def _not_compared(results: SweepResults) -> Iterable[Html]:
    names = sorted({group.setting["protocol"] for group in results.by_setting if group.guesses})
    for name in names:
        yield element("p", f"Not compared: {name} ignores the features, so its scores are guesses.")


def _verdict(verdict: Verdict, *, head: str) -> Html:
    return html(element(head, verdict.composition), " ".join(verdict.sentences))


def _matrix(results: SweepResults, model: str) -> Html:
    rows = [row for row in results.coverage if row["model"] == model]
    counts = {(row["composition"], row["continent"]): row for row in rows}
    continents = list(dict.fromkeys(row["continent"] for row in rows))
    compositions = dict.fromkeys(row["composition"] for row in rows)
    lines = (
        [composition, *(_done(counts.get((composition, continent))) for continent in continents)]
        for composition in compositions
    )
    heads = ["composition", *map(wording.place, continents)]
    return table(heads, lines, caption=f"Cells done of those planned: {model}")


def _without_value(rows: Sequence[CoverageRow]) -> Iterable[Html]:
    lines = [
        [row["composition"], row["model"], wording.place(row["continent"]), row["why"]]
        for row in rows
        if row["why"]
    ]
    heads = ["composition", "model", "continent", "why"]
    if lines:
        yield table(heads, lines, caption="Cells without a value, and why", num_words=4)


def _failed(results: SweepResults) -> Iterable[Html]:
    lines: list[Sequence[Content]] = [
        [
            element("code", step.key),
            step.label,
            wording.reason(step.kind, step.message),
        ]
        for step in results.failed_steps
    ]
    if lines:
        yield table(["step", "label", "why"], lines, caption="Steps that failed", num_words=3)


def _done(row: CoverageRow | None) -> Content:
    if row is None or not row["planned"]:
        return wording.NOTHING
    if row["done"] == row["planned"]:
        return f"{row['done']:,}"
    return element("span", f"{row['done']:,} of {row['planned']:,}", class_="bad")


def _heat_map(group: SettingResults, baseline: str) -> Drawing:
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


def _score_table(results: SweepResults) -> Html:
    summary = results.rows("summary", SummaryRow)
    places, common = _places(summary)
    rows = (
        [
            *place,
            wording.score(row["mean"]),
            wording.score(row["std"]),
            wording.interval(row["low"], row["high"]),
            f"{row['num_values']:,}",
            _number_of_holes(row["num_holes"]),
        ]
        for place, row in zip(places[1:], summary, strict=True)
    )
    numbers = ["mean", "std", "95 % interval", "values", "holes"]
    caption = f"Scores{common}; intervals {_luck(results)}"
    return table([*places[0], *numbers], rows, caption=caption, num_words=len(places[0]))


def _difference_table(results: SweepResults) -> Html:
    compared = [row for group in results.by_setting for row in group.ordered]
    places, common = _places(compared)
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
        for place, row in zip(places[1:], compared, strict=True)
    )
    numbers = ["difference", "95 % interval", "p (Holm)", "detectable", "pairs", "holes"]
    caption = f"Differences against {results.baseline}{common}; intervals {_luck(results)}"
    return table([*places[0], *numbers], rows, caption=caption, num_words=len(places[0]))


def _places(rows: Sequence[SummaryRow] | Sequence[DifferenceRow]) -> tuple[list[list[str]], str]:
    """Return heads and the place of each row; columns of one value become words instead."""
    columns = list(zip(HEADS, *map(_place, rows), strict=True))
    same = [column for column in columns[1:] if len(set(column[1:])) == 1]
    common = "".join(f"; {column[0]} {column[1]}" for column in same)
    varied = [column for column in columns if column not in same]
    return [list(line) for line in zip(*varied, strict=True)], common


def _place(row: SummaryRow | DifferenceRow) -> list[str]:
    tested, n = wording.tested(row["tested"]), wording.samples(row["n"])
    place = [row["composition"], row["model"], row["task"], row["continent"]]
    return [*place, tested, n, row["protocol"], row["metric"]]


def _luck(results: SweepResults) -> str:
    labels = dict.fromkeys(row["interval"] for row in results.rows("summary", SummaryRow))
    return wording.listed(list(labels))


def _number_of_holes(number: int) -> Content:
    return element("span", f"{number:,}", class_="bad") if number else "0"


def doubts(results: SweepResults) -> Section | None:
    """Show which places of the grid show which sign of a failure."""
    rows = rows_of(results.signatures, SignRow)
    if not rows:
        return None
    signs = summarise_signs(rows, worst=WORST)
    counts = [f"{sign.name} ({sign.num_places:,})" for sign in signs]
    lead = (
        f"Some results look like failures: {wording.listed(counts)}. "
        "Read the scores at these places with care."
    )
    num_places = len(group_by(results.cell_rows, place_of))
    lines = (
        [
            sign.name,
            describe_place(row),
            row["told"],
            f"{sign.num_places:,}",
            f"{sign.num_places / num_places:.0%}",
        ]
        for sign in signs
        for row in sign.worst
    )
    heads = ["sign", "where it is worst", "why", "places", "of all"]
    worst = table(heads, lines, caption="Each sign, and where it is worst", num_words=3)
    lines = ([describe_place(row), row["sign"], row["told"]] for row in rows[:SHOWN])
    listed = table(["place", "sign", "why"], lines, caption="Signs of failure", num_words=3)
    more = f" The first {SHOWN} are shown; signatures.csv holds all." if len(rows) > SHOWN else ""
    body = html(element("p", lead + more), worst, folded("All places and signs", listed))
    return Section("doubts", "Doubtful results", body)


def transfer(results: SweepResults) -> Section | None:
    """Show every transfer matrix of a sweep that tests on each continent."""
    by_setting = transfer_matrices(results.rows("summary", SummaryRow))
    if not by_setting:
        return None
    lead = (
        "A row is the continent of finetuning, a column the continent of testing. The training "
        "samples of a row are the same in every column."
    )
    tables = (_transfer_table(setting, matrix) for setting, matrix in by_setting.items())
    return Section("transfer", "Transfer between continents", html(element("p", lead), *tables))


def transfer_matrices(summary: Iterable[SummaryRow]) -> dict[TransferSetting, TransferMatrix]:
    """Return the means by setting, then by the continents of finetuning and of testing."""
    matrices: dict[TransferSetting, dict[tuple[str, str], float]] = {}
    for row in summary:
        if row["tested"] not in WORDS:
            own = (row["model"], row["task"], row["n"], row["protocol"], row["composition"])
            matrix = matrices.setdefault(TransferSetting(*own), {})
            matrix[row["continent"], row["tested"]] = row["mean"]
    return dict(matrices)


def _transfer_table(setting: TransferSetting, matrix: TransferMatrix) -> Html:
    trained = sorted({one for one, _ in matrix})
    tested = sorted({other for _, other in matrix})
    lines = (
        [wording.place(one), *(wording.score(matrix.get((one, other))) for other in tested)]
        for one in trained
    )
    n = wording.samples(setting.n)
    title = f"{setting.composition}: {setting.model} on {setting.task}, n = {n}, {setting.protocol}"
    return table(["finetuned in", *map(wording.place, tested)], lines, caption=title)
