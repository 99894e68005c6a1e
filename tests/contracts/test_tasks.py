"""Every task keeps the contract: labelled samples with their place, the same at every reading."""

from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.errors import PoolError, TaskError
from terrasweep.pipelines.stages.task import check
from terrasweep.samplers.geography import continents
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.geography.strata import Continent
from terrasweep.samplers.members import TASKS
from terrasweep.samplers.sources.image_index import UNKNOWN_MONTH
from terrasweep.samplers.spec.tasks import TaskSpec
from tests.data.arrays import make as arrays
from tests.data.cropharvest import make as cropharvest
from tests.data.ecoregions import make as ecoregions
from tests.data.fmow_task import make as fmow_task
from tests.data.forty import make as forty
from tests.data.geobench import make as geobench
from tests.data.geowiki import make as geowiki
from tests.data.labelled import make as labelled
from tests.data.mosaiks import make as mosaiks

COLUMNS = {"id", "lat", "lon", "cell", "continent", "label", "month"}

EXAMPLES: dict[str, dict[str, object]] = {
    "planet_crop": {"per_continent": 60},
    "planet_biome": {"per_continent": 60},
    "earth_altitude": {"per_continent": 60},
    "earth_climate": {"per_continent": 60},
    "earth_land_cover": {"per_continent": 60, "arrays": ("series", "statistics")},
    "earth_lights": {"per_continent": 60, "arrays": ()},
}
"""The fields of a small instance that needs no files."""

MADE = {
    "algae_blooms": arrays.make,
    "cropharvest": cropharvest.make,
    "ecoregions": ecoregions.make,
    "fmow_sentinel": fmow_task.make,
    "forty": forty.make,
    "fuel_moisture": arrays.make,
    "geobench": geobench.make,
    "geowiki": geowiki.make,
    "labelled": labelled.make,
    "mosaiks": mosaiks.make,
}
"""What writes the small files of a task that lies in files, and returns its fields."""

SERIES = {"x": ("float32", (12, 18)), "dynamic_world": ("uint8", (12,))}
MONTHLY = {"series": ("float32", (12, 4))}
ARRAYS: dict[str, dict[str, tuple[str, tuple[int, ...]]]] = {
    "algae_blooms": SERIES,
    "cropharvest": SERIES,
    "earth_altitude": MONTHLY,
    "earth_climate": MONTHLY,
    "earth_land_cover": {**MONTHLY, "features": ("float32", (72,))},
    "earth_lights": {},
    "ecoregions": {},
    "fmow_sentinel": {"image": ("float32", (13, 96, 96))},
    "forty": {"image": ("float32", (13, 128, 128))},
    "fuel_moisture": SERIES,
    "geobench": {"image": ("float32", (13, 16, 16))},
    "geowiki": {},
    "labelled": SERIES,
    "mosaiks": {},
    "planet_biome": SERIES,
    "planet_crop": SERIES,
}
"""What networks get of a sample of each example: type and shape; none where its place is all."""


def test_every_task_has_an_example():
    assert {*EXAMPLES, *MADE} == set(ARRAYS) == set(TASKS.names)


@pytest.fixture(scope="module", params=TASKS.names)
def spec(request, tmp_path_factory) -> TaskSpec:
    name = request.param
    fields = EXAMPLES[name] if name in EXAMPLES else MADE[name](tmp_path_factory.mktemp(name))
    value = TASKS.spec(name).model_validate({"name": name, **fields})
    assert isinstance(value, TaskSpec)
    return value


def read_of(spec: TaskSpec) -> dict[str, np.ndarray]:
    return TASKS[spec.name].read(spec)


def test_every_row_has_a_place_a_label_and_what_it_says_it_gives(spec):
    read = read_of(spec)
    rows = len(read["id"])
    assert set(read) >= COLUMNS | set(spec.gives)
    assert {len(array) for array in read.values()} == {rows}
    assert len(np.unique(read["id"])) == rows
    assert [read[name].dtype for name in ("lat", "lon")] == [np.float64] * 2
    assert read["cell"].dtype == np.uint64
    assert read["label"].dtype == (np.float64 if spec.target == "number" else np.int64)
    assert read["month"].dtype == np.uint8
    assert set(read["month"].tolist()) <= {*range(12), UNKNOWN_MONTH}
    check(read, spec=spec, classes=TASKS[spec.name].classes(spec))


def test_arrays_have_the_shape_that_networks_expect(spec):
    read = read_of(spec)
    arrays = {name: array for name, array in read.items() if name not in {*COLUMNS, "split"}}
    looks = {name: (str(array.dtype), array.shape[1:]) for name, array in arrays.items()}
    assert looks == ARRAYS[spec.name]
    assert set(spec.gives) - {"month"} == set(looks)
    for name, array in arrays.items():
        assert np.isfinite(array).all()
        # 9 is "not known" in Dynamic World, and some tasks know none.
        assert name == "dynamic_world" or len(np.unique(array)) > 1
    if "dynamic_world" in arrays:
        assert arrays["dynamic_world"].max() <= 9
    if not arrays:  # a network has the coordinates alone, so they must tell samples apart
        assert len(np.unique(np.stack([read["lat"], read["lon"]]), axis=1).T) > len(read["id"]) / 2


def test_an_official_split_has_both_parts(spec):
    read = read_of(spec)
    assert ("split" in read) == spec.has_official_split
    if spec.has_official_split:
        assert {"train", "test"} <= set(read["split"].tolist())


def test_labels_are_classes_and_some_differ(spec):
    read, classes = read_of(spec), TASKS[spec.name].classes(spec)
    assert (classes is None) == (spec.target == "number")
    assert len(np.unique(read["label"])) > 1
    if not spec.synthetic:
        return
    for continent in set(read["continent"].tolist()):
        assert len(set(read["label"][read["continent"] == continent].tolist())) > 1


def test_cells_and_continents_are_those_of_the_coordinates(spec):
    read = read_of(spec)
    assert (cells_of(read["lat"], read["lon"], resolution=5) == read["cell"]).all()
    assert set(read["continent"].tolist()) <= {*Continent, continents.NONE}
    names = continents.names(read["lat"], read["lon"], russia="europe")
    assert (names == read["continent"]).all()


def test_reading_again_gives_the_same(spec):
    first, second = read_of(spec), read_of(spec)
    assert set(first) == set(second)
    for name, array in first.items():
        assert (array == second[name]).all(), name


@pytest.mark.parametrize("name", MADE)
def test_a_folder_that_is_not_there_or_empty_is_a_sentence(name: str, tmp_path: Path):
    fields = MADE[name](_new_folder(tmp_path / "whole"))
    for path in (tmp_path / "nowhere", _new_folder(tmp_path / "empty")):
        spec = TASKS.spec(name).model_validate({"name": name, **fields, "path": str(path)})
        with pytest.raises((TaskError, PoolError)) as caught:
            TASKS[name].read(spec)
        message = str(caught.value)
        assert message.startswith("Expected ")
        assert ", got " in message
        assert str(path.parent) in message


def _new_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder
