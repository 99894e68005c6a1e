"""The sections of a report, each with the figures that are also written to files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dashboards import figures, words
from dashboards.drawing import Drawing
from dashboards.findings import Findings, Group
from dashboards.made import Draw
from dashboards.page import Content, Html, element, facts, figure, folded, html, items, table
from dashboards.sentences import Verdict, caveats, headline, verdicts
from dashboards.statistics import MEAN


@dataclass(frozen=True)
class Section:
    """One section of the page."""

    name: str
    title: str
    body: Html
    drawings: tuple[Drawing, ...] = ()


def all_of(findings: Findings) -> list[Section]:
    """Return every section that has something to tell, the answer first."""
    told = (
        answer(findings),
        coverage(findings),
        scores(findings),
        differences(findings),
        pretraining(findings),
        compositions(findings),
    )
    return [section for section in told if section is not None]


def answer(findings: Findings) -> Section:
    """Answer the question in sentences."""
    if not findings.groups:
        said = element("p", "No cell of the grid is finished yet.", class_="answer")
        return Section("answer", "Answer", said)
    parts = [part for group in findings.groups for part in _answered(findings, group)]
    compared = findings.tables["differences"].to_pylist()
    warned = items(caveats(compared, coverage=findings.coverage), class_="caveats")
    return Section("answer", "Answer", html(_stamp(findings), *parts, warned))


def coverage(findings: Findings) -> Section:
    """Show what was planned and what became of it."""
    rows = findings.coverage
    planned, done = (sum(row[fate] for row in rows) for fate in ("planned", "done"))
    lead = f"{done:,} of {planned:,} planned cells are done."
    excluded = sum(row["excluded"] for row in rows)
    if excluded:
        lead += f" {excluded:,} more are left out on purpose."
    body = html(element("p", lead), *(_matrix(findings, model) for model in _models(findings)))
    troubled = [row for row in rows if row["why"]]
    if troubled:
        lines = (
            [row["composition"], row["model"], words.place(row["continent"]), row["why"]]
            for row in troubled
        )
        heads = ["composition", "model", "continent", "why"]
        why = table(heads, lines, caption="Cells without a value, and why", num_words=4)
        body = html(body, why)
    return Section("coverage", "Coverage", body)


def scores(findings: Findings) -> Section | None:
    """Show the mean of every composition on every continent."""
    drawings = tuple(_heat_map(group, findings.baseline) for group in findings.groups)
    if not drawings:
        return None
    lead = (
        f"Mean over finetuning seeds ± standard deviation. Colours are differences "
        f"against {findings.baseline} on the same continent."
    )
    shown = (figure(drawing, caption=_stamp(findings)) for drawing in drawings)
    numbers = folded("All scores with their intervals", _score_table(findings))
    return Section("scores", "Scores", html(element("p", lead), *shown, numbers), drawings)


def differences(findings: Findings) -> Section | None:
    """Show every paired difference with its interval."""
    drawings = tuple(
        figures.forest(
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
    shown = (figure(drawing, caption=_stamp(findings)) for drawing in drawings)
    numbers = folded("All differences with their tests", _difference_table(findings))
    return Section(
        "differences", "Differences", html(element("p", lead), *shown, numbers), drawings
    )


def pretraining(findings: Findings) -> Section | None:
    """Show the loss curves."""
    drawings = tuple(
        figures.curves(
            curves, name=f"loss-{words.slug(model)}", title=f"Pretraining loss: {model}."
        )
        for model in _models(findings)
        if (curves := findings.made.histories(model))
    )
    if not drawings:
        return None
    lead = (
        "Losses of different compositions are on different data: a lower curve is an easier "
        "pretraining set, not a better one."
    )
    shown = (figure(drawing) for drawing in drawings)
    return Section("pretraining", "Pretraining", html(element("p", lead), *shown), drawings)


def compositions(findings: Findings) -> Section | None:
    """Show where the samples of each composition lie and how diverse they are."""
    draws = findings.made.draws
    if not draws:
        return None
    behind = {
        axis: np.concatenate([draw.samples[axis] for draw in draws]) for axis in ("lat", "lon")
    }
    drawings = tuple(_world(draw, behind) for draw in draws)
    lead = (
        "Darker squares hold more samples; pale ones are where any composition of this sweep has "
        "samples. Equal Earth projection: equal areas on the map are equal areas on Earth."
    )
    cards = (_card(draw, drawing) for draw, drawing in zip(draws, drawings, strict=True))
    body = html(element("p", lead), element("div", *cards, class_="compositions"))
    return Section("compositions", "Compositions", body, drawings)


def _answered(findings: Findings, group: Group) -> Iterable[Html]:
    if len(findings.groups) > 1:
        yield element("h3", group.label)
    yield element("p", headline(group.contrasts, baseline=findings.baseline), class_="answer")
    said = verdicts(group.ordered, baseline=findings.baseline)
    yield items((_verdict(verdict) for verdict in said), class_="verdicts")


def _verdict(verdict: Verdict) -> Html:
    return html(element("h4", verdict.composition), " ".join(verdict.sentences))


def _stamp(findings: Findings) -> Html:
    if not findings.is_synthetic:
        return Html("")
    return element("span", "SYNTHETIC DATA", class_="stamp")


def _models(findings: Findings) -> list[str]:
    return list(dict.fromkeys(row["model"] for row in findings.coverage))


def _matrix(findings: Findings, model: str) -> Html:
    rows = [row for row in findings.coverage if row["model"] == model]
    counts = {(row["composition"], row["continent"]): row for row in rows}
    continents = list(dict.fromkeys(row["continent"] for row in rows))
    compositions = dict.fromkeys(row["composition"] for row in rows)
    lines = (
        [composition, *(_done(counts.get((composition, continent))) for continent in continents)]
        for composition in compositions
    )
    heads = ["composition", *map(words.place, continents)]
    return table(heads, lines, caption=f"Cells done of those planned: {model}")


def _done(row: dict[str, int] | None) -> Content:
    if row is None or not row["planned"]:
        return words.NOTHING
    if row["done"] == row["planned"]:
        return f"{row['done']:,}"
    return element("span", f"{row['done']:,} of {row['planned']:,}", class_="bad")


def _heat_map(group: Group, baseline: str) -> Drawing:
    return figures.heat_map(
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
    heads = ["composition", "model", "task", "continent", "n", "protocol", "metric"]
    rows = (
        [
            *(str(row[head]) for head in heads),
            words.score(row["mean"]),
            words.score(row["std"]),
            words.interval(row["low"], row["high"]),
            f"{row['num_values']:,}",
            _number_of_holes(row["num_holes"]),
        ]
        for row in findings.tables["summary"].to_pylist()
    )
    numbers = ["mean", "std", "95 % interval", "values", "holes"]
    caption = f"Scores; intervals {_luck(findings)}"
    return table([*heads, *numbers], rows, caption=caption, num_words=len(heads))


def _difference_table(findings: Findings) -> Html:
    heads = ["composition", "model", "task", "continent", "n", "protocol", "metric"]
    rows = (
        [
            *(str(row[head]) for head in heads),
            words.signed(row["difference"]),
            words.interval(row["low"], row["high"]),
            words.p_value(row["p_holm"]),
            words.score(row["detectable"]),
            f"{row['num_pairs']:,}",
            _number_of_holes(row["num_holes"]),
        ]
        for group in findings.groups
        for row in group.ordered
    )
    numbers = ["difference", "95 % interval", "p (Holm)", "detectable", "pairs", "holes"]
    caption = f"Differences against {findings.baseline}; intervals {_luck(findings)}"
    return table([*heads, *numbers], rows, caption=caption, num_words=len(heads))


def _luck(findings: Findings) -> str:
    labels = dict.fromkeys(findings.tables["summary"]["interval"].to_pylist())
    return words.listed(list(labels))


def _number_of_holes(number: int) -> Content:
    return element("span", f"{number:,}", class_="bad") if number else "0"


def _world(draw: Draw, behind: figures.Samples) -> Drawing:
    counts = draw.card.get("strata", {}).get("continent", {})
    where = [f"{words.place(name)} {told['count']:,}" for name, told in counts.items()]
    return figures.world(
        draw.samples,
        behind=behind,
        name=f"map-{words.slug(draw.composition)}",
        title=f"Where the samples of {draw.composition} lie.",
        alt=f"{draw.samples['lat'].size:,} samples: {', '.join(where)}",
    )


def _card(draw: Draw, drawing: Drawing) -> Html:
    return element(
        "article",
        element("h4", draw.composition),
        figure(drawing),
        facts(_card_facts(draw)),
        class_="composition",
    )


def _card_facts(draw: Draw) -> Sequence[tuple[str, str]]:
    card = draw.card
    evenness, short = card.get("entropy_nats", {}), card.get("short", {})
    guard = card.get("guard", {})
    told = [("samples", f"{draw.samples['lat'].size:,}")]
    told += [(f"{over} entropy", f"{nats:.2f} nats") for over, nats in evenness.items()]
    if card.get("effective_cells") is not None:
        told.append(("effective cells", f"{card['effective_cells']:,.0f}"))
    if card.get("mean_spectral_entropy") is not None:
        told.append(("spectral entropy", f"{card['mean_spectral_entropy']:.2f} nats"))
    if short:
        told.append(("short of", ", ".join(f"{name} by {lack:,}" for name, lack in short.items())))
    if guard.get("rings") is not None:
        told.append(("kept from tests", f"{guard['excluded']:,} samples, {guard['rings']} rings"))
    return told
