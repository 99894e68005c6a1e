"""`terrasweep encode`: any checkpoint, from a folder or by its key, and sentences for mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest

from terrasweep.infra.context import Context
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.checkpoints.encoding import encode
from terrasweep.pipelines.spec import InitSpec
from terrasweep.pipelines.stages import init
from terrasweep.sweeps.cli import main
from tests.data.official import make

SAMPLES = 5


@pytest.fixture
def series(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "x.npz",
        x=rng.normal(size=(SAMPLES, 12, 17)),
        dynamic_world=rng.integers(0, 10, (SAMPLES, 12)),
        latlon=rng.uniform(-80, 80, (SAMPLES, 2)),
        month=rng.integers(0, 12, SAMPLES),
        label=np.arange(SAMPLES),
    )
    return tmp_path / "x.npz"


@pytest.fixture
def official(tmp_path: Path) -> Path:
    path = make.save_from_cuda(make.presto(), tmp_path / "default_model.pt")
    line = ["checkpoint", "import", "presto", str(path), "--output", str(tmp_path / "presto")]
    assert main(line) == 0
    return tmp_path / "presto"


def features(path: Path) -> np.ndarray:
    with np.load(path) as held:
        return held["features"]


def test_an_imported_checkpoint_encodes_as_the_function_does(official: Path, series: Path, capsys):
    target = series.with_name("y.npz")
    capsys.readouterr()
    line = ["encode", "--checkpoint", str(official), "--input", str(series)]
    assert main([*line, "--output", str(target)]) == 0
    said = capsys.readouterr().out
    assert "arrays not used: label" in said
    assert f"{target}: features (5, 128) float32" in said
    with np.load(series) as held:
        assert np.array_equal(features(target), encode(official, dict(held)))
    assert main([*line, "--output", str(target), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["network"], told["samples"], told["width"]) == ("presto", SAMPLES, 128)
    assert told["unused"] == ["label"]


def test_a_step_of_a_store_encodes_by_its_key(series: Path, tmp_path: Path):
    store = Store.open(str(tmp_path / "store"))
    step = Step("init", InitSpec(model={"name": "presto", "width": 32}))
    store.make(step, lambda folder: init.make(step, context=Context(store), folder=folder))
    line = ["encode", "--store", str(tmp_path / "store"), "--checkpoint", str(step.key)]
    assert main([*line, "--input", str(series), "--output", str(tmp_path / "y.npz")]) == 0
    assert features(tmp_path / "y.npz").shape == (SAMPLES, 32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--checkpoint": "nowhere"}, "got no such folder"),
        ({"--checkpoint": "sample/0123456789abcdef"}, "a key such as pretrain/"),
        ({"--checkpoint": "pretrain/0123456789abcdef"}, "no record of it"),
        ({"--checkpoint": "."}, "no card.json in it"),
        ({"--input": "missing.npz"}, "got no such file"),
        ({"--input": "text.npz"}, "numpy's savez"),
        ({"--input": "short.npz"}, "Expected the array dynamic_world and month and latlon"),
        ({"--output": "y.csv"}, "Expected a file Y.npz"),
        ({"--output": "no/where/y.npz"}, "no folder no/where"),
        ({"--device": "abacus"}, "Expected the device 'abacus'"),
    ],
)
def test_a_mistake_is_one_sentence(change, said, official, series, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("text.npz").write_text("not an archive")
    np.savez("short.npz", x=np.zeros((2, 12, 17)))
    said_here = {"--checkpoint": "presto", "--input": "x.npz", "--output": "y.npz", **change}
    capsys.readouterr()
    assert main(["encode", *(word for pair in said_here.items() for word in pair)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not Path("y.npz").exists()
    assert not Path("terrasweep-store").exists()


def test_raw_must_be_said(official: Path, series: Path, tmp_path: Path, capsys):
    with np.load(series) as held:
        arrays = dict(held)
    np.savez(series, **{**arrays, "x": np.abs(np.zeros((SAMPLES, 12, 18)))})
    line = ["encode", "--checkpoint", str(official), "--input", str(series)]
    line += ["--output", str(tmp_path / "y.npz")]
    assert main(line) == 2
    assert "add --raw" in capsys.readouterr().err
    assert main([*line, "--raw"]) == 0
