"""What is known of a pool before it is scanned, and land by cell against what is known of Earth."""

import numpy as np
import pyarrow as pa
import pytest

from terrasweep.infra.errors import PoolError
from terrasweep.samplers.draw import census
from terrasweep.samplers.draw.index import INDEX
from terrasweep.samplers.draw.pool_facts import PoolFacts, cell_counts, entropy_counts
from terrasweep.samplers.geography import continents
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.land import land_km2
from terrasweep.samplers.geography.strata import BIOMES, CLIMATES, LAND_COVERS, readable, word
from terrasweep.samplers.intake.describe import land_cover, surroundings
from tests.support.drawing import facts_of, pool_of


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_land_by_cell_adds_up_to_the_land_of_six_continents(resolution: int):
    cells, km2 = land_km2(resolution)
    assert (np.diff(cells.astype(object)) > 0).all()
    assert km2.sum() / 1e6 == pytest.approx(134.4, rel=0.01)  # Natural Earth 1:50m


def test_a_stratum_that_the_pool_does_not_have_is_one_sentence_that_says_what_it_has():
    with pytest.raises(PoolError) as caught:
        facts_of(pool_of(200)).values("ecoregion")
    assert str(caught.value) == (
        "Expected the ecoregion of every sample, got a pool that says nothing of it. Fix: "
        "it knows biome, climate, continent, land_cover; name one of these, or give a layer"
    )


def test_a_fraction_of_the_pool_is_counted_from_the_highest_entropy_down():
    facts = PoolFacts(
        census.CENSUS.empty_table(), {100: 50, 150: 30, 200: 20}, {}, INDEX.empty_table()
    )
    assert facts.entropy_bin(0.1) == (200, 0.2)
    assert facts.entropy_bin(0.2) == (200, 0.2)
    assert facts.entropy_bin(0.3) == (150, 0.5)
    assert facts.entropy_bin(1.0) == (100, 1.0)
    nothing = PoolFacts(census.CENSUS.empty_table(), {}, {}, INDEX.empty_table())
    with pytest.raises(PoolError, match=r"got none in the pool. Fix: draw from a pool with pixels"):
        nothing.entropy_bin(0.5)


def test_entropies_are_tallied_by_hundredths():
    assert entropy_counts(np.array([0.0, 1.239, 1.23, np.nan, 1.24], np.float32)) == {
        0: 1,
        123: 2,
        124: 1,
    }


def test_a_sample_weighs_the_land_of_its_cell_over_the_samples_there():
    """One sample in the Sahara, three in Kansas, one in the sea that counts for nobody."""
    lat, lon = (
        np.array([22.0, 38.0, 38.1, 38.2, 0.0]),
        np.array([10.0, -98.0, -98.1, -98.2, -150.0]),
    )
    rows = pa.table(
        {
            "cell": cells_of(lat, lon, resolution=5),
            "continent": continents.names(lat, lon, russia="europe"),
        }
    )
    facts = PoolFacts(census.CENSUS.empty_table(), {}, cell_counts(rows), INDEX.empty_table())
    cells, each = facts.land_per_sample(0)
    land = dict(zip(*land_km2(0), strict=True))
    here = cells_of(lat, lon, resolution=0)
    assert set(cells.tolist()) == set(here[:4].tolist())
    weights = dict(zip(cells.tolist(), each.tolist(), strict=True))
    assert weights[here[0]] == pytest.approx(land[here[0]])
    assert weights[here[1]] == pytest.approx(land[here[1]] / 3)


def test_words_are_known_by_name_and_by_number():
    assert [len(BIOMES), len(CLIMATES), len(LAND_COVERS)] == [15, 32, 9]
    assert word("biome", "Tundra") == word("biome", 11) == word("biome", "11") == "11"
    assert word("climate", "cfb") == "10"
    assert (readable("biome", "11"), readable("climate", "10")) == ("11 (tundra)", "10 (Cfb)")
    assert (readable("continent", "asia"), readable("biome", "0")) == ("asia", "0")


def test_land_cover_is_the_class_most_months_name():
    months = np.full((4, 12), 9, np.uint8)
    months[0, :5], months[0, 5:8] = 4, 1
    months[1, :2], months[1, 2:4] = 6, 1
    months[2, 0] = 8
    assert land_cover(months).tolist() == ["crops", "trees", "snow_and_ice", "none"]
    assert land_cover(np.full((1, 3, 3), 7)).tolist() == ["bare"]


def test_a_pool_is_believed_what_it_says_itself():
    columns = {
        "id": np.array(["a", "b"]),
        "lat": np.array([52.5, 0.0]),
        "lon": np.array([13.4, -30.0]),
    }
    plain = surroundings(columns)
    assert {name: set(plain[name]) for name in ("land_cover", "realm", "ecoregion")} == {
        "land_cover": {"none"},
        "realm": {"none"},
        "ecoregion": {"none"},
    }
    assert plain["city_km"][0] < 20 < 500 < plain["city_km"][1]
    strata = surroundings({**columns, "realm": np.array(["Palearctic", "none"], dtype=object)})
    assert strata["realm"].tolist() == ["Palearctic", "none"]
