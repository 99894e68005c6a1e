"""Run a sweep: find what is missing, make it, train its cells, and say where the report is.

The same command resumes and extends: what is in the store is not made again, and if nothing is
missing not even Ray is started.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from terrasweep.infra.cluster import connection
from terrasweep.infra.context import Context, Resources, Retries
from terrasweep.infra.errors import StepFailedError
from terrasweep.infra.step import Key
from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.infra.tracking.background import MirrorThread
from terrasweep.infra.tracking.mirror import Mirror
from terrasweep.infra.tracking.uri import default_uri, ui_command
from terrasweep.pipelines import checkpoint_card
from terrasweep.pipelines.spec import FINETUNE, STAGE_NAMES
from terrasweep.pipelines.stages import checkpoint
from terrasweep.sweeps.engine.progress import Stages
from terrasweep.sweeps.engine.writer import ResultWriter
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.plan.missing import Missing
from terrasweep.sweeps.plan.plan_table import description
from terrasweep.sweeps.spec.compositions import CheckpointEntry
from terrasweep.sweeps.spec.sweep import Sweep

OFF = "off"
MANY_PARTS = 64
"""Parts of the ledger that are merged into one when a run ends."""
PASSES = 2
"""What turns out to be torn is made again in a second pass."""


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    sweep: str
    report: str
    """Path of the report's page."""
    ui_command: str | None
    """The line that opens MLflow; none if there is no mirror."""
    made: dict[str, int]
    """How many steps of each stage, and cells (stage finetune), this run made."""
    failures: int
    """Cells that are still missing, and not left out on purpose."""
    seconds: float


@dataclass
class Run:
    """A run that is going on."""

    planned: Plan
    context: Context
    ledger: Ledger
    stages: Stages
    made: dict[str, int] = field(default_factory=dict)
    failed: set[Key] = field(default_factory=set)
    """Steps that failed in the last pass, and those that need them."""

    def count(self, counts: Mapping[str, int]) -> None:
        """Count what was made, by stage."""
        for stage, number in counts.items():
            if number:
                self.made[stage] = self.made.get(stage, 0) + number


def run(
    sweep: Sweep,
    *,
    store: Store,
    console: Console,
    resources: Resources | None = None,
    address: str | None = None,
    tracking: str | None = None,
    retries: Retries | None = None,
    retry_failed: bool = False,
) -> Outcome:
    """Do what a sweep asks for, as far as it is not done.

    Args:
        sweep: The question.
        store: Where everything is kept.
        console: Where progress is shown.
        resources: What steps and workers may use; left out, one core each.
        address: A running Ray cluster; left out, this machine.
        tracking: Where MLflow mirrors to; `off`: nowhere; left out, as the environment says.
        retries: How often failed jobs are retried.
        retry_failed: Whether what failed for good in an earlier run is tried again.

    Raises:
        UserError: If only the user can fix what is wrong; StepFailedError if nothing was trained.
    """
    started, planned, ledger = time.monotonic(), plan(sweep), Ledger(store)
    _write_plan(planned, store=store, ledger=ledger)
    uri = None if tracking == OFF else tracking or default_uri(store.uri)
    context = Context(store, resources or Resources(), retries=retries or Retries())
    with Stages(console, sweep.name) as stages, _mirror(uri, planned, store, stages) as mirror:
        one = Run(planned, context, ledger, stages)
        _make_all(one, address=address, retry_failed=retry_failed)
        report = _write_report(sweep.name, store=store, mirror=mirror)
    left = Missing.of(planned, store=store, ledger=ledger)
    mlflow, seconds = ui_command(uri) if uri else None, time.monotonic() - started
    outcome = Outcome(sweep.name, str(report), mlflow, one.made, len(left.cells), seconds)
    stages.say("\n".join(_summary_lines(outcome)))
    return outcome


def _write_plan(planned: Plan, *, store: Store, ledger: Ledger) -> None:
    """Write down what is asked for, unless a default changed under what is made already."""
    store.refuse_drift(planned.steps)
    ledger.refuse_drift(cell.step for cell in planned.included)
    ledger.write_plan(planned.sweep.name, plan_table.table(planned), description(planned))


def _summary_lines(outcome: Outcome) -> Iterator[str]:
    counts = ", ".join(
        f"{outcome.made[name]:,} {name}" for name in STAGE_NAMES if name in outcome.made
    )
    yield f"{outcome.sweep}: made {counts or 'nothing new'} in {outcome.seconds:.0f} s"
    if outcome.failures:
        why = f"`terrasweep status {outcome.sweep}` says why, and `--retry-failed` tries them again"
        yield f"{outcome.failures:,} cells are missing: {why}"
    yield f"report: {outcome.report}"
    if outcome.ui_command:
        yield f"MLflow: {outcome.ui_command}"


def _write_report(name: str, *, store: Store, mirror: MirrorThread | None) -> Path:
    """Write the report, and keep it in MLflow as well."""
    from terrasweep.sweeps.pages.write import (
        write_report,  # local: until then the driver stays small
    )

    page = write_report(name, store=store).resolve()
    if mirror is not None:
        mirror.attach(page.parent)
    return page


@contextmanager
def _mirror(
    uri: str | None, planned: Plan, store: Store, stages: Stages
) -> Iterator[MirrorThread | None]:
    """Mirror in the background; what is new at the end is mirrored before the run ends."""
    if uri is None:
        yield None
        return
    with MirrorThread(Mirror(uri), store, planned.sweep.name, tell=stages.say) as mirror:
        yield mirror


def _make_all(one: Run, *, address: str | None, retry_failed: bool) -> None:
    """Make what is missing, and once more what turns out to be torn on the way."""
    given_up = {} if retry_failed else one.ledger.given_up()
    for again in range(PASSES):
        one.context.stop.raise_if_stopped()
        _admit_checkpoints(one)
        missing = Missing.of(
            one.planned, store=one.context.store, ledger=one.ledger, given_up=given_up
        )
        if again and all(step.key in one.failed for step in missing.steps):
            break  # nothing was withdrawn: another try would fail the same way
        _add_progress_lines(one, missing, again=again)
        if not missing.cells:
            break
        dashboard, stop = _needs_dashboard(one, missing), one.context.stop
        with connection.connect(address, dashboard=dashboard, stop=stop):
            one.failed = _make_missing(one, missing)
        given_up = one.ledger.given_up()
    _print_given_up(one, missing)
    if len(one.context.store.list("ledger/results")) > MANY_PARTS:
        one.ledger.compact()


def _print_given_up(one: Run, missing: Missing) -> None:
    """Say what is not tried because it failed before.

    Raises:
        StepFailedError: If that is everything.
    """
    if len(missing.left) == len(one.planned.included):
        raise _nothing_to_train(one, next(iter(missing.causes.values())))
    for name, cells in missing.by_cause().items():
        one.stages.say(f"not tried: {cells:,} cells that need what failed before ({name})")


def _admit_checkpoints(one: Run) -> None:
    """Take checkpoints from outside into the store: only the driver sees their folders."""
    planned = {step.key for step in one.planned.steps}
    for entry in one.planned.sweep.compositions:
        if isinstance(entry, CheckpointEntry):
            step = checkpoint_card.step(entry.card, label=entry.name)
            if step.key in planned and not one.context.store.has(step.key):
                checkpoint.admit(entry.card, store=one.context.store, label=entry.name)
                one.count({"checkpoint": 1})


def _needs_dashboard(one: Run, missing: Missing) -> bool:
    from terrasweep.pipelines.training.job import needs_ray_train  # local: keeps planning light

    return any(needs_ray_train(step, one.context.resources) for step in missing.steps)


def _add_progress_lines(one: Run, missing: Missing, *, again: int) -> None:
    """Open a line for each stage of which something is asked for."""
    for stage in STAGE_NAMES:
        planned = [step for step in one.planned.steps if step.stage == stage]
        total = len(planned) if stage != FINETUNE else len(one.planned.included)
        if total and (missing.count(stage) or not again):
            one.stages.open(stage, total=total, before=total - missing.count(stage))


def _make_missing(one: Run, missing: Missing) -> set[Key]:
    """Make steps and train the cells whose features are there; return the steps that failed.

    Raises:
        StepFailedError: If that leaves the sweep without any cell.
    """
    from terrasweep.sweeps.engine import (  # local: Ray takes seconds to import
        capacity,
        job_order,
        scheduler,
    )
    from terrasweep.sweeps.engine.execute import finetune

    jobs = job_order.jobs(
        missing.steps,
        missing.cells,
        planned=one.planned,
        resources=one.context.resources,
        slots=capacity.slots(one.context),
    )
    writer = ResultWriter(one.ledger, one.stages, one.context.retries)
    with Claims(one.context.store) as claims:
        work = scheduler.Scheduler.of(
            jobs, claims=claims, context=one.context, writer=writer, train=finetune
        )
        try:
            work.finish()
        finally:
            one.count(writer.made)
    failed = work.source.queue.failed
    left = [cell for cell in missing.cells if cell.need("encode").key not in failed]
    if not left and len(missing.cells) == len(one.planned.included):
        raise _nothing_to_train(one, asdict(work.failures[0]))
    return failed


def _nothing_to_train(one: Run, first: Mapping[str, Any]) -> StepFailedError:
    steps = [*one.planned.steps, *(cell.step for cell in one.planned.included)]
    label = next(step.label for step in steps if str(step.key) == first["key"])
    return StepFailedError(
        f"{first['key']} ({label})",
        got=f"{first['kind']}: {first['message']}",
        fix="fix the cause and run again with --retry-failed; "
        f"`terrasweep explain {first['key']}` shows what it was made from",
    )
