"""Runs all jobs of a queue on the connected cluster, each as soon as it can start.

The driver runs scans by Ray Data and pretrainings in threads; workers run the rest (networks,
tasks, features, cells) in pools, one pool after the other. Rows are written to the ledger every
second, and only then count as done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from terrasweep.infra.cluster.memory import release_memory
from terrasweep.infra.context import Context, quiet
from terrasweep.infra.storage.claims import Claims
from terrasweep.infra.storage.ledger import Failure, Ledger
from terrasweep.sweeps.engine import tune
from terrasweep.sweeps.engine.capacity import ClusterCapacity, Demand, slots
from terrasweep.sweeps.engine.claims import JobClaims
from terrasweep.sweeps.engine.execute import JobContext, Train
from terrasweep.sweeps.engine.queue import Job, JobQueue
from terrasweep.sweeps.engine.source import JobSource
from terrasweep.sweeps.engine.writer import ResultWriter

LOOK_EVERY_S: Final = 0.5


@dataclass
class Scheduler:
    """Runs the jobs of a source until none is left."""

    source: JobSource

    @classmethod
    def of(
        cls,
        jobs: list[Job],
        *,
        claims: Claims,
        context: Context,
        writer: ResultWriter,
        train: Train,
        attempts: Mapping[str, int] | None = None,
    ) -> "Scheduler":
        """Return the scheduler of some jobs, as the ledger and the cluster are now.

        Args:
            jobs: What is to be done.
            claims: Ours on the store.
            context: Where and with how much it is done.
            writer: Where results go.
            train: Trains cells.
            attempts: How often each step or cell failed before; left out, as the ledger says.
        """
        if attempts is None:
            attempts = failed_attempts(writer.ledger)
        return cls(
            JobSource(
                JobQueue(jobs),
                JobClaims(claims, writer.ledger, jobs),
                context,
                writer,
                train,
                attempts,
                ClusterCapacity(context.resources),
            )
        )

    @property
    def failures(self) -> list[Failure]:
        """What failed for good of steps, in the order it came."""
        return self.source.failures

    def finish(self) -> None:
        """Run every job that can run.

        Every finished cell is in the ledger, every failure beside it, whatever ends this early.

        Raises:
            UserError: At once, if only the user can fix what is wrong.
            Stopped: If the run was asked to stop.
        """
        source = self.source
        try:
            while not source.queue.is_over:
                source.poll(0.0)
                if source.claim_next() is not None:
                    self._run_worker_pool()
                else:
                    source.poll(LOOK_EVERY_S)
            source.writer.close()
            while not source.writer.is_clean:
                source.poll(LOOK_EVERY_S)
        finally:
            source.flush()

    def _run_worker_pool(self) -> None:
        """Start workers, let them do what they can, and end them."""
        source, context = self.source, self.source.context
        jobs = source.queue.upcoming(jobs=tune.MOST_TRIALS, cells=tune.MOST_CELLS)
        each = Demand(context.resources.cpus_per_trial, context.resources.gpus_per_trial)
        workers_context = JobContext(
            replace(context, progress=quiet), source.train, source.attempts
        )
        source.capacity.add_workers(each)
        try:
            tune.run_worker_pool(
                jobs, context=workers_context, source=source, each=each, most=slots(context)
            )
        finally:
            source.capacity.remove_workers()
        if not source.queue.is_over:
            release_memory()  # Tune kept something of every trial of this pool


def failed_attempts(ledger: Ledger) -> dict[str, int]:
    """Return how often each step or cell has failed that is still not made."""
    failures = ledger.failures()
    return dict(zip(failures["key"].to_pylist(), failures["attempt"].to_pylist(), strict=True))
