"""The sample step: the ids that a composition draws, and the card that says how diverse they are.

All compositions of a sweep that draw from one pool are drawn in one scan of its index: every task
filters some of its files for all of them at once, and the driver selects. No pixel is read.
"""

import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.cluster.connection import resources
from terrasweep.infra.context import Context
from terrasweep.infra.spec import Json, Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.leakage import of_places
from terrasweep.pipelines.ray_map import ray_map
from terrasweep.pipelines.reading.artifacts import checked, promised, record_of, table
from terrasweep.pipelines.spec import SampleSpec, ShardSpec
from terrasweep.samplers.audit.draw_card import Guard, card
from terrasweep.samplers.draw.index import INDEX, MANIFEST
from terrasweep.samplers.draw.pool_facts import PoolFacts
from terrasweep.samplers.draw.quota import StratumShare
from terrasweep.samplers.draw.scan import (
    Candidates,
    DrawRequest,
    Guards,
    Prefilter,
    guarded_cells,
    index_files,
    merge,
    prefilter,
    prepare,
    select,
    unbounded,
)
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.strata import STRATA

FILES_PER_TASK: Final = 8
"""Fewer are not worth a task."""
TASKS_PER_CPU: Final = 4
"""More would cost more to hand out than they even out."""


@dataclass(frozen=True)
class PreparedDraw:
    """A sample step, and the prefilter of its scan."""

    step: Step[Spec]
    prefilter: Prefilter


@dataclass(frozen=True)
class FinishedDraw:
    """What one composition draws."""

    rows: pa.Table
    """The index of the samples, sorted by id."""
    shares: tuple[StratumShare, ...]
    guard: Guard
    notes: tuple[str, ...] = ()
    """What the rule found in the pool or in a file."""
    definition: Mapping[str, Json] | None = None
    """How the spectral entropy of the samples was measured, if it was."""
    leakage: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For each task that a guard needs, the share of its samples within so many km of one drawn."""


def make(step: Step[Spec], *, context: Context, folder: Path) -> None:
    """Draw one composition: the manifest and its card.

    Raises:
        PoolError: If the pool, or a stratum of it, holds too few samples.
    """
    drawn = draw_many([step], context=context)[step.key]
    write(step, drawn, folder=folder)


def make_many(steps: Sequence[Step[Spec]], *, context: Context) -> None:
    """Make all sample steps that are not made yet, with one scan for each shard step.

    Raises:
        PoolError: If the pool, or a stratum of it, holds too few samples.
    """
    done = context.store.done(step.key for step in steps)
    left = {step.key: step for step in steps if step.key not in done}
    for key, drawn in draw_many(list(left.values()), context=context).items():
        context.store.make(left[key], partial(write, left[key], drawn))


def write(step: Step[Spec], drawn: FinishedDraw, folder: Path) -> None:
    """Write a draw's manifest and its card."""
    spec = _spec(step)
    summary = card(
        drawn.rows,
        composition=spec.composition,
        replicate=spec.replicate,
        shares=drawn.shares,
        guard=drawn.guard,
        notes=drawn.notes,
        leakage=drawn.leakage,
        definition=drawn.definition,
    )
    manifest = drawn.rows.select(MANIFEST.names).cast(MANIFEST).combine_chunks()
    pq.write_table(manifest, folder / "manifest.parquet", compression="zstd")
    (folder / "card.json").write_text(json.dumps(summary, indent=1, allow_nan=False))


def draw_many(steps: Sequence[Step[Spec]], *, context: Context) -> dict[Key, FinishedDraw]:
    """Draw all steps, with one scan for each shard step among their needs.

    Raises:
        PoolError: If the pool, or a stratum of it, holds too few samples.
    """
    drawn: dict[Key, FinishedDraw] = {}
    for shard in {step.need("shard").key: step.need("shard") for step in steps}.values():
        own = [step for step in steps if step.need("shard").key == shard.key]
        drawn |= _draw_from(shard, own, context=context)
    return drawn


def _draw_from(
    shard: Step[Spec], steps: Sequence[Step[Spec]], *, context: Context
) -> dict[Key, FinishedDraw]:
    facts = _facts(context.store, shard.key)
    fine = cast("ShardSpec", shard.spec).fine
    guards = {_guard(step): _closed_cells(step, store=context.store, fine=fine) for step in steps}
    prefilters = prepare([_request(step) for step in steps], facts=facts)
    draws = [PreparedDraw(step, own) for step, own in zip(steps, prefilters, strict=True)]
    finished = _scan(shard.key, draws, guards=guards, facts=facts, context=context)
    # A guard may take more of a stratum than the thresholds allow for: then all of it is needed.
    left = [
        replace(draw, prefilter=unbounded(draw.prefilter))
        for draw in draws
        if draw.step.key not in finished
    ]
    if left:
        finished |= _scan(shard.key, left, guards=guards, facts=facts, context=context)
    return finished


def _facts(store: Store, shard: Key) -> PoolFacts:
    """Return what the shard step left to be known of its pool."""
    counts = json.loads(checked(store, shard, "counts.json"))
    entropies, cell_counts = (
        {int(one): int(number) for one, number in counts[name].items()}
        for name in ("entropies", "crowd")
    )
    return PoolFacts(
        table(store, shard, "census.parquet"),
        entropies=entropies,
        cell_counts=cell_counts,
        pilot=table(store, shard, "pilot.parquet"),
        definition=counts.get("spectral_entropy"),
    )


def _scan(
    shard: Key,
    draws: Sequence[PreparedDraw],
    *,
    guards: Guards,
    facts: PoolFacts,
    context: Context,
) -> dict[Key, FinishedDraw]:
    """Scan the index once and return the draws whose prefilter kept enough."""
    prefilters = [draw.prefilter for draw in draws]
    where = table(context.store, shard, "where.parquet")
    files = index_files(where, prefilters, facts=facts)
    candidates = _candidates(shard, prefilters, files=files, guards=guards, context=context)
    selections = select(candidates, prefilters=prefilters, guards=guards)
    finished: dict[Key, FinishedDraw] = {}
    for draw, selection in zip(draws, selections, strict=True):
        if selection is not None:
            finished[draw.step.key] = FinishedDraw(
                selection.rows,
                selection.shares,
                Guard(_spec(draw.step).guard_rings, selection.num_guarded),
                draw.prefilter.design.notes,
                facts.definition,
                _leakage(draw.step, selection.rows, store=context.store),
            )
    return finished


def _candidates(
    shard: Key,
    prefilters: Sequence[Prefilter],
    *,
    files: Sequence[str],
    guards: Guards,
    context: Context,
) -> Candidates:
    """Return what the prefilters keep of some files of the index; the files are read by tasks."""
    store, record = context.store, record_of(context.store, shard)
    max_tasks = max(int(TASKS_PER_CPU * resources().get("CPU", 1.0)), 1)
    num_tasks = min(-(-len(files) // FILES_PER_TASK), max_tasks)
    tasks = [files[task::num_tasks] for task in range(num_tasks)]

    def work(task: Sequence[str]) -> bytes:
        pieces = (_read_index(store, record, name) for name in task)
        kept = prefilter(pieces, prefilters=prefilters, guards=guards)
        return pickle.dumps(replace(kept, rows=kept.rows.combine_chunks()))

    # An empty piece first: where no file is needed there is still something to merge.
    parts = [prefilter([INDEX.empty_table()], prefilters=prefilters, guards=guards)]
    for answer in ray_map(work, tasks):
        parts.append(pickle.loads(answer))
        context.progress(len(parts) - 1, num_tasks)
    return merge(parts)


def _read_index(store: Store, record: Record, name: str) -> pa.Table:
    """Return a part of the index, its words as codes: there are few, and they are long."""
    data = pa.BufferReader(promised(store, record, name))
    return pq.ParquetFile(data, read_dictionary=list(STRATA)).read(use_threads=False)


def _leakage(step: Step[Spec], rows: pa.Table, *, store: Store) -> dict[str, dict[str, float]]:
    lat, lon = (np.asarray(rows.column(name)) for name in ("lat", "lon"))
    return {
        str(task.key): of_places(lat, lon, task=task.key, store=store) for task in _guarded(step)
    }


def _request(step: Step[Spec]) -> DrawRequest:
    spec = _spec(step)
    label = step.label or str(step.key)
    return DrawRequest(spec.composition, spec.replicate, guard=_guard(step), label=label)


def _closed_cells(step: Step[Spec], *, store: Store, fine: int) -> np.ndarray:
    """Return the cells that a step's guard closes, at the resolution of the shards."""
    rings = _spec(step).guard_rings
    cells = [np.empty(0, dtype=np.uint64)]
    for task in _guarded(step):
        places = pq.read_table(store.folder(task.key) / "task.parquet", columns=["lat", "lon"])
        lat, lon = (np.asarray(places.column(name)) for name in ("lat", "lon"))
        cells.append(cells_of(lat, lon, resolution=fine))
    return guarded_cells(np.concatenate(cells), rings=rings or 0)


def _guarded(step: Step[Spec]) -> list[Step[Spec]]:
    """Return the tasks whose samples a draw keeps away from."""
    tasks = [need for need in step.needs if need.stage == "task"]
    return tasks if _spec(step).guard_rings is not None else []


def _guard(step: Step[Spec]) -> str:
    """Return one name for all guards that close the same cells."""
    tasks = sorted(str(task.key) for task in _guarded(step))
    return " ".join([f"{_spec(step).guard_rings} rings", *tasks]) if tasks else "none"


def _spec(step: Step[Spec]) -> SampleSpec:
    return cast("SampleSpec", step.spec)
