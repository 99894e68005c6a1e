"""What the four worlds plant can be seen in the generator itself, before anything is trained."""

import numpy as np
import pytest

from terrasweep.infra.seeds import generator
from terrasweep.samplers.geography import continents
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.intake.spectral_entropy import of_series
from terrasweep.samplers.pools.planet import idioms, points
from terrasweep.samplers.pools.planet.ground import Ground, ground
from terrasweep.samplers.pools.planet.observe import look, positions
from terrasweep.samplers.pools.planet.places import SYSTEMS
from terrasweep.samplers.pools.planet.series import redundant, series
from terrasweep.samplers.pools.planet.spec import World
from terrasweep.samplers.pools.planet.spectra import OPTICAL
from terrasweep.samplers.pools.planet.worlds import KNOBS

COUNT = 4000
SEEDS = pytest.mark.parametrize("seed", range(3))


def pool(world: World, *, seed: int = 0) -> tuple[Ground, np.ndarray, np.ndarray]:
    """Places of a pool, the continents they lie on, and what is seen of them."""
    knobs, rng = KNOBS[world], generator("test worlds", world, seed)
    where = positions(COUNT, land=points.earth(), reach=knobs.pool_reach, rng=rng)
    at = look(where, seed=seed, rng=rng)
    under = ground(at, knobs=knobs, redundancy=knobs.redundancy, seed=seed, rng=rng)
    names = continents.names(where.lat, where.lon, russia="europe")
    return under, names, series(under, rng=rng).x


def systems(world: World, continent: Continent, *, seed: int) -> np.ndarray:
    """The shares of the farming systems among labelled samples of a continent."""
    knobs, rng = KNOBS[world], generator("test worlds", continent, seed)
    land = points.continent(continent, russia="europe")
    where = positions(COUNT, land=land, reach=knobs.task_reach, rng=rng)
    return shares(look(where, seed=seed, rng=rng).system)


def shares(system: np.ndarray) -> np.ndarray:
    return np.bincount(system, minlength=SYSTEMS) / len(system)


def heard(x: np.ndarray, *, under: Ground) -> np.ndarray:
    """How much each place's series goes along with every idiom, (places, systems)."""
    seen = np.maximum(x[..., OPTICAL], 1)
    usual = seen.mean(axis=1, keepdims=True)
    pattern = idioms.patterns(under.seed)[..., OPTICAL]
    return np.einsum("pmb,smb->ps", seen / usual - 1, pattern) / pattern[0].size


def test_idioms_have_nothing_in_common_and_leave_the_mean_of_the_year_alone():
    flat = idioms.patterns(0).reshape(SYSTEMS, -1)
    assert flat @ flat.T / flat.shape[1] == pytest.approx(np.eye(SYSTEMS), abs=1e-5)
    assert idioms.patterns(0).mean(axis=1) == pytest.approx(0.0, abs=1e-5)
    assert np.abs(idioms.patterns(0) - idioms.patterns(1)).max() > 1


def test_crops_speak_the_idiom_of_their_system_and_no_other():
    """One number tells crops from the rest, if one knows which; the others tell next to nothing."""
    under, _, x = pool("local")
    crop, own = under.crop == 1, heard(x, under=under)
    apart = []
    for system in range(SYSTEMS):
        here = under.at.system == system
        fields, wild = own[here & crop], own[here & ~crop]
        spread = np.sqrt((fields.var(axis=0) + wild.var(axis=0)) / 2)
        apart.append((fields.mean(axis=0) - wild.mean(axis=0)) / spread)
    matrix = np.array(apart)
    assert np.diag(matrix).min() > 2.5
    assert np.abs(matrix - np.diag(np.diag(matrix))).mean() < 0.5


@SEEDS
def test_in_coverage_a_continent_holds_few_systems_and_its_labels_come_from_all(seed: int):
    under, names, _ = pool("coverage", seed=seed)
    everywhere = shares(under.at.system)
    assert everywhere.min() > 0.02
    for continent in Continent:
        mine = shares(under.at.system[names == continent])
        asked = systems("coverage", continent, seed=seed)
        assert np.minimum(mine, asked).sum() < 0.8, continent
        assert np.minimum(everywhere, asked).sum() > np.minimum(mine, asked).sum(), continent
        assert asked.min() > 0.01, continent


@SEEDS
def test_in_local_labels_ask_for_the_systems_of_their_own_continent(seed: int):
    under, names, _ = pool("local", seed=seed)
    held = {one: shares(under.at.system[names == one]) for one in Continent}
    for continent in Continent:
        asked = systems("local", continent, seed=seed)
        common = {one: np.minimum(mine, asked).sum() for one, mine in held.items()}
        assert max(common, key=lambda one: common[one]) == continent


@SEEDS
@pytest.mark.parametrize("world", ["null", "entropy"])
def test_in_null_and_entropy_every_continent_holds_the_same_and_asks_the_same(
    world: World, seed: int
):
    under, names, _ = pool(world, seed=seed)
    everywhere = shares(under.at.system)
    for continent in Continent:
        here = names == continent
        error = np.sqrt(everywhere / here.sum())
        assert (np.abs(shares(under.at.system[here]) - everywhere) < 5 * error).all(), continent
        asked = systems(world, continent, seed=seed)
        assert np.abs(asked - everywhere).max() < 0.05, continent


@SEEDS
def test_in_entropy_the_most_varied_samples_speak_and_the_others_are_silent(seed: int):
    under, _, x = pool("entropy", seed=seed)
    order = np.argsort(of_series(x))
    top, rest = order[-COUNT // 4 :], order[: COUNT // 2]
    silent = redundant(under.at) > 0.5
    assert silent[top].mean() < 0.05
    assert silent[rest].mean() > 0.9
    loud = (heard(x, under=under) ** 2).sum(axis=1)
    assert np.median(loud[top]) > 3 * np.median(loud[rest])
    assert shares(under.at.system[top]).min() > 0.01
