"""Where the numbers come from: pretrainings, compositions, checkpoints, code, keys and cost."""

from collections.abc import Iterable, Iterator, Sequence

from terrasweep.dashboards.figures.lines import curves
from terrasweep.dashboards.html import wording
from terrasweep.dashboards.html.drawing import Drawing
from terrasweep.dashboards.html.maps import SMALL, Atlas, Tile, steps, world
from terrasweep.dashboards.html.page import (
    Content,
    Html,
    Section,
    element,
    facts,
    figure,
    folded,
    html,
    items,
    table,
)
from terrasweep.dashboards.report.results import SweepResults
from terrasweep.dashboards.tables.artifacts import DrawnSamples
from terrasweep.infra.storage.record import Record


def pretraining(results: SweepResults) -> Section | None:
    """Show the loss curves."""
    drawings = tuple(
        curves(runs, name=f"loss-{wording.slug(model)}", title=f"Pretraining loss: {model}.")
        for model in results.models
        if (runs := results.artifacts.histories(model))
    )
    if not drawings:
        return None
    lead = (
        "Each composition's loss is measured on its own data: a lower curve means an easier "
        "pretraining set, not a better one."
    )
    shown = (figure(drawing) for drawing in drawings)
    return Section("pretraining", "Pretraining", html(element("p", lead), *shown), drawings)


def compositions(results: SweepResults, *, atlas: Atlas) -> Section | None:
    """Show where the samples of each composition lie and how diverse they are."""
    draws = results.artifacts.draws
    if not draws:
        return None
    tiles = [atlas.tiles(draw.cells) for draw in draws]
    begins = steps(tile for own in tiles for tile in own)
    drawings = tuple(
        _world(draw, own, atlas=atlas, begins=begins)
        for draw, own in zip(draws, tiles, strict=True)
    )
    lead = (
        "Darker cells hold more samples; all maps share one scale. Equal Earth projection: equal "
        "areas on the map are equal areas on Earth."
    )
    cards = (_card(draw, drawing) for draw, drawing in zip(draws, drawings, strict=True))
    body = html(element("p", lead), element("div", *cards, class_="compositions"))
    return Section("compositions", "Compositions", body, drawings)


def checkpoints(results: SweepResults) -> Section | None:
    """Show where the checkpoints from outside come from, and their checksums."""
    records = results.artifacts.records
    imported = {
        row["composition"]: records[row["checkpoint"]]
        for row in results.artifacts.plan
        if row["excluded"] is None
        and row["checkpoint"] in records
        and records[row["checkpoint"]].stage == "checkpoint"
    }
    if not imported:
        return None
    lead = (
        "These networks were pretrained elsewhere. Their data, training time and number of samples "
        "are not known here; any of these may explain a difference."
    )
    articles = (
        element("article", element("h3", name), facts(_origin(record)), class_="composition")
        for name, record in imported.items()
    )
    body = html(element("p", lead), element("div", *articles, class_="compositions"))
    return Section("checkpoints", "Checkpoints from outside", body)


def _origin(record: Record) -> Iterable[tuple[str, Content]]:
    origin = record.origin
    yield "network", str(origin.get("network", "unknown"))
    yield "published as", str(origin.get("file", "unknown"))
    yield "sha256 of that file", element("code", str(origin.get("sha256", "unknown")))
    yield "sha256 of the weights", element("code", str(record.everything["weights"]))
    yield "key", element("code", record.key)


def _world(
    draw: DrawnSamples, tiles: Sequence[Tile], *, atlas: Atlas, begins: Sequence[int]
) -> Drawing:
    counts = draw.card.get("strata", {}).get("continent", {}) if draw.card is not None else {}
    where = [f"{wording.place(name)} {value['count']:,}" for name, value in counts.items()]
    listed = f": {', '.join(where)}" if where else ""
    return world(
        tiles,
        atlas=atlas,
        steps=begins,
        letters=SMALL,
        name=f"map-{wording.slug(draw.composition)}",
        title=f"Where the samples of {draw.composition} lie.",
        alt=f"{draw.size:,} samples{listed}",
    )


def _card(draw: DrawnSamples, drawing: Drawing) -> Html:
    return element(
        "article",
        element("h3", draw.composition),
        figure(drawing),
        facts(_card_facts(draw)),
        class_="composition",
    )


def _card_facts(draw: DrawnSamples) -> Iterator[tuple[str, str]]:
    yield "samples", f"{draw.size:,}"
    card = draw.card
    if card is None:
        yield "diversity", "unknown: the card of this draw is missing from the store"
        return
    for over, nats in card.get("entropy_nats", {}).items():
        yield f"{over.replace('_', ' ')} entropy", f"{nats:.2f} nats"
    effective = card.get("effective_cells")
    if effective is not None:
        yield "effective cells", f"{effective:,.0f}"
    spectral = card.get("mean_spectral_entropy")
    if spectral is not None:
        unit = wording.unit(card.get("spectral_entropy_is"))
        yield "spectral entropy", f"{spectral:.2f} {unit}"
    spacing = card.get("spacing")
    if spacing is not None and spacing["clustering"] is not None:
        yield (
            "nearest neighbour",
            f"{spacing['mean_nearest_km']:,.0f} km, clustering {spacing['clustering']:.2f}",
        )
    short = card.get("short", {})
    if short:
        yield "short of", ", ".join(f"{name} by {lack:,}" for name, lack in short.items())
    guard = card.get("guard")
    if guard is not None and guard["rings"] is not None:
        rings = wording.counted(guard["rings"], "ring")
        yield "kept from tests", f"{guard['excluded']:,} samples, {rings}"


def provenance(results: SweepResults) -> Html:
    """Return what one needs to check the report, or to reproduce it."""
    records = list(results.artifacts.records.values())
    return html(
        _costs(results),
        element("h3", "Code and machines"),
        facts(_code(results, records)),
        *_missing(results.artifacts.missing),
        *_assumed(results, records),
        folded("Every step with its key", _keys(records)),
        *_files(results),
    )


def _costs(results: SweepResults) -> Html:
    costs = results.artifacts.costs(
        row["seconds"] for row in results.cell_rows if row["seconds"] is not None
    )
    total = sum(cost.seconds for cost in costs)
    rows: list[Sequence[Content]] = [
        [
            cost.stage,
            f"{cost.num_steps:,}",
            wording.duration(cost.seconds),
            wording.duration(cost.seconds / cost.num_steps),
        ]
        for cost in costs
    ]
    rows.append(["all", f"{sum(cost.num_steps for cost in costs):,}", wording.duration(total), ""])
    return table(["stage", "steps", "time in all", "time each"], rows, caption="What it cost")


def _code(results: SweepResults, records: Sequence[Record]) -> list[tuple[str, Content]]:
    runs = [record.provenance for record in records]
    commits = {f"{run.commit[:12]}{' (with changes)' if run.dirty else ''}" for run in runs}
    commits |= {row["commit"][:12] for row in results.cell_rows if row["commit"]}
    versions = {f"{name} {version}" for run in runs for name, version in run.versions.items()}
    return [
        ("sweep", results.name),
        ("commit", element("code", ", ".join(sorted(commits)) or "unknown")),
        ("versions", ", ".join(sorted(versions))),
        ("platform", ", ".join(sorted({run.platform for run in runs}))),
        ("accelerator", ", ".join(sorted({run.gpu or "none" for run in runs}))),
    ]


def _missing(paths: Sequence[str]) -> list[Html]:
    if not paths:
        return []
    lead = (
        "The store has lost these files of finished steps. What depends on them is left out of "
        "this report."
    )
    lines = (element("code", path) for path in paths)
    return [element("h3", "Missing files"), element("p", lead, class_="bad"), items(lines)]


def _assumed(results: SweepResults, records: Sequence[Record]) -> list[Html]:
    assumed = set(results.meta.get("assumed", ())) | {
        f"{record.stage}: {field}" for record in records for field in record.assumed
    }
    if not assumed:
        return []
    lead = (
        "The studies that this project follows do not report these settings. Their values are "
        "assumptions, and results may depend on them."
    )
    fields = (element("code", field) for field in sorted(assumed))
    return [element("h3", "Assumed settings"), element("p", lead), items(fields)]


def _keys(records: Sequence[Record]) -> Html:
    rows: Iterable[Sequence[Content]] = (
        [
            element("code", record.key),
            record.label,
            f"{record.recipe}",
            wording.duration(record.provenance.seconds),
        ]
        for record in records
    )
    heads = ["key", "label", "recipe", "time"]
    return table(
        heads, rows, caption="Steps, by key; `terrasweep explain KEY` shows more", num_words=2
    )


def _files(results: SweepResults) -> list[Html]:
    links = (element("a", f"{name}.csv", href=f"{name}.csv") for name in results.tables)
    lead = "The folder of this page also holds every figure as SVG, and these tables:"
    return [element("h3", "Files"), element("p", lead), items(links)]
