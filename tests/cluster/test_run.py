"""A small sweep end to end on local Ray: made once, extended by what is new, mended where torn."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from terrasweep.infra.errors import StepFailedError
from terrasweep.infra.install import import_root
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.models.spec import TrainingSpec
from terrasweep.sweeps.engine.run import OFF, Outcome, run
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.compositions import CompositionEntry
from terrasweep.sweeps.spec.sweep import Sweep

pytestmark = [pytest.mark.ray, pytest.mark.slow]

AGAIN = """
import sys
from rich.console import Console
from terrasweep.infra.storage.store import Store
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.engine.run import run
outcome = run(read("smoke"), store=Store.open(sys.argv[1]), console=Console(stderr=True))
assert outcome.made == {}, outcome
assert "ray" not in sys.modules
"""


def _run(sweep: Sweep, store: Store) -> Outcome:
    console = Console(file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    with console.file:
        return run(sweep, store=store, console=console, tracking=OFF)


@pytest.fixture(scope="module")
def smoke() -> Sweep:
    return read("smoke")


@pytest.fixture(scope="module")
def finished(first_sweep: Path, local_ray, tmp_path_factory) -> tuple[Store, Outcome]:
    """A copy of the smoke sweep's store, and what its run did; later runs are in this process."""
    copied = shutil.copytree(first_sweep, tmp_path_factory.mktemp("run") / "folder")
    outcome = Outcome(**json.loads((copied / "outcome.json").read_text()))
    return Store.open(str(copied / "terrasweep-store")), outcome


def test_a_sweep_ends_with_one_row_per_cell_and_a_report(finished, smoke):
    store, outcome = finished
    planned = plan(smoke)
    rows = Ledger(store).results()
    assert set(rows["key"].to_pylist()) == {str(cell.step.key) for cell in planned.included}
    assert all(0 <= value <= 1 for value in rows["value"].to_pylist())
    assert store.done(step.key for step in planned.steps) == {s.key for s in planned.steps}
    made = dict.fromkeys({step.stage for step in planned.steps}, 0)
    for step in planned.steps:
        made[step.stage] += 1
    assert outcome.made == made | {"finetune": len(planned.included)}
    assert outcome.failures == 0
    assert "<html" in (store.local_root / "reports" / "smoke" / "report.html").read_text()


def test_a_second_run_makes_nothing_and_does_not_even_import_ray(finished):
    store, _ = finished
    answer = subprocess.run(
        [sys.executable, "-c", AGAIN, store.uri],
        env={**os.environ, "PYTHONPATH": str(import_root())},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "report:" in answer.stderr
    assert "mlflow.db" in answer.stderr


def test_another_composition_makes_only_what_is_new(finished, smoke):
    store, _ = finished
    asia = CompositionEntry(name="asia", rule={"kind": "only", "values": ["asia"]}, size=300)
    more = smoke.model_copy(update={"compositions": (*smoke.compositions, asia)})
    outcome = _run(more, store)
    per_composition = len(plan(smoke).included) // len(smoke.compositions)
    assert outcome.made == {"sample": 1, "pretrain": 1, "encode": 1, "finetune": per_composition}


def test_torn_features_are_made_again_and_never_used(finished, smoke):
    store, _ = finished
    truth = Ledger(store).truth()
    features = plan(smoke).included[0].features
    record = store.record(features.key)
    for part in store.list("ledger/results"):
        store.drop(part)
    (store.local_root / record.folder / "features.safetensors").write_bytes(b"torn")
    outcome = _run(smoke, store)
    assert outcome.failures == 0
    assert outcome.made["encode"] == 1
    wanted = {str(cell.step.key) for cell in plan(smoke).included}
    kept = truth.filter([key in wanted for key in truth["key"].to_pylist()])
    assert Ledger(store).truth().equals(kept)


def _wild(smoke: Sweep) -> Sweep:
    """The same, beside an entry whose training leaves the numbers."""
    (entry,) = smoke.models
    wild = entry.model_copy(update={"name": "wild", "training": TrainingSpec(epochs=5, lr=1e30)})
    return smoke.model_copy(update={"models": (entry, wild), "name": "half-wild"})


def test_a_step_that_fails_holds_up_those_that_need_it_and_nobody_else(finished, smoke):
    store, _ = finished
    sweep = _wild(smoke)
    outcome = _run(sweep, store)
    wild = [c for c in plan(sweep).included if c.model == "wild" and c.composition != "zero"]
    done = Ledger(store).done()
    missing = {str(c.step.key) for c in plan(sweep).included} - done
    assert missing == {str(cell.step.key) for cell in wild}
    assert outcome.failures == len(wild)
    failures = Ledger(store).failures().to_pylist()
    assert {one["key"] for one in failures} == {str(cell.checkpoint.key) for cell in wild}
    assert all("Traceback" in one["traceback"] for one in failures)
    assert {one["attempt"] for one in failures} == {1}


def test_a_sweep_of_which_nothing_can_be_trained_is_an_error_with_its_reason(finished, smoke):
    store, _ = finished
    sweep = _wild(smoke)
    compositions = tuple(c for c in sweep.compositions if c.name != "zero")
    lost = sweep.model_copy(update={"models": sweep.models[1:], "compositions": compositions})
    with pytest.raises(StepFailedError, match=r"Expected pretrain/[0-9a-f]{16} \(wild--"):
        _run(lost, store)
