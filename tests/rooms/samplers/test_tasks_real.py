"""Tasks read from real files, in place: counts that their sources state."""

from pathlib import Path

import numpy as np
import pytest

from terrasweep.samplers.members import TASKS
from tests.support.paths import REAL_DATA

DATA = REAL_DATA


def read(name: str, path: str, **fields: object) -> tuple[dict[str, np.ndarray], tuple | None]:
    where = DATA / path
    if not where.exists():
        pytest.skip(f"real files are not at hand: {path}")
    spec = TASKS.spec(name).model_validate({"name": name, "path": str(where), **fields})
    return TASKS[name].read(spec), TASKS[name].classes(spec)


def test_geo_wiki_has_its_points_and_crops():
    found, _ = read("geowiki", "geowiki")
    assert len(found["id"]) == 1793
    crop = {
        name: int(found["label"][found["continent"] == name].sum())
        for name in ("africa", "asia", "south_america")
    }
    assert crop["africa"] == pytest.approx(41, abs=3)
    assert crop["south_america"] == pytest.approx(64, abs=3)


@pytest.mark.parametrize(("label", "number"), [("elevation", 53_487), ("forest_cover", 53_359)])
def test_mosaiks_has_its_points(label: str, number: int):
    found, _ = read("mosaiks", "mosaiks", label=label)
    assert len(found["id"]) == number
    assert np.isfinite(found["label"]).all()


def test_resolve_has_fourteen_biomes_on_the_six_continents():
    pytest.importorskip("rasterio")
    found, classes = read("ecoregions", "resolve2017", per_continent=2000)
    assert classes is not None
    assert len(classes) >= 13
    europe = found["label"][found["continent"] == "europe"]
    assert classes[np.bincount(europe).argmax()] in (
        "temperate broadleaf and mixed forest",
        "boreal forest",
    )


def test_algal_blooms_have_their_series_and_their_split():
    found, _ = read("algae_blooms", "presto/algae_blooms")
    assert found["x"].shape == (1122, 12, 18)
    assert set(found["continent"]) == {"north_america"}
    assert np.bincount(found["label"].astype(int)).tolist() == [0, 246, 260, 494, 116, 6]
    assert set(found["split"]) == {"train", "test"}


def test_real_eurosat_samples_are_read_from_their_pickles(tmp_path: Path):
    """The samples are read in place, through links; the lists beside them are not among them."""
    source = DATA / "geobench/eurosat"
    if not source.exists():
        pytest.skip("real files are not at hand: geobench/eurosat")
    names = sorted(path.stem for path in source.glob("*.hdf5"))
    for name in names:
        (tmp_path / f"{name}.hdf5").symlink_to(source / f"{name}.hdf5")
    parts = f'{{"train": {names[:3]}, "valid": [], "test": {names[3:]}}}'.replace("'", '"')
    (tmp_path / "default_partition.json").write_text(parts)
    (tmp_path / "label_map.json").write_text(str([str(n) for n in range(10)]).replace("'", '"'))
    fields = {"dataset": "m-eurosat", "unplaced": "null_island"}
    spec = TASKS.spec("geobench").model_validate(
        {"name": "geobench", "path": str(tmp_path), **fields}
    )
    found = TASKS["geobench"].read(spec)
    assert found["image"].shape == (5, 13, 64, 64)
    assert set(found["label"].tolist()) <= set(range(10))
    assert 200 < float(found["image"][:, 1:4].mean()) < 4000
