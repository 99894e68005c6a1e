"""Few-shot draws: nested, shared by all compositions, excluded with a reason."""

from dataclasses import replace

import numpy as np
import pytest

from terrasweep.infra.seeds import generator
from terrasweep.samplers.draw.few_shot import (
    FewShotRequest,
    LabelledSamples,
    labelled_samples,
    split,
)
from terrasweep.samplers.geography.cells import cells_of, parents
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.spec.tasks import DrawSpec, Region

CLASSES = ("wild", "crop")
FEWEST_TEST = DrawSpec().fewest_test


def samples(number: int = 1200) -> LabelledSamples:
    draw = generator("split", number)
    names = [continent.value for continent in Continent]
    return labelled_samples(
        ids=np.array([f"s{index:05d}" for index in range(number)], dtype=object),
        continents=np.array(names, dtype=object)[draw.integers(len(names), size=number)],
        labels=draw.integers(2, size=number),
    )


@pytest.mark.parametrize("region", list(Region))
def test_train_and_test_are_the_region_and_share_nothing(region: Region):
    all_ = samples()
    one = split(all_, FewShotRequest("t", region, 50, 0))
    together = np.concatenate([one.train, one.test])
    inside = np.flatnonzero((all_.continents == region.value) | (region is Region.GLOBAL))
    assert one.excluded is None
    assert len(one.train) == 50
    assert np.array_equal(np.sort(together), inside)


def test_a_small_draw_lies_inside_a_larger_one():
    draws = [
        set(split(samples(), FewShotRequest("t", Region.ASIA, n, 3)).train) for n in (10, 50, 90)
    ]
    assert draws[0] < draws[1] < draws[2]


def test_task_region_and_seed_each_give_another_draw():
    def drawn(task: str = "t", region: Region = Region.GLOBAL, seed: int = 0) -> set[int]:
        return set(split(samples(), FewShotRequest(task, region, 100, seed)).train)

    assert drawn() == drawn()
    assert drawn() != drawn(task="u")
    assert drawn() != drawn(seed=1)


def test_the_draw_does_not_depend_on_the_order_of_the_samples():
    there = samples()
    turned = LabelledSamples(
        there.ids[::-1], there.hashed[::-1], there.continents[::-1], there.labels[::-1]
    )
    one = split(there, FewShotRequest("t", Region.EUROPE, 50, 0))
    other = split(turned, FewShotRequest("t", Region.EUROPE, 50, 0))
    assert set(there.ids[one.train]) == set(turned.ids[other.train])


def test_every_sample_is_drawn_about_equally_often():
    there = samples()
    times = np.zeros(len(there.ids))
    for seed in range(400):
        times[split(there, FewShotRequest("t", Region.GLOBAL, 300, seed)).train] += 1
    expected, spread = 400 * 0.25, np.sqrt(400 * 0.25 * 0.75)
    assert np.abs(times - expected).max() < 5 * spread


def test_a_region_too_small_is_excluded_with_its_count():
    there = samples(600)
    held = int((there.continents == "africa").sum())
    fits = split(there, FewShotRequest("t", Region.AFRICA, held - FEWEST_TEST, 0))
    short = split(there, FewShotRequest("t", Region.AFRICA, held - FEWEST_TEST + 1, 0))
    assert fits.excluded is None
    assert f"holds {held} labelled samples" in (short.excluded or "")


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_single_class_is_excluded_by_name(part: str):
    there = samples()
    first = split(there, FewShotRequest("t", Region.ASIA, 40, 0))
    labels = there.labels.copy()
    labels[getattr(first, part)] = 1
    alike = LabelledSamples(there.ids, there.hashed, there.continents, labels)
    one = split(alike, FewShotRequest("t", Region.ASIA, 40, 0), classes=CLASSES)
    assert (one.excluded or "").endswith("a single class, crop")


def spread_out(number: int = 3000) -> LabelledSamples:
    """Samples with cells, an official split, and labels of three sizes."""
    draw = generator("spread out", number)
    names = np.array([continent.value for continent in Continent], dtype=object)
    lat, lon = draw.uniform(-50, 60, number), draw.uniform(-170, 170, number)
    return labelled_samples(
        ids=np.array([f"s{index:05d}" for index in range(number)], dtype=object),
        continents=names[draw.integers(len(names), size=number)],
        labels=draw.choice(3, size=number, p=[0.7, 0.25, 0.05]),
        cells=cells_of(lat, lon, resolution=5),
        official=np.array(["train", "test", "valid"], dtype=object)[draw.integers(3, size=number)],
    )


def test_a_stratified_draw_has_each_class_by_its_share_and_small_ones_lie_in_large():
    there, draws = spread_out(), []
    inside = np.flatnonzero(there.continents == "africa")
    shares = np.bincount(there.labels[inside]) / len(inside)
    for n in (20, 60, 200):
        asked = FewShotRequest("t", Region.AFRICA, n, 0, DrawSpec(stratified=True))
        train = split(there, asked).train
        assert np.abs(np.bincount(there.labels[train], minlength=3) - n * shares).max() <= 1
        draws.append(set(train))
    assert draws[0] < draws[1] < draws[2]


def test_all_trains_on_all_but_a_share():
    there = spread_out()
    one = split(there, FewShotRequest("t", Region.ASIA, 0, 0))
    inside = np.flatnonzero(there.continents == "asia")
    assert np.array_equal(np.sort(np.concatenate([one.train, one.test])), inside)
    assert 0.13 < len(one.test) / len(inside) < 0.27


def test_an_official_split_is_kept_to():
    there = spread_out()
    official = DrawSpec(held_out="official")
    few = split(there, FewShotRequest("t", Region.ASIA, 50, 1, official))
    all_ = split(there, FewShotRequest("t", Region.ASIA, 0, 1, official))
    assert set(there.official[all_.train]) == {"train"}
    assert set(there.official[all_.test]) == {"test"}
    assert set(few.train) < set(all_.train)
    assert np.array_equal(few.test, all_.test)
    assert set(there.continents[few.test]) == {"asia"}


def test_no_block_is_both_drawn_from_and_judged_by():
    there = spread_out()
    for seed in range(3):
        blocked = DrawSpec(held_out="blocks", block=1)
        one = split(there, FewShotRequest("t", Region.GLOBAL, 500, seed, blocked))
        blocks = parents(there.cells, resolution=1)
        assert not set(blocks[one.train]) & set(blocks[one.test])
        assert 0.05 < len(one.test) / len(there.ids) < 0.4


@pytest.mark.parametrize("held_out", ["remainder", "official", "blocks"])
def test_where_it_is_judged_does_not_change_the_draw(held_out: str):
    there, draw = spread_out(), DrawSpec(held_out=held_out)

    def judged(test_on) -> tuple[set[int], set[str], int]:
        one = split(there, FewShotRequest("t", Region.ASIA, 40, 2, draw, test_on))
        assert not set(one.train) & set(one.test)
        return set(one.train), set(there.continents[one.test]), len(one.test)

    (same, where, num_same), (others, elsewhere, num_others) = judged("same"), judged("others")
    everywhere, all_, num_all = judged("all")
    europe, only, _ = judged(Region.EUROPE)
    assert same == others == everywhere == europe
    assert (where, only) == ({"asia"}, {"europe"})
    assert elsewhere == {one.value for one in Continent} - {"asia"}
    assert all_ == where | elsewhere
    assert num_all == num_same + num_others


def test_too_few_to_judge_by_elsewhere_is_said():
    there = spread_out()
    few = replace(there, continents=np.where(np.arange(3000) < 2990, "asia", "africa"))
    one = split(few, FewShotRequest("t", Region.ASIA, 40, 2, DrawSpec(), Region.AFRICA))
    assert one.excluded == "there are 10 labelled samples to judge by; at least 20 are wanted"
    low = split(
        few, FewShotRequest("t", Region.ASIA, 40, 2, DrawSpec(fewest_test=5), Region.AFRICA)
    )
    assert low.excluded is None
    none = split(few, FewShotRequest("t", Region.EUROPE, 40, 2, DrawSpec(), Region.ASIA))
    assert none.excluded == "the region holds 0 labelled samples to train on; 40 are wanted"
