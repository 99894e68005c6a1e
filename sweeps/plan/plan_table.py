"""The plan of a sweep as an Arrow table: the form in which it is kept and looked at."""

import pyarrow as pa

from terrasweep.infra.storage.ledger import PLAN
from terrasweep.sweeps.plan.grid import Cell, Plan


def table(plan: Plan) -> pa.Table:
    """Return one row per cell, excluded ones too, with the keys of what it rests on."""
    return pa.Table.from_pylist([_row(cell) for cell in plan.cells], schema=PLAN)


def _row(cell: Cell) -> dict[str, str | int | None]:
    checkpoint = cell.checkpoint
    sample = [need for need in checkpoint.needs if need.stage == "sample"]
    return {
        "key": str(cell.step.key),
        "composition": cell.composition,
        "model": cell.model,
        "task": cell.task,
        "continent": cell.continent,
        "tested": cell.tested,
        "n": cell.n,
        "protocol": cell.protocol,
        "seed": cell.seed,
        "replicate": cell.replicate,
        "metric": cell.metric,
        "excluded": cell.excluded,
        "features": str(cell.features.key),
        "checkpoint": str(checkpoint.key),
        "sample": str(sample[0].key) if sample else None,
    }
