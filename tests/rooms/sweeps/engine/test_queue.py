"""The board: every job once, in the order of ranks, as soon as it can be done."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.sweeps.engine.queue import NOTHING, Board, House, Job, Takes

CORE = Takes(cpus=1.0)
HOUSE = House(total=Takes(cpus=2.0), lanes={"training": 1})


class Named(Spec):
    """A stand-in for any spec."""

    name: str


def step(stage: str, name: str, *needs: Step) -> Step:
    return Step(stage, Named(name=name), needs)


def job(one: Step, *rank: int, takes: Takes = CORE) -> Job:
    return Job((one,), rank, takes)


def drive(
    board: Board,
    house: House = HOUSE,
    *,
    fails: frozenset[str] = frozenset(),
    slow: frozenset[str] = frozenset(),
) -> list[str]:
    """Do all jobs, one turn at a time, the slow ones last, and return what each turn began."""
    told = []
    while not board.is_over:
        begun = board.for_driver(house)
        for one in begun:
            board.begin(one)
        while (one := board.for_worker(house)) is not None:
            board.begin(one)
            begun.append(one)
        told.append(" ".join(one.steps[0].spec.name for one in begun))
        assert board.running, "nothing is done, and nothing ever will be"
        first = min(board.running, key=lambda one: one.steps[0].spec.name in slow)
        if first.steps[0].spec.name in fails:
            board.fail(first)
        else:
            board.done(first)
    return told


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
    told = drive(Board(two_arms()), slow=frozenset({"train-b"}))
    assert told == ["train-a", "train-b encode-a", "a0", "a1", "", "encode-b", "b0 b1", ""]
    in_turn = " ".join(drive(Board(two_arms()))).split()
    assert in_turn[-5:] == ["encode-b", "a0", "b0", "a1", "b1"]


def test_what_fails_takes_along_what_needs_it_and_nothing_else():
    board = Board(two_arms())
    begun = " ".join(drive(board, fails=frozenset({"train-a"}))).split()
    assert begun == ["train-a", "train-b", "encode-b", "b0", "b1"]
    assert {key.stage for key in board.failed} == {"pretrain", "encode", "finetune"}
    assert len(board.failed) == 4


def test_what_finds_no_room_keeps_room_for_itself():
    small = [job(step("finetune", f"small-{n}"), 5, n) for n in range(3)]
    large = job(step("pretrain", "large"), 1, takes=Takes(cpus=2.0))
    board = Board([*small, large])
    house = replace(HOUSE, held=CORE)  # a worker sits and waits
    assert board.for_driver(house) == []
    assert board.for_worker(house) is None
    assert board.is_cramped(house)
    assert board.for_driver(HOUSE) == [large]


def test_a_job_larger_than_the_house_is_begun_alone():
    large = job(step("pretrain", "large"), 1, takes=Takes(cpus=8.0, gpus=4.0))
    assert drive(Board([large, job(step("encode", "small"), 2)])) == ["large", "small"]


def test_only_so_many_pretrainings_at_once():
    wide = House(total=Takes(cpus=64.0), lanes={"training": 2})
    jobs = [job(step("pretrain", str(n)), n) for n in range(5)]
    assert drive(Board(jobs), wide)[0] == "0 1"


def test_workers_are_at_most_so_many():
    wide = House(total=Takes(cpus=64.0), lanes={}, most_workers=3)
    assert drive(Board([job(step("finetune", str(n)), n) for n in range(5)]), wide)[0] == "0 1 2"


def test_a_job_begun_in_vain_rests_and_is_begun_again_with_what_waits_for_it():
    encoded = step("encode", "encode")
    first, second = job(encoded, 0), job(step("finetune", "cell", encoded), 1)
    board = Board([first, second])
    board.begin(first)
    board.again(first, at=10.0)
    board.wake(9.0)
    assert board.for_worker(HOUSE) is None
    assert not board.is_over
    board.wake(10.0)
    tried = board.for_worker(HOUSE)
    assert tried is not None
    assert tried.attempt == 1
    assert drive(board) == ["encode", "cell"]


def test_a_bundle_begun_in_vain_is_begun_again_in_pieces():
    bundle = Job(tuple(step("finetune", str(n)) for n in range(5)), (0,), CORE)
    board = Board([bundle])
    board.begin(bundle)
    board.again(bundle, pieces=bundle.halves(), at=0.0)
    board.wake(0.0)
    sizes = [len(one.steps) for one in board.upcoming(jobs=9, cells=99)]
    assert sorted(sizes) == [2, 3]
    assert drive(board)[0] == "0 2"


def test_what_comes_next_is_what_is_ready_and_not_too_much():
    jobs = two_arms()
    board = Board(jobs)
    first, trained = jobs[2], jobs[0]
    assert board.upcoming(jobs=2, cells=99) == [jobs[1], jobs[5]]
    board.begin(trained)
    board.done(trained)
    assert board.upcoming(jobs=9, cells=1) == [jobs[1]]
    assert first in board.upcoming(jobs=9, cells=99)


@st.composite
def graphs(draw: st.DrawFn) -> list[Job]:
    """Any needs among any stages, with any ranks and any sizes."""
    stages = ("shard", "sample", "init", "pretrain", "encode", "tower")
    made: list[Step] = []
    jobs = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(made), max_size=3, unique_by=id)) if made else []
        one = step(draw(st.sampled_from(stages)), str(number), *needs)
        made.append(one)
        takes = Takes(
            draw(st.sampled_from((0.5, 1.0, 2.0, 5.0))), draw(st.sampled_from((0.0, 1.0)))
        )
        jobs.append(job(one, draw(st.integers(0, 3)), takes=takes))
    return jobs


# Whatever the jobs need and take, the board comes to its end, each job begun once, after its needs.
@given(jobs=graphs(), gpus=st.sampled_from((0.0, 1.0)))
def test_every_job_is_begun_once_and_after_its_needs(jobs: list[Job], gpus: float):
    begun = " ".join(drive(Board(jobs), replace(HOUSE, total=Takes(2.0, gpus)))).split()
    assert sorted(begun) == sorted(one.steps[0].spec.name for one in jobs)
    for one in jobs:
        for need in one.steps[0].needs:
            assert begun.index(need.spec.name) < begun.index(one.steps[0].spec.name)


def test_takes_are_sums_of_fractions():
    third = Takes(gpus=1 / 3)
    free = Takes(gpus=1.0).minus(third).minus(third)
    assert third.fits(free)
    assert not Takes(gpus=0.5).fits(free)
    assert NOTHING.plus(third) == third
