"""Does pretraining on the synthetic planet help on real labels? Frozen Presto, before and after.

    PYTHONPATH=. python benchmarks/real_labels.py [--samples 1500] [--epochs 4] [--json]

Each replicate is a Presto, by default of half the published width so that it takes only minutes,
initialised anew and pretrained on a planet of its own. Both networks encode the 1,122 real monthly
series of the algae-bloom data, whose labels are severities from 1 to 5. A ridge regression on the
frozen features is evaluated by cross-validation: with random folds, and with folds of whole H3
cells, so that no test sample has a neighbour in training. Both networks use the same folds, and so
do the bare normalised bands and the coordinates. The unit of an interval is the replicate. The data
are not part of the project; without them the script evaluates nothing, and says so.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.parts.targets import Target, at_least, report
from terrasweep.dashboards.statistics.intervals import Estimate, estimate
from terrasweep.infra.seeds import generator
from terrasweep.infra.step import Key
from terrasweep.models.checkpoints.encoding import chunked
from terrasweep.models.contract import Network
from terrasweep.models.probes.ridge import probe
from terrasweep.models.probes.ridge.spec import RidgeSpec
from terrasweep.models.probing.problem import Problem
from terrasweep.models.spec import TrainingSpec
from terrasweep.models.training import loop
from terrasweep.models.zoo.presto import model as presto
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.pipelines.networks import build
from terrasweep.samplers.geography.cells import cells_of
from terrasweep.samplers.pools.planet import pool as planet
from terrasweep.samplers.pools.planet.spec import PlanetSpec

FOLDS = 5
BLOCK_RESOLUTION = 2
"""H3 cells of some 87,000 km2."""
RIDGE = RidgeSpec(name="ridge", alphas=tuple(10.0**power for power in range(-1, 6)))
WITH, WITHOUT = "pretrained", "as initialised"
BY_LOT, BY_BLOCK = "folds by lot", "folds of cells"


@dataclass(frozen=True)
class Real:
    """The real series and their labels."""

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> "Real":
        """Read the arrays as they are published; a series begins in its first month."""
        held = {path.stem: np.load(path) for path in folder.glob("*.npy") if path.stem != "uid"}
        arrays = {
            "x": held["s1_s2_era5_srtm"],
            "dynamic_world": held["dynamic_world"],
            "month": held["month"],
            "lat": held["latlon"][:, 0],
            "lon": held["latlon"][:, 1],
        }
        return cls(arrays, held["target"].astype(np.float64))


def pretrained(
    replicate: int, *, samples: int, width: int, training: TrainingSpec
) -> tuple[Network, Network]:
    """Return a Presto as it was initialised, and the same after pretraining on a planet."""
    spec = PlanetSpec(name="planet", size=samples, seed=replicate)
    parts = [presto.prepare(planet.read(spec, at)) for at in range(planet.chunks(spec))]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    key = Key("init", f"real-labels-{replicate}")
    before, after = (build(PrestoSpec(name="presto", width=width), key=key) for _ in range(2))
    loop.train(
        after,
        arrays,
        training=training,
        key=f"real-labels/{replicate}",
        device=torch.device("cpu"),
        savepoint=loop.NullSavepoint(),
    )
    return before.eval(), after.eval()


def features_of(network: Network, real: Real) -> np.ndarray:
    """Return the frozen features of the real series."""
    return np.concatenate(list(chunked(network, presto, real.arrays)))


def folds(real: Real, *, seed: int, kind: str) -> np.ndarray:
    """Return the fold of each sample."""
    rng = generator("real labels", kind, seed)
    if kind == BY_LOT:
        return rng.permutation(len(real.labels)) % FOLDS
    lat, lon = real.arrays["lat"], real.arrays["lon"]
    cells, own = np.unique(cells_of(lat, lon, resolution=BLOCK_RESOLUTION), return_inverse=True)
    return (rng.permutation(len(cells)) % FOLDS)[own]


def r2(features: np.ndarray, real: Real, *, fold: np.ndarray) -> float:
    """Return R2 over all samples, each predicted by a ridge that has not seen its fold."""
    problems = [
        Problem(
            train_x=features[fold != own].astype(np.float32),
            train_y=real.labels[fold != own],
            test_x=features[fold == own].astype(np.float32),
            num_classes=0,
            seed=0,
        )
        for own in range(FOLDS)
    ]
    predicted = np.empty(len(fold))
    for own, answer in enumerate(probe.fit_predict(problems, spec=RIDGE)):
        predicted[fold == own] = answer.scores[:, 0]
    missed = float(np.sum((real.labels - predicted) ** 2))
    return 1 - missed / float(np.sum((real.labels - real.labels.mean()) ** 2))


def compared(
    networks: Sequence[tuple[np.ndarray, np.ndarray]], real: Real, *, seeds: int, kind: str
) -> Estimate:
    """Print the scores under one kind of folds and return what pretraining adds."""
    scores: dict[str, dict[int, dict[int, float]]] = {WITH: {}, WITHOUT: {}}
    cuts = {seed: folds(real, seed=seed, kind=kind) for seed in range(seeds)}
    for replicate, (before, after) in enumerate(networks):
        for name, own in ((WITHOUT, before), (WITH, after)):
            scores[name][replicate] = {s: r2(own, real, fold=cut) for s, cut in cuts.items()}
    for name, held in scores.items():
        print(f"{kind:<16} {name:<26} R2 {_mean(held):.3f}")
    for name, own in _references(real).items():
        held = {0: {seed: r2(own, real, fold=cut) for seed, cut in cuts.items()}}
        print(f"{kind:<16} {name:<26} R2 {_mean(held):.3f}")
    pairs = {
        replicate: {seed: value - scores[WITHOUT][replicate][seed] for seed, value in own.items()}
        for replicate, own in scores[WITH].items()
    }
    found = estimate(pairs, words=["real labels", kind])
    print(f"{kind:<16} {'what pretraining adds':<26} R2 {found.mean:+.3f} {_interval(found)}")
    return found


def _references(real: Real) -> dict[str, np.ndarray]:
    prepared = presto.prepare(real.arrays)
    lat, lon = np.deg2rad(real.arrays["lat"]), np.deg2rad(real.arrays["lon"])
    ball = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    return {
        "normalised bands, bare": prepared["x"].reshape(len(real.labels), -1),
        "coordinates, bare": np.stack(ball, axis=1),
    }


def _mean(scores: Mapping[int, Mapping[int, float]]) -> float:
    return float(np.mean([list(own.values()) for own in scores.values()]))


def _interval(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return "[no interval: one replicate, one seed]"
    return f"[{found.low:+.3f}, {found.high:+.3f}]"


def _promise(kind: str, found: Estimate) -> Target:
    low = float("nan") if found.low is None else found.low
    return at_least(f"R2 that pretraining adds, lower end of 95 %, {kind}", low, 0)


def main() -> int:
    """Pretrain, encode, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parents[2] / "shared/data/presto/algae_blooms"
    parser.add_argument("--data", type=Path, default=here, help="the folder of the real arrays")
    parser.add_argument("--samples", type=int, default=1_500, help="of each planet")
    parser.add_argument("--width", type=int, default=64, help="of the network; published: 128")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5, help="random divisions into folds")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not args.data.is_dir():
        print(f"no real arrays in {args.data}: nothing was evaluated; name a folder with --data")
        return report([], as_json=args.json)
    real = Real.read(args.data)
    training = TrainingSpec(epochs=args.epochs, batch_size=64, warmup_epochs=1)
    networks = []
    for replicate in range(args.replicates):
        started = time.perf_counter()
        pair = pretrained(replicate, samples=args.samples, width=args.width, training=training)
        networks.append((features_of(pair[0], real), features_of(pair[1], real)))
        took = time.perf_counter() - started
        print(
            f"replicate {replicate}: {args.samples:,} samples, {args.epochs} epochs, {took:.0f} s"
        )
    targets = [
        _promise(kind, compared(networks, real, seeds=args.seeds, kind=kind))
        for kind in (BY_LOT, BY_BLOCK)
    ]
    return report(targets, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
