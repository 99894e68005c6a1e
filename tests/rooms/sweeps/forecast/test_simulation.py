"""A simulated schedule against cases worked by hand, and against what no schedule can beat."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from terrasweep.infra.errors import SpecError
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.forecast.cluster import forecast
from terrasweep.sweeps.forecast.profile import Profile
from terrasweep.sweeps.forecast.simulation import Work, longest_chain, simulate
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read

PAID = """
nodes:
  - {count: 2, cpus: 4, gpus: 1, price_per_hour: 3.6}
  - {count: 1, cpus: 8, price_per_hour: 0.9}
pretraining: {cpus: 2, gpus: 1}
seconds: {shard: 60, sample: 5, init: 1, pretrain: 600, task: 10, encode: 20, finetune: 0.5}
overheads: {start_s: 10, end_s: 5, step_s: 0, bundle_s: 0}
"""


def work(seconds: float, *needs: int, **said: object) -> Work:
    return Work(**({"name": "", "stage": "finetune", "seconds": seconds, "needs": needs} | said))


def spans(works: list[Work], *, nodes=((1.0, 0.0),), **lanes: int) -> list[tuple[float, float]]:
    return [span[:2] for span in simulate(works, nodes=nodes, lanes=lanes).spans]


def test_two_slots_do_four_pieces_in_two_rounds():
    assert spans([work(3.0)] * 4, nodes=[(2.0, 0.0)]) == [(0, 3), (0, 3), (3, 6), (3, 6)]


def test_a_cell_begins_when_its_own_features_are_there_and_not_when_all_are():
    works = [work(1.0), work(9.0), work(2.0, 0), work(2.0, 1)]
    assert spans(works, nodes=[(2.0, 0.0)]) == [(0, 1), (0, 9), (1, 3), (9, 11)]


def test_the_best_rank_goes_first():
    assert spans([work(1.0, rank=(2,)), work(1.0, rank=(1,))]) == [(1, 2), (0, 1)]


def test_of_a_lane_one_is_done_at_a_time():
    works = [work(1.0, lane="data"), work(1.0, lane="data"), work(1.0)]
    assert spans(works, nodes=[(3.0, 0.0)], data=1) == [(0, 1), (1, 2), (0, 1)]


def test_the_driver_hands_out_one_piece_at_a_time():
    works = [work(1.0, driver_s=0.5)] * 3
    assert spans(works, nodes=[(9.0, 0.0)]) == [(0, 1.5), (0.5, 2.0), (1.0, 2.5)]


def test_work_without_a_gpu_leaves_nodes_with_gpus_free():
    works = [work(5.0, rank=(0,)), work(1.0, rank=(1,), gpus=1.0)]
    course = simulate(works, nodes=[(1.0, 1.0), (1.0, 0.0)], lanes={})
    assert [span.start for span in course.spans] == [0, 0]
    assert sorted(course.lasts) == [1, 5]


def test_what_fits_no_node_is_refused_in_a_sentence():
    with pytest.raises(SpecError, match=r"a node with 1 CPUs and 2 GPUs for pretrain, got none"):
        spans([work(1.0, stage="pretrain", gpus=2.0)], nodes=[(4.0, 1.0)])


graphs = st.lists(
    st.tuples(st.integers(1, 50), st.lists(st.integers(0, 30), max_size=3)), min_size=1, max_size=30
)


# No schedule is shorter than its longest chain, nor than its work spread evenly; and one that never
# idles while something could begin takes at most the two of them together.
@given(graphs, st.integers(1, 5))
def test_a_course_lies_between_the_bounds_that_every_greedy_schedule_keeps(graph, slots):
    works = [
        work(float(seconds), *{need % at for need in needs} if at else ())
        for at, (seconds, needs) in enumerate(graph)
    ]
    course = simulate(works, nodes=[(float(slots), 0.0)], lanes={})
    chain = sum(one.seconds for one in longest_chain(works))
    even = sum(one.seconds for one in works) / slots
    assert max(chain, even) <= course.wall_s + 1e-9
    assert course.wall_s <= chain + even + 1e-9
    for one, span in zip(works, course.spans, strict=True):
        assert all(course.spans[need].end <= span.start for need in one.needs)


@pytest.fixture
def profile() -> Profile:
    return Profile.model_validate(yaml.safe_load(PAID))


def test_a_forecast_of_the_smallest_study_is_what_one_works_out_by_hand(tmp_path, profile):
    """Three pretrainings on two GPUs take two rounds; all else hides behind them but the ends."""
    found = forecast(plan(read("smoke")), store=Store.open(str(tmp_path)), profile=profile)
    assert [link.stage for link in found.chain] == [
        "shard", "sample", "pretrain", "encode", "finetune",
    ]  # fmt: skip
    before, after = 60 + 3 * 5, 20 + 0.5
    assert found.wall_s == 10 + before + 2 * 600 + after + 5
    assert found.work_gpu_hours == pytest.approx(3 * 600 / 3600)
    assert found.cost > 3.6 * 2 * 600 / 3600
    assert found.ends["pretrain"] == 10 + before + 1200


def test_what_nobody_knows_is_asked_for(tmp_path, profile):
    seconds = {name: s for name, s in profile.seconds.items() if name != "pretrain"}
    unsaid = profile.model_copy(update={"seconds": seconds})
    with pytest.raises(SpecError, match=r"a step of stage pretrain costs, got no record"):
        forecast(plan(read("smoke")), store=Store.open(str(tmp_path)), profile=unsaid)


def test_twice_the_nodes_take_less_time_but_never_less_than_the_critical_path(tmp_path, profile):
    store, many = Store.open(str(tmp_path)), profile.nodes[0].model_copy(update={"count": 99})
    one = forecast(plan(read("smoke")), store=store, profile=profile)
    wide = profile.model_copy(update={"nodes": (many,)})
    two = forecast(plan(read("smoke")), store=store, profile=wide)
    assert sum(link.seconds for link in two.chain) + 15 <= two.wall_s < one.wall_s
