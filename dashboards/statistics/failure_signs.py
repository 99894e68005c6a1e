"""Signs that a result may be a failure rather than an answer, computed from the rows.

None of them changes a result. Which place of the grid shows which sign is said in status and in
the report, so that a table of scores is not read past them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Final, TypeAlias

import pyarrow as pa

from terrasweep.dashboards.html import wording
from terrasweep.dashboards.tables.cells import PLACE, Row, grouped

NOT_CONVERGED: Final = "not converged"
MISSING: Final = "not in the draw"
"""What the notes of a row begin with."""

NEAR_RANDOM: Final = "near random"
ERRORS: Final = 2
"""Standard errors by which a mean gap to the zero arm is told from chance."""

Draw: TypeAlias = tuple[int, int]
"""A replicate and a seed."""

SIGNATURES = pa.schema(
    [
        ("sign", pa.string()),
        *((axis, pa.int64() if axis == "n" else pa.string()) for axis in PLACE),
        ("found", pa.float64()),
        ("told", pa.string()),
    ]
)


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
        zero: The compositions that are no pretraining at all.
        guessing: The protocols that look at nothing, and so show nothing.
    """
    places = [(place, _valued(rows)) for place, rows in grouped(cells, PLACE)]
    places = [one for one in places if one[1] and one[0]["protocol"] not in guessing]
    bare = _bare(places, zero)
    found = [
        {"sign": sign, **place, "found": value, "told": told}
        for place, rows in places
        for sign, value, told in _signs(place, rows, limits=limits, bare=bare)
    ]
    return pa.Table.from_pylist(found, schema=SIGNATURES)


@dataclass(frozen=True)
class Sign:
    """One sign of failure over all of a grid."""

    name: str
    places: int
    """How many places show it."""
    worst: tuple[Row, ...]
    """The places that show it most, the worst first."""


def gathered(rows: Iterable[Row], *, worst: int) -> list[Sign]:
    """Return each sign once, the commonest first, with the few places that show it most."""
    by_sign: dict[str, list[Row]] = {}
    for row in rows:
        by_sign.setdefault(row["sign"], []).append(row)
    signs = [
        Sign(name, len(own), tuple(sorted(own, key=_badness, reverse=True)[:worst]))
        for name, own in by_sign.items()
    ]
    return sorted(signs, key=lambda sign: (-sign.places, sign.name))


def _badness(row: Row) -> float:
    """Return how bad a place is; of skill less is worse."""
    return -row["found"] if row["sign"] == NEAR_RANDOM else float(row["found"])


def zero_arms(meta: Mapping[str, Any]) -> set[str]:
    """Return the compositions of a sweep that draw nothing."""
    told = meta.get("compositions", {})
    return {name for name, one in told.items() if one.get("rule", {}).get("kind") == "zero"}


def where(row: Row) -> str:
    """Return the place of a sign in words."""
    tested = "" if row["tested"] == "same" else f", judged {wording.tested(row['tested'])}"
    return (
        f"{row['composition']} · {row['model']} on {row['task']} · "
        f"{wording.place(row['continent'])}{tested} · n = {wording.samples(row['n'])} · "
        f"{row['protocol']}"
    )


def _valued(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["value"] is not None]


def _bare(
    places: list[tuple[Row, list[Row]]], zero: Collection[str]
) -> dict[tuple[Any, ...], dict[Draw, float]]:
    """Return the scores of the zero arm at every place, by seed and replicate."""
    return {
        _but_composition(place): {_draw(row): row["value"] for row in rows}
        for place, rows in places
        if place["composition"] in zero
    }


def _draw(row: Row) -> Draw:
    return int(row["replicate"]), int(row["seed"])


def _below(rows: list[Row], bare: Mapping[Draw, float]) -> float | None:
    """Return how far scores are below the zero arm's, if by more than chance over the seeds."""
    gaps = [bare[_draw(row)] - row["value"] for row in rows if _draw(row) in bare]
    if not gaps:
        return None
    error = stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    gap = fmean(gaps)
    return gap if gap > max(ERRORS * error, 0.0) else None


def _but_composition(place: Row) -> tuple[Any, ...]:
    return tuple(place[axis] for axis in PLACE if axis != "composition")


def _signs(
    place: Row,
    rows: list[Row],
    *,
    limits: Mapping[str, float],
    bare: Mapping[tuple[Any, ...], Mapping[Draw, float]],
) -> Iterator[tuple[str, float, str]]:
    spread = _spread(rows)
    if spread > limits["spread"]:
        yield "spread", spread, f"deviates by {spread:.3f} over seeds, above {limits['spread']:g}"
    skills = [row["skill"] for row in rows if row["skill"] is not None]
    if skills and fmean(skills) < limits["near_random"]:
        skill = fmean(skills)
        yield NEAR_RANDOM, skill, f"is {skill:.2f} better than guessing, where 1 is perfect"
    gap = _below(rows, bare.get(_but_composition(place), {}))
    if gap is not None:
        yield "below zero pretraining", gap, f"is {gap:.3f} below the network as initialised"
    yield from _noted(rows)


def _spread(rows: list[Row]) -> float:
    """Return the largest standard deviation over the seeds of one replicate."""
    by_replicate: dict[int, list[float]] = {}
    for row in rows:
        by_replicate.setdefault(row["replicate"], []).append(row["value"])
    return max((stdev(own) for own in by_replicate.values() if len(own) > 1), default=0.0)


def _noted(rows: list[Row]) -> Iterator[tuple[str, float, str]]:
    told = {
        NOT_CONVERGED: "did not converge in {} of {} cells",
        MISSING: "never saw a class that it was asked for in {} of {} cells",
    }
    for sign, sentence in told.items():
        hit = sum(sign in (row["notes"] or "") for row in rows)
        if hit:
            name = "class missing" if sign == MISSING else sign
            yield name, hit / len(rows), sentence.format(f"{hit:,}", f"{len(rows):,}")
