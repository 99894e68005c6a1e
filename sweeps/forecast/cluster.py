"""What a plan takes on a cluster: its missing work at measured cost, simulated on a profile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from terrasweep.infra.errors import SpecError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Key, Step
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import FINETUNE, STAGE_NAMES, FinetuneSpec
from terrasweep.sweeps.engine import job_order
from terrasweep.sweeps.engine.capacity import room_for_training, slots_in
from terrasweep.sweeps.engine.queue import Job
from terrasweep.sweeps.forecast.costs import Cost, costs_of
from terrasweep.sweeps.forecast.profile import Profile
from terrasweep.sweeps.forecast.simulation import Course, Work, longest_chain, simulate
from terrasweep.sweeps.inspect.lineage import RECORDED_STAGES, Lineages
from terrasweep.sweeps.plan.grid import Plan
from terrasweep.sweeps.plan.missing import Missing

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


def forecast(
    plan: Plan, *, store: Store, profile: Profile, records: Store | None = None
) -> Forecast:
    """Return what is left of a plan on a cluster that exists on paper.

    Args:
        plan: What is wanted.
        store: Where it is to be made; what is there already is not made again.
        profile: The cluster.
        records: Where it is told what a unit of work costs; left out, the same store.

    Raises:
        SpecError: If neither a record nor the profile tells what some stage costs.
    """
    works, num_bytes = work_of(plan, store=store, profile=profile, records=records or store)
    nodes = [(kind.cpus, kind.gpus) for kind in profile.nodes for _ in range(kind.count)]
    training = room_for_training(_resources(profile), profile.resources)
    course = simulate(works, nodes=nodes, lanes={"training": training})
    return _forecast_of(works, course, profile=profile, num_bytes=num_bytes)


def work_of(
    plan: Plan, *, store: Store, profile: Profile, records: Store
) -> tuple[list[Work], int]:
    """Return what is missing of a plan as pieces of work, and the bytes it will leave."""
    missing = Missing.of(plan, store=store, ledger=Ledger(store))
    costs = _costs(missing.steps, records=records, profile=profile)
    each = _cell_seconds(missing.cells, records=records, profile=profile)
    slots = slots_in(_resources(profile), profile.resources)
    jobs = job_order.jobs(
        missing.steps, missing.cells, planned=plan, resources=profile.resources, slots=slots
    )
    works = _work_of_jobs(sorted(jobs, key=_stage_rank), costs, each, profile)
    return list(works), sum(cost.bytes for cost in costs.values())


def _resources(profile: Profile) -> dict[str, float]:
    return {"CPU": profile.cpus, "GPU": profile.gpus}


def _stage_rank(job: Job) -> int:
    return STAGE_NAMES.index(job.stage)


def _work_of_jobs(
    jobs: Sequence[Job], costs: Mapping[Key, Cost], each: Mapping[str, float], profile: Profile
) -> Iterator[Work]:
    """Yield the jobs that a run would do, in its ranks, as work of known length."""
    takes, places = profile.overheads, dict[Key, int]()
    for at, job in enumerate(jobs):
        is_bundle = job.stage == FINETUNE
        if is_bundle:
            seconds = sum(each[cell.spec.protocol.name] for cell in job.steps)
        else:
            seconds = sum(costs[step.key].seconds for step in job.steps) + takes.step_s
            places |= dict.fromkeys((step.key for step in job.steps), at)
        asked = {need.key for step in job.steps for need in step.needs}
        yield Work(
            name=_work_name(job),
            stage=job.stage,
            seconds=seconds,
            cpus=job.demand.cpus,
            gpus=job.demand.gpus,
            needs=tuple(sorted({places[key] for key in asked if key in places})),
            rank=job.rank,
            driver_s=takes.bundle_s if is_bundle else 0.0,
            lane=job.lane or "",
        )


def _work_name(job: Job) -> str:
    first, number = job.steps[0], len(job.steps)
    label = str(first.need("encode").label if job.stage == FINETUNE else first.label)
    return label if number == 1 else f"{number} of {label}"


def _costs(steps: Sequence[Step[Spec]], *, records: Store, profile: Profile) -> dict[Key, Cost]:
    lineages, costs = Lineages(records), dict[Key, Cost]()
    for stage in RECORDED_STAGES:
        own = [step for step in steps if step.stage == stage]
        for step, cost in zip(own, costs_of(own, lineages=lineages), strict=True):
            costs[step.key] = _on_cluster(stage, cost, profile=profile)
    return costs


def _on_cluster(stage: str, cost: Cost | None, *, profile: Profile) -> Cost:
    """Return a step's cost there: from the profile, or as measured and so many times faster."""
    if stage in profile.seconds:
        return Cost(profile.seconds[stage], cost.bytes if cost else 0)
    if cost is None:
        raise _missing_cost(stage)
    return Cost(cost.seconds / profile.faster.get(stage, 1.0), cost.bytes)


def _missing_cost(stage: str) -> SpecError:
    return SpecError(
        f"to know what a step of stage {stage} costs",
        got="no record of one like it in the store",
        fix=f"run a small sweep with the same pool, network and tasks first, or write the seconds "
        f"in the profile: `seconds: {{{stage}: 60}}`",
    )


def _cell_seconds(
    cells: Sequence[Step[FinetuneSpec]], *, records: Store, profile: Profile
) -> dict[str, float]:
    """Return the seconds of a cell by the member its protocol is of."""
    asked = {cell.spec.protocol.name for cell in cells}
    if FINETUNE in profile.seconds:
        return dict.fromkeys(asked, profile.seconds[FINETUNE])
    took: dict[str, list[float]] = {}
    for row in Ledger(records).results().select(["protocol", "seconds"]).to_pylist():
        took.setdefault(row["protocol"], []).append(row["seconds"])
    if not asked <= took.keys():
        raise _missing_cost(FINETUNE)
    faster = profile.faster.get(FINETUNE, 1.0)
    return {name: median(took[name]) / faster for name in asked}


def _forecast_of(
    works: Sequence[Work], course: Course, *, profile: Profile, num_bytes: int
) -> Forecast:
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
        num_bundles=sum(work.stage == FINETUNE for work in works),
        chain=tuple(Link(one.stage, one.name, one.seconds) for one in longest_chain(works)),
        ends=ends,
    )
