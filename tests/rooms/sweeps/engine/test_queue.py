"""The queue: every job once, in the order of ranks, as soon as it can be done."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.sweeps.engine.capacity import NOTHING, Capacity, Demand
from terrasweep.sweeps.engine.queue import Job, JobQueue

CORE = Demand(cpus=1.0)
CAPACITY = Capacity(total=Demand(cpus=2.0), lanes={"training": 1})


class Named(Spec):
    """A stand-in for any spec."""

    name: str


def step(stage: str, name: str, *needs: Step) -> Step:
    return Step(stage, Named(name=name), needs)


def job(one: Step, *rank: int, demand: Demand = CORE) -> Job:
    return Job((one,), rank, demand)


def drive(
    queue: JobQueue,
    capacity: Capacity = CAPACITY,
    *,
    fails: frozenset[str] = frozenset(),
    slow: frozenset[str] = frozenset(),
) -> list[str]:
    """Do all jobs, one turn at a time, the slow ones last, and return what each turn began."""
    turns = []
    while not queue.is_over:
        begun = queue.next_for_driver(capacity)
        for one in begun:
            queue.start(one)
        while (one := queue.next_for_worker(capacity)) is not None:
            queue.start(one)
            begun.append(one)
        turns.append(" ".join(one.steps[0].spec.name for one in begun))
        assert queue.running, "nothing is done, and nothing ever will be"
        first = min(queue.running, key=lambda one: one.steps[0].spec.name in slow)
        if first.steps[0].spec.name in fails:
            queue.fail(first)
        else:
            queue.finish(first)
    return turns


def two_arms() -> list[Job]:
    """Return two compositions: pretrained, encoded, judged by two bundles each."""
    jobs = []
    for place, arm in enumerate("ab"):
        trained = step("pretrain", f"train-{arm}")
        encoded = step("encode", f"encode-{arm}", trained)
        cells = [step("finetune", f"{arm}{turn}", encoded) for turn in range(2)]
        jobs += [job(trained, 0, 0, place), job(encoded, 0, 0, place)]
        jobs += [job(cell, 0, 1, turn, place) for turn, cell in enumerate(cells)]
    return jobs


def test_cells_start_as_soon_as_their_checkpoint_is_there_and_arms_take_turns():
    turns = drive(JobQueue(two_arms()), slow=frozenset({"train-b"}))
    assert turns == ["train-a", "train-b encode-a", "a0", "a1", "", "encode-b", "b0 b1", ""]
    in_turn = " ".join(drive(JobQueue(two_arms()))).split()
    assert in_turn[-5:] == ["encode-b", "a0", "b0", "a1", "b1"]


def test_what_fails_takes_along_what_needs_it_and_nothing_else():
    queue = JobQueue(two_arms())
    begun = " ".join(drive(queue, fails=frozenset({"train-a"}))).split()
    assert begun == ["train-a", "train-b", "encode-b", "b0", "b1"]
    assert {key.stage for key in queue.failed} == {"pretrain", "encode", "finetune"}
    assert len(queue.failed) == 4


def test_a_job_that_does_not_fit_reserves_what_it_needs():
    small = [job(step("finetune", f"small-{n}"), 5, n) for n in range(3)]
    large = job(step("pretrain", "large"), 1, demand=Demand(cpus=2.0))
    queue = JobQueue([*small, large])
    capacity = replace(CAPACITY, held=CORE)  # a worker sits and waits
    assert queue.next_for_driver(capacity) == []
    assert queue.next_for_worker(capacity) is None
    assert queue.workers_block_driver(capacity)
    assert queue.next_for_driver(CAPACITY) == [large]


def test_a_job_larger_than_the_cluster_runs_alone():
    large = job(step("pretrain", "large"), 1, demand=Demand(cpus=8.0, gpus=4.0))
    assert drive(JobQueue([large, job(step("encode", "small"), 2)])) == ["large", "small"]


def test_only_so_many_pretrainings_at_once():
    wide = Capacity(total=Demand(cpus=64.0), lanes={"training": 2})
    jobs = [job(step("pretrain", str(n)), n) for n in range(5)]
    assert drive(JobQueue(jobs), wide)[0] == "0 1"


def test_workers_are_at_most_so_many():
    wide = Capacity(total=Demand(cpus=64.0), lanes={}, max_workers=3)
    assert drive(JobQueue([job(step("finetune", str(n)), n) for n in range(5)]), wide)[0] == "0 1 2"


def test_a_job_that_failed_is_retried_later_and_what_needs_it_waits():
    encoded = step("encode", "encode")
    first, second = job(encoded, 0), job(step("finetune", "cell", encoded), 1)
    queue = JobQueue([first, second])
    queue.start(first)
    queue.retry(first, at=10.0)
    queue.wake_deferred(9.0)
    assert queue.next_for_worker(CAPACITY) is None
    assert not queue.is_over
    queue.wake_deferred(10.0)
    tried = queue.next_for_worker(CAPACITY)
    assert tried is not None
    assert tried.attempt == 1
    assert drive(queue) == ["encode", "cell"]


def test_a_bundle_that_failed_is_retried_in_pieces():
    bundle = Job(tuple(step("finetune", str(n)) for n in range(5)), (0,), CORE)
    queue = JobQueue([bundle])
    queue.start(bundle)
    queue.retry(bundle, pieces=bundle.halves(), at=0.0)
    queue.wake_deferred(0.0)
    sizes = [len(one.steps) for one in queue.upcoming(jobs=9, cells=99)]
    assert sorted(sizes) == [2, 3]
    assert drive(queue)[0] == "0 2"


def test_what_comes_next_is_what_is_ready_and_not_too_much():
    jobs = two_arms()
    queue = JobQueue(jobs)
    first, trained = jobs[2], jobs[0]
    assert queue.upcoming(jobs=2, cells=99) == [jobs[1], jobs[5]]
    queue.start(trained)
    queue.finish(trained)
    assert queue.upcoming(jobs=9, cells=1) == [jobs[1]]
    assert first in queue.upcoming(jobs=9, cells=99)


@st.composite
def graphs(draw: st.DrawFn) -> list[Job]:
    """Any needs among any stages, with any ranks and any sizes."""
    stages = ("shard", "sample", "init", "pretrain", "encode", "tower")
    steps: list[Step] = []
    jobs = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(steps), max_size=3, unique_by=id)) if steps else []
        one = step(draw(st.sampled_from(stages)), str(number), *needs)
        steps.append(one)
        demand = Demand(
            draw(st.sampled_from((0.5, 1.0, 2.0, 5.0))), draw(st.sampled_from((0.0, 1.0)))
        )
        jobs.append(job(one, draw(st.integers(0, 3)), demand=demand))
    return jobs


# Whatever jobs need and demand, the queue comes to its end: each job once, after its needs.
@given(jobs=graphs(), gpus=st.sampled_from((0.0, 1.0)))
def test_every_job_is_begun_once_and_after_its_needs(jobs: list[Job], gpus: float):
    begun = " ".join(drive(JobQueue(jobs), replace(CAPACITY, total=Demand(2.0, gpus)))).split()
    assert sorted(begun) == sorted(one.steps[0].spec.name for one in jobs)
    for one in jobs:
        for need in one.steps[0].needs:
            assert begun.index(need.spec.name) < begun.index(one.steps[0].spec.name)


def test_demands_are_sums_of_fractions():
    third = Demand(gpus=1 / 3)
    free = Demand(gpus=1.0).minus(third).minus(third)
    assert third.fits(free)
    assert not Demand(gpus=0.5).fits(free)
    assert NOTHING.plus(third) == third


def test_a_ready_job_is_replaced_and_has_not_failed():
    encoded = step("encode", "encode")
    bundle = Job(tuple(step("finetune", str(n), encoded) for n in range(3)), (1,), CORE)
    queue = JobQueue([bundle])
    queue.replace(bundle, replace(bundle, steps=bundle.steps[1:]))
    (rest,) = queue.upcoming(jobs=9, cells=99)
    assert [one.spec.name for one in rest.steps] == ["1", "2"]
    assert rest.attempt == 0
    assert drive(queue) == ["1"]


def test_what_needs_a_job_waits_for_the_one_in_its_place():
    encoded = step("encode", "encode")
    first, second = job(encoded, 0), job(step("finetune", "cell", encoded), 1)
    queue = JobQueue([first, second])
    queue.replace(first, replace(first, rank=(5,)))
    assert drive(queue) == ["encode", "cell"]


def test_to_look_at_what_is_next_changes_nothing():
    queue = JobQueue(two_arms())
    for _ in range(3):
        assert [one.steps[0].spec.name for one in queue.next_for_driver(CAPACITY)] == ["train-a"]
        assert queue.next_for_worker(CAPACITY) is None
    assert not queue.running
