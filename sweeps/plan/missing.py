"""What a plan asks for and a store does not have, as far as it is worth a try."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FINETUNE, FinetuneSpec
from terrasweep.sweeps.plan.grid import Plan


@dataclass
class Missing:
    """Cells that are to be trained, and the steps that they wait for."""

    cells: list[Step[FinetuneSpec]]
    steps: list[Step[Spec]]
    """What the missing cells need, needs first."""
    left: list[Step[FinetuneSpec]] = field(default_factory=list)
    """Cells that are missing too, and left alone: they, or what they need, failed for good."""
    causes: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    """What the ledger says of that failure, for each cell that is left alone."""

    @classmethod
    def of(
        cls,
        planned: Plan,
        *,
        store: Store,
        ledger: Ledger,
        given_up: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> "Missing":
        """Look what is there; a step is missing only if something missing needs it.

        Args:
            planned: What is asked for.
            store: Where it may be.
            ledger: Where the cells may be.
            given_up: What failed for good, by key; none of it is asked for.
        """
        finished, there = ledger.done(), store.done(step.key for step in planned.steps)
        every = [c.step for c in planned.included if str(c.step.key) not in finished]
        why = _blocked_steps(planned, there=there, given_up=given_up or {})
        missing = cls([], [])
        for cell in every:
            cause = (given_up or {}).get(str(cell.key), why.get(cell.need("encode").key))
            if cause is None:
                missing.cells.append(cell)
            else:
                missing.left.append(cell)
                missing.causes[cell.key] = cause
        missing.steps = _needed_steps(missing.cells, planned, there=there)
        return missing

    def count(self, stage: str) -> int:
        """Return how many of a stage are missing and to be made."""
        if stage == FINETUNE:
            return len(self.cells)
        return sum(step.stage == stage for step in self.steps)

    def by_cause(self) -> dict[str, int]:
        """Return how many cells are left alone, by cause."""
        return dict(Counter(str(why["cause"]) for why in self.causes.values()))


def _blocked_steps(
    planned: Plan, *, there: set[Key], given_up: Mapping[str, Mapping[str, Any]]
) -> dict[Key, Mapping[str, Any]]:
    """Return the steps that are not there and cannot be made, each with the failure behind it."""
    failures: dict[Key, Mapping[str, Any]] = {}
    for step in planned.steps if given_up else ():
        if step.key in there:
            continue
        reasons = (failures[need.key] for need in step.needs if need.key in failures)
        why = given_up.get(str(step.key), next(reasons, None))
        if why is not None:
            failures[step.key] = why
    return failures


def _needed_steps(
    cells: list[Step[FinetuneSpec]], planned: Plan, *, there: set[Key]
) -> list[Step[Spec]]:
    asked: set[Key] = {cell.need("encode").key for cell in cells}
    steps = []
    for step in reversed(planned.steps):  # from those that need to those that are needed
        if step.key in asked and step.key not in there:
            steps.append(step)
            asked |= {need.key for need in step.needs}
    return steps[::-1]
