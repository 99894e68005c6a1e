"""Few-shot draws: nested, shared by all compositions, excluded with a reason."""

import numpy as np
import pytest

from infra.seeds import generator
from samplers.names import Continent
from samplers.spec import Region
from samplers.split import FEWEST_TEST, Labelled, labelled, split

CLASSES = ("wild", "crop")


def samples(number: int = 1200) -> Labelled:
    draw = generator("split", number)
    names = [continent.value for continent in Continent]
    return labelled(
        ids=np.array([f"s{index:05d}" for index in range(number)], dtype=object),
        continents=np.array(names, dtype=object)[draw.integers(len(names), size=number)],
        labels=draw.integers(2, size=number),
    )


@pytest.mark.parametrize("region", list(Region))
def test_train_and_test_are_the_region_and_share_nothing(region: Region):
    all_ = samples()
    one = split(all_, task="t", region=region, n=50, seed=0)
    together = np.concatenate([one.train, one.test])
    inside = np.flatnonzero((all_.continents == region.value) | (region is Region.GLOBAL))
    assert one.excluded is None
    assert len(one.train) == 50
    assert np.array_equal(np.sort(together), inside)


def test_a_small_draw_lies_inside_a_larger_one():
    draws = [
        set(split(samples(), task="t", region=Region.ASIA, n=n, seed=3).train) for n in (10, 50, 90)
    ]
    assert draws[0] < draws[1] < draws[2]


def test_task_region_and_seed_each_give_another_draw():
    def drawn(task: str = "t", region: Region = Region.GLOBAL, seed: int = 0) -> set[int]:
        return set(split(samples(), task=task, region=region, n=100, seed=seed).train)

    assert drawn() == drawn()
    assert drawn() != drawn(task="u")
    assert drawn() != drawn(seed=1)


def test_the_draw_does_not_depend_on_the_order_of_the_samples():
    there = samples()
    turned = Labelled(
        there.ids[::-1], there.hashed[::-1], there.continents[::-1], there.labels[::-1]
    )
    one = split(there, task="t", region=Region.EUROPE, n=50, seed=0)
    other = split(turned, task="t", region=Region.EUROPE, n=50, seed=0)
    assert set(there.ids[one.train]) == set(turned.ids[other.train])


def test_every_sample_is_drawn_about_equally_often():
    there = samples()
    times = np.zeros(len(there.ids))
    for seed in range(400):
        times[split(there, task="t", region=Region.GLOBAL, n=300, seed=seed).train] += 1
    expected, spread = 400 * 0.25, np.sqrt(400 * 0.25 * 0.75)
    assert np.abs(times - expected).max() < 5 * spread


def test_a_region_too_small_is_excluded_with_its_count():
    there = samples(600)
    held = int((there.continents == "africa").sum())
    fits = split(there, task="t", region=Region.AFRICA, n=held - FEWEST_TEST, seed=0)
    short = split(there, task="t", region=Region.AFRICA, n=held - FEWEST_TEST + 1, seed=0)
    assert fits.excluded is None
    assert f"holds {held} labelled samples" in (short.excluded or "")


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_single_class_is_excluded_by_name(part: str):
    there = samples()
    first = split(there, task="t", region=Region.ASIA, n=40, seed=0)
    labels = there.labels.copy()
    labels[getattr(first, part)] = 1
    alike = Labelled(there.ids, there.hashed, there.continents, labels)
    one = split(alike, task="t", region=Region.ASIA, n=40, seed=0, classes=CLASSES)
    assert (one.excluded or "").endswith("a single class, crop")
