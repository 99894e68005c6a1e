"""How fast networks are pretrained, compared with a plain eager loop; without Ray.

    PYTHONPATH=. python benchmarks/pretrain.py [--device cpu] [--samples 1024] [--json]

For every network, this measures samples per second and MFU of its step alone, of the data feed
alone, and of both as `models/training/loop.py` runs them, from memory-mapped arrays. The loop of
`plain_training.py` alternates with ours, and the best round of each counts. A CPU uses one thread,
as a pretraining of a sweep does, and the time is this process's processor time, so other work on
the machine does not count. An accelerator is timed by the wall clock, and the plain loop uses no or
two loading processes, whichever is faster. SatCLIP is compared with training through its image
network: the network's features of a pool, ten times as large as a composition, are made once and
shared by six compositions that train for the published 500 epochs.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.parts import plain_training
from benchmarks.parts.targets import Target, at_least, report
from terrasweep.infra.seeds import generator, seed
from terrasweep.models.contract import Arrays, Network
from terrasweep.models.spec import ModelSpec, TrainingSpec
from terrasweep.models.training import loop, throughput
from terrasweep.models.training.batches import Feed
from terrasweep.models.training.optimiser import optimiser
from terrasweep.models.training.precision import Arithmetic
from terrasweep.models.zoo.presto.model import Presto
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.models.zoo.satclip.model import SatClip
from terrasweep.models.zoo.satclip.spec import SatClipSpec
from terrasweep.models.zoo.satmae.model import SatMae
from terrasweep.models.zoo.satmae.spec import SatMaeSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.models.zoo.vit_mae.spec import VitMaeSpec
from terrasweep.pipelines.networks import architecture

ROUNDS = 3
LOADERS = {"cpu": (0,), "cuda": (0, 2)}
COMPOSITIONS, EPOCHS, POOL = 6, 500, 10
"""Compositions that share the features, their epochs, and how much larger the pool is than one."""
LARGE_IMAGES = 1024
"""Images of SatCLIP's size at most: each has 3 MB of numbers."""


@dataclass(frozen=True)
class Case:
    """One network and what it learns from."""

    model: ModelSpec
    samples: int
    image_px: int = 0
    features: int = 0
    """Width of the features that stand for images."""
    precision: str = "float32"
    rounds: int = ROUNDS

    @property
    def training(self) -> TrainingSpec:
        """Two steps for an epoch."""
        fields = {"epochs": 1, "batch_size": max(1, self.samples // 2), "warmup_epochs": 0}
        return TrainingSpec(**fields, precision=self.precision)

    def built(self) -> Network:
        """Return the network, the same each time."""
        torch.manual_seed(0)
        return architecture(self.model).build(self.model)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return prepared samples."""
        draw, n = generator("benchmark", self.samples), self.samples
        raw = {
            "lat": draw.uniform(-60, 60, n),
            "lon": draw.uniform(-180, 180, n),
            "month": draw.integers(0, 12, n),
            "x": draw.uniform(0, 3000, (n, 12, 18)).astype(np.float32),
            "dynamic_world": draw.integers(0, 10, (n, 12)),
        }
        if self.image_px:
            shape = (n, 13, self.image_px, self.image_px)
            raw["image"] = draw.integers(0, 5000, shape, dtype=np.int16)
        if self.features:
            raw["features"] = draw.normal(size=(n, self.features)).astype(np.float32)
        return architecture(self.model).prepare(raw)


@dataclass(frozen=True)
class Speeds:
    """Samples per second."""

    step: float
    feed: float
    both: float
    plain: float
    """Of the plain loop; zero where there is none."""
    stick: throughput.Yardstick

    def told(self, name: str) -> str:
        """Say it in a line."""
        mfu = [f"{100 * self.stick.share(one):.0f} %" for one in (self.step, self.both)]
        plain = f", plain loop {self.plain:,.1f}" if self.plain else ""
        return (
            f"{name}: step {self.step:,.1f} samples/s (MFU {mfu[0]}), feed {self.feed:,.0f}, "
            f"feed and step {self.both:,.1f} (MFU {mfu[1]}){plain}"
        )


@contextmanager
def mapped(arrays: Arrays) -> Iterator[Mapping[str, np.ndarray]]:
    """Lend arrays that lie in files, as `pipelines/training/pixels.py` leaves them."""
    with tempfile.TemporaryDirectory() as home:
        for name, values in arrays.items():
            np.save(Path(home) / f"{name}.npy", values)
        yield {name: np.load(Path(home) / f"{name}.npy", mmap_mode="r") for name in arrays}


def measured(name: str, case: Case, *, device: torch.device, compared: bool) -> Speeds:
    """Measure step, feed, both and the plain loop in turns; tell the best of a few rounds."""
    options = loop.TrainingOptions(compile=device.type == "cuda", save_every_s=3600)
    network = case.built().to(device)
    with mapped(case.arrays()) as arrays:
        few = {name: torch.from_numpy(a[: throughput.FEW].copy()) for name, a in arrays.items()}
        stick = throughput.yardstick(network, few, precision=case.precision)
        if device.type == "cuda":
            _both(network, case, arrays, device=device, options=options)  # compile
        found: dict[str, list[float]] = {one: [] for one in ("step", "feed", "both", "plain")}
        for _ in range(case.rounds):
            found["step"].append(_step(network, case, arrays, device=device))
            found["feed"].append(_feed(case, arrays, device))
            found["both"].append(_both(network, case, arrays, device=device, options=options))
            for loaders in LOADERS[device.type] if compared else ():
                found["plain"].append(plain(case, arrays, device=device, loaders=loaders))
    best = {one: max(values, default=0.0) for one, values in found.items()}
    speeds = Speeds(best["step"], best["feed"], best["both"], best["plain"], stick)
    print(speeds.told(name), file=sys.stderr, flush=True)
    return speeds


def _both(
    network: Network,
    case: Case,
    arrays: Arrays,
    *,
    device: torch.device,
    options: loop.TrainingOptions,
) -> float:
    started = _clock(device)
    loop.train(
        network,
        arrays,
        training=case.training,
        key="benchmark",
        device=device,
        savepoint=loop.NullSavepoint(),
        options=options,
    )
    return case.samples / (_clock(device) - started)


def _feed(case: Case, arrays: Arrays, device: torch.device) -> float:
    feed = Feed(arrays, "benchmark", case.training.batch_size, device)
    started = _clock(device)
    for _ in feed.batches(0, 2):
        _finish(device)
    return case.samples / (_clock(device) - started)


def _step(network: Network, case: Case, arrays: Arrays, *, device: torch.device) -> float:
    """Take one step on a batch that is there already."""
    size = case.training.batch_size
    batch = {name: torch.from_numpy(a[:size].copy()).to(device) for name, a in arrays.items()}
    stepping, arithmetic = (
        optimiser(network, case.training),
        Arithmetic(case.training, device=device),
    )
    stride = network.at_once * (1 if device.type == "cpu" else loop.PARTS_ON_ACCELERATORS)
    _finish(device)
    started = _clock(device)
    for first in range(0, size, stride):
        drawn = torch.Generator(device).manual_seed(seed("benchmark"))
        with arithmetic.forward():
            part = slice(first, min(first + stride, size))
            loss = network.loss(batch, generator=drawn, part=part)
        arithmetic.backward(loss)
    arithmetic.step(stepping, network)
    _finish(device)
    return size / (_clock(device) - started)


def plain(case: Case, arrays: Arrays, *, device: torch.device, loaders: int) -> float:
    """Return what the plain loop reaches in one round."""
    network = case.built()
    narrow = {"bfloat16": torch.bfloat16, "float32": None}[case.precision]
    if isinstance(network, Presto):
        samples = plain_training.PrestoSamples(arrays, ratio=network.mask_ratio)
        loss_of = plain_training.presto_loss
    else:
        assert isinstance(network, SatMae)
        samples = plain_training.SatMaeSamples(arrays, network=network)
        loss_of = plain_training.satmae_loss
    size = case.training.batch_size
    started = _clock(device)
    steps = plain_training.train(
        network, samples, loss_of=loss_of, batch_size=size, device=device, narrow=narrow,
        workers=loaders,
    )  # fmt: skip
    done = sum(steps)
    return done / (_clock(device) - started)


def _clock(device: torch.device) -> float:
    return time.process_time() if device.type == "cpu" else time.perf_counter()


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def cached(images: Case, features: Case, *, device: torch.device) -> float:
    """Return how much shorter an epoch is on kept features, their making counted in its share."""
    through = measured("satclip, through its tower", images, device=device, compared=False)
    kept = measured("satclip, on kept features", features, device=device, compared=False)
    network = images.built().to(device).eval()
    assert isinstance(network, SatClip)
    pixels = torch.from_numpy(images.arrays()["image"]).to(device)
    took = []
    for _ in range(ROUNDS):
        _finish(device)
        started = _clock(device)
        network.image_features(pixels)
        _finish(device)
        took.append((_clock(device) - started) / len(pixels))
    share = POOL / (COMPOSITIONS * EPOCHS)  # of the making, for an epoch of one composition
    return (1 / through.both) / (1 / kept.both + share * min(took))


def targets_on(device: torch.device, *, samples: int) -> list[Target]:
    """Measure what is promised on a kind of device."""
    on_gpu = device.type == "cuda"
    narrow = "bfloat16" if on_gpu else "float32"
    few, rounds = (samples, ROUNDS) if on_gpu else (2, 1)  # a CPU takes seconds for an image
    presto = Case(PrestoSpec(name="presto"), samples)
    satmae = Case(SatMaeSpec(name="satmae"), few, 96, precision=narrow, rounds=rounds)
    found = {
        "presto": measured("presto", presto, device=device, compared=True),
        "satmae": measured("satmae", satmae, device=device, compared=on_gpu),
    }
    vit_mae = Case(VitMaeSpec(name="vit_mae"), samples // 4, image_px=64)
    for name, one in (("vit_mae", vit_mae), ("tiny", Case(TinySpec(name="tiny"), 16 * samples))):
        measured(name, one, device=device, compared=False)
    satclip = SatClipSpec(name="satclip")
    images = Case(satclip, min(4 * few, LARGE_IMAGES), image_px=satclip.crop_px)
    ratio = cached(images, Case(satclip, 4 * samples, features=512), device=device)
    faster = found["presto"].both / found["presto"].plain
    made = [
        at_least("speed over the plain loop, Presto, end to end", faster, 5.0 if on_gpu else 1.2),
        at_least("feed over step, Presto", found["presto"].feed / found["presto"].step, 1.5),
        at_least("feed over step, SatMAE", found["satmae"].feed / found["satmae"].step, 1.5),
        at_least("epochs in the time of one through the tower, SatCLIP", ratio, 50),
    ]
    if on_gpu:
        large = found["satmae"]
        made.append(
            at_least("speed over the plain loop, SatMAE ViT-B", large.both / large.plain, 2)
        )
        made.append(at_least("MFU of SatMAE ViT-B's step", large.stick.share(large.step), 0.4))
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--samples", type=int, help="in an epoch; a step takes half of them")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    device = torch.device(args.device)
    if device.type == "cpu":
        torch.set_num_threads(1)
    samples = args.samples or (8192 if device.type == "cuda" else 1024)
    return report(targets_on(device, samples=samples), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
