"""What a plan would do in a store: what is made already, what is to make, and at what price."""

from dataclasses import dataclass

import pyarrow as pa

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FINETUNE
from terrasweep.sweeps.forecast.costs import Cost, cost_of, cost_of_cells
from terrasweep.sweeps.forecast.intervals import Width, widths
from terrasweep.sweeps.inspect.lineage import RECORDED_STAGES, Lineages
from terrasweep.sweeps.plan.grid import Plan


@dataclass(frozen=True)
class StageOutlook:
    """One stage of a plan."""

    stage: str
    planned: int
    made: int
    cost: Cost | None
    """Of what is left to make; None if no record of such a step tells."""

    @property
    def to_make(self) -> int:
        """How many are left."""
        return self.planned - self.made


@dataclass(frozen=True)
class Outlook:
    """A plan, seen beside a store."""

    stages: tuple[StageOutlook, ...]
    """In the order they are made; the last is finetune, counted in cells."""
    excluded: int
    """Cells that are left out on purpose."""
    new: tuple[str, ...]
    """Compositions with a draw that was not made yet."""
    widths: tuple[Width, ...]


def outlook(plan: Plan, *, store: Store) -> Outlook:
    """Return what is made and what is left; nothing is written."""
    ledger, lineages = Ledger(store), Lineages(store)
    results = ledger.results()
    finished = store.done(step.key for step in plan.steps)
    stages = [
        _stage_outlook(stage, plan=plan, finished=finished, lineages=lineages)
        for stage in RECORDED_STAGES
    ]
    return Outlook(
        stages=(*(one for one in stages if one.planned), _cells(plan, results)),
        excluded=len(plan.cells) - len(plan.included),
        new=_new_compositions(plan, finished),
        widths=tuple(widths(plan, results=results, ledger=ledger)),
    )


def _stage_outlook(
    stage: str, *, plan: Plan, finished: set[Key], lineages: Lineages
) -> StageOutlook:
    steps = [step for step in plan.steps if step.stage == stage]
    left: list[Step[Spec]] = [step for step in steps if step.key not in finished]
    cost = cost_of(left, lineages=lineages)
    return StageOutlook(stage, len(steps), len(steps) - len(left), cost)


def _cells(plan: Plan, results: pa.Table) -> StageOutlook:
    done = set(results.column("key").to_pylist())
    left = [cell for cell in plan.included if str(cell.step.key) not in done]
    rows = results.select(["protocol", "seconds"]).to_pylist()
    cost = cost_of_cells([cell.step.spec.protocol.name for cell in left], rows=rows)
    planned = len(plan.included)
    return StageOutlook(FINETUNE, planned, planned - len(left), cost)


def _new_compositions(plan: Plan, finished: set[Key]) -> tuple[str, ...]:
    new = {
        cell.composition
        for cell in plan.included
        for need in cell.checkpoint.needs
        if need.stage == "sample" and need.key not in finished
    }
    return tuple(entry.name for entry in plan.sweep.compositions if entry.name in new)
