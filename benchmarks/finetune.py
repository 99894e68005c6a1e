"""Full finetuning of Presto with few labels: many seeds by `full`, compared with a plain loop.

    PYTHONPATH=. python benchmarks/finetune.py [--seeds 50] [--device cuda] [--json]

Each seed draws 100 samples, finetunes a copy of Presto of the published size by its authors'
recipe, and is evaluated on 400 others. The plain loop is what one writes without a framework: a
copy of the network, torch's Adam, a batch, a step. On a GPU the seeds run as one program. On a CPU
one network fills its core and the seeds run one by one, so the target there is to be no slower.
Both get one core, as a trial does, and processor time is measured. Seeds of both alternate in
rounds, and the ratio is that of the median round.
"""

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.parts.targets import Target, at_least, report
from terrasweep.infra.seeds import generator
from terrasweep.models.checkpoints.encoding import origin
from terrasweep.models.probes.full import probe
from terrasweep.models.probes.full.spec import FullSpec
from terrasweep.models.probing.problem import FinetuneSource, Problem
from terrasweep.models.zoo.presto import model as presto
from terrasweep.models.zoo.presto.spec import PrestoSpec

SAMPLES, N, TESTED, CHUNK = 600, 100, 400, 128
ROUNDS = 5


def task(device: str) -> tuple[FinetuneSource, np.ndarray]:
    """Return Presto with made-up series, and labels that one band tells."""
    draw = generator("benchmark finetune")
    arrays: dict[str, np.ndarray] = {
        "x": draw.normal(size=(SAMPLES, 12, 17)).astype(np.float32),
        "dynamic_world": draw.integers(0, 9, (SAMPLES, 12)),
        "lat": draw.uniform(-60, 60, SAMPLES),
        "lon": draw.uniform(-180, 180, SAMPLES),
        "month": draw.integers(0, 12, SAMPLES),
    }
    spec = PrestoSpec(name="presto")
    torch.manual_seed(0)
    network = presto.build(spec).to(device).eval()
    return origin(spec, network, arrays), (arrays["x"][:, 4, 8] > 0).astype(np.int64)


def problem(source: FinetuneSource, labels: np.ndarray, seed: int) -> Problem:
    """Return one draw."""
    order = generator("benchmark finetune", seed).permutation(SAMPLES)
    train, test = order[:N], order[N : N + TESTED]
    return Problem(train, labels[train], test, 2, seed, source)


def _clock(device: str) -> float:
    return time.process_time() if device == "cpu" else time.perf_counter()


def ours(problems: Sequence[Problem], *, device: str) -> float:
    """Return the seconds per seed of the protocol."""
    started = _clock(device)
    probe.fit_predict(problems, spec=FullSpec(name="full"))
    return (_clock(device) - started) / len(problems)


def plain(problems: Sequence[Problem], *, device: str) -> float:
    """Return the seconds per seed of a plain loop, one seed after another."""
    started = _clock(device)
    for one in problems:
        _loop(one, device=device)
    return (_clock(device) - started) / len(problems)


def _loop(one: Problem, *, device: str) -> np.ndarray:
    source, recipe = one.origin, PrestoSpec.finetuning
    assert source is not None
    network, head = copy.deepcopy(source.network), nn.Linear(128, 1).to(device)
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam([*learnt, *head.parameters()], lr=recipe.lr)
    y = torch.from_numpy(one.train_y).float().to(device)

    def asked(places: np.ndarray) -> torch.Tensor:
        batch = {name: values[places].to(device) for name, values in source.batch.items()}
        said: torch.Tensor = head(network.encode(batch))[:, 0]
        return said

    for _ in range(recipe.epochs):
        for rows in torch.split(torch.randperm(N), recipe.batch_size):
            optimiser.zero_grad()
            said = asked(one.train_x[rows.numpy()])
            torch.autograd.backward(F.binary_cross_entropy_with_logits(said, y[rows]))
            optimiser.step()
    with torch.no_grad():
        parts = [asked(one.test_x[at : at + CHUNK]).cpu() for at in range(0, TESTED, CHUNK)]
    return torch.cat(parts).numpy()


def measured(*, seeds: int, device: str) -> list[Target]:
    """Measure both, in rounds that alternate."""
    if device == "cpu":
        torch.set_num_threads(1)
    source, labels = task(device)
    ours([problem(source, labels, 0)], device=device)  # warm up
    plain([problem(source, labels, 0)], device=device)
    ratios, size = [], max(1, seeds // ROUNDS) if device == "cpu" else seeds
    for at in range(ROUNDS):
        own = [problem(source, labels, at * size + seed) for seed in range(size)]
        beside, alone = ours(own, device=device), plain(own, device=device)
        print(f"ms per seed: full {1000 * beside:.0f}, plain loop {1000 * alone:.0f}", flush=True)
        ratios.append(alone / beside)
    name = f"times as fast per seed as a plain loop on the {device}"
    return [at_least(name, statistics.median(ratios), 1 if device == "cpu" else 10)]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=50)
    there = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cpu", "cuda"), default=there)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    return report(measured(seeds=args.seeds, device=args.device), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
