"""The throughput of the encode step, compared with the network's bare forward pass.

    PYTHONPATH=. python benchmarks/encoding.py [--samples 512] [--rounds 5] [--json]

The encode step starts from raw arrays as a pool has them: it scales the bands, forms chunks, and
joins the features. The bare pass gets prepared chunks of the same size. Rounds of both alternate,
and the ratio is that of the median round.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.parts.targets import Target, at_least, report
from terrasweep.infra.seeds import generator
from terrasweep.models.checkpoints.encoding import CHUNK, chunked
from terrasweep.models.contract import Architecture, Arrays, Network
from terrasweep.models.zoo.presto import model as presto
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.models.zoo.vit_mae import model as vit_mae
from terrasweep.models.zoo.vit_mae.spec import VitMaeSpec


def series(samples: int) -> Arrays:
    """Return made-up monthly series, raw."""
    draw = generator("benchmark encoding", "series")
    return {
        "x": draw.uniform(0, 3000, (samples, 12, 18)).astype(np.float32),
        "dynamic_world": draw.integers(0, 9, (samples, 12)).astype(np.uint8),
        "lat": draw.uniform(-60, 60, samples),
        "lon": draw.uniform(-180, 180, samples),
        "month": draw.integers(0, 12, samples).astype(np.uint8),
    }


def images(samples: int) -> Arrays:
    """Return made-up images of 13 bands, raw."""
    draw = generator("benchmark encoding", "images")
    return {"image": draw.uniform(0, 3000, (samples, 13, 64, 64)).astype(np.float32)}


def ours(network: Network, architecture: Architecture, arrays: Arrays) -> float:
    """Return the seconds that the encode step's loop takes."""
    started = time.perf_counter()
    np.concatenate(list(chunked(network, architecture, arrays)))
    return time.perf_counter() - started


def bare(network: Network, chunks: Sequence[dict[str, torch.Tensor]]) -> float:
    """Return the seconds that the forward passes take, and nothing else."""
    started = time.perf_counter()
    with torch.inference_mode():
        for chunk in chunks:
            network.encode(chunk)
    return time.perf_counter() - started


def prepared(architecture: Architecture, arrays: Arrays) -> list[dict[str, torch.Tensor]]:
    """Return what the network sees, in chunks."""
    held = {name: torch.from_numpy(own) for name, own in architecture.prepare(arrays).items()}
    samples = len(next(iter(held.values())))
    return [
        {name: own[at : at + CHUNK] for name, own in held.items()}
        for at in range(0, samples, CHUNK)
    ]


def measured(*, samples: int, rounds: int) -> list[Target]:
    """Measure both networks."""
    pairs: list[tuple[str, Architecture, Network, Arrays]] = [
        ("presto", presto, presto.build(PrestoSpec(name="presto")), series(samples)),
        ("vit_mae", vit_mae, vit_mae.build(VitMaeSpec(name="vit_mae")), images(samples // 2)),
    ]
    targets = []
    for name, architecture, network, arrays in pairs:
        network.eval()
        chunks = prepared(architecture, arrays)
        bare(network, chunks[:1])  # warm up
        ratios = []
        for _ in range(rounds):
            alone, own = bare(network, chunks), ours(network, architecture, arrays)
            print(f"{name}: bare {1000 * alone:.0f} ms, encoded {1000 * own:.0f} ms", flush=True)
            ratios.append(alone / own)
        said = f"throughput of encoding over the bare forward, {name}"
        targets.append(at_least(said, statistics.median(ratios), 0.9))
    return targets


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    return report(measured(samples=args.samples, rounds=args.rounds), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
