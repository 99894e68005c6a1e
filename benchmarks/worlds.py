"""Do reports find the answer of each world of the synthetic planet, and nothing where nothing is?

    PYTHONPATH=. python benchmarks/worlds.py [--seeds 20] [--world WORLD ...] [--jobs 1] [--json]

Each seed is a planet of its own. On each planet a sweep is done in each world, in this process and
by the functions that the engine calls (benchmarks/parts/in_process.py). The benchmark reads the
sentences of its report: the headline, which says what beats the baseline on average over the
continents after Holm's correction, and whether local is best. These claims are right:

* null: no composition differs from any other, and local is not best
* coverage: a composition of one continent alone falls behind `uniform`
* entropy: `entropy_top` beats `per_sample`, and the samples that it leaves out fall behind
* local: local is best

False alarms are: a claim that names a continent in `null` or `entropy`, and the claim that local is
best in `null`, `coverage` or `entropy`. The engine does one sweep as well: its values are the same.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import torch
from rich.console import Console

from benchmarks.parts.in_process import findings
from benchmarks.parts.targets import Target, at_least, at_most, report
from terrasweep.dashboards.report.questions import local_is_best
from terrasweep.dashboards.report.results import SweepResults
from terrasweep.dashboards.report.sentences import headline
from terrasweep.dashboards.statistics.differences import MEAN
from terrasweep.dashboards.statistics.intervals import ALPHA
from terrasweep.dashboards.tables.rows import DifferenceRow, HomeRow
from terrasweep.infra.context import Resources
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.samplers.geography.strata import Continent
from terrasweep.sweeps.engine.run import OFF, run
from terrasweep.sweeps.reading.sweep_file import composition
from terrasweep.sweeps.spec.sweep import Sweep

WORLDS = ("null", "coverage", "entropy", "local")
CONTINENTS = [continent.value for continent in Continent]
TOP, BOTTOM = "entropy_top", "entropy_rest"
SIZE = 2000
POOL = 64_000
REPLICATES = {"null": 5, "coverage": 5, "entropy": 12, "local": 3}
"""Pretraining runs of each composition: as many as its differences need to be found."""
EPOCHS = {"null": 20, "coverage": 20, "entropy": 40, "local": 20}
ENTROPY = ("per_sample", TOP, "africa")
REST = {
    "name": BOTTOM,
    "size": SIZE,
    "rule": {
        "kind": "difference",
        "of": {"kind": "per_sample"},
        "less": [{"kind": "entropy_top", "fraction": 0.5}],
    },
}
"""The half of the pool with the lowest spectral entropy."""


@dataclass(frozen=True)
class Read:
    """What the report of one sweep claims."""

    world: str
    seed: int
    ahead: frozenset[str]
    """Compositions that the headline says beat the baseline."""
    behind: frozenset[str]
    places: int
    """Differences on single continents that are called distinguishable."""
    local: bool
    """Whether it says that local is best."""
    said: str

    @property
    def right(self) -> bool:
        """Whether it claims what was planted."""
        match self.world:
            case "null":
                return not (self.ahead or self.behind or self.local)
            case "coverage":
                return self.behind >= set(CONTINENTS) and not self.ahead
            case "entropy":
                return TOP in self.ahead and BOTTOM in self.behind
            case _:
                return self.local

    @property
    def names_a_continent(self) -> bool:
        """Whether the headline says that a continent's composition differs."""
        return bool((self.ahead | self.behind) & set(CONTINENTS))


def study(world: str, *, seed: int, replicates: int | None = None) -> Sweep:
    """Return the sweep that asks one planet in one world."""
    names = ENTROPY if world == "entropy" else ["uniform", *CONTINENTS]
    arms = [{**composition(name).model_dump(), "size": SIZE} for name in names]
    planted = {"world": world, "seed": seed}
    model = {
        "name": "tiny",
        "model": {"name": "tiny"},
        "training": {"epochs": EPOCHS[world], "batch_size": 256, "lr": 0.006},
        "pool": {"name": "planet", "size": POOL, **planted},
        "tasks": [{"name": "crop", "task": {"name": "planet_crop", **planted}}],
    }
    return Sweep.model_validate(
        {
            "name": f"world-{world}-{seed}",
            "question": "What has been planted here?",
            "hypothesis": "The report does not know.",
            "compositions": [*arms, REST] if world == "entropy" else arms,
            "baseline": "per_sample" if world == "entropy" else "uniform",
            "models": [model],
            "continents": CONTINENTS,
            "n": [100],
            "protocols": ["linear"],
            "seeds": 5,
            "replicates": replicates or REPLICATES[world],
        }
    )


def asked(world: str, seed: int) -> Read:
    """Do one sweep and read what its report claims."""
    torch.set_num_threads(1)
    return read(findings(study(world, seed=seed)), world=world, seed=seed)


def read(found: SweepResults, *, world: str, seed: int) -> Read:
    """Return what a report would say."""
    rows = found.rows("differences", DifferenceRow)
    average = [row for row in rows if row["continent"] == MEAN and row["distinguishable"]]
    return Read(
        world,
        seed,
        ahead=frozenset(row["composition"] for row in average if row["difference"] > 0),
        behind=frozenset(row["composition"] for row in average if row["difference"] < 0),
        places=sum(row["distinguishable"] for row in rows if row["continent"] != MEAN),
        local=any(local_is_best(row) for row in found.rows("home", HomeRow)),
        said=headline(rows, baseline=found.baseline),
    )


def judged(world: str, *, seeds: range, jobs: int) -> list[Read]:
    """Do the sweeps of a world, and print what each report says."""
    made = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as workers:
        for one in workers.map(partial(asked, world), seeds):
            made.append(one)
            verdict = "right" if one.right else "WRONG"
            local = "local is best" if one.local else "no sign that local is best"
            print(f"{world} {one.seed}: {verdict}. {one.said} {local}; {one.places} places differ.")
    return made


def targets(world: str, made: Sequence[Read]) -> list[Target]:
    """Hold the rates of a world against what is promised."""
    number = len(made)
    rate = sum(one.right for one in made) / number
    bound = round(ALPHA + 2 * (ALPHA * (1 - ALPHA) / number) ** 0.5, 3)  # two binomial errors
    found = []
    if world == "null":
        spoke = sum(bool(one.ahead or one.behind) for one in made) / number
        found.append(at_most(f"{world}: share of headlines with a winner", spoke, bound))
        anywhere = sum(bool(one.places) for one in made) / number
        found.append(at_most(f"{world}: share that differ on some continent", anywhere, bound))
    else:
        found.append(at_least(f"{world}: share of right answers", rate, 0.9))
    if world == "entropy":
        named = sum(one.names_a_continent for one in made) / number
        found.append(at_most(f"{world}: share of headlines that name a continent", named, bound))
    elif world != "local":
        local = sum(one.local for one in made) / number
        found.append(at_most(f"{world}: share that call local best", local, bound))
    return found


def agreement() -> Target:
    """Do one sweep by the engine and here, and return the share of cells that are the same."""
    sweep = study("local", seed=0, replicates=1)
    with tempfile.TemporaryDirectory() as home:
        store = Store.open(home)
        run(sweep, store=store, resources=Resources(), tracking=OFF, console=Console(stderr=True))
        engine = SweepResults.of(store, Ledger(store), sweep.name)
        theirs = dict(
            zip(*(engine.cells[name].to_pylist() for name in ("key", "value")), strict=True)
        )
        say = read(engine, world="local", seed=0)
    torch.set_num_threads(1)
    mine = findings(sweep)
    ours = dict(zip(*(mine.cells[name].to_pylist() for name in ("key", "value")), strict=True))
    print(f"by the engine: {'local is best' if say.local else 'no sign that local is best'}")
    same = sum(theirs[key] == value for key, value in ours.items()) / len(theirs)
    return at_least("share of cells that the engine gives the same value", same, 1.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="planets of each world")
    parser.add_argument("--first", type=int, default=0, help="the first planet's seed")
    parser.add_argument("--world", nargs="+", choices=WORLDS, default=WORLDS, help="which worlds")
    parser.add_argument("--jobs", type=int, default=1, help="sweeps at a time")
    parser.add_argument("--no-engine", action="store_true", help="leave the engine's sweep out")
    parser.add_argument("--json", action="store_true", help="end with the targets as JSON")
    args = parser.parse_args(argv)
    sys.stdout.reconfigure(line_buffering=True)  # each sweep as it comes
    found = []
    seeds = range(args.first, args.first + args.seeds)
    for world in args.world:
        found += targets(world, judged(world, seeds=seeds, jobs=args.jobs))
    return report(found if args.no_engine else [*found, agreement()], as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
