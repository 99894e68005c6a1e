"""Published weights are taken in from the command line, with a word on every entry."""

import json
import shutil
from pathlib import Path

import pytest

from terrasweep.infra.storage.store import Store
from terrasweep.pipelines import checkpoint_card
from terrasweep.sweeps.cli import main
from tests.data.official import make


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the published file and what an import made of it."""
    home = tmp_path_factory.mktemp("official")
    make.save_from_cuda(make.presto(), home / "default_model.pt")
    line = ["checkpoint", "import", "presto", str(home / "default_model.pt")]
    assert main([*line, "--output", str(home / "presto")]) == 0
    return home


def test_every_entry_is_told_in_a_table_and_in_json(official: Path, tmp_path: Path, capsys):
    line = ["checkpoint", "import", "presto", str(official / "default_model.pt")]
    assert main([*line, "--output", str(tmp_path / "one")]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in make.presto())
    assert "102 matched" in said
    assert f"checkpoint: {tmp_path / 'one'}" in said
    assert main([*line, "--output", str(tmp_path / "two"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {entry["name"] for entry in told["entries"]} == set(make.presto())
    assert {entry["status"] for entry in told["entries"]} == {"matched"}
    assert told["fits"]
    assert told["origin"]["file"] == "default_model.pt"


def test_what_does_not_fit_is_told_too_and_nothing_is_written(tmp_path: Path, capsys):
    state = make.presto()
    del state["encoder.norm.bias"]
    path = make.save(state, tmp_path / "cut.pt")
    line = ["checkpoint", "import", "presto", str(path), "--store", str(tmp_path / "store")]
    assert main([*line, "--json"]) == 2
    said = capsys.readouterr()
    missing = [one for one in json.loads(said.out)["entries"] if one["status"] == "missing"]
    assert [one["name"] for one in missing] == ["encoder.norm.bias"]
    assert len(said.err.splitlines()) == 1
    assert "encoder.norm.bias (missing; expected (128,), got none)" in said.err
    assert not (tmp_path / "store").exists()


def test_a_hostile_file_is_one_sentence_and_exit_code_2(tmp_path: Path, capsys):
    path = make.save({"model": make.Payload(tmp_path / "ran")}, tmp_path / "hostile.pth")
    assert main(["checkpoint", "import", "satmae", str(path)]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "shutil.copyfile, which could run code; nothing was run" in said
    assert not (tmp_path / "ran").exists()


def test_in_the_store_it_lies_under_the_content_of_its_weights(
    official: Path, tmp_path: Path, capsys
):
    shutil.copy(official / "default_model.pt", tmp_path / "renamed.pt")
    told = []
    for path in (official / "default_model.pt", tmp_path / "renamed.pt"):
        line = ["checkpoint", "import", "presto", str(path), "--store", str(tmp_path / "store")]
        assert main([*line, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0]["key"] == told[1]["key"]
    assert checkpoint_card.read(Path(told[0]["checkpoint"])).weights == (
        checkpoint_card.read(official / "presto").weights
    )
    record = Store.open(str(tmp_path / "store")).record(
        checkpoint_card.step(checkpoint_card.read(official / "presto"), label="").key
    )
    assert record is not None
    assert record.origin["file"] == "default_model.pt"
    assert record.artefacts["weights.safetensors"].sha256 == record.everything["weights"]
