"""The sample step: the ids that a composition draws, and the card that says how diverse they are.

All compositions of a sweep that draw from one pool are drawn in one scan of its index: every task
sifts some of it for all of them at once, the driver settles each. No pixel is read.
"""

import json
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.cluster.connection import resources
from terrasweep.infra.context import Context
from terrasweep.infra.errors import PoolError
from terrasweep.infra.spec import Json, Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.leakage import of_places
from terrasweep.pipelines.ray_map import spread
from terrasweep.pipelines.reading.artifacts import checked, made, promised, table
from terrasweep.pipelines.spec import SampleSpec, ShardSpec
from terrasweep.samplers.audit.draw_card import Guard, card
from terrasweep.samplers.draw.pool_facts import Facts
from terrasweep.samplers.draw.quota import Share
from terrasweep.samplers.draw.scan import (
    INDEX,
    MANIFEST,
    Guards,
    Sieve,
    Tally,
    Wish,
    added,
    closed,
    gathered,
    needed,
    settle,
    sieve,
    sift,
    widened,
)
from terrasweep.samplers.draw.view import Frame
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.strata import STRATA

FILES_PER_TASK: Final = 8
"""Fewer are not worth a task."""
TASKS_PER_CPU: Final = 4
"""More would cost more to hand out than they even out."""


Settled: TypeAlias = tuple[pa.Table, tuple[Share, ...]]
"""The rows of a draw, and the shares of its strata."""


@dataclass(frozen=True)
class Asked:
    """A sample step, what it wishes for, and the sieve that its scan uses."""

    step: Step[Spec]
    wish: Wish
    sieve: Sieve


@dataclass(frozen=True)
class Drawn:
    """What one composition draws."""

    rows: pa.Table
    """The index of the samples, sorted by id."""
    shares: tuple[Share, ...]
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


def write(step: Step[Spec], drawn: Drawn, folder: Path) -> None:
    """Write a draw's manifest and its card."""
    spec = _spec(step)
    about = card(
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
    (folder / "card.json").write_text(json.dumps(about, indent=1, allow_nan=False))


def draw_many(steps: Sequence[Step[Spec]], *, context: Context) -> dict[Key, Drawn]:
    """Draw all steps, with one scan for each shard step among their needs.

    Raises:
        PoolError: If the pool, or a stratum of it, holds too few samples.
    """
    drawn: dict[Key, Drawn] = {}
    for shard in {step.need("shard").key: step.need("shard") for step in steps}.values():
        own = [step for step in steps if step.need("shard").key == shard.key]
        drawn |= _draw_from(shard, own, context=context)
    return drawn


def _draw_from(
    shard: Step[Spec], steps: Sequence[Step[Spec]], *, context: Context
) -> dict[Key, Drawn]:
    facts = _facts(context.store, shard.key)
    fine = cast("ShardSpec", shard.spec).fine
    guards = {_guard(step): _closed(step, store=context.store, fine=fine) for step in steps}
    asked = [Asked(step, _wish(step), _sieve(step, facts=facts)) for step in steps]
    drawn = _scan(shard.key, asked, guards=guards, facts=facts, context=context)
    left = [replace(one, sieve=widened(one.sieve)) for one in asked if one.step.key not in drawn]
    if left:  # a guard took more of a stratum than the sieves allow for
        drawn |= _scan(shard.key, left, guards=guards, facts=facts, context=context)
    return drawn


def _facts(store: Store, shard: Key) -> Facts:
    """Return what the shard step left to be known of its pool."""
    counts = json.loads(checked(store, shard, "counts.json"))
    entropies, crowd = (
        {int(one): int(number) for one, number in counts[name].items()}
        for name in ("entropies", "crowd")
    )
    return Facts(
        table(store, shard, "census.parquet"),
        entropies=entropies,
        crowd=crowd,
        pilot=table(store, shard, "pilot.parquet"),
        definition=counts.get("spectral_entropy"),
    )


def _scan(
    shard: Key, asked: Sequence[Asked], *, guards: Guards, facts: Facts, context: Context
) -> dict[Key, Drawn]:
    """Scan the index once and return the draws of those whose sieve was not too fine."""
    sieves = [one.sieve for one in asked]
    where = table(context.store, shard, "where.parquet")
    files = needed(where, sieves, facts=facts)
    sifted = _sift_all(shard, sieves, files=files, guards=guards, context=context)
    kept = [rows for rows, _ in sifted]
    found = {name: gathered(kept, closed_cells=cells) for name, cells in guards.items()}
    tallies = added(tallies for _, tallies in sifted)
    drawn: dict[Key, Drawn] = {}
    for one, tally, settled in zip(asked, tallies, _settled(found, asked, tallies), strict=True):
        if settled is not None:
            guard = Guard(_spec(one.step).guard_rings, tally.held - tally.free)
            notes = tuple(note for part in one.sieve.cut.parts for note in part.notes)
            leaks = _leakage(one.step, settled[0], store=context.store)
            drawn[one.step.key] = Drawn(*settled, guard, notes, facts.definition, leaks)
    return drawn


def _settled(
    found: Mapping[str, Frame], asked: Sequence[Asked], tallies: Sequence[Tally]
) -> list[Settled | None]:
    """Settle all draws, in threads: it is numpy's and Arrow's work."""

    def draw(one: Asked, tally: Tally) -> Settled | None:
        with _named(one.step):
            return settle(found[one.wish.guard], one.wish, sieve=one.sieve, tally=tally)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(draw, asked, tallies))


def _leakage(step: Step[Spec], rows: pa.Table, *, store: Store) -> dict[str, dict[str, float]]:
    lat, lon = (np.asarray(rows.column(name)) for name in ("lat", "lon"))
    return {str(t.key): of_places(lat, lon, task=t.key, store=store) for t in _guarded(step)}


def _sift_all(
    shard: Key, sieves: Sequence[Sieve], *, files: Sequence[str], guards: Guards, context: Context
) -> list[tuple[pa.Table, tuple[Tally, ...]]]:
    store, record = context.store, made(context.store, shard)
    most = int(TASKS_PER_CPU * resources().get("CPU", 1.0))
    num_tasks = min(-(-len(files) // FILES_PER_TASK), max(most, 1))
    tasks = [files[task::num_tasks] for task in range(num_tasks)]

    def work(task: Sequence[str]) -> bytes:
        indices = (_index(store, record, name) for name in task)
        kept, tallies = zip(
            *(sift(rows, sieves=sieves, guards=guards) for rows in indices), strict=True
        )
        return pickle.dumps((pa.concat_tables(kept).combine_chunks(), added(tallies)))

    sifted = [sift(INDEX.empty_table(), sieves=sieves, guards=guards)]
    for answer in spread(work, tasks):
        sifted.append(pickle.loads(answer))
        context.progress(len(sifted) - 1, num_tasks)
    return sifted


def _closed(step: Step[Spec], *, store: Store, fine: int) -> np.ndarray:
    """Return the cells that a step's guard closes, at the resolution of the shards."""
    rings = _spec(step).guard_rings
    cells = [np.empty(0, dtype=np.uint64)]
    for task in _guarded(step):
        places = pq.read_table(store.folder(task.key) / "task.parquet", columns=["lat", "lon"])
        lat, lon = (np.asarray(places.column(name)) for name in ("lat", "lon"))
        cells.append(cells_of(lat, lon, resolution=fine))
    return closed(np.concatenate(cells), rings=rings or 0)


def _guarded(step: Step[Spec]) -> list[Step[Spec]]:
    """Return the tasks whose samples a draw keeps away from."""
    tasks = [need for need in step.needs if need.stage == "task"]
    return tasks if _spec(step).guard_rings is not None else []


def _guard(step: Step[Spec]) -> str:
    """Return one name for all guards that close the same cells."""
    tasks = sorted(str(task.key) for task in _guarded(step))
    return " ".join([f"{_spec(step).guard_rings} rings", *tasks]) if tasks else "none"


def _wish(step: Step[Spec]) -> Wish:
    return Wish(_spec(step).composition, replicate=_spec(step).replicate, guard=_guard(step))


def _sieve(step: Step[Spec], *, facts: Facts) -> Sieve:
    with _named(step):
        return sieve(_wish(step), facts=facts)


def _spec(step: Step[Spec]) -> SampleSpec:
    return cast("SampleSpec", step.spec)


def _index(store: Store, record: Record, name: str) -> pa.Table:
    """Return a part of the index, its words as codes: there are few, and they are long."""
    data = pa.BufferReader(promised(store, record, name))
    return pq.ParquetFile(data, read_dictionary=list(STRATA)).read(use_threads=False)


@contextmanager
def _named(step: Step[Spec]) -> Iterator[None]:
    """Say which composition an error of the pool is about."""
    try:
        yield
    except PoolError as error:
        expected = f"{step.label or step.key}: {error.expected}"
        raise PoolError(expected, got=error.got, fix=error.fix) from error
