"""Cuts what is missing into jobs and ranks them: early results compare all compositions.

Compositions with a priority go first, then the first replicate of everything, then the second.
Within a replicate steps go before cells, so that no composition waits for another's last seed, and
the cells of all compositions take turns, their first seeds first.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from terrasweep.infra.context import Resources
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.pipelines.spec import FinetuneSpec
from terrasweep.sweeps.engine.capacity import Demand
from terrasweep.sweeps.engine.queue import Job, Rank
from terrasweep.sweeps.plan.grid import Plan
from terrasweep.sweeps.spec.compositions import CompositionEntry

Bundle: TypeAlias = tuple[Step[FinetuneSpec], ...]

MOST_CELLS: Final = 256
"""Cells of a bundle: what a lost worker costs."""
WAVES: Final = 4
"""Bundles per slot: enough of them to even out their lengths."""
STEPS, CELLS = 0, 1


def jobs(
    steps: Sequence[Step[Spec]],
    cells: Iterable[Step[FinetuneSpec]] = (),
    *,
    planned: Plan | None = None,
    resources: Resources,
    slots: int = 1,
) -> list[Job]:
    """Return the jobs that make steps, needs first among them, and train cells.

    Args:
        steps: The steps to make.
        cells: The cells to train.
        planned: Says which of them goes first; left out, they go in the order given.
        resources: What each of them may use.
        slots: How many bundles are trained at once.
    """
    first = ranks(planned, steps) if planned else {}
    ordered = _step_jobs(steps, first=first, resources=resources)
    groups = bundled(cells, slots=slots, size=resources.cells_per_bundle)
    for place, (turn, bundle) in enumerate(groups):
        head, *rest = first.get(bundle[0].need("encode").key, (0, 0))[:2]
        rank = (head, *rest, CELLS, turn, place)
        ordered.append(Job(bundle, rank, demand_of(bundle[0], resources)))
    return ordered


def bundled(
    cells: Iterable[Step[FinetuneSpec]], *, slots: int, size: int = 0
) -> list[tuple[int, Bundle]]:
    """Cut cells into bundles that share their features, each with its turn among them.

    Args:
        cells: The cells to train.
        slots: How many bundles are trained at once.
        size: Cells per bundle; 0 chooses, so that every slot has a few bundles.
    """
    groups: dict[Key, list[Step[FinetuneSpec]]] = {}
    for cell in cells:
        groups.setdefault(cell.need("encode").key, []).append(cell)
    total = sum(len(group) for group in groups.values())
    size = size or min(max(total // (WAVES * slots), 1), MOST_CELLS)
    bundles = [one for group in groups.values() for one in enumerate(_bundles(group, size=size))]
    return sorted(
        bundles, key=lambda one: one[0]
    )  # stable: the features keep their order in a turn


def ranks(planned: Plan, steps: Sequence[Step[Spec]]) -> dict[Key, Rank]:
    """Return for each step the best place of a cell that needs it."""
    sweep = planned.sweep
    drawn = [one for one in sweep.compositions if isinstance(one, CompositionEntry)]
    priority = {entry.name: entry.priority for entry in drawn}
    models = {entry.name: place for place, entry in enumerate(sweep.models)}
    arms = {entry.name: place for place, entry in enumerate(sweep.compositions)}
    best: dict[Key, Rank] = {}
    for cell in planned.included:
        place = (models[cell.model], arms[cell.composition])
        rank = (-priority.get(cell.composition, 0), cell.replicate, *place)
        _keep_best(best, cell.features.key, rank)
    for step in reversed(steps):  # from those that need to those that are needed
        for need in step.needs if step.key in best else ():
            _keep_best(best, need.key, best[step.key])
    return best


def demand_of(step: Step[Any], resources: Resources) -> Demand:
    """Return what a step occupies; Ray Data takes whatever is free, and at least a core."""
    if step.stage == "pretrain":
        each = Demand(resources.cpus_per_train_worker, resources.gpus_per_train_worker)
        return Demand(*(resources.train_workers * amount for amount in each))
    if step.stage in ("shard", "sample"):
        return Demand(cpus=1.0)
    return Demand(resources.cpus_per_trial, resources.gpus_per_trial)


def _step_jobs(
    steps: Sequence[Step[Spec]], *, first: Mapping[Key, Rank], resources: Resources
) -> list[Job]:
    last = (0, 0, len(first), 0)
    jobs, draws = list[Job](), dict[Key, list[tuple[Rank, Step[Spec]]]]()
    for place, step in enumerate(steps):
        priority, replicate, *rest = first.get(step.key, last)
        rank = (priority, replicate, STEPS, *rest, place)
        if step.stage == "sample":  # all draws from one pool are one scan of it
            draws.setdefault(step.need("shard").key, []).append((rank, step))
        else:
            jobs.append(Job((step,), rank, demand_of(step, resources)))
    for group in draws.values():
        drawn = tuple(step for _, step in group)
        jobs.append(Job(drawn, min(rank for rank, _ in group), demand_of(drawn[0], resources)))
    return jobs


def _keep_best(best: dict[Key, Rank], key: Key, rank: Rank) -> None:
    best[key] = min(rank, best.get(key, rank))


def _bundles(group: list[Step[FinetuneSpec]], *, size: int) -> list[Bundle]:
    # Cells of one protocol and size lie together: they are trained as one program.
    alike = sorted(group, key=lambda cell: (cell.spec.protocol.name, cell.spec.n, cell.spec.seed))
    return [tuple(alike[at : at + size]) for at in range(0, len(alike), size)]
