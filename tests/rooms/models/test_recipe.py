"""The recipe of a training: its schedule, what decays, clipping, precision, and the device."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from terrasweep.models.spec import TrainingSpec
from terrasweep.models.training import loop
from terrasweep.models.training.optimiser import LearningRateSchedule
from terrasweep.models.zoo.tiny.model import Tiny
from terrasweep.models.zoo.tiny.spec import TinySpec
from tests.rooms.models.trainings import (
    SAMPLES,
    TRAINING,
    arrays,
    differ,
    small_presto,
    tiny,
    trained,
)


def test_the_learning_rate_climbs_evenly_then_follows_half_a_cosine_to_zero():
    training = TrainingSpec(epochs=10, batch_size=10, lr=1.0, warmup_epochs=2)
    schedule = LearningRateSchedule.of(training, samples=50)
    rates = [schedule.lr(step) for step in range(schedule.total_steps)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[10:], 0.5 * (1 + np.cos(np.pi * np.arange(40) / 40)))
    assert schedule.lr(schedule.total_steps) == pytest.approx(0.0, abs=1e-12)


def test_biases_norms_and_the_mask_token_do_not_decay_and_weights_do():
    heavy = TrainingSpec(epochs=1, batch_size=SAMPLES, lr=1e-3, warmup_epochs=0, weight_decay=100.0)
    light = heavy.model_copy(update={"weight_decay": 0.0})
    decayed, plain = small_presto(), small_presto()
    trained(decayed, training=heavy)
    trained(plain, training=light)
    for name, values in plain.named_parameters():
        spared = values.ndim <= 1 or not values.requires_grad
        assert torch.equal(values, decayed.get_parameter(name)) == spared, name


def test_clipping_bounds_the_step_that_a_large_gradient_takes():
    data = arrays()
    data["x"] *= 100
    plain, clipped = tiny(), tiny()
    trained(plain, data=data)
    trained(clipped, data=data, training=TRAINING.model_copy(update={"clip_norm": 1e-9}))
    moved = [
        math.dist(
            n.state_dict()["encoder.bias"].tolist(), tiny().state_dict()["encoder.bias"].tolist()
        )
        for n in (plain, clipped)
    ]
    assert moved[1] < 0.5 * moved[0]


def test_bfloat16_learns_much_the_same():
    half, full = small_presto(), small_presto()
    rows = trained(full)
    rows_half = trained(half, training=TRAINING.model_copy(update={"precision": "bfloat16"}))
    assert differ(half, full)
    assert rows_half[-1]["loss"] == pytest.approx(rows[-1]["loss"], rel=0.02)
    assert all(values.dtype == torch.float32 for values in half.parameters())


@pytest.mark.gpu
def test_an_accelerator_learns_too_and_sees_what_a_cpu_sees():
    network, data = small_presto(), arrays()
    training = TrainingSpec(epochs=30, batch_size=35, lr=3e-3)
    cuda = torch.device("cuda")
    rows = loop.train(
        network, data, training=training, key="a", device=cuda, savepoint=loop.NullSavepoint()
    )
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]
    batch = {name: torch.from_numpy(values) for name, values in data.items()}
    with torch.no_grad():
        there = network.encode({name: values.to(cuda) for name, values in batch.items()}).cpu()
        here = network.cpu().encode(batch)
    torch.testing.assert_close(there, here, rtol=1e-3, atol=1e-3)


def test_a_level_rate_stays_at_its_peak_after_the_warm_up():
    training = TrainingSpec(epochs=4, batch_size=10, lr=1.0, warmup_epochs=1, decay="none")
    schedule = LearningRateSchedule.of(training, samples=40)
    rates = [schedule.lr(step) for step in range(schedule.total_steps)]
    assert rates == [0.25, 0.5, 0.75, *[1.0] * 13]


def test_tf32_is_float32_on_a_cpu_and_is_put_back_afterwards():
    rounded, plain = tiny(), tiny()
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    trained(plain)
    trained(rounded, training=TRAINING.model_copy(update={"precision": "tf32"}))
    assert not differ(rounded, plain)
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before


class Stacked(Tiny):
    """The tiny network with a stack of one layer, and so with something to compile."""

    def __init__(self) -> None:
        super().__init__(TinySpec(name="tiny", width=8))
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(8, 8), nn.GELU())])

    def _features(self, batch, values):
        return self.blocks[0](super()._features(batch, values))


# Compiling changes the speed, and sums but for their rounding.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler has its own
def test_a_compiled_network_learns_what_it_learns_otherwise_under_the_same_names():
    torch.manual_seed(1)
    compiled, data = Stacked(), arrays(64)
    plain = copy.deepcopy(compiled)
    rows = trained(plain, data=data)
    rows_compiled = trained(compiled, data=data, options=loop.TrainingOptions(compile=True))
    assert rows_compiled[-1]["loss"] == pytest.approx(rows[-1]["loss"], rel=1e-4)
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    # A layer that was compiled answers as torch wraps it.
    assert compiled.blocks[0]._compiled_call_impl is not None
