"""Every task keeps the contract: labelled samples with their place, the same at every reading."""

import numpy as np
import pytest

from samplers.cells import cells_of
from samplers.geography import continents
from samplers.members import TASKS
from samplers.names import Continent
from samplers.spec import TaskSpec

COLUMNS = {"id", "lat", "lon", "cell", "continent", "label", "month"}

EXAMPLES: dict[str, dict[str, object]] = {
    "planet_crop": {"per_continent": 60},
    "planet_biome": {"per_continent": 60},
}
"""The fields of a small instance; a task whose fields all have defaults needs no entry."""


def _spec(name) -> TaskSpec:
    spec = TASKS.spec(name).model_validate({"name": name, **EXAMPLES.get(name, {})})
    assert isinstance(spec, TaskSpec)
    return spec


@pytest.fixture(params=TASKS.names)
def task(request):
    return request.param


def test_every_row_has_a_place_a_label_and_pixels(task):
    read = TASKS[task].read(_spec(task))
    rows = len(read["id"])
    assert set(read) >= COLUMNS
    assert {len(array) for array in read.values()} == {rows}
    assert len(np.unique(read["id"])) == rows
    assert [read[name].dtype for name in ("lat", "lon")] == [np.float64] * 2
    assert read["cell"].dtype == np.uint64
    assert read["label"].dtype == np.int64
    assert read["month"].dtype == np.uint8
    assert set(read["month"].tolist()) <= set(range(12))
    assert np.isfinite(read["lat"]).all()
    assert np.isfinite(read["lon"]).all()


def test_series_have_the_shape_that_networks_expect(task):
    read = TASKS[task].read(_spec(task))
    rows = len(read["id"])
    assert read["x"].shape == (rows, 12, 18)
    assert read["x"].dtype == np.float32
    assert np.isfinite(read["x"]).all()
    assert read["dynamic_world"].shape == (rows, 12)
    assert read["dynamic_world"].dtype == np.uint8
    assert read["dynamic_world"].max() <= 9


def test_labels_are_classes_and_some_differ_on_every_continent(task):
    read = TASKS[task].read(_spec(task))
    classes = TASKS[task].classes(_spec(task))
    assert classes is None or set(read["label"].tolist()) <= set(range(len(classes)))
    for continent in set(read["continent"].tolist()):
        assert len(set(read["label"][read["continent"] == continent].tolist())) > 1


def test_cells_and_continents_are_those_of_the_coordinates(task):
    read = TASKS[task].read(_spec(task))
    assert (cells_of(read["lat"], read["lon"], resolution=5) == read["cell"]).all()
    assert set(read["continent"].tolist()) <= set(Continent)
    found = continents.names(read["lat"], read["lon"], russia="europe")
    assert (found == read["continent"]).all()


def test_reading_again_gives_the_same(task):
    first, second = (TASKS[task].read(_spec(task)) for _ in range(2))
    assert set(first) == set(second)
    for name, array in first.items():
        assert (array == second[name]).all(), name
