"""What the scores rest on, section by section: pretrainings, compositions, others' checkpoints."""

from collections.abc import Iterable, Sequence

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
from terrasweep.dashboards.report.results import Findings
from terrasweep.dashboards.tables.artifacts import Draw
from terrasweep.infra.storage.record import Record


def pretraining(findings: Findings) -> Section | None:
    """Show the loss curves."""
    drawings = tuple(
        curves(runs, name=f"loss-{wording.slug(model)}", title=f"Pretraining loss: {model}.")
        for model in findings.models
        if (runs := findings.made.histories(model))
    )
    if not drawings:
        return None
    lead = (
        "Losses of different compositions are on different data: a lower curve is an easier "
        "pretraining set, not a better one."
    )
    shown = (figure(drawing) for drawing in drawings)
    return Section("pretraining", "Pretraining", html(element("p", lead), *shown), drawings)


def compositions(findings: Findings, *, atlas: Atlas) -> Section | None:
    """Show where the samples of each composition lie and how diverse they are."""
    draws = findings.made.draws
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


def checkpoints(findings: Findings) -> Section | None:
    """Say whose weights the checkpoints from outside are, and how to know them again."""
    imported = {
        row["composition"]: findings.made.records[row["checkpoint"]]
        for row in findings.made.plan
        if row["excluded"] is None
        and row["checkpoint"] in findings.made.records
        and findings.made.records[row["checkpoint"]].stage == "checkpoint"
    }
    if not imported:
        return None
    lead = (
        "These networks were pretrained elsewhere. What they were trained on, how long and on how "
        "many samples is not known here, so a difference may be any of that."
    )
    told = (
        element("article", element("h3", name), facts(_whose(record)), class_="composition")
        for name, record in imported.items()
    )
    body = html(element("p", lead), element("div", *told, class_="compositions"))
    return Section("checkpoints", "Checkpoints from outside", body)


def _whose(record: Record) -> Iterable[tuple[str, Content]]:
    origin = record.origin
    yield "network", str(origin.get("network", "unknown"))
    yield "published as", str(origin.get("file", "unknown"))
    yield "sha256 of that file", element("code", str(origin.get("sha256", "unknown")))
    yield "sha256 of the weights", element("code", str(record.everything["weights"]))
    yield "key", element("code", record.key)


def _world(draw: Draw, tiles: Sequence[Tile], *, atlas: Atlas, begins: Sequence[int]) -> Drawing:
    counts = draw.card.get("strata", {}).get("continent", {})
    where = [f"{wording.place(name)} {told['count']:,}" for name, told in counts.items()]
    return world(
        tiles,
        atlas=atlas,
        steps=begins,
        letters=SMALL,
        name=f"map-{wording.slug(draw.composition)}",
        title=f"Where the samples of {draw.composition} lie.",
        alt=f"{draw.size:,} samples: {', '.join(where)}",
    )


def _card(draw: Draw, drawing: Drawing) -> Html:
    return element(
        "article",
        element("h3", draw.composition),
        figure(drawing),
        facts(_card_facts(draw)),
        class_="composition",
    )


def _card_facts(draw: Draw) -> Sequence[tuple[str, str]]:
    card = draw.card
    evenness, short = card.get("entropy_nats", {}), card.get("short", {})
    guard = card.get("guard", {})
    told = [("samples", f"{draw.size:,}")]
    told += [
        (f"{over.replace('_', ' ')} entropy", f"{nats:.2f} nats") for over, nats in evenness.items()
    ]
    if card.get("effective_cells") is not None:
        told.append(("effective cells", f"{card['effective_cells']:,.0f}"))
    if card.get("mean_spectral_entropy") is not None:
        unit = wording.unit(card.get("spectral_entropy_is"))
        told.append(("spectral entropy", f"{card['mean_spectral_entropy']:.2f} {unit}"))
    if card.get("spacing", {}).get("clustering") is not None:
        spacing = card["spacing"]
        apart = f"{spacing['mean_nearest_km']:,.0f} km, clustering {spacing['clustering']:.2f}"
        told.append(("nearest neighbour", apart))
    if short:
        told.append(("short of", ", ".join(f"{name} by {lack:,}" for name, lack in short.items())))
    if guard.get("rings") is not None:
        told.append(
            (
                "kept from tests",
                f"{guard['excluded']:,} samples, {wording.counted(guard['rings'], 'ring')}",
            )
        )
    return told


def provenance(findings: Findings) -> Html:
    """Return what one needs to check the report, or to make it again."""
    records = list(findings.made.records.values())
    return html(
        _costs(findings),
        element("h3", "Code and machines"),
        facts(_code(findings, records)),
        *_assumed(findings, records),
        folded("Every step with its key", _keys(records)),
        *_files(findings),
    )


def _costs(findings: Findings) -> Html:
    seconds = [took for took in findings.cells["seconds"].to_pylist() if took is not None]
    costs = findings.made.costs(seconds)
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


def _code(findings: Findings, records: Sequence[Record]) -> list[tuple[str, Content]]:
    made = [record.provenance for record in records]
    commits = {f"{one.commit[:12]}{' (with changes)' if one.dirty else ''}" for one in made}
    commits |= {commit[:12] for commit in findings.cells["commit"].to_pylist() if commit}
    versions = {f"{name} {version}" for one in made for name, version in one.versions.items()}
    return [
        ("sweep", findings.name),
        ("commit", element("code", ", ".join(sorted(commits)) or "unknown")),
        ("versions", ", ".join(sorted(versions))),
        ("platform", ", ".join(sorted({one.platform for one in made}))),
        ("accelerator", ", ".join(sorted({one.gpu or "none" for one in made}))),
    ]


def _assumed(findings: Findings, records: Sequence[Record]) -> list[Html]:
    said = set(findings.meta.get("assumed", ())) | {
        f"{record.stage}: {field}" for record in records for field in record.assumed
    }
    if not said:
        return []
    lead = (
        "The studies this project follows do not say these settings; their values are our "
        "assumption, and a result may hang on them."
    )
    fields = (element("code", field) for field in sorted(said))
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
        heads, rows, caption="Steps, by key; `terrasweep explain KEY` says more", num_words=2
    )


def _files(findings: Findings) -> list[Html]:
    links = (element("a", f"{name}.csv", href=f"{name}.csv") for name in findings.tables)
    lead = "Beside this file lie every figure as SVG and these tables:"
    return [element("h3", "Files"), element("p", lead), items(links)]
