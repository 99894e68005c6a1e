"""Steps and cells of a plan, made in a store as a run would make them, but small and at once."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Ledger, Row, fields_of
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Cell, Plan


def make_steps(steps: Iterable[Step[Spec]], *, store: Store, size: int = 100) -> None:
    def write(folder: Path) -> None:
        (folder / "made.bin").write_bytes(bytes(size))

    for step in steps:
        store.make(step, write)


def finish(cells: Iterable[Cell], *, store: Store, seconds: float = 0.5) -> None:
    rows = [
        Row(
            key=str(cell.step.key),
            continent=cell.continent,
            n=cell.n,
            protocol=cell.step.spec.protocol.name,
            seed=cell.seed,
            metric=cell.metric,
            value=value_of(cell),
            n_train=cell.n,
            n_test=20,
            classes=2,
            features=str(cell.features.key),
            seconds=seconds,
            finished=datetime(2026, 1, 2, tzinfo=UTC),
            commit="abc",
            fields=fields_of(cell.step.spec),
        )
        for cell in cells
    ]
    Ledger(store).append(rows)


def value_of(cell: Cell) -> float:
    """A value with a spread of its own for every composition, seed and replicate."""
    lift = {"zero": 0.0, "uniform": 0.2, "europe": 0.1, "stratified": 0.3}[cell.composition]
    return lift + 0.01 * ((cell.seed * 7 + len(cell.composition) * 3 + cell.replicate) % 5)


def write_plan(plan: Plan, *, store: Store) -> None:
    meta = {"baseline": plan.sweep.baseline}
    Ledger(store).write_plan(plan.sweep.name, plan_table.table(plan), meta)
