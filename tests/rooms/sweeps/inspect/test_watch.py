"""A sweep that is watched: what is said, and when it is over."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from terrasweep.infra.errors import UserError
from terrasweep.infra.storage.ledger import Failure, Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.infra.telemetry import logs
from terrasweep.sweeps.inspect.status import Watch, watch
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
from tests.support.made import finish


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


def failure(key: str) -> Failure:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    return Failure(key, "MemoryError", "too large", "Traceback", attempt=1, when=when)


def test_a_sweep_is_watched_until_every_cell_is_done_or_has_failed(store):
    planned, said = plan(read("smoke")), []
    finish(planned.included[:4], store=store)

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            finish(planned.included[4:23], store=store)
        if len(said) == 2:
            Ledger(store).fail([failure(str(planned.included[23].step.key))])

    watch(Watch(planned, store), every_s=0, say=say)
    counts = [line.split(maxsplit=1)[1].split(" · ") for line in said]
    assert [line[0] for line in counts] == ["4/24", "23/24", "23/24"]
    assert counts[2][-1] == "1 failed"


def test_every_line_of_a_log_has_the_key_it_is_about(store, tmp_path):
    planned, log = plan(read("smoke")), tmp_path / "log.jsonl"
    with logs.written_to(str(log)):
        finish(planned.included[:3], store=store)
        Ledger(store).fail([failure(str(planned.included[3].step.key))])
    finish(planned.included[4:6], store=store)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    keys = [str(cell.step.key) for cell in planned.included[:4]]
    assert [line["key"] for line in lines] == keys
    assert [line["event"] for line in lines] == ["done"] * 3 + ["failed"]
    assert lines[3]["kind"] == "MemoryError"
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in lines)


def test_a_log_that_cannot_be_written_is_refused_in_a_sentence(tmp_path):
    with (
        pytest.raises(UserError, match=r"Expected to write a log to .*, got .*. Fix: name a file"),
        logs.written_to(str(tmp_path / "no" / "log")),
    ):
        pass
