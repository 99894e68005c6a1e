"""What came of jobs is written down, whole, and a store that is away for a while is borne with."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from terrasweep.infra.context import Retries
from terrasweep.infra.errors import StoreError
from terrasweep.infra.storage.blobs import LocalBlobs
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.engine.progress import Stages
from terrasweep.sweeps.engine.writer import ResultWriter
from tests.support.study import Study


class Moody(LocalBlobs):
    """A store that refuses to be written for as long as a file is there."""

    def put(self, path: str, data: bytes) -> None:
        if (self.root / "away").exists():
            raise StoreError(f"to write {path}", got="no space left")
        super().put(path, data)


@pytest.fixture
def writer(tmp_path: Path) -> ResultWriter:
    store = replace(Store.open(str(tmp_path)), blobs=Moody(tmp_path))
    stages = Stages(Console(quiet=True))
    stages.open("finetune", total=9)
    return ResultWriter(Ledger(store), stages, Retries(store=2, pause_s=1.0), clock=lambda: 0.0)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "study")


def test_what_is_refused_is_kept_and_written_later(
    writer: ResultWriter, study: Study, tmp_path: Path
):
    first, second, *_ = study.rows()
    writer.add_cells([first], [study.failure(second)])
    (tmp_path / "away").touch()
    writer.flush()
    assert not writer.is_clean
    assert writer.made == {}
    (tmp_path / "away").unlink()
    writer.flush()
    assert writer.is_clean
    assert writer.made == {"finetune": 1}
    assert writer.ledger.done() == {first.key}
    assert writer.ledger.failures()["key"].to_pylist() == [second.key]


def test_the_last_is_written_at_once_but_a_store_in_trouble_is_left_alone(
    writer: ResultWriter, study: Study, tmp_path: Path
):
    first, second, *_ = study.rows()
    writer.add_cells([first], [])
    writer.close()
    assert writer.ledger.done() == {first.key}
    (tmp_path / "away").touch()
    writer.add_cells([second], [])
    writer.flush()
    (tmp_path / "away").unlink()
    writer.close()
    assert not writer.is_clean, "it asked for a pause"


def test_after_too_many_refusals_it_ends(writer: ResultWriter, study: Study, tmp_path: Path):
    writer.add_cells(study.rows()[:1], [])
    (tmp_path / "away").touch()
    writer.flush()
    writer.flush()
    with pytest.raises(StoreError, match="no space left"):
        writer.flush()


def test_a_clean_book_asks_nothing_of_the_store(writer: ResultWriter, tmp_path: Path):
    (tmp_path / "away").touch()
    for _ in range(9):
        writer.flush()
    assert writer.is_clean
