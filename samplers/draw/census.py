"""How many samples the pool holds, per coarse cell and stratum: small, and all a quota needs.

A stratum's values are words throughout: a continent's name, or the number of a biome or climate
written out. Where a sample has no value (off the continents, no biome) the word is in `UNKNOWN`,
and so is every word of a stratum that the pool knows nothing of.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa

from terrasweep.samplers.geography.strata import STRATA, UNKNOWN, Stratum

NUMBERS: Final = ("biome", "climate")
STRATA_FIELDS: Final = tuple(
    pa.field(over, pa.int16() if over in NUMBERS else pa.string(), nullable=False)
    for over in STRATA
)

CENSUS: Final = pa.schema(
    [
        pa.field("coarse", pa.uint64(), nullable=False),
        *STRATA_FIELDS,
        pa.field("count", pa.int64(), nullable=False),
    ]
)

Totals: TypeAlias = Mapping[Stratum, Mapping[str, int]]
"""For each stratum, how many samples each of its values has."""

_PLACE = ["coarse", *STRATA]


def count(rows: pa.Table) -> pa.Table:
    """Return the census of rows that carry their coarse cell and their strata."""
    ones = pa.array(np.ones(rows.num_rows, dtype=np.int64))
    return _summed(rows.select(_PLACE).append_column("count", ones))


def add(parts: Iterable[pa.Table]) -> pa.Table:
    """Return the census of everything that the parts counted."""
    return _summed(pa.concat_tables([CENSUS.empty_table(), *(part.cast(CENSUS) for part in parts)]))


def totals(census: pa.Table) -> Totals:
    """Return how many samples each value of each stratum has, in order of value."""
    return {over: _totals(census, over) for over in STRATA}


def known(held: Totals, over: Stratum) -> dict[str, int]:
    """Return the counts of a stratum's values without the samples that have none."""
    return {value: number for value, number in held[over].items() if value != UNKNOWN[over]}


def words(column: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Return a stratum's column as codes, and the word that each code stands for.

    Codes are of the type that numpy looks things up with: it would cast others time and again.
    """
    if pa.types.is_integer(column.type) and len(column):
        numbers = np.asarray(column)
        low, high = int(numbers.min()), int(numbers.max())
        codes = np.subtract(numbers, low, dtype=np.intp)
        return codes, [str(value) for value in range(low, high + 1)]
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    return np.asarray(coded.indices).astype(np.intp), [
        str(value) for value in coded.dictionary.to_pylist()
    ]


def _summed(table: pa.Table) -> pa.Table:
    summed = table.group_by(_PLACE, use_threads=False).aggregate([("count", "sum")])
    named = summed.rename_columns([*_PLACE, "count"]).select(CENSUS.names)
    return named.sort_by([(name, "ascending") for name in _PLACE]).cast(CENSUS)


def _totals(census: pa.Table, over: Stratum) -> dict[str, int]:
    summed = census.group_by(over).aggregate([("count", "sum")]).to_pydict()
    pairs = zip(summed[over], summed["count_sum"], strict=True)
    return {str(value): int(number) for value, number in sorted(pairs)}
