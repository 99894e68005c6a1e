"""A made-up study in a store: records, curves, manifests and a ledger, all from seeds.

Its truth is planted: `uniform` and `europe` are equal in Europe, `uniform` is better elsewhere, and
`zero` is worse everywhere.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terrasweep.infra.seeds import generator
from terrasweep.infra.spec import Spec, digest
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import PLAN, Failure, Ledger, Row
from terrasweep.infra.storage.store import Store
from terrasweep.samplers.geography.cells import cells_of

CONTINENTS = ("africa", "asia", "europe", "north_america", "oceania", "south_america")
PLACES = {  # where samples may lie: latitude, longitude, and how far around
    "africa": (2, 20, 22, 18),
    "asia": (45, 90, 18, 38),
    "europe": (50, 15, 10, 17),
    "north_america": (45, -100, 16, 26),
    "oceania": (-25, 134, 9, 17),
    "south_america": (-12, -58, 20, 12),
}
LEVEL = dict(zip(CONTINENTS, (0.62, 0.66, 0.71, 0.73, 0.60, 0.68), strict=True))
EFFECT = {
    "uniform": 0.0,
    "balanced": 0.012,
    "land": 0.0,
    "africa": -0.05,
    "asia": -0.03,
    "europe": -0.05,
    "north_america": -0.035,
    "oceania": -0.03,
    "south_america": -0.025,
    "zero": -0.14,
}
STARTED = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


class Named(Spec):
    """A stand-in for any spec."""

    name: str
    optimiser: str = "adamw"

    assumed = ("optimiser",)


@dataclass(frozen=True)
class Study:
    """What there is to mirror and to report."""

    root: Path
    name: str = "planted"
    compositions: tuple[str, ...] = ("uniform", "balanced", "europe", "zero")
    models: tuple[str, ...] = ("presto",)
    continents: tuple[str, ...] = CONTINENTS
    seeds: int = 10
    replicates: int = 1
    synthetic: bool = True
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ledger", Ledger(Store.open(str(self.root))))

    @property
    def store(self) -> Store:
        return self.ledger.store

    def write(self) -> "Study":
        """Write everything."""
        self.plan()
        self.pretrain()
        self.ledger.append(self.rows())
        return self

    def plan(self) -> list[dict]:
        """Write the plan and return its rows."""
        cells = [self._cell(*place) for place in self._places()]
        self.ledger.write_plan(self.name, pa.Table.from_pylist(cells, schema=PLAN), self.meta())
        return cells

    def meta(self) -> dict:
        return {
            "question": "Does it matter where on Earth the pretraining samples come from?",
            "hypothesis": "Uniform beats Europe everywhere but in Europe.",
            "baseline": "uniform",
            "synthetic": self.synthetic,
            "compositions": {name: {"rule": {"kind": name}} for name in self.compositions},
            "models": {name: {"name": name} for name in self.models},
            "assumed": ["training.batch_size", "guard_rings"],
            "steps": {},
        }

    def pretrain(self) -> None:
        """Make every sample and every pretraining."""
        for model, composition, replicate in product(
            self.models, self.compositions, range(self.replicates)
        ):
            if composition == "zero":
                continue
            sample, train = self._steps(model, composition, replicate)
            words = (self.name, composition, replicate)
            self.store.make(sample, lambda folder, words=words: _sample(folder, *words))
            self.store.make(train, lambda folder, words=words: _history(folder, *words))

    def rows(self) -> list[Row]:
        """Return one finished row per cell of the plan."""
        return [self._row(at, *place) for at, place in enumerate(self._places())]

    def failure(self, row: Row) -> Failure:
        when = STARTED + timedelta(hours=1)
        return Failure(row.key, "OutOfMemoryError", "no memory left", "", 1, when)

    def _places(self):
        return product(
            self.models,
            self.compositions,
            self.continents,
            range(self.replicates),
            range(self.seeds),
        )

    def _steps(self, model, composition, replicate):
        name = f"{composition}-{replicate}"
        sample = Step("sample", Named(name=name), label=name)
        train = Step("pretrain", Named(name=f"{model}-{name}"), (sample,), f"{model}--{name}")
        return sample, train

    def _cell(self, model, composition, continent, replicate, seed) -> dict:
        sample, train = self._steps(model, composition, replicate)
        is_zero = composition == "zero"
        return {
            "key": self._key(model, composition, continent, replicate, seed),
            "composition": composition,
            "model": model,
            "task": "crops",
            "continent": continent,
            "n": 100,
            "protocol": "logistic",
            "seed": seed,
            "replicate": replicate,
            "metric": "f1",
            "excluded": None,
            "features": f"encode/{digest([model, composition, replicate])}",
            "checkpoint": f"init/{digest([model, replicate])}" if is_zero else str(train.key),
            "sample": None if is_zero else str(sample.key),
        }

    def _key(self, *place) -> str:
        return f"finetune/{digest([self.name, *place])}"

    def _row(self, at, model, composition, continent, replicate, seed) -> Row:
        f1 = self._value(model, composition, continent, replicate, seed)
        return Row(
            key=self._key(model, composition, continent, replicate, seed),
            continent=continent,
            n=100,
            protocol="logistic",
            seed=seed,
            metric="f1",
            value=f1,
            n_train=100,
            n_test=400,
            classes=2,
            features=f"encode/{digest([model, composition, replicate])}",
            seconds=0.25,
            finished=STARTED + timedelta(seconds=600 + at / 4),
            commit="0123456789abcdef",
            metrics={"f1": f1, "accuracy": min(1.0, f1 + 0.05)},
        )

    def _value(self, model, composition, continent, replicate, seed) -> float:
        shared = generator(self.name, "seed", model, continent, seed).normal(0, 0.02)
        luck = generator(self.name, "luck", model, composition, replicate).normal(0, 0.004)
        noise = generator(self.name, model, composition, continent, replicate, seed)
        effect = EFFECT[composition]
        home = 0.05 if composition == continent else 0.0
        value = LEVEL[continent] + effect + home + shared + luck + noise.normal(0, 0.01)
        return float(np.clip(value, 0, 1))


def _sample(folder: Path, study: str, composition: str, replicate: int) -> None:
    rng = generator(study, "sample", composition, replicate)
    where = list(CONTINENTS) if composition in ("uniform", "balanced", "land") else [composition]
    continent = np.array(where)[rng.integers(len(where), size=1500)]
    spread = np.array([PLACES[name] for name in continent])
    offset = rng.normal(0, 0.45, size=(1500, 2))
    lat = np.clip(spread[:, 0] + offset[:, 0] * spread[:, 2], -60, 80)
    lon = np.clip(spread[:, 1] + offset[:, 1] * spread[:, 3], -179, 179)
    table = pa.table(
        {
            "id": [f"s{number:05d}" for number in range(1500)],
            "lat": lat,
            "lon": lon,
            "cell": cells_of(lat, lon, resolution=5),
            "continent": continent,
        }
    )
    pq.write_table(table, folder / "manifest.parquet")
    shares = np.unique(continent, return_counts=True)[1] / 1500
    card = {
        "size": 1500,
        "replicate": replicate,
        "strata": {"continent": {name: {"count": 1500 // len(where)} for name in where}},
        "entropy_nats": {
            "continent": float(abs((shares * np.log(shares)).sum())),
            "biome": 1.9 if len(where) > 1 else 1.2,
            "climate": 1.5,
        },
        "effective_cells": 900.0 if len(where) > 1 else 240.0,
        "mean_spectral_entropy": 2.2,
        "spacing": {"measured_on": 1500, "mean_nearest_km": 90.0, "clustering": 0.61},
        "quota": [
            {"stratum": name, "asked": 1500 // len(where), "available": 9000, "taken": 250}
            for name in where
        ],
        "short": {},
        "guard": {"rings": 2, "excluded": 31},
    }
    (folder / "card.json").write_text(json.dumps(card))


def _history(folder: Path, study: str, composition: str, replicate: int) -> None:
    rng = generator(study, "history", composition, replicate)
    steps = np.arange(1, 601, dtype=np.int64)
    floor = {"europe": 0.31, "asia": 0.33}.get(composition, 0.27)
    loss = floor + 0.8 * np.exp(-steps / 90) + rng.normal(0, 0.006, size=600)
    table = pa.table(
        {
            "step": steps,
            "epoch": steps / 30,
            "loss": loss,
            "lr": 1e-3 * np.cos(steps / 600 * np.pi / 2),
            "samples_per_s": rng.normal(2400, 60, size=600),
        }
    )
    if replicate == 0:  # histories of the first version have neither
        table = table.append_column("mfu", pa.array(np.full(600, 0.25)))
        table = table.append_column("peak_mb", pa.array(np.full(600, 900.0)))
    pq.write_table(table, folder / "history.parquet")
    (folder / "weights.safetensors").write_bytes(b"weights")
