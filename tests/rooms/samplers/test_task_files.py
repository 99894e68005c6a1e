"""What is wrong with a task's files is a sentence each; what they say is read as it stands."""

import builtins
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terrasweep.infra.errors import TaskError, TerrasweepError
from terrasweep.pipelines.stages import task as task_stage
from terrasweep.samplers.formats import pickles, tfrecord
from terrasweep.samplers.formats.arrays import to_table
from terrasweep.samplers.members import TASKS
from terrasweep.samplers.spec.tasks import TaskSpec
from tests.data.arrays import make as arrays
from tests.data.cropharvest import make as cropharvest
from tests.data.forty import make as forty
from tests.data.geobench import make as geobench
from tests.data.geowiki import make as geowiki
from tests.data.labelled import make as labelled
from tests.data.mosaiks import make as mosaiks

MADE = {
    "algae_blooms": arrays,
    "cropharvest": cropharvest,
    "forty": forty,
    "geobench": geobench,
    "geowiki": geowiki,
    "labelled": labelled,
    "mosaiks": mosaiks,
}


def spec_of(name: str, folder: Path, **fields: object) -> TaskSpec:
    return TASKS.spec(name).model_validate({"name": name, **MADE[name].make(folder), **fields})


def checked(spec: TaskSpec) -> dict[str, np.ndarray]:
    """Read a task as its step does."""
    task = TASKS[spec.name]
    columns = task.read(spec)
    task_stage.check(columns, spec=spec, classes=task.classes(spec))
    return columns


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_hostile_pickle_is_refused_and_runs_nothing(hidden: bool, tmp_path: Path):
    proof = tmp_path / "proof"
    data = pickle.dumps({"label": 1, "bands_order": [Hostile(proof)]} if hidden else Hostile(proof))
    with h5py.File(_made(tmp_path / "set") / "ignored.h5", "w"):
        pass
    spec = spec_of("geobench", tmp_path / "set")
    with h5py.File(tmp_path / "set" / "id_0000.hdf5", "a") as file:
        file.attrs["pickle"] = str(data)
    with pytest.raises(TaskError, match=r"id_0000.hdf5, got a pickle that asks for posix.system"):
        TASKS["geobench"].read(spec)
    assert not proof.exists()


@pytest.mark.parametrize(
    "call",
    [
        (builtins.eval, ("1+1",)),
        (builtins.getattr, ("", "join")),
        (np.load, ("x.npy",)),
        (os.getcwd, ()),
    ],
)
def test_no_function_is_ever_called(call: tuple):
    class Calls:
        def __reduce__(self):
            return call

    with pytest.raises(pickles.RefusedError, match="asks for"):
        pickles.loads(pickle.dumps(Calls()), known=("geobench",))


def test_data_and_arrays_of_numpy_come_through():
    said = {"a": [1, 2.5, "b"], "array": np.arange(3), "number": np.float64(0.5)}
    found = pickles.loads(pickle.dumps(said), known=())
    assert found["a"] == said["a"]
    assert found["array"].tolist() == [0, 1, 2]
    assert found["number"] == 0.5


def spoil_pickle(folder: Path) -> None:
    with h5py.File(folder / "id_0003.hdf5", "a") as file:
        file.attrs["pickle"] = "no bytes at all"


def shrink_a_band(folder: Path) -> None:
    with h5py.File(folder / "id_0000.hdf5", "a") as file:
        name = next(iter(file))
        del file[name]
        file[name] = np.zeros((8, 8), np.int16)


def lose_a_band(folder: Path) -> None:
    with h5py.File(folder / "id_0002.hdf5", "a") as file:
        del file["09 - Water vapour_2018-06-01"]


def poison(folder: Path) -> None:
    values = np.load(folder / "s1_s2_era5_srtm.npy")
    values[3, 2, 1] = np.nan
    np.save(folder / "s1_s2_era5_srtm.npy", values)


def poison_crop(folder: Path) -> None:
    with h5py.File(folder / "features/arrays/0_togo.h5", "a") as file:
        file["array"][2, 3] = np.nan


def reshape(folder: Path) -> None:
    np.save(folder / "latlon.npy", np.load(folder / "latlon.npy")[:, :1])


def cut(name: str, keep: float = 0.7) -> Callable[[Path], None]:
    def shorten(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(keep * len(data))])

    return shorten


def no_features(folder: Path) -> None:
    for path in (folder / "features" / "arrays").iterdir():
        path.unlink()


def unlabel(folder: Path) -> None:
    table = pq.read_table(folder / "fields.parquet")
    words = ["maize", None, *table.column("crop").to_pylist()[2:]]
    at = table.column_names.index("crop")
    pq.write_table(table.set_column(at, "crop", pa.array(words)), folder / "fields.parquet")


def off_the_earth(folder: Path) -> None:
    columns = {**labelled.columns(), "lat": np.full(labelled.NUM, 95.0)}
    pq.write_table(to_table(columns), folder / "fields.parquet")


def wrong_bands(folder: Path) -> None:
    columns = {**labelled.columns(), "x": np.zeros((labelled.NUM, 18, 12), np.float32)[:, :5]}
    pq.write_table(to_table(columns), folder / "fields.parquet")


def rename(folder: Path) -> None:
    path = folder / "loc_con.txt"
    path.write_text(path.read_text().replace("sumcrop", "crops"))


def too_low(folder: Path) -> None:
    (path,) = folder.glob("*.csv")
    path.write_text(path.read_text() + '"9,9",20.0,10.0,-3\n')


BAD = {
    "a pickle that is none": ("geobench", spoil_pickle, "as data and no more in "),
    "bands of two shapes": ("geobench", shrink_a_band, "bands of one shape in "),
    "a band less": ("geobench", lose_a_band, "images and labels of one shape in "),
    "an HDF5 file cut short": ("geobench", cut("id_0000.hdf5"), "a whole HDF5 file in "),
    "a label of no class": ("geobench", None, "where 2 classes are numbered from 0"),
    "features that are none": ("algae_blooms", poison, "numbers in 'x' that are none"),
    "an array of another shape": ("algae_blooms", reshape, "shape (60, 2) in "),
    "an array cut short": ("algae_blooms", cut("target.npy"), "an array of numbers in "),
    "a series with a gap": ("cropharvest", poison_crop, "got 1 series with values that are none"),
    "labels alone": ("cropharvest", no_features, "got no label with a series beside it"),
    "a GeoJSON cut short": ("cropharvest", cut("labels.geojson"), "a GeoJSON of points in "),
    "a TFRecord cut short": (
        "forty",
        cut("forty_v1-test.tfrecord-00000-of-01024"),
        "got the file ends within record 3",
    ),
    "rows without a label": ("labelled", unlabel, "got 1 without, the first in row 2"),
    "rows off the Earth": ("labelled", off_the_earth, "got 90 without"),
    "another order of bands": ("labelled", wrong_bands, "arrays in x in "),
    "a column of another name": ("geowiki", rename, "Expected locationid, sumcrop"),
    "a population below none": ("mosaiks", too_low, "Expected population above -1 in "),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_a_sentence(case: str, tmp_path: Path):
    name, spoil, said = BAD[case]
    spec = spec_of(name, tmp_path)
    if spoil is None:
        (tmp_path / "label_map.json").write_text(json.dumps(["one", "two"]))
    else:
        spoil(tmp_path)
    with pytest.raises(TerrasweepError) as caught:
        checked(spec)
    assert said in str(caught.value)
    assert str(caught.value).startswith("Expected ")


def test_bands_go_by_their_names_whatever_their_order_in_the_file(tmp_path: Path):
    read = TASKS["geobench"].read(spec_of("geobench", tmp_path))
    number = int(read["id"][0][-4:])
    assert read["image"][0, :, 0, 0].tolist() == [100.0 * at + number for at in range(13)]
    some = spec_of("geobench", _made(tmp_path / "some"), bands=["04", "03", "02"])
    assert TASKS["geobench"].read(some)["image"][0, :, 0, 0].tolist() == [
        300.0 + number,
        200.0 + number,
        100.0 + number,
    ]
    assert set(read["month"].tolist()) == {5}
    assert read["lat"] == pytest.approx(np.full(len(read["lat"]), 45.15), abs=0.05)


def test_samples_without_a_place_are_refused_or_stand_at_zero(tmp_path: Path):
    fields = geobench.make(tmp_path, placed=False)
    kind = TASKS.spec("geobench")
    refused = kind.model_validate({"name": "geobench", **fields})
    with pytest.raises(TaskError, match=r"no transform and no CRS.*unplaced: null_island"):
        TASKS["geobench"].read(refused)
    placed = kind.model_validate({"name": "geobench", "unplaced": "null_island", **fields})
    assert set(TASKS["geobench"].read(placed)["continent"]) == {"none"}


def test_a_map_counts_as_its_commonest_known_class(tmp_path: Path):
    read = TASKS["forty"].read(spec_of("forty", tmp_path))
    train = read["split"] == "train"
    assert sorted(read["label"][train].tolist()) == [0, 1, 2, 3, 4]
    expected = [0, 1, 101, 201, 301, 401, 501, 601, 701, 0, 0, 801, 901]
    assert read["image"][0, :, 5, 5].tolist() == expected


def test_a_length_that_does_not_fit_its_checksum_is_refused(tmp_path: Path):
    path = tmp_path / "one.tfrecord"
    data = bytearray(forty.record(b"hello"))
    assert list(tfrecord.records(_written(path, bytes(data)))) == [b"hello"]
    data[0] ^= 2
    with pytest.raises(tfrecord.BrokenError, match="that does not fit its checksum"):
        list(tfrecord.records(_written(path, bytes(data))))


def test_the_test_set_of_crop_or_not_is_judged_by(tmp_path: Path):
    read = TASKS["cropharvest"].read(spec_of("cropharvest", tmp_path))
    togo = np.char.startswith(read["id"], "togo-eval")
    assert 10 < togo.sum() <= 30
    assert set(read["split"][togo]) == {"test"}
    of_class = spec_of("cropharvest", _made(tmp_path / "x"), label="class", metric="f1_macro")
    assert set(TASKS["cropharvest"].read(of_class)["label"].tolist()) == {0, 1, 8, 9}


def test_people_who_saw_a_point_are_averaged(tmp_path: Path):
    lines = ["locationid\tuserid\tsumcrop\tcentroid_X\tcentroid_Y"]
    lines += ["1\t1\t0\t20\t10", "1\t2\t2\t20\t10", "2\t1\t0\t21\t10", "2\t2\t1\t21\t10"]
    (tmp_path / "loc_con.txt").write_text("\n".join(lines))
    spec = TASKS.spec("geowiki").model_validate({"name": "geowiki", "path": str(tmp_path)})
    assert TASKS["geowiki"].read(spec)["label"].tolist() == [1, 0]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
