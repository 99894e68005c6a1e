"""The diversity card of one draw: what it holds, how even it is, and what was asked of whom.

Entropies are Shannon entropies in nats of the shares of the values that are known: even over six
continents is ln 6 = 1.79. The effective number of cells is exp of the entropy over fine cells: how
many evenly filled cells would be as diverse.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from terrasweep.infra.spec import Json, everything
from terrasweep.samplers.audit.spacing import spacing
from terrasweep.samplers.draw.census import count, known, totals
from terrasweep.samplers.draw.pool_facts import entropy_counts
from terrasweep.samplers.draw.quota import StratumShare
from terrasweep.samplers.geography.strata import STRATA
from terrasweep.samplers.spec.composition import CompositionSpec

ALWAYS: Final = ("biome", "climate", "continent")
"""Strata that a card tells even where nothing is known; of others it tells what is known."""


@dataclass(frozen=True)
class Guard:
    """What was kept away from the test samples of the sweep's tasks."""

    rings: int | None
    """Fine cells around every test sample; none: there was no guard."""
    excluded: int
    """How many samples of the pool were left out."""


def card(
    rows: pa.Table,
    *,
    composition: CompositionSpec,
    replicate: int,
    shares: Sequence[StratumShare],
    guard: Guard,
    notes: Sequence[str] = (),
    leakage: Mapping[str, Mapping[str, float]] | None = None,
    definition: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """Return the card of the rows that were drawn."""
    held = totals(count(rows))
    strata = [over for over in STRATA if over in ALWAYS or known(held, over)]
    spectral = np.asarray(rows.column("entropy"), dtype=np.float64)
    mean = float(spectral.mean()) if spectral.size else math.nan
    short = {share.stratum: share.asked - share.taken for share in shares}
    return {
        "composition": everything(composition),
        "replicate": replicate,
        "size": rows.num_rows,
        "strata": {over: _with_shares(held[over]) for over in strata},
        "entropy_nats": {over: entropy(known(held, over)) for over in strata},
        "effective_cells": effective_number(rows.column("cell")),
        "mean_spectral_entropy": None if np.isnan(mean) else mean,
        "spectral_entropy_is": definition,
        "spectral_entropies": {
            str(one): number for one, number in entropy_counts(spectral).items()
        },
        "spacing": spacing(np.asarray(rows.column("lat")), np.asarray(rows.column("lon"))),
        "quota": [asdict(share) for share in shares],
        "short": {name: lack for name, lack in short.items() if lack > 0},
        "repeated": rows.num_rows - len(rows.column("id").unique()),
        "guard": asdict(guard),
        "notes": list(notes),
        "leakage": {task: dict(shares) for task, shares in (leakage or {}).items()},
    }


def entropy(counts: Mapping[str, int]) -> float:
    """Return the Shannon entropy of counts, in nats; nothing at all has none."""
    return _entropy(np.array(list(counts.values()), dtype=np.float64))


def effective_number(cells: pa.ChunkedArray) -> float:
    """Return how many evenly filled cells would be as diverse as these."""
    numbers = cells.value_counts().field("counts") if len(cells) else []
    ordered = np.sort(np.asarray(numbers, dtype=np.float64))  # a sum depends on its order
    return float(np.exp(_entropy(ordered))) if ordered.size else 0.0


def _entropy(numbers: np.ndarray) -> float:
    shares = numbers[numbers > 0] / max(numbers.sum(), 1.0)
    return float(np.abs(np.sum(shares * np.log(shares))))


def _with_shares(counts: Mapping[str, int]) -> dict[str, Json]:
    whole = max(sum(counts.values()), 1)
    return {value: {"count": number, "share": number / whole} for value, number in counts.items()}
