"""Small trainings in this process: networks, samples, and how two results are compared."""

import numpy as np
import torch

from terrasweep.models.contract import Network
from terrasweep.models.spec import TrainingSpec
from terrasweep.models.training import loop
from terrasweep.models.training.history import HistoryRow
from terrasweep.models.training.throughput import Yardstick
from terrasweep.models.zoo.presto.model import build as build_presto
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.models.zoo.tiny.model import build as build_tiny
from terrasweep.models.zoo.tiny.spec import TinySpec

CPU = torch.device("cpu")
TRAINING = TrainingSpec(epochs=4, batch_size=32, lr=3e-3, warmup_epochs=1)
EVERY_STEP = loop.TrainingOptions(save_every_s=0)
SAMPLES = 70  # two whole batches and one of six


def tiny() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build_tiny(TinySpec(name="tiny", width=8))


def small_presto() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build_presto(PrestoSpec(name="presto", width=16, depth=1, heads=2))


def arrays(samples: int = SAMPLES) -> dict[str, np.ndarray]:
    draw = np.random.Generator(np.random.PCG64(2))
    return {
        "x": draw.normal(size=(samples, 12, 17)).astype(np.float32),
        "dynamic_world": draw.integers(0, 10, (samples, 12)),
        "latlon": draw.uniform(-60, 60, (samples, 2)).astype(np.float32),
        "month": draw.integers(0, 12, samples),
    }


def trained(
    network: Network,
    *,
    training: TrainingSpec = TRAINING,
    key: str = "pretrain/a",
    data: dict[str, np.ndarray] | None = None,
    savepoint: loop.Savepoint | None = None,
    options: loop.TrainingOptions = EVERY_STEP,
    yardstick: Yardstick | None = None,
) -> list[HistoryRow]:
    return loop.train(
        network,
        arrays() if data is None else data,
        training=training,
        key=key,
        device=CPU,
        savepoint=savepoint or loop.NullSavepoint(),
        options=options,
        yardstick=yardstick,
    )


def assert_same(ours: Network, theirs: Network) -> None:
    for name, values in ours.state_dict().items():
        assert torch.equal(values, theirs.state_dict()[name]), name


def differ(ours: Network, theirs: Network) -> bool:
    return any(
        not torch.equal(values, theirs.state_dict()[name])
        for name, values in ours.state_dict().items()
    )
