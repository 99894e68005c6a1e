"""Ray Tune over bundles: one trial trains the cells of one bundle, rows go to the ledger at once.

Actors are reused, Tune's own files go to a folder that is removed, and its memory is bounded by
feeding it a chunk of trials at a time. A bundle that raises is tried again cell by cell inside the
same trial, so that one bad cell costs one cell.
"""

import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, TypeAlias

from ray import tune
from ray.tune import (
    Callback,
    CheckpointConfig,
    FailureConfig,
    RunConfig,
    Trainable,
    TuneConfig,
    Tuner,
)

from infra import cluster
from infra.context import Context, quiet
from infra.ledger import Failure, Ledger, Row
from infra.step import Key, Step
from pipelines.spec import FinetuneSpec

Bundle: TypeAlias = tuple[Step[FinetuneSpec], ...]
Work: TypeAlias = Callable[[Sequence[Step[FinetuneSpec]], Context], Sequence[Row]]
"""Trains cells that share their features; a row per cell."""
Finished: TypeAlias = Callable[[int, int], None]
"""Called with how many cells were done and how many failed since the last call."""

MOST_TRIALS = 1_000
"""Trials that Tune holds at once: it keeps 70 kB of each to the end, and slows down with more."""
MOST_CELLS = 256
"""Cells of a bundle: what a lost worker costs."""
WAVES = 4
"""Bundles per slot: enough of them to even out their lengths."""
FLUSH_ROWS = 500
FLUSH_S = 1.0
LOST_WORKERS = 2
"""How many times a bundle whose worker was lost is started anew."""


@dataclass(frozen=True)
class Job:
    """What every trial of a chunk knows; it travels to each actor once."""

    work: Work
    bundles: Sequence[Bundle]
    context: Context
    attempts: Mapping[str, int]
    """How often each cell failed before."""


def bundled(cells: Iterable[Step[FinetuneSpec]], *, slots: int, size: int = 0) -> list[Bundle]:
    """Cut cells into bundles that share their features, those of all compositions in turn.

    Args:
        cells: The cells to train.
        slots: How many trials run at once.
        size: Cells per bundle; 0 chooses, so that every slot has a few bundles.
    """
    groups: dict[Key, list[Step[FinetuneSpec]]] = {}
    for cell in cells:
        groups.setdefault(cell.need("encode").key, []).append(cell)
    total = sum(len(group) for group in groups.values())
    size = size or min(max(total // (WAVES * slots), 1), MOST_CELLS)
    pieces = [_pieces(group, size=size) for group in groups.values()]
    return [bundle for round_ in zip_longest(*pieces) for bundle in round_ if bundle is not None]


def train(
    bundles: Sequence[Bundle],
    *,
    work: Work,
    context: Context,
    ledger: Ledger,
    attempts: Mapping[str, int],
    finished: Finished = lambda done, failed: None,
) -> None:
    """Train all bundles on the connected cluster.

    Every finished cell is in the ledger, every failed one beside it, whatever ends this early.
    """
    silent = replace(context, progress=quiet)
    for at in range(0, len(bundles), MOST_TRIALS):
        job = Job(work, bundles[at : at + MOST_TRIALS], silent, attempts)
        harvest = Harvest(job, ledger=ledger, finished=finished)
        try:
            _tune(job, harvest)
        finally:
            harvest.flush()


def attempts(ledger: Ledger) -> dict[str, int]:
    """Return how often each step or cell has failed that is still not made."""
    failed = ledger.failures()
    return dict(zip(failed["key"].to_pylist(), failed["attempt"].to_pylist(), strict=True))


def _pieces(group: list[Step[FinetuneSpec]], *, size: int) -> list[Bundle]:
    # Cells of one protocol and size lie together: they are trained as one program.
    alike = sorted(group, key=lambda cell: (cell.spec.protocol.name, cell.spec.n))
    return [tuple(alike[at : at + size]) for at in range(0, len(alike), size)]


def _tune(job: Job, harvest: "Harvest") -> None:
    resources = job.context.resources
    wanted = {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}
    trainable = tune.with_resources(tune.with_parameters(BundleTrial, job=job), wanted)
    with tempfile.TemporaryDirectory(dir=cluster.scratch(), prefix="tune-") as home:
        Tuner(
            trainable,
            param_space={"bundle": tune.grid_search(list(range(len(job.bundles))))},
            tune_config=TuneConfig(
                reuse_actors=True,
                # More would wait with an actor each, to be removed when another is reused.
                max_concurrent_trials=slots(job.context),
                trial_name_creator=lambda trial: f"bundle-{trial.trial_id}",
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=RunConfig(
                name="bundles",
                storage_path=home,
                verbose=0,
                callbacks=[harvest],
                checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
                failure_config=FailureConfig(max_failures=LOST_WORKERS),
            ),
        ).fit()


class BundleTrial(Trainable):
    """One trial: one bundle. The actor goes on with the next."""

    def setup(self, config: dict[str, Any], job: Job | None = None) -> None:
        """Take the chunk's job, once per actor."""
        assert job is not None, "tune.with_parameters hands it in"
        self._job, self._number = job, int(config["bundle"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Turn to another bundle; nothing else is kept."""
        self._number = int(new_config["bundle"])
        return True

    def step(self) -> dict[str, Any]:
        """Train the bundle and end."""
        rows, failures = trained(self._job.bundles[self._number], job=self._job)
        return {"rows": rows, "failures": failures, "done": True}


def trained(bundle: Bundle, *, job: Job) -> tuple[list[Row], list[Failure]]:
    """Return the rows of a bundle; if it raises, those of every cell that does not."""
    try:
        return list(job.work(bundle, job.context)), []
    except Exception as error:  # whatever a cell does, it never blocks the others
        if len(bundle) == 1:
            return [], [failure(bundle[0], error, attempts=job.attempts)]
    each = [trained((cell,), job=job) for cell in bundle]
    return [row for rows, _ in each for row in rows], [one for _, failed in each for one in failed]


def failure(step: Step[Any], error: BaseException, *, attempts: Mapping[str, int]) -> Failure:
    """Return what the ledger says of a step that raised."""
    return Failure(
        key=str(step.key),
        kind=type(error).__name__,
        message=str(error),
        traceback="".join(traceback.format_exception(error)),
        attempt=attempts.get(str(step.key), 0) + 1,
        when=datetime.now(UTC),
    )


@dataclass
class Harvest(Callback):
    """Carries rows from the trials to the ledger, a second's worth at a time."""

    job: Job
    ledger: Ledger
    finished: Finished
    _rows: list[Row] = field(default_factory=list)
    _failures: list[Failure] = field(default_factory=list)
    _flushed: float = field(default_factory=time.monotonic)

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything at home: Tune pickles its callbacks, and never needs ours again."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Take the rows out of the result: Tune would keep them to the end."""
        self._take(result.pop("rows"), result.pop("failures"))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Write down the cells of a bundle whose worker was lost too often."""
        error = trial.get_error() or RuntimeError("the worker was lost")
        bundle = self.job.bundles[trial.config["bundle"]]
        self._take([], [failure(cell, error, attempts=self.job.attempts) for cell in bundle])

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Flush what has waited long enough."""
        waited = time.monotonic() - self._flushed
        if len(self._rows) >= FLUSH_ROWS or waited >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write down what is here; only then does it count as done."""
        rows, failures = self._rows, self._failures
        self.ledger.append(rows)
        self.ledger.fail(failures)
        self._rows, self._failures, self._flushed = [], [], time.monotonic()
        if rows or failures:
            self.finished(len(rows), len(failures))

    def _take(self, rows: list[Row], failures: list[Failure]) -> None:
        self._rows += rows
        self._failures += failures


def slots(context: Context) -> int:
    """Return how many trials the connected cluster runs at once."""
    has, wants = cluster.resources(), context.resources
    room = has.get("CPU", 1.0) / max(wants.cpus_per_trial, 0.01)
    if wants.gpus_per_trial:
        room = min(room, has.get("GPU", 0.0) / wants.gpus_per_trial)
    return max(1, min(int(room), wants.max_concurrent or int(room)))
