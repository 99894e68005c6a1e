"""Signs that a result may be a failure rather than an answer, computed from the rows.

A sign never changes a result. Status and report name every place of the grid that shows one, so
that a reader of the scores knows which to doubt.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final, TypeAlias

import pyarrow as pa

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.tables.artifacts import SweepMeta
from terrasweep.dashboards.tables.rows import (
    CellRow,
    Place,
    SignRow,
    group_by,
    place_of,
    rows_of,
    to_table,
)

NOT_CONVERGED: Final = "not converged"
MISSING: Final = "not in the draw"
"""What the notes of a row begin with."""

NEAR_RANDOM: Final = "near random"
ERRORS: Final = 2
"""Standard errors by which a mean gap to the zero arm is told from chance."""

ScoresByRun: TypeAlias = Mapping[tuple[int, int], float]
"""Scores by replicate and seed."""


@dataclass(frozen=True)
class SignSummary:
    """One sign of failure over all of a grid."""

    name: str
    num_places: int
    """How many places show it."""
    worst: tuple[SignRow, ...]
    """The places that show it most, the worst first."""


def signatures(
    cells: pa.Table,
    *,
    limits: Mapping[str, float],
    zero: Collection[str],
    guessing: Collection[str] = (),
) -> pa.Table:
    """Return every sign at every place of the grid that has values.

    Args:
        cells: The tidy table.
        limits: From where on a sign counts: `spread` and `near_random`.
        zero: The compositions without any pretraining.
        guessing: The protocols that ignore the features; they show no sign.
    """
    rows = [row for row in rows_of(cells, CellRow) if row["value"] is not None]
    groups = group_by([row for row in rows if row["protocol"] not in guessing], place_of)
    untrained = {
        _without_composition(place): _scores(own)
        for place, own in groups
        if place["composition"] in zero
    }
    signs = (
        sign
        for place, own in groups
        for sign in _signs(
            place, own, limits=limits, untrained=untrained.get(_without_composition(place), {})
        )
    )
    return to_table(signs, SignRow)


def summarise_signs(rows: Iterable[SignRow], *, worst: int) -> list[SignSummary]:
    """Return each sign once, the commonest first, with the few places that show it most."""
    by_sign: dict[str, list[SignRow]] = {}
    for row in rows:
        by_sign.setdefault(row["sign"], []).append(row)
    signs = [
        SignSummary(name, len(own), tuple(sorted(own, key=_badness, reverse=True)[:worst]))
        for name, own in by_sign.items()
    ]
    return sorted(signs, key=lambda sign: (-sign.num_places, sign.name))


def zero_arms(meta: SweepMeta) -> set[str]:
    """Return the compositions of a sweep that draw nothing."""
    entries = meta.get("compositions", {})
    return {name for name, own in entries.items() if own.get("rule", {}).get("kind") == "zero"}


def describe_place(row: SignRow) -> str:
    """Return the place of a sign in words."""
    tested = "" if row["tested"] == "same" else f", tested {wording.tested(row['tested'])}"
    return (
        f"{row['composition']} · {row['model']} on {row['task']} · "
        f"{wording.place(row['continent'])}{tested} · n = {wording.samples(row['n'])} · "
        f"{row['protocol']}"
    )


def _signs(
    place: Place,
    rows: Sequence[CellRow],
    *,
    limits: Mapping[str, float],
    untrained: ScoresByRun,
) -> Iterator[SignRow]:
    spread = _spread(rows)
    if spread > limits["spread"]:
        text = f"deviates by {spread:.3f} over seeds, above {limits['spread']:g}"
        yield {"sign": "spread", **place, "found": spread, "told": text}
    skills = [row["skill"] for row in rows if row["skill"] is not None]
    if skills and fmean(skills) < limits["near_random"]:
        skill = fmean(skills)
        text = f"is {skill:.2f} better than guessing, where 1 is perfect"
        yield {"sign": NEAR_RANDOM, **place, "found": skill, "told": text}
    gap = _gap_to_untrained(rows, untrained)
    if gap is not None:
        text = f"is {gap:.3f} below the network as initialised"
        yield {"sign": "below zero pretraining", **place, "found": gap, "told": text}
    yield from _noted(place, rows)


def _spread(rows: Sequence[CellRow]) -> float:
    """Return the largest standard deviation over the seeds of one replicate."""
    by_replicate: dict[int, list[float]] = {}
    for (replicate, _), value in _scores(rows).items():
        by_replicate.setdefault(replicate, []).append(value)
    return max((stdev(own) for own in by_replicate.values() if len(own) > 1), default=0.0)


def _gap_to_untrained(rows: Sequence[CellRow], untrained: ScoresByRun) -> float | None:
    """Return how far scores are below the zero arm's, if by more than chance over the seeds."""
    gaps = [untrained[run] - value for run, value in _scores(rows).items() if run in untrained]
    if not gaps:
        return None
    error = stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    gap = fmean(gaps)
    return gap if gap > max(ERRORS * error, 0.0) else None


def _noted(place: Place, rows: Sequence[CellRow]) -> Iterator[SignRow]:
    """Yield the signs that the cells themselves have noted."""
    sentences = {
        NOT_CONVERGED: "did not converge in {} of {} cells",
        MISSING: "never saw a class that it was asked for in {} of {} cells",
    }
    for note, sentence in sentences.items():
        number = sum(note in (row["notes"] or "") for row in rows)
        if number:
            sign = "class missing" if note == MISSING else note
            text = sentence.format(f"{number:,}", f"{len(rows):,}")
            yield {"sign": sign, **place, "found": number / len(rows), "told": text}


def _scores(rows: Iterable[CellRow]) -> dict[tuple[int, int], float]:
    return {
        (row["replicate"], row["seed"]): row["value"] for row in rows if row["value"] is not None
    }


def _without_composition(place: Place) -> tuple[object, ...]:
    return tuple(value for axis, value in place.items() if axis != "composition")


def _badness(row: SignRow) -> float:
    """Return how bad a place is; of skill less is worse."""
    return -row["found"] if row["sign"] == NEAR_RANDOM else row["found"]
