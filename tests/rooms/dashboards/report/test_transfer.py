"""The transfer matrix, from the rows of a sweep that judges on each continent."""

from pathlib import Path

import pytest

from terrasweep.dashboards.report.sections import transfer_matrices
from terrasweep.infra.context import Context
from terrasweep.infra.seeds import generator
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.stages import finetune
from terrasweep.samplers.geography.strata import Continent
from terrasweep.sweeps.pages.write import write_report
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.plan.plan_table import description
from terrasweep.sweeps.reading.sweep_file import read
from tests.support.cells import measured

SMALL = {"composition", "model", "task", "n", "protocol"}


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Store, str]:
    """A finished sweep over all continents, its cells trained on made-up features."""
    smoke = read("smoke")
    continents = tuple(smoke.continents)
    sweep = smoke.model_copy(update={"test_on": "each", "name": "matrix", "replicates": 1})
    planned, store = plan(sweep), Store.open(str(tmp_path / "store"))
    ledger = Ledger(store)
    ledger.write_plan(sweep.name, plan_table.table(planned), description(planned))
    features, task = measured(900)
    groups: dict[object, list] = {}
    for cell in planned.included:
        groups.setdefault(cell.features.key, []).append(cell.step)
    for cells in groups.values():
        context, noise = Context(store), generator("transfer", str(cells[0].key))
        own = features + noise.normal(size=features.shape).astype(features.dtype)
        ledger.append(finetune.rows(cells, context=context, features=own, task=task))
    assert len(planned.included) == 4 * len(continents) ** 2 * 3
    return store, sweep.name


def test_a_cell_on_the_diagonal_is_that_of_the_plain_grid():
    smoke = read("smoke")
    plain = {str(cell.step.key) for cell in plan(smoke).included}
    each = plan(smoke.model_copy(update={"test_on": "each"})).included
    diagonal = {str(cell.step.key) for cell in each if cell.continent == cell.tested}
    assert diagonal == plain
    assert len({str(cell.step.key) for cell in each}) == len(each)


def test_the_report_shows_a_matrix_for_every_composition(judged, tmp_path: Path):
    store, name = judged
    page = write_report(name, store=store)
    text = Path(page).read_text()
    assert "Transfer between continents" in text
    assert text.count("finetuned in") == 4
    summary = (Path(page).parent / "summary.csv").read_text()
    assert '"tested"' in summary.splitlines()[0]


def test_a_matrix_has_a_mean_for_every_pair():
    rows = [
        {
            "composition": "a",
            "model": "m",
            "task": "t",
            "n": 0,
            "protocol": "linear",
            "continent": one.value,
            "tested": other.value,
            "mean": 0.5,
        }
        for one in Continent
        for other in Continent
    ]
    ((place, values),) = transfer_matrices([*rows, {**rows[0], "tested": "same"}]).items()
    assert place == ("m", "t", 0, "linear", "a")
    assert len(values) == 36
