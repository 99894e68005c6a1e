"""What an audit tells of sets whose truth is known."""

import math

import pytest

from terrasweep.samplers.audit.audit import SampleSet, audit, overlap
from terrasweep.samplers.audit.land_shares import land_shares, points_on_land
from terrasweep.samplers.intake.describe import describe
from tests.support.holdings import holding


@pytest.fixture(scope="module")
def even() -> SampleSet:
    return holding(*points_on_land(3000, purpose="audit"))


@pytest.fixture(scope="module")
def european(even: SampleSet) -> SampleSet:
    lat, lon = points_on_land(30_000, purpose="audited")
    inside = describe(lat, lon, russia="europe")["continent"] == "europe"
    return holding(lat[inside][:3000], lon[inside][:3000], first_id=1500)


def test_the_truth_is_that_of_the_map_and_follows_where_russia_counts():
    land = land_shares(russia="europe")
    assert all(sum(own.values()) == pytest.approx(1) for own in land.values())
    # Shares of the six continents' land by atlases (Europe without Russia's Asian part: 7.6 %).
    split = land_shares(russia="split_60e")["continent"]
    atlas = {"africa": 0.223, "north_america": 0.180, "south_america": 0.132, "asia": 0.328}
    assert {name: split[name] for name in atlas} == pytest.approx(atlas, abs=0.015)
    assert land_shares(russia="asia")["continent"]["europe"] < 0.06


def test_even_samples_are_as_far_from_the_truth_as_luck_takes_them(even: SampleSet):
    told = audit(even)
    for over in ("continent", "biome", "climate"):
        against = told["strata"][over]["land"]
        assert against["moved"] < 2.5 * against["moved_by_chance"]
        assert against["jensen_shannon"] < 0.01
    cells = told["cells"]["land"]
    assert cells["moved"] == pytest.approx(cells["moved_by_chance"], rel=0.1)
    assert told["spacing"]["clustering"] == pytest.approx(1, abs=0.06)


def test_europe_alone_is_far_from_the_truth(even: SampleSet, european: SampleSet):
    told = audit(european)
    europe = land_shares(russia="europe")["continent"]["europe"]
    against = told["strata"]["continent"]["land"]
    assert against["moved"] == pytest.approx(1 - europe)
    assert told["strata"]["continent"]["entropy_nats"] == 0
    assert told["spacing"]["clustering"] < 0.6
    assert told["strata"]["continent"]["values"]["asia"]["count"] == 0
    both = overlap(even, european)
    assert both["jaccard"] == pytest.approx(1500 / 4500)
    assert both["jensen_shannon"]["continent"] == pytest.approx(
        _divergence_from_one(told=audit(even)["strata"]["continent"]["values"]["europe"]["share"])
    )


def _divergence_from_one(*, told: float) -> float:
    """Of a distribution that gives `told` to a value from one that gives it everything."""
    middle = (1 + told) / 2
    rest = (1 - told) * math.log(2)
    return (-math.log(middle) + told * math.log(told / middle) + rest) / 2


def test_a_distribution_of_entropies_is_told_by_its_bins(even: SampleSet):
    told = audit(even)["spectral_entropy"]
    assert told["known"] == 4
    assert told["mean"] == pytest.approx((1.005 + 3 * 1.505) / 4)
    assert told["quantiles"]["0.05"] == pytest.approx(1.005)
    assert told["quantiles"]["0.5"] == pytest.approx(1.505)
    assert told["definition"]["log_base"] == "e"
    assert told["definition"]["unit"] == "nats"
