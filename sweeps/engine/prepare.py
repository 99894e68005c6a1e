"""Makes steps without the cells of a grid: draws to look at, pools to audit."""

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
from terrasweep.sweeps.engine.progress import Stages
from terrasweep.sweeps.engine.writer import ResultWriter

PASSES = 2
"""What turns out to be torn is made again in a second pass."""


def prepare(
    targets: Collection[Step[Spec]], *, store: Store, address: str | None, console: Console
) -> int:
    """Make steps and all that they need, as far as it is not there, and return how many.

    Raises:
        StepFailedError: If one cannot be made, with the first reason.
        UserError: If only the user can fix what is wrong.
    """
    store.refuse_drift(closure(targets))
    num_made, context = 0, Context(store)
    with Stages(console) as stages:
        for _ in range(PASSES):
            context.stop.raise_if_stopped()
            waiting = missing(targets, store=store)
            if not waiting:
                break
            _add_progress_lines(stages, waiting, targets)
            with connection.connect(address, stop=context.stop):
                num_made += _make_steps(waiting, context=context, stages=stages)
    return num_made


def missing(targets: Collection[Step[Spec]], *, store: Store) -> list[Step[Spec]]:
    """Return the steps that are not there and that something missing needs, needs first."""
    ordered = list(closure(targets))
    there = store.done(step.key for step in ordered)
    wanted, absent = {step.key for step in targets}, []
    for step in reversed(ordered):  # from those that need to those that are needed
        if step.key in wanted and step.key not in there:
            absent.append(step)
            wanted |= {need.key for need in step.needs}
    return absent[::-1]


def _make_steps(waiting: Sequence[Step[Spec]], *, context: Context, stages: Stages) -> int:
    from terrasweep.sweeps.engine import job_order, scheduler  # local: Ray takes seconds to import
    from terrasweep.sweeps.engine.execute import finetune

    jobs = job_order.jobs(waiting, resources=context.resources)
    writer = ResultWriter(Ledger(context.store), stages, context.retries)
    with Claims(context.store) as claims:
        work = scheduler.Scheduler.of(
            jobs, claims=claims, context=context, writer=writer, train=finetune
        )
        work.finish()
    for first in work.failures[:1]:
        (label,) = (step.label for step in waiting if str(step.key) == first.key)
        raise StepFailedError(
            f"{first.key} ({label})",
            got=f"{first.kind}: {first.message}",
            fix="fix the cause and run the same command again",
        )
    return len(waiting)


def _add_progress_lines(
    stages: Stages, waiting: Sequence[Step[Spec]], targets: Collection[Step[Spec]]
) -> None:
    """Open a line for each stage of which something is missing."""
    for stage in dict.fromkeys(step.stage for step in waiting):
        total = sum(step.stage == stage for step in closure(targets))
        left = sum(step.stage == stage for step in waiting)
        stages.open(stage, total=total, before=total - left)
