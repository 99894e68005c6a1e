"""Makes the steps that are missing, each as soon as all that it needs is there.

Networks and features are made by Ray tasks; shards and draws by Ray Data and pretrainings by their
own workers, both watched by a thread of the driver. A step that fails is written down and holds up
those that need it, nobody else; what only the user can mend ends the run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Final, Protocol, TypeAlias, cast

import ray

from infra import cluster
from infra.context import Context, quiet
from infra.errors import UserError
from infra.ledger import Failure, Ledger
from infra.spec import Spec
from infra.step import Key, Step
from sweeps.progress import Stages
from sweeps.schedule import failure

MODULES: Final = {
    "shard": "pipelines.shard",
    "sample": "pipelines.sample",
    "init": "pipelines.init",
    "tower": "pipelines.tower",
    "pretrain": "pipelines.pretrain",
    "task": "pipelines.taskdata",
    "encode": "pipelines.encode",
}
LOOK_EVERY_S: Final = 0.5
LOST_WORKERS: Final = 2
TRAINING_BYTES: Final = 1.5 * 2**30
"""What a pretraining worker and Ray Train's processes around it are taken to need."""

Steps: TypeAlias = tuple[Step[Spec], ...]


@dataclass(frozen=True)
class Trouble:
    """What went wrong; it travels from the workers."""

    failures: list[Failure]
    mendable: UserError | None
    """The error itself, if it is the user who can mend it."""


Answer: TypeAlias = "Trouble | None"


class Stage(Protocol):
    """What a stage's module offers."""

    def make(self, step: Step[Spec], *, context: Context, folder: Path) -> None:
        """Write what a step makes into a folder."""

    def make_many(self, steps: Sequence[Step[Spec]], *, context: Context) -> None:
        """Make steps together; only the sample stage has it."""


@dataclass
class Making:
    """Steps that wait, steps that are being made, and what came of the others."""

    context: Context
    ledger: Ledger
    stages: Stages
    attempts: dict[str, int]
    waiting: dict[Key, Step[Spec]]
    failed: set[Key] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    running: dict["Future[Answer]", Steps] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.labels = {str(step.key): step.label for step in self.waiting.values()}

    def finish(self) -> None:
        """Make everything that can be made.

        Raises:
            UserError: At once, if only the user can mend what is wrong.
        """
        while self.waiting or self.running:
            self._give_up_blocked()
            for steps, start in self._startable():
                for step in steps:
                    del self.waiting[step.key]
                self.stages.begin(steps[0].stage)
                self.running[start(steps)] = steps
            over, _ = wait(self.running, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
            for future in over:
                self._settle(self.running.pop(future), future)

    def _give_up_blocked(self) -> None:
        for step in list(self.waiting.values()):  # needs come first, so one pass is enough
            if any(need.key in self.failed for need in step.needs):
                self.failed.add(step.key)
                del self.waiting[step.key]
                self.stages.add(step.stage, failed=1)

    def _startable(self) -> Iterable[tuple[Steps, Callable[[Steps], "Future[Answer]"]]]:
        ready = [step for step in self.waiting.values() if self._is_ready(step)]
        of = {name: [step for step in ready if step.stage == name] for name in MODULES}
        for step in of["init"] + of["task"] + of["encode"]:
            yield (step,), self._on_worker
        for step in of["tower"]:
            yield (step,), self._from_driver
        free = _room_for_training(self.context) - self._num_running("pretrain")
        for step in of["pretrain"][: max(free, 0)]:
            yield (step,), self._from_driver
        if self._num_running("shard") or self._num_running("sample"):
            return  # Ray Data takes all of the cluster for one thing at a time
        draws = [step for step in self.waiting.values() if step.stage == "sample"]
        if of["shard"]:
            yield (of["shard"][0],), self._from_driver
        elif draws and len(of["sample"]) == len(draws):  # all of them in one scan
            yield tuple(draws), self._from_driver

    def _is_ready(self, step: Step[Spec]) -> bool:
        busy = {one.key for steps in self.running.values() for one in steps}
        return not any(need.key in self.waiting or need.key in busy for need in step.needs)

    def _num_running(self, stage: str) -> int:
        return sum(steps[0].stage == stage for steps in self.running.values())

    def _on_worker(self, steps: Steps) -> "Future[Answer]":
        resources = self.context.resources
        task = ray.remote(make).options(
            name=f"{steps[0].stage}-{steps[0].key.digest}",
            num_cpus=resources.cpus_per_trial,
            num_gpus=resources.gpus_per_trial if steps[0].stage == "encode" else 0,
            max_retries=LOST_WORKERS,
        )
        silent = replace(self.context, progress=quiet)
        return task.remote(steps, silent, self.attempts).future()

    def _from_driver(self, steps: Steps) -> "Future[Answer]":
        tell = partial(self._tell, steps)
        loud = replace(self.context, progress=tell)
        return in_thread(partial(make, steps, loud, self.attempts))

    def _tell(self, steps: Steps, done: float, total: float) -> None:
        self.stages.part(steps[0].stage, key=str(steps[0].key), done=done * len(steps), total=total)

    def _settle(self, steps: Steps, future: "Future[Answer]") -> None:
        error = future.exception()
        found = trouble(steps, error, attempts=self.attempts) if error else future.result()
        if found is None:
            self.stages.add(steps[0].stage, key=str(steps[0].key), done=len(steps))
            return
        if found.mendable is not None and self._stands(steps):
            raise found.mendable
        self.stages.add(steps[0].stage, key=str(steps[0].key), failed=len(steps))
        self.ledger.fail(found.failures)
        self.failures += found.failures
        for step, told in zip(steps, found.failures, strict=True):
            self.failed.add(step.key)
            self.stages.say(f"failed: {step.key} {step.label}: {told.kind}: {told.message}")

    def _stands(self, steps: Steps) -> bool:
        """Say whether all that steps need is still there; what was torn is withdrawn."""
        needs = {need.key for step in steps for need in step.needs}
        return self.context.store.done(needs) == needs


def make(steps: Steps, context: Context, attempts: Mapping[str, int]) -> Trouble | None:
    """Make steps of one stage; what goes wrong is told here, where its traceback is."""
    try:
        stage = cast("Stage", import_module(MODULES[steps[0].stage]))
        if steps[0].stage == "sample":
            stage.make_many(steps, context=context)
        else:
            for step in steps:
                context.store.make(step, partial(_make_one, stage, step, context))
    except Exception as error:
        return trouble(steps, error, attempts=attempts)
    return None


def trouble(steps: Steps, error: BaseException, *, attempts: Mapping[str, int]) -> Trouble:
    """Return what is to be told of steps that raised."""
    told = [failure(step, error, attempts=attempts) for step in steps]
    return Trouble(told, error if isinstance(error, UserError) else None)


def _make_one(stage: Stage, step: Step[Spec], context: Context, folder: Path) -> None:
    stage.make(step, context=context, folder=folder)


def in_thread(work: Callable[[], Answer]) -> "Future[Answer]":
    """Do something in a thread that never keeps the driver from ending."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def _room_for_training(context: Context) -> int:
    """Return how many pretrainings run at once; a core stays free for what runs beside them."""
    has, wants = cluster.resources(), context.resources
    cpus = max(wants.train_workers * wants.cpus_per_train_worker, 0.01)
    room = (has.get("CPU", 1.0) - 1) / cpus
    if "memory" in has:
        room = min(room, has["memory"] / wants.train_workers / TRAINING_BYTES)
    if wants.gpus_per_train_worker:
        room = min(room, has.get("GPU", 0.0) / wants.train_workers / wants.gpus_per_train_worker)
    return max(1, int(room))
