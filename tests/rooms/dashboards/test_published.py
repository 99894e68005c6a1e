"""The printed table and scatter of arXiv 2604.21104, computed again from their own rows."""

import numpy as np
import pytest

from terrasweep.dashboards.statistics.correlation import correlation
from terrasweep.dashboards.statistics.ranks import mean_dense

TABLE = {  # FMoW accuracy, MOSAIKS R2, ForTy F1, GEO-Bench; the printed rank
    "europe": ((0.33, 0.23, 0.37, 0.51), 0.00),
    "north_america": ((0.32, 0.22, 0.36, 0.49), 1.00),
    "south_america": ((0.27, 0.20, 0.36, 0.49), 1.50),
    "asia": ((0.27, 0.20, 0.35, 0.47), 2.00),
    "global": ((0.23, 0.17, 0.35, 0.46), 2.75),
    "oceania": ((0.23, 0.14, 0.33, 0.45), 3.50),
    "africa": ((0.15, 0.08, 0.31, 0.41), 4.50),
    "zero": ((0.12, 0.03, 0.30, 0.46), 5.25),
}
SCATTER = {  # performance; continent, biome, land cover and spectral entropy
    "europe": (0.3600, 0.00, 1.470, 1.670, 2.458),
    "north_america": (0.3475, 0.00, 1.343, 1.931, 1.788),
    "south_america": (0.3300, 0.00, 1.633, 1.524, 2.423),
    "asia": (0.3225, 0.00, 1.937, 1.793, 2.296),
    "global": (0.3025, 1.79, 2.202, 1.861, 2.120),
    "oceania": (0.2875, 0.00, 1.475, 1.425, 2.133),
    "africa": (0.2375, 0.00, 1.249, 1.603, 1.610),
    "first baseline": (0.3750, 1.580, 2.027, 1.838, 2.910),
    "second baseline": (0.3650, 1.538, 1.902, 1.574, 3.176),
    "third baseline": (0.3650, 1.622, 2.256, 1.796, 2.478),
}
PRINTED = {  # Spearman's correlation with performance, and its p
    "continent": (0.425, 0.221),
    "biome": (0.432, 0.213),
    "land_cover": (0.298, 0.403),
    "spectral": (0.845, 0.002),
}


def ranked(scores):
    names = list(scores)
    return dict(zip(names, mean_dense(np.array([scores[name] for name in names])), strict=True))


def measured(measure):
    """Return a measure and the performance of every data set."""
    values = np.array(list(SCATTER.values()))
    return values[:, 1 + list(PRINTED).index(measure)], values[:, 0]


def test_the_ranks_are_those_printed_but_for_the_one_cell_that_contradicts_them():
    found = ranked({name: scores for name, (scores, _) in TABLE.items()})

    wrong = {name for name, (_, printed) in TABLE.items() if found[name] != printed}
    assert wrong == {"zero"}
    assert found["zero"] == 4.75


def test_the_printed_rank_of_no_pretraining_would_need_africas_score_on_geo_bench():
    scores = {name: scores for name, (scores, _) in TABLE.items()}
    scores["zero"] = (*scores["zero"][:3], scores["africa"][3])

    assert ranked(scores) == {name: printed for name, (_, printed) in TABLE.items()}


def test_performance_is_the_mean_of_the_printed_scores():
    for name in ("europe", "north_america", "asia", "oceania", "africa"):
        assert np.mean(TABLE[name][0]) == pytest.approx(SCATTER[name][0], abs=1e-9)


@pytest.mark.parametrize("measure", PRINTED)
def test_the_correlations_are_those_printed(measure):
    rho, p = PRINTED[measure]

    found = correlation(*measured(measure), name=measure)

    assert (round(found.rho, 3), round(found.p_student, 3)) == (rho, p)
    assert found.p == pytest.approx(found.p_student, abs=0.015)


def test_ten_data_sets_leave_a_wide_interval():
    spectral = correlation(*measured("spectral"), name="spectral")
    continent = correlation(*measured("continent"), name="continent")

    assert spectral.low < 0.5 < spectral.high
    assert continent.low < 0 < continent.high
