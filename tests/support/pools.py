"""A pool read as the shard step reads it: chunk by chunk, every row admitted or with a reason."""

import numpy as np
import pyarrow as pa

from terrasweep.samplers.formats.arrays import Arrays, to_arrays
from terrasweep.samplers.intake.admit import REPEATED, admit, layout, repeated
from terrasweep.samplers.members import POOLS
from terrasweep.samplers.spec.pools import PoolSpec


def spec_of(name: str, fields: dict[str, object]) -> PoolSpec:
    spec = POOLS.spec(name).model_validate({"name": name, **fields})
    assert isinstance(spec, PoolSpec)
    return spec


def whole(spec: PoolSpec) -> dict[str, np.ndarray]:
    """Every column of every chunk, sound rows and others."""
    pool = POOLS[spec.name]
    parts = [pool.read(spec, chunk) for chunk in range(pool.chunks(spec))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def taken_in(spec: PoolSpec) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """The columns of all rows that are admitted, and (id, reason) of all that are not."""
    pool = POOLS[spec.name]
    expected = layout(pool.read(spec, 0))
    kept, reports, rejects = [], [], []
    for chunk in range(pool.chunks(spec)):
        columns = pool.read(spec, chunk)
        rows, report = admit(columns, chunk=chunk, expected=expected, describe=_nothing)
        kept.append(rows)
        reports.append(report)
        named = zip(
            report.column("id").to_pylist(), report.column("rejected").to_pylist(), strict=True
        )
        rejects += [(name, reason) for name, reason in named if reason is not None]
        assert len(columns["id"]) == report.num_rows
    dropped = repeated(pa.concat_tables(reports))
    table = pa.concat_tables([rows for rows in kept if rows.num_rows])
    again = np.isin(np.asarray(table.column("ordinal")), dropped)
    rejects += [(name, REPEATED) for name in table.filter(again).column("id").to_pylist()]
    return to_arrays(table.filter(~again)), sorted(rejects)


def _nothing(columns: Arrays) -> Arrays:
    zeros = np.zeros(len(columns["id"]), dtype=np.uint64)
    return {"cell": zeros, "coarse": zeros}
