"""What a pool returns, checked row by row: a sample is admitted, or rejected with its reason.

Every row read gets an ordinal (chunk and place in the chunk) that depends on nothing else, and a
line in the report. Of samples with one id the first by ordinal stays, wherever the others lie.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw.ranks import hashes
from terrasweep.samplers.formats.arrays import Arrays, to_table

REQUIRED: Final = ("id", "lat", "lon", "month")
NAMED: Final = ("id", "rank_hash", "lat", "lon", "cell", "coarse")
"""The columns that open every row; strata, entropy and arrays follow."""

REJECTED: Final = "rejected"
"""A column of text that a pool may give: why it rejects a row itself; empty for good rows."""

NOT_A_NUMBER: Final = "a coordinate is not a finite number"
IMPOSSIBLE: Final = "a coordinate lies off the Earth"
WRONG_SHAPE: Final = "the chunk's arrays have other names, types or shapes than the first chunk's"
REPEATED: Final = "the id occurred before"
NUM_IDS_NAMED: Final = 100

REPORT: Final = pa.schema(
    [
        pa.field("ordinal", pa.uint64(), nullable=False),
        pa.field("rank_hash", pa.uint64(), nullable=False),
        pa.field("rejected", pa.string()),
        pa.field("id", pa.string()),
    ]
)
"""One line per row read; the reason and the id only of those that were rejected."""

REJECTS: Final = pa.schema(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("ids", pa.list_(pa.string()), nullable=False),
    ]
)
"""Why rows were left out, how many, and the first ids of each reason in order."""

Describe = Callable[[Arrays], Arrays]
"""From the columns of admitted samples to their cells, strata and entropy."""


def layout(columns: Arrays) -> str:
    """Return the names, types and shapes of one sample's columns, as one line of text.

    Raises:
        PoolError: If a column that every pool needs is missing or columns differ in length.
    """
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise PoolError(
            f"the columns {', '.join(REQUIRED)} from the pool",
            got=f"no {', '.join(missing)}",
            fix=f"correct the pool adapter's `read`, which returns {', '.join(sorted(columns))}",
        )
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise PoolError(
            "columns of one length from the pool",
            got=f"lengths {', '.join(map(str, sorted(lengths)))}",
            fix="correct the pool adapter's `read`",
        )
    apart = ("id", "lat", "lon", REJECTED)
    arrays = {name: columns[name] for name in sorted(columns) if name not in apart}
    return json.dumps({name: [str(a.dtype), a.shape[1:]] for name, a in arrays.items()})


def admit(
    columns: Arrays, *, chunk: int, expected: str, describe: Describe
) -> tuple[pa.Table, pa.Table]:
    """Return the rows of a chunk that may be drawn, with their ordinals, and its report."""
    ids = np.asarray(columns["id"])
    ordinals = (np.uint64(chunk) << np.uint64(32)) + np.arange(len(ids), dtype=np.uint64)
    own = layout(columns)
    faults = _faults(columns) if own == expected else np.full(len(ids), WRONG_SHAPE, dtype=object)
    rank_hash = hashes(ids.tolist())
    well = np.array([fault is None for fault in faults], dtype=bool)
    rows = _described(columns, well, rank_hash=rank_hash, describe=describe) if well.any() else {}
    table = to_table({**rows, "ordinal": ordinals[well]} if rows else {"ordinal": ordinals[well]})
    named = ids.astype(object)
    named[well] = None
    report = [ordinals, rank_hash, faults, named]
    lines = [pa.array(column, field.type) for column, field in zip(report, REPORT, strict=True)]
    return table, pa.Table.from_arrays(lines, schema=REPORT)


def repeated(report: pa.Table) -> np.ndarray:
    """Return the ordinals, sorted, of admitted rows whose id was admitted at a lower ordinal."""
    admitted = report.filter(report.column("rejected").is_null())
    ordinals = np.asarray(admitted.column("ordinal"))
    rank_hash = np.asarray(admitted.column("rank_hash"))
    order = np.lexsort((ordinals, rank_hash))
    again = order[1:][rank_hash[order][1:] == rank_hash[order][:-1]]
    return np.sort(ordinals[again])


def joined(fragments: Iterable[pa.Table], *, dropped: np.ndarray) -> tuple[pa.Table, pa.Table]:
    """Return the rows of all fragments by coarse cell, cell and id, and the rows dropped."""
    whole = pa.concat_tables(fragments)
    leave = np.isin(np.asarray(whole.column("ordinal")), dropped)
    by = [("coarse", "ascending"), ("cell", "ascending"), ("id", "ascending")]
    kept = whole.filter(~leave).sort_by(by)
    return kept.drop_columns("ordinal"), whole.filter(leave)


def rejects(reasons: Sequence[str], ids: Sequence[str]) -> pa.Table:
    """Return how often each reason was given, and for which rows."""
    lines = []
    for reason in sorted(set(reasons)):
        names = [name for name, why in zip(ids, reasons, strict=True) if why == reason]
        first = sorted(names)[:NUM_IDS_NAMED]
        lines.append({"reason": reason, "count": len(names), "ids": first})
    return pa.Table.from_pylist(lines, schema=REJECTS)


def check_balance(*, read: int, kept: int, left_out: pa.Table, most: float = 1.0) -> None:
    """Refuse a pool of which a row was lost, none is left, or more than a share was left out.

    Raises:
        PoolError: With the table of what was left out.
    """
    lines = zip(*left_out.select(["reason", "count"]).to_pydict().values(), strict=True)
    table = "; ".join(f"{reason}: {number:,}" for reason, number in lines) or "nothing left out"
    if read != kept + sum(left_out.column("count").to_pylist()):
        raise PoolError(
            f"{read:,} rows kept or left out",
            got=f"{kept:,} kept and {table}",
            fix="report this bug: rows of the pool were lost",
        )
    if not kept:
        raise PoolError(
            "samples from the pool",
            got=f"none among {read:,} rows ({table})",
            fix="correct the pool or its adapter",
        )
    if read - kept > most * read:
        raise PoolError(
            f"at most {most:.2%} of the pool's rows rejected (its `max_rejects`)",
            got=f"{read - kept:,} of {read:,} ({table}), such as {_first(left_out)}",
            fix="correct the pool, or raise `max_rejects` to draw without these rows",
        )


def _first(left_out: pa.Table) -> str:
    """Return the first ids of every reason."""
    return ", ".join(name for ids in left_out.column("ids").to_pylist() for name in ids[:3])


def _faults(columns: Arrays) -> np.ndarray:
    """Return for each row why it is not admitted, or none."""
    lat, lon = (np.asarray(columns[name], dtype=np.float64) for name in ("lat", "lon"))
    faults = np.full(lat.shape, None, dtype=object)
    with np.errstate(invalid="ignore"):
        faults[(np.abs(lat) > 90) | (np.abs(lon) > 180)] = IMPOSSIBLE
    faults[~np.isfinite(lat) | ~np.isfinite(lon)] = NOT_A_NUMBER
    own = np.asarray(columns.get(REJECTED, np.full(lat.shape, "")), dtype=object)
    return np.where(np.equal(own, ""), faults, own)


def _described(
    columns: Arrays, well: np.ndarray, *, rank_hash: np.ndarray, describe: Describe
) -> dict[str, np.ndarray]:
    kept = columns.keys() - {REJECTED}
    own = {name: np.asarray(columns[name])[well] for name in kept}
    own |= {name: own[name].astype(np.float64) for name in ("lat", "lon")}
    own |= {"rank_hash": rank_hash[well], **describe(own)}
    return {name: own[name] for name in (*NAMED, *sorted(set(own) - set(NAMED)))}
