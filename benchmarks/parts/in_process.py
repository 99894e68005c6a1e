"""A sweep in this process, without a cluster: the same functions, keys and draws, in memory.

For small sweeps, the engine spends most of its time on starting workers and writing files. Here the
functions that the steps call read the pool, draw, train and evaluate one after another, so a
hundred small sweeps take minutes. `benchmarks/worlds.py` checks that the engine gives the same
values for the same keys.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import pyarrow as pa
import torch

from terrasweep.dashboards.report.results import SweepResults
from terrasweep.infra.context import Context
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.models.checkpoints import encoding
from terrasweep.models.contract import Architecture
from terrasweep.models.members import ZOO
from terrasweep.models.training import loop
from terrasweep.pipelines import networks
from terrasweep.pipelines.sharding.work import ShardWork
from terrasweep.pipelines.spec import InitSpec, PretrainSpec, SampleSpec, ShardSpec, TaskDataSpec
from terrasweep.pipelines.stages import finetune
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.pool_facts import PoolFacts, cell_counts, entropy_counts
from terrasweep.samplers.draw.scan import DrawRequest, prefilter, prepare, select, unbounded
from terrasweep.samplers.formats.arrays import to_table
from terrasweep.samplers.intake.admit import admit, layout
from terrasweep.samplers.members import POOLS, TASKS
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.plan.plan_table import description
from terrasweep.sweeps.spec.sweep import Sweep

OPEN = "none"
CLOSED = np.empty(0, dtype=np.uint64)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Taken:
    """A pool in memory: its index by id, and what a network makes of its samples."""

    index: pa.Table
    inputs: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, spec: ShardSpec, architecture: Architecture) -> "Taken":
        """Take in a pool as the shard step does."""
        adapter = POOLS[spec.pool.name]
        number = adapter.chunks(spec.pool)
        work = ShardWork(Store.open(tempfile.gettempdir()), spec, folder="", num_chunks=number)
        rows, inputs, expected = [], [], ""
        for chunk in range(number):
            columns = adapter.read(spec.pool, chunk)
            expected = expected or layout(columns)
            kept, _ = admit(columns, chunk=chunk, expected=expected, describe=work.describe)
            assert kept.num_rows == len(columns["id"]), "an invented pool has nothing to reject"
            rows.append(kept.select(INDEX.names).cast(INDEX))
            inputs.append(architecture.prepare(columns))
        joined = {name: np.concatenate([part[name] for part in inputs]) for name in inputs[0]}
        return cls(pa.concat_tables(rows).combine_chunks(), joined)

    @cached_property
    def facts(self) -> PoolFacts:
        """What the shard step would leave to be known of it."""
        entropies = entropy_counts(np.asarray(self.index.column("entropy")))
        return PoolFacts(census.count(self.index), entropies, cell_counts(self.index), self.index)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Where each sample stands."""
        return {name: row for row, name in enumerate(self.index.column("id").to_pylist())}

    def drawn(self, spec: SampleSpec) -> np.ndarray:
        """Return the rows that a composition draws, in the order of its manifest."""
        request = DrawRequest(spec.composition, replicate=spec.replicate, guard=OPEN)
        (bounded,) = prepare([request], facts=self.facts)
        guards = {OPEN: CLOSED}
        for one in (bounded, unbounded(bounded)):
            kept = prefilter([self.index], prefilters=[one], guards=guards)
            (selection,) = select(kept, prefilters=[one], guards=guards)
            if selection is not None:
                ids = selection.rows.column("id").to_pylist()
                return np.array([self.rows[name] for name in ids])
        raise AssertionError("an unbounded prefilter kept too little")


def findings(sweep: Sweep) -> SweepResults:
    """Do what a sweep asks for, and return what its report would be made from.

    It knows zoo networks of series without a tower, one pool, one task and no guard.
    """
    planned = plan(sweep)
    with tempfile.TemporaryDirectory() as home:
        store = Store.open(home)
        ledger = Ledger(store)
        ledger.write_plan(sweep.name, plan_table.table(planned), description(planned))
        for rows in _judged(planned, Context(store)):
            ledger.append(rows)
        found = SweepResults.of(store, ledger, sweep.name)
        assert found.tables, "what is read from the store is read now"
    return found


def _judged(planned: Plan, context: Context) -> list[list[finetune.Row]]:
    (entry,) = planned.sweep.models
    architecture = ZOO[entry.model.name]
    shard = next((step for step in planned.steps if step.stage == "shard"), None)
    taken = Taken.of(cast("ShardSpec", shard.spec), architecture) if shard else None
    task = next(step for step in planned.steps if step.stage == "task")
    spec = cast("TaskDataSpec", task.spec).task
    columns = dict(TASKS[spec.name].read(spec))
    table = to_table(columns)
    made = []
    for step in (step for step in planned.steps if step.stage == "encode"):
        network = _network(step.needs[0], taken)
        parts = list(encoding.chunked(network, architecture, columns))
        cells = [cell.step for cell in planned.included if cell.features.key == step.key]
        features = np.concatenate(parts)
        made.append(finetune.rows(cells, context=context, features=features, task=table))
    return made


def _network(checkpoint: Step[Spec], taken: Taken | None) -> "loop.Network":
    """Return a network as its step leaves it: as initialised, or pretrained on its draw."""
    first = checkpoint if checkpoint.stage == "init" else checkpoint.need("init")
    network = networks.build(cast("InitSpec", first.spec).model, key=first.key)
    if checkpoint.stage == "init":
        return network.eval()
    assert taken is not None, "who is pretrained has a pool"
    rows = taken.drawn(cast("SampleSpec", checkpoint.need("sample").spec))
    loop.train(
        network,
        {name: values[rows] for name, values in taken.inputs.items()},
        training=cast("PretrainSpec", checkpoint.spec).training,
        key=str(checkpoint.key),
        device=CPU,
        savepoint=loop.NullSavepoint(),
    )
    return network.eval()
