"""What a plan takes on a cluster: its missing work at measured cost, simulated on a profile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from infra.errors import SpecError
from infra.ledger import Ledger
from infra.spec import Spec
from infra.step import Key, Step
from infra.store import Store
from sweeps.estimate import Cost, costs_of
from sweeps.lineage import STAGES, Lineages
from sweeps.plan import Cell, Plan
from sweeps.profile import Profile
from sweeps.simulation import Course, Work, longest_chain, simulate

WAVES = 4
MOST_CELLS = 256
"""Bundles for each slot, and cells in a bundle, as `run` chooses them."""
DATA = ("shard", "sample")
"""Ray Data takes the cluster for one thing at a time."""
MADE_IN_ORDER = ("shard", "task", "init", "checkpoint", "sample", "tower", "pretrain", "encode")
"""Stages, each after all that it may need."""
HOUR = 3600.0


@dataclass(frozen=True)
class Link:
    """One stage of the longest chain."""

    stage: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """What a sweep takes on a cluster."""

    wall_s: float
    work_cpu_hours: float
    """Of CPUs that are occupied."""
    work_gpu_hours: float
    """Of GPUs that are occupied."""
    paid_gpu_hours: float
    """Of GPUs that stand there until their node's last work."""
    cost: float
    """Of all nodes, each until its last work."""
    num_bytes: int
    num_bundles: int
    chain: tuple[Link, ...]
    """The critical path: what no number of nodes makes shorter."""
    ends: Mapping[str, float]
    """When the last of each stage is done, in seconds from the start."""


def forecast(plan: Plan, *, store: Store, profile: Profile) -> Forecast:
    """Return what is left of a plan on a cluster that exists on paper.

    Raises:
        SpecError: If neither a record nor the profile tells what some stage costs.
    """
    works, num_bytes = work_of(plan, store=store, profile=profile)
    nodes = [(kind.cpus, kind.gpus) for kind in profile.nodes for _ in range(kind.count)]
    course = simulate(works, nodes=nodes, lanes={"data": 1, "training": _trainings(profile)})
    return _told(works, course, profile=profile, num_bytes=num_bytes)


def work_of(plan: Plan, *, store: Store, profile: Profile) -> tuple[list[Work], int]:
    """Return what is missing of a plan as pieces of work, and the bytes it will leave."""
    done = Ledger(store).results().select(["key", "protocol", "seconds"])
    finished = set(done["key"].to_pylist())
    cells = [cell for cell in plan.wanted if str(cell.step.key) not in finished]
    steps = _missing(plan, cells, store=store)
    costs = _costs(steps, store=store, profile=profile)
    works, places = _steps(steps, costs=costs, profile=profile)
    each = _per_cell(done.to_pylist(), cells, profile=profile)
    works += _bundles(cells, each=each, places=places, profile=profile)
    return works, sum(cost.bytes for cost in costs.values())


def _missing(plan: Plan, cells: Sequence[Cell], *, store: Store) -> list[Step[Spec]]:
    there = store.done(step.key for step in plan.steps)
    asked: set[Key] = {cell.features.key for cell in cells}
    found = []
    for step in reversed(plan.steps):
        if step.key in asked and step.key not in there:
            found.append(step)
            asked |= {need.key for need in step.needs}
    return found[::-1]


def _costs(steps: Sequence[Step[Spec]], *, store: Store, profile: Profile) -> dict[Key, Cost]:
    lineages, found = Lineages(store), {}
    for stage in STAGES:
        own = [step for step in steps if step.stage == stage]
        for step, cost in zip(own, costs_of(own, lineages=lineages), strict=True):
            found[step.key] = _on_cluster(stage, cost, profile=profile)
    return found


def _on_cluster(stage: str, cost: Cost | None, *, profile: Profile) -> Cost:
    """Return a step's cost there: as said, or as measured and so many times faster."""
    if stage in profile.seconds:
        return Cost(profile.seconds[stage], cost.bytes if cost else 0)
    if cost is None:
        raise _unknown(stage)
    return Cost(cost.seconds / profile.faster.get(stage, 1.0), cost.bytes)


def _unknown(stage: str) -> SpecError:
    return SpecError(
        f"wanted to know what a step of stage {stage} costs",
        found="no record of one like it in the store",
        do=f"run a small sweep with the same pool, network and tasks first, or write the seconds "
        f"in the profile: `seconds: {{{stage}: 60}}`",
    )


def _steps(
    steps: Sequence[Step[Spec]], *, costs: Mapping[Key, Cost], profile: Profile
) -> tuple[list[Work], dict[Key, int]]:
    """Return steps as work, and the place of each; all draws are one piece, made in one scan."""
    works: list[Work] = []
    places: dict[Key, int] = {}
    draws = [step for step in steps if step.stage == "sample"]
    alone = [(step,) for step in steps if step.stage != "sample"]
    together = sorted([*alone, *([tuple(draws)] if draws else [])], key=_order)
    for group in together:
        seconds = sum(costs[step.key].seconds for step in group) + profile.overheads.step_s
        works.append(_work(group, seconds, places=places, profile=profile))
        places |= dict.fromkeys((step.key for step in group), len(works) - 1)
    return works, places


def _order(group: tuple[Step[Spec], ...]) -> int:
    return MADE_IN_ORDER.index(group[0].stage)


def _work(
    group: tuple[Step[Spec], ...], seconds: float, *, places: Mapping[Key, int], profile: Profile
) -> Work:
    step = group[0]
    share = profile.pretraining if step.stage == "pretrain" else profile.trial
    needs = {places[need.key] for one in group for need in one.needs if need.key in places}
    return Work(
        name=(step.label or str(step.key)) if len(group) == 1 else f"{len(group)} draws",
        stage=step.stage,
        seconds=seconds,
        cpus=share.cpus,
        gpus=share.gpus if step.stage in ("pretrain", "encode", "tower") else 0.0,
        needs=tuple(sorted(needs)),
        rank=(0, len(places)),
        lane="data" if step.stage in DATA else "training" if step.stage == "pretrain" else "",
    )


def _per_cell(
    rows: Sequence[Mapping[str, object]], cells: Sequence[Cell], *, profile: Profile
) -> dict[str, float]:
    """Return the seconds of a cell by the member its protocol is of."""
    if "finetune" in profile.seconds:
        return {cell.step.spec.protocol.name: profile.seconds["finetune"] for cell in cells}
    took: dict[str, list[float]] = {}
    for row in rows:
        took.setdefault(str(row["protocol"]), []).append(float(str(row["seconds"])))
    if not {cell.step.spec.protocol.name for cell in cells} <= took.keys():
        raise _unknown("finetune")
    faster = profile.faster.get("finetune", 1.0)
    return {name: median(seconds) / faster for name, seconds in took.items()}


def _bundles(
    cells: Sequence[Cell],
    *,
    each: Mapping[str, float],
    places: Mapping[Key, int],
    profile: Profile,
) -> Iterator[Work]:
    """Yield bundles of cells that share their features, those of all compositions in turn."""
    size = profile.cells_per_bundle or _size(len(cells), profile)
    by_features = sorted(cells, key=lambda cell: cell.features.key.digest)
    for _, group in groupby(by_features, key=lambda cell: cell.features.key):
        alike = sorted(group, key=lambda cell: cell.step.spec.protocol.name)
        for piece, at in enumerate(range(0, len(alike), size)):
            bundle = alike[at : at + size]
            need = places.get(bundle[0].features.key)
            yield Work(
                name=f"{len(bundle)} cells of {bundle[0].features.label}",
                stage="finetune",
                seconds=sum(each[cell.step.spec.protocol.name] for cell in bundle),
                cpus=profile.trial.cpus,
                gpus=profile.trial.gpus,
                needs=() if need is None else (need,),
                rank=(1, piece),
                driver_s=profile.overheads.bundle_s,
            )


def _size(num_cells: int, profile: Profile) -> int:
    slots = max(1, int(profile.cpus / max(profile.trial.cpus, 0.01)))
    if profile.trial.gpus:
        slots = max(1, min(slots, int(profile.gpus / profile.trial.gpus)))
    return min(max(num_cells // (WAVES * slots), 1), MOST_CELLS)


def _trainings(profile: Profile) -> int:
    """Return how many pretrainings run at once; a core stays free for what runs beside them."""
    room = (profile.cpus - 1) / max(profile.pretraining.cpus, 0.01)
    if profile.pretraining.gpus:
        room = min(room, profile.gpus / profile.pretraining.gpus)
    return max(1, int(room))


def _told(works: Sequence[Work], course: Course, *, profile: Profile, num_bytes: int) -> Forecast:
    start = profile.overheads.start_s
    kinds = [kind for kind in profile.nodes for _ in range(kind.count)]
    kinds.sort(key=lambda kind: kind.gpus)  # as the simulation ranks its nodes
    held = [(kind, (start + last) / HOUR) for kind, last in zip(kinds, course.lasts, strict=True)]
    ends: dict[str, float] = {}
    for work, span in zip(works, course.spans, strict=True):
        ends[work.stage] = max(ends.get(work.stage, 0.0), start + span.end)
    return Forecast(
        wall_s=start + course.wall_s + profile.overheads.end_s if works else 0.0,
        work_cpu_hours=sum(work.cpus * work.seconds for work in works) / HOUR,
        work_gpu_hours=sum(work.gpus * work.seconds for work in works) / HOUR,
        paid_gpu_hours=sum(kind.gpus * hours for kind, hours in held),
        cost=sum(kind.price_per_hour * hours for kind, hours in held),
        num_bytes=num_bytes,
        num_bundles=sum(work.stage == "finetune" for work in works),
        chain=tuple(Link(one.stage, one.name, one.seconds) for one in longest_chain(works)),
        ends=ends,
    )
