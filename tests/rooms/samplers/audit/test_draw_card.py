import math

import numpy as np
import pyarrow as pa
import pytest

from terrasweep.samplers.audit.draw_card import Guard, card, effective_number, entropy
from terrasweep.samplers.draw.quota import StratumShare
from terrasweep.samplers.spec.composition import CompositionSpec
from terrasweep.samplers.spec.rules import Stratified, Uniform


def rows(continents: list[str], *, cells: list[int], entropies: list[float]) -> pa.Table:
    number = len(continents)
    return pa.table(
        {
            "id": pa.array([f"s{place}" for place in range(number)], pa.string()),
            "coarse": pa.array([1] * number, pa.uint64()),
            "cell": pa.array(cells, pa.uint64()),
            "continent": pa.array(continents, pa.string()),
            "biome": pa.array([4] * number, pa.int16()),
            "climate": pa.array([0] * number, pa.int16()),
            "land_cover": pa.array(["none"] * number, pa.string()),
            "realm": pa.array(["nearctic"] * number, pa.string()),
            "ecoregion": pa.array(["none"] * number, pa.string()),
            "entropy": pa.array(entropies, pa.float32()),
            "lat": pa.array([10.0 * place for place in range(number)], pa.float64()),
            "lon": pa.array([20.0] * number, pa.float64()),
        }
    )


def test_a_card_tells_counts_shares_and_diversity():
    drawn = rows(
        ["asia", "europe", "asia", "none"], cells=[7, 7, 8, 8], entropies=[1.0, 2.0, 3.0, 4.0]
    )
    about = card(
        drawn,
        composition=CompositionSpec(rule=Uniform(), size=4),
        replicate=2,
        shares=[StratumShare("all", asked=4, available=9, taken=4)],
        guard=Guard(rings=1, excluded=5),
        notes=["mine.csv: content 0123456789abcdef, 9 points"],
    )
    assert about["size"] == 4
    assert about["replicate"] == 2
    assert about["composition"] == {
        "rule": {"kind": "uniform", "resolution": 1},
        "size": 4,
    }
    assert about["strata"]["continent"] == {
        "asia": {"count": 2, "share": 0.5},
        "europe": {"count": 1, "share": 0.25},
        "none": {"count": 1, "share": 0.25},
    }
    two_to_one = math.log(3) - 2 / 3 * math.log(2)
    assert about["entropy_nats"]["continent"] == pytest.approx(two_to_one)
    assert about["entropy_nats"] | {"continent": 0} == dict.fromkeys(
        ["biome", "climate", "continent", "realm"], 0
    )
    assert about["effective_cells"] == pytest.approx(2.0)
    assert about["mean_spectral_entropy"] == 2.5
    assert about["spectral_entropies"] == {"100": 1, "200": 1, "300": 1, "400": 1}
    assert about["spacing"]["mean_nearest_km"] == pytest.approx(6371 * math.radians(10))
    assert about["quota"] == [{"stratum": "all", "asked": 4, "available": 9, "taken": 4}]
    assert about["short"] == {}
    assert about["guard"] == {"rings": 1, "excluded": 5}
    assert about["notes"] == ["mine.csv: content 0123456789abcdef, 9 points"]
    assert about["repeated"] == 0


def test_a_card_counts_samples_that_were_drawn_again():
    twice = rows(["asia"] * 3, cells=[7, 7, 8], entropies=[1.0] * 3).take([0, 1, 1, 2, 2, 2])
    about = card(
        twice,
        composition=CompositionSpec(rule=Uniform(), size=6),
        replicate=0,
        shares=[StratumShare("all", asked=6, available=3, taken=6)],
        guard=Guard(rings=None, excluded=0),
    )
    assert about["repeated"] == 3


def test_a_card_names_short_strata_and_by_how_much():
    shares = [
        StratumShare("asia", asked=2, available=9, taken=3),
        StratumShare("europe", asked=2, available=1, taken=1),
    ]
    about = card(
        rows(["asia"] * 3 + ["europe"], cells=[1, 2, 3, 4], entropies=[math.nan] * 4),
        composition=CompositionSpec(rule=Stratified(short="redistribute"), size=4),
        replicate=0,
        shares=shares,
        guard=Guard(rings=None, excluded=0),
    )
    assert about["short"] == {"europe": 1}
    assert about["mean_spectral_entropy"] is None


def test_six_even_continents_have_the_entropy_that_the_study_prints():
    even = dict.fromkeys("abcdef", 100)
    assert round(entropy(even), 2) == 1.79
    assert entropy({"europe": 700}) == 0.0
    assert entropy({}) == 0.0


def test_the_effective_number_of_cells_counts_even_cells_and_does_not_see_their_order():
    words = np.random.Generator(np.random.PCG64(0))
    cells = np.repeat(np.arange(50, dtype=np.uint64), 3)
    assert effective_number(pa.chunked_array([cells])) == pytest.approx(50)
    uneven = words.geometric(0.1, 300).astype(np.uint64)
    one, other = (pa.chunked_array([words.permutation(uneven)]) for _ in range(2))
    assert effective_number(one) == effective_number(other)
    assert 1 < effective_number(one) < len(np.unique(uneven))
    assert effective_number(pa.chunked_array([], pa.uint64())) == 0.0
