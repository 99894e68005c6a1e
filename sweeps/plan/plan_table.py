"""The plan of a sweep as the ledger keeps it: a table of its cells, and a description in words."""

import pyarrow as pa

from terrasweep.infra.spec import Json, Spec, everything
from terrasweep.infra.storage.axes import AXIS_NAMES
from terrasweep.infra.storage.ledger import PLAN
from terrasweep.infra.storage.record import assumed
from terrasweep.pipelines.spec import FINETUNE, FinetuneSpec
from terrasweep.sweeps.plan.grid import Cell, Plan
from terrasweep.sweeps.spec.compositions import Arm, CheckpointEntry
from terrasweep.sweeps.spec.sweep import ModelEntry, Sweep


def table(plan: Plan) -> pa.Table:
    """Return one row per cell, excluded ones too, with the keys of what it rests on."""
    return pa.Table.from_pylist([_row(cell) for cell in plan.cells], schema=PLAN)


def _row(cell: Cell) -> dict[str, str | int | None]:
    checkpoint = cell.checkpoint
    sample = [need for need in checkpoint.needs if need.stage == "sample"]
    return {
        "key": str(cell.step.key),
        **{axis: getattr(cell, axis) for axis in AXIS_NAMES},
        "metric": cell.metric,
        "excluded": cell.excluded,
        "features": str(cell.features.key),
        "checkpoint": str(checkpoint.key),
        "sample": str(sample[0].key) if sample else None,
    }


def description(planned: Plan) -> dict[str, Json]:
    """Return the question, the entries of each axis, and the names of all steps."""
    sweep = planned.sweep
    models: dict[str, Json] = {
        entry.name: entry.model_dump(mode="json", serialize_as_any=True) for entry in sweep.models
    }
    return {
        "question": sweep.question.strip(),
        "hypothesis": sweep.hypothesis.strip(),
        "baseline": sweep.baseline,
        "synthetic": any(_is_synthetic(entry) for entry in sweep.models),
        "compositions": {entry.name: _composition_json(entry) for entry in sweep.compositions},
        "checkpoints": [
            entry.name for entry in sweep.compositions if isinstance(entry, CheckpointEntry)
        ],
        "models": models,
        "guessing": guessing(sweep),
        "limits": sweep.limits.model_dump(),
        "assumed": sorted(_assumed(planned)),
        "recipes": {**_recipes(planned), FINETUNE: FinetuneSpec.recipe},
        "steps": {str(step.key): step.label for step in planned.steps},
    }


def guessing(sweep: Sweep) -> list[str]:
    """Return the protocols that look at nothing."""
    return [entry.name for entry in sweep.protocols if type(entry.protocol).guesses]


def _composition_json(entry: Arm) -> Json:
    """Return what a composition draws, or whose weights a checkpoint is."""
    if isinstance(entry, CheckpointEntry):
        return {"checkpoint": {"weights": entry.card.weights, **entry.card.origin}}
    return everything(entry.spec)


def _is_synthetic(entry: ModelEntry) -> bool:
    return entry.pool.synthetic or any(task.task.synthetic for task in entry.tasks)


def _assumed(planned: Plan) -> set[str]:
    steps: list[tuple[str, Spec]] = [(step.stage, step.spec) for step in planned.steps]
    cells: list[tuple[str, Spec]] = [(FINETUNE, cell.step.spec) for cell in planned.included]
    return {f"{stage}: {field}" for stage, spec in (*steps, *cells) for field in assumed(spec)}


def _recipes(planned: Plan) -> dict[str, Json]:
    return {step.stage: type(step.spec).recipe for step in planned.steps}
