"""Law 11: a result is a function of its key alone."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from terrasweep.infra.context import Context
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Row
from terrasweep.infra.storage.store import Store
from terrasweep.models.members import PROBES
from terrasweep.models.probing.problem import Prediction, Problem
from terrasweep.pipelines.spec import FinetuneSpec
from terrasweep.pipelines.stages import finetune
from terrasweep.samplers.spec.tasks import Region
from tests.support import origins
from tests.support.cells import grid, measured
from tests.support.problems import judges, problem_of, problems

SMALL: dict[str, dict[str, object]] = {
    "forest": {"trees": 4},
    "mlp": {"epochs": 15, "hidden": 9},
    "full": {"tuning": {"epochs": 1}},
}
"""What a law says of few trees and short trainings it says of many."""

torch.set_num_threads(1)  # on small tensors, and beside other work, two are slower

Answer = Callable[[list[Problem]], list[Prediction]]


@cache
def pool(name: str) -> tuple[Problem, ...]:
    """Problems of many shapes: every target, wide and narrow, few and many tests."""
    shapes = [(40, 12, 30), (40, 12, 31), (40, 60, 30), (25, 12, 30), (230, 7, 9)]
    return tuple(
        problem_of(target, n=n, width=width, tested=tested, seed=seed)
        for target in judges(name)
        for n, width, tested in shapes
        for seed in (0, 1)
    )


@cache
def asked_alone(name: str) -> tuple[Prediction, ...]:
    return tuple(answer for problem in pool(name) for answer in probe(name)([problem]))


def probe(name: str) -> Answer:
    spec = PROBES.spec(name)(name=name, **SMALL.get(name, {}))
    return lambda asked: PROBES[name].fit_predict(origins.asked(asked, spec=spec), spec=spec)


def same(one: Prediction, other: Prediction) -> bool:
    """Compare to the last bit."""
    return (
        one.labels.tobytes() == other.labels.tobytes()
        and one.scores.tobytes() == other.scores.tobytes()
        and one.notes == other.notes
    )


# A problem's answer does not depend on which problems stand beside it, nor on their order: any
# selection, in any order, gives each problem what it is given alone, to the last bit.
@pytest.mark.parametrize("name", PROBES.names)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_an_answer_does_not_depend_on_its_neighbours(name: str, data: st.DataObject):
    which = st.integers(0, len(pool(name)) - 1)
    chosen = data.draw(st.lists(which, min_size=1, max_size=20))
    answers = probe(name)([pool(name)[index] for index in chosen])
    for index, answer in zip(chosen, answers, strict=True):
        assert same(answer, asked_alone(name)[index])


# Neither do neighbours that converge sooner, later, or not at all.
@pytest.mark.parametrize("classes", [2, 4])
def test_an_easy_or_a_hopeless_neighbour_changes_nothing(classes: int):
    (plain,) = problems(1, n=40, width=12, tested=30, classes=classes)
    pure = (plain.train_x[:, 0] > 3).astype(np.int64)
    easy = replace(plain, train_y=np.arange(40) % classes, train_x=plain.train_x * 0)
    hard = replace(plain, train_y=pure + 2 * (np.arange(40) % (classes // 2)))
    alone = probe("linear")([plain])[0]
    for neighbours in ([easy], [hard], [hard, easy, hard, easy]):
        assert same(probe("linear")([*neighbours, plain])[-1], alone)


@cache
def cells() -> tuple[Step[FinetuneSpec], ...]:
    names = [name for name in PROBES.names if "binary" in judges(name)]
    specs = [PROBES.spec(name)(name=name, **SMALL.get(name, {})) for name in names]
    places = (Region.AFRICA, Region.ASIA, Region.GLOBAL)
    return tuple(grid(specs, continents=places, sizes=(20, 60), seeds=(0, 1)))


def rows(chosen: list[Step[FinetuneSpec]], folder: Path) -> dict[str, Row]:
    """Return rows without how they came about."""
    features, task = measured(300)
    context = Context(Store.open(str(folder)))
    source = origins.plain(features)
    made = finetune.rows(chosen, context=context, features=features, task=task, source=source)
    assert [row.key for row in made] == [str(cell.key) for cell in chosen]
    return {row.key: replace(row, seconds=0.0, finished=made[0].finished) for row in made}


# A cell's row is the same alone, in any bundle and in any order.
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_row_does_not_depend_on_its_bundle(data: st.DataObject, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    order = data.draw(st.permutations(cells()))
    cut = data.draw(st.integers(1, len(order) - 1))
    lone = data.draw(st.sampled_from(cells()))
    whole = rows(list(cells()), folder)
    parts = rows(order[:cut], folder) | rows(order[cut:], folder) | rows([lone], folder)
    for key, row in parts.items():
        assert replace(row, finished=whole[key].finished) == whole[key]


# Nor on how many threads the worker's BLAS may use: more cores cut products elsewhere.
def test_a_row_does_not_depend_on_the_threads_of_a_worker(tmp_path: Path):
    linear = grid([PROBES.spec("linear")(name="linear")], sizes=(150,), seeds=(0, 1, 2))
    features, task = measured(3000, width=200)
    context = Context(Store.open(str(tmp_path)))
    made = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads, user_api="blas"):
            found = finetune.rows(linear, context=context, features=features, task=task)
        made.append([(row.key, row.value, dict(row.metrics)) for row in found])
    assert made[0] == made[1]
