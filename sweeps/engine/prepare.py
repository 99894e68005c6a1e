"""Makes steps for their own sake, without the cells of a grid: draws to look at, pools to audit."""

from collections.abc import Collection, Sequence

from rich.console import Console

from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context
from terrasweep.infra.errors import StepFailedError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step, closure
from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.claims import Elsewhere
from terrasweep.sweeps.engine.progress import Stages
from terrasweep.sweeps.engine.queue import Board
from terrasweep.sweeps.engine.writer import Book

PASSES = 2
"""What turns out to be torn is made again in a second pass."""


def prepare(
    targets: Collection[Step[Spec]], *, store: Store, address: str | None, console: Console
) -> int:
    """Make steps and all that they need, as far as it is not there, and return how many.

    Raises:
        StepFailedError: If one cannot be made, with the first reason.
        UserError: If only the user can mend what is wrong.
    """
    store.refuse_drift(closure(targets))
    made = 0
    with Stages(console) as stages:
        for _ in range(PASSES):
            waiting = missing(targets, store=store)
            if not waiting:
                break
            _open(stages, waiting, targets)
            with connection.connect(address):
                made += _make(waiting, context=Context(store), stages=stages)
    return made


def missing(targets: Collection[Step[Spec]], *, store: Store) -> list[Step[Spec]]:
    """Return the steps that are not there and that something missing needs, needs first."""
    ordered = list(closure(targets))
    there = store.done(step.key for step in ordered)
    asked, found = {step.key for step in targets}, []
    for step in reversed(ordered):  # from those that need to those that are needed
        if step.key in asked and step.key not in there:
            found.append(step)
            asked |= {need.key for need in step.needs}
    return found[::-1]


def _make(waiting: Sequence[Step[Spec]], *, context: Context, stages: Stages) -> int:
    from terrasweep.sweeps.engine import job_order, scheduler  # local: Ray takes seconds to import
    from terrasweep.sweeps.engine.execute import finetune

    ledger = Ledger(context.store)
    jobs, attempts = (
        job_order.jobs(waiting, resources=context.resources),
        scheduler.attempts(ledger),
    )
    with Claims(context.store) as claims:
        elsewhere, book = Elsewhere(claims, ledger, jobs), Book(ledger, stages, context.retries)
        work = scheduler.Schedule(Board(jobs), elsewhere, context, book, finetune, attempts)
        work.finish()
    for first in work.failures[:1]:
        (label,) = (step.label for step in waiting if str(step.key) == first.key)
        raise StepFailedError(
            f"{first.key} ({label})",
            got=f"{first.kind}: {first.message}",
            fix="mend the cause and run the same command again",
        )
    return len(waiting)


def _open(stages: Stages, waiting: Sequence[Step[Spec]], targets: Collection[Step[Spec]]) -> None:
    """Open a line for each stage of which something is missing."""
    for stage in dict.fromkeys(step.stage for step in waiting):
        total = sum(step.stage == stage for step in closure(targets))
        left = sum(step.stage == stage for step in waiting)
        stages.open(stage, total=total, before=total - left)
