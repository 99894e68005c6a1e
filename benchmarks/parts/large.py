"""A sweep of 100 compositions x 3 models x 5 tasks x 6 continents x 50 seeds: 450,000 cells.

The cost of its steps is assumed here, not measured: the seconds of a step on one GPU, and the
prices. What the driver, the ledger and MLflow take per cell is measured on fewer cells and assumed
to grow in proportion; the figures say which limit is reached first.
"""

import resource
import tempfile
import time
from datetime import UTC, datetime

from benchmarks.parts.targets import Target, at_least
from terrasweep.infra.storage.ledger import Ledger, Row
from terrasweep.infra.storage.store import Store
from terrasweep.infra.tracking.mirror import Mirror
from terrasweep.infra.tracking.uri import default_uri
from terrasweep.samplers.spec.tasks import Region
from terrasweep.sweeps.forecast.cluster import forecast
from terrasweep.sweeps.forecast.profile import Nodes, Profile, Share
from terrasweep.sweeps.plan import plan_table
from terrasweep.sweeps.plan.grid import Plan, plan
from terrasweep.sweeps.plan.plan_table import description
from terrasweep.sweeps.reading.sweep_file import read
from terrasweep.sweeps.spec.sweep import Sweep

GPUS = (8, 32, 128)
SECONDS = {
    "shard": 3600.0,
    "sample": 30.0,
    "init": 5.0,
    "pretrain": 7200.0,
    "task": 300.0,
    "encode": 120.0,
    "finetune": 0.3,
}
"""Assumed; the cell is about what a linear probe takes here."""
PART_ROWS = 500
LEDGER_ROWS = 45_000
LEAVES = 1_000
DRIVER_MB = 500.0
PATIENCE_S = 60.0
"""How long somebody waits for a ledger to be read before he asks whether it hangs."""
CONTINENTS = tuple(region for region in Region if region is not Region.GLOBAL)[:6]


def sweep_of(*, compositions: int = 100, seeds: int = 50) -> Sweep:
    """Return the large sweep, or a smaller one of its shape."""
    smoke = read("smoke").model_dump()
    (entry,) = smoke["models"]
    tasks = [
        {"name": f"task-{at}", "task": {"name": "planet_crop", "per_continent": 100 + at}}
        for at in range(5)
    ]
    models = [{**entry, "name": f"model-{at}", "tasks": tasks} for at in range(3)]
    for at, one in enumerate(models):
        one["training"] = {**entry["training"], "epochs": 10 + at}
    rule = {"kind": "uniform"}
    drawn = [{"name": f"c{at}", "rule": rule, "size": 1000 + at} for at in range(compositions)]
    asked = {
        "name": "large",
        "compositions": drawn,
        "baseline": "c0",
        "models": models,
        "continents": CONTINENTS,
        "seeds": tuple(range(seeds)),
    }
    return Sweep.model_validate(smoke | asked)


def cluster_of(gpus: int) -> Profile:
    """Return nodes of eight cores and a GPU; a cell takes one core, a pretraining a GPU."""
    return Profile(
        nodes=(Nodes(count=gpus, cpus=8, gpus=1),),
        pretraining=Share(cpus=4, gpus=1),
        seconds=SECONDS,
    )


def measured() -> list[Target]:
    """Simulate the large sweep, and say what gives way first."""
    started = time.perf_counter()
    planned = plan(sweep_of())
    keys = {cell.step.key for cell in planned.included}
    plan_s, num = time.perf_counter() - started, len(keys)
    print(f"{num:,} cells and {len(planned.steps):,} steps planned in {plan_s:.0f} s")
    _simulated(planned)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"the plan, in memory: {memory_mb:,.0f} MB")
    write_s, read_s, compact_s = _ledger()
    leaves_per_s = _mirror()
    scale = num / LEDGER_ROWS
    print(
        f"ledger, {num:,} rows: written in {write_s * scale:.0f} s, read in {read_s * scale:.1f} s"
    )
    print(f"ledger, {num:,} rows: read in {compact_s * scale:.1f} s once its parts are merged")
    print(
        f"MLflow on SQLite: {leaves_per_s:.0f} leaves/s, {num / leaves_per_s / 3600:.1f} h for all"
    )
    return [
        at_least("cells until the driver's plan takes 500 MB", num * DRIVER_MB / memory_mb, num),
        at_least(
            "rows until reading the ledger takes 60 s", PATIENCE_S / read_s * LEDGER_ROWS, num
        ),
        at_least("leaves that SQLite takes within a day", leaves_per_s * 86_400, num),
    ]


def _simulated(planned: Plan) -> None:
    with tempfile.TemporaryDirectory() as home:
        for gpus in GPUS:
            found = forecast(planned, store=Store.open(home), profile=cluster_of(gpus))
            hours, held = found.wall_s / 3600, found.paid_gpu_hours
            least = sum(link.seconds for link in found.chain) / 3600
            print(
                f"{gpus} GPUs: {hours:.1f} h, {held:,.0f} GPU-hours held, "
                f"{found.work_gpu_hours:,.0f} of work; critical path {least:.1f} h; "
                f"{found.num_bundles:,} bundles"
            )


def _ledger() -> tuple[float, float, float]:
    """Return the seconds to write, to read, and to read merged, at some rows."""
    with tempfile.TemporaryDirectory() as home:
        store, started = Store.open(home), time.perf_counter()
        for at in range(0, LEDGER_ROWS, PART_ROWS):
            Ledger(store).append([_row(f"finetune/{at + one:016x}") for one in range(PART_ROWS)])
        write_s = time.perf_counter() - started
        read_s = _read(store)
        Ledger(store).compact()
        return write_s, read_s, _read(store)


def _read(store: Store) -> float:
    started = time.perf_counter()
    assert Ledger(store).results().num_rows == LEDGER_ROWS
    return time.perf_counter() - started


def _mirror() -> float:
    """Return how many leaves a second go to MLflow's SQLite."""
    with tempfile.TemporaryDirectory() as home:
        store, planned = Store.open(home), plan(sweep_of(compositions=1, seeds=LEAVES // 90 + 1))
        ledger, name = Ledger(store), planned.sweep.name
        ledger.write_plan(name, plan_table.table(planned), description(planned))
        mirror = Mirror(default_uri(store.uri))
        mirror.bring_up_to_date(store, ledger, name)  # the database is laid out once
        ledger.append([_row(str(cell.step.key)) for cell in planned.included])
        started = time.perf_counter()
        made = mirror.bring_up_to_date(store, ledger, name)
        took = time.perf_counter() - started
        assert made.created >= len(planned.included), "every leaf is a run"
        return len(planned.included) / took


def _row(key: str) -> Row:
    return Row(
        key=key,
        continent="africa",
        n=40,
        protocol="linear",
        seed=0,
        metric="f1",
        value=0.5,
        n_train=40,
        n_test=60,
        classes=2,
        features="encode/0",
        seconds=0.1,
        finished=datetime.now(UTC),
        commit="none",
        metrics={"f1": 0.5, "accuracy": 0.5},
    )
