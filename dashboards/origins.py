"""What the scores rest on, section by section: the pretrainings and the compositions."""

from collections.abc import Sequence

import numpy as np

from dashboards import figures, words
from dashboards.drawing import Drawing
from dashboards.findings import Findings
from dashboards.made import Draw
from dashboards.page import Html, element, facts, figure, html
from dashboards.parts import Section


def pretraining(findings: Findings) -> Section | None:
    """Show the loss curves."""
    drawings = tuple(
        figures.curves(
            curves, name=f"loss-{words.slug(model)}", title=f"Pretraining loss: {model}."
        )
        for model in findings.models
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
        told.append(
            (
                "kept from tests",
                f"{guard['excluded']:,} samples, {words.counted(guard['rings'], 'ring')}",
            )
        )
    return told
