"""What Presto hides while it is pretrained, and how badly it is told it predicted that."""

import pytest
import torch

from terrasweep.models.zoo.presto import masking
from terrasweep.models.zoo.presto.layout import EVERY_GROUP, GROUPS, spans
from terrasweep.models.zoo.presto.masking import Strategy
from terrasweep.models.zoo.presto.model import build
from terrasweep.models.zoo.presto.objective import masked_loss
from terrasweep.models.zoo.presto.spec import PrestoSpec

STEPS, MANY = 12, 4000
SERIES = [name for name in EVERY_GROUP if name != "SRTM"]


def hidden_by(strategy: Strategy, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """The hidden tokens as (samples, groups, steps) of the nine series, and those of relief."""
    chosen = torch.full((MANY,), int(strategy))
    draw = torch.Generator().manual_seed(seed)
    hidden = masking.draw_as(chosen, steps=STEPS, ratio=0.75, generator=draw)
    where = spans(STEPS)
    series = torch.stack([hidden[:, where[name]] for name in SERIES], dim=1)
    return series, hidden[:, where["SRTM"]][:, 0]


@pytest.mark.parametrize("strategy", Strategy)
def test_every_sample_hides_81_of_109_tokens(strategy):
    series, relief = hidden_by(strategy)
    assert ((series.sum(dim=(1, 2)) + relief.long()) == 81).all()


@pytest.mark.parametrize("strategy", Strategy)
def test_relief_is_hidden_three_times_in_four(strategy):
    _, relief = hidden_by(strategy)
    assert relief.float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_group_bands_hides_six_whole_groups_each_as_often_as_any_other():
    series, _ = hidden_by(Strategy.GROUP_BANDS)
    whole = series.all(dim=2)
    assert (whole.sum(dim=1) >= 6).all()
    assert (whole.sum(dim=1) == 6).float().mean() > 0.95  # the nine left over seldom fill a group
    assert (whole.float().mean(dim=0) - 6 / 9).abs().max() < 0.04


def test_random_timesteps_hides_nine_whole_steps_or_eight_beside_relief():
    series, relief = hidden_by(Strategy.RANDOM_TIMESTEPS)
    whole = series.all(dim=1)
    wanted = torch.where(relief, 80 // 9, 81 // 9)
    assert (whole.sum(dim=1) >= wanted).all()
    assert (whole.sum(dim=1) == wanted).float().mean() > 0.95
    assert (whole.float().mean(dim=0) - whole.float().mean()).abs().max() < 0.04


def test_chunk_timesteps_hides_steps_in_a_row_that_start_anywhere_they_fit():
    series, relief = hidden_by(Strategy.CHUNK_TIMESTEPS)
    whole = series.all(dim=1)
    plain = whole[relief & (whole.sum(dim=1) == 8)]  # else nothing is left over
    first = plain.float().argmax(dim=1)
    steps = torch.arange(STEPS)
    in_a_row = (steps >= first[:, None]) & (steps < first[:, None] + 8)
    assert torch.equal(plain, in_a_row)
    shares = first.bincount(minlength=5) / len(first)
    assert len(shares) == 5
    assert (shares - 1 / 5).abs().max() < 0.04


def test_random_combinations_hides_every_token_as_often_as_any_other():
    series, _ = hidden_by(Strategy.RANDOM_COMBINATIONS)
    shares = series.float().mean(dim=0)
    assert (shares - (81 - 0.75) / 108).abs().max() < 0.04
    assert not series.all(dim=1).sum(dim=1).gt(5).any()


def test_samples_draw_each_strategy_as_often_as_any_other():
    draw = torch.Generator().manual_seed(3)
    hidden = masking.draw(MANY, steps=STEPS, ratio=0.75, generator=draw)
    where = spans(STEPS)
    series = torch.stack([hidden[:, where[name]] for name in SERIES], dim=1)
    by_group = (series.all(dim=2).sum(dim=1) >= 5).float().mean().item()
    by_step = (series.all(dim=1).sum(dim=1) >= 7).float().mean().item()
    assert by_group == pytest.approx(0.25, abs=0.03)
    assert by_step == pytest.approx(0.5, abs=0.03)


def test_masks_follow_from_the_generator_alone():
    first, again, other = (
        masking.draw(64, steps=STEPS, ratio=0.75, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def a_batch(samples: int, *, missing: float) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(4)
    classes = torch.randint(0, 9, (samples, STEPS), generator=draw)
    gone = torch.rand(samples, STEPS, generator=draw) < missing
    return {
        "x": torch.randn(samples, STEPS, 17, generator=draw),
        "dynamic_world": classes.masked_fill(gone, 9),
        "latlon": torch.rand(samples, 2, generator=draw) * 90,
        "month": torch.randint(0, 12, (samples,), generator=draw),
    }


def loss_by_hand(
    predicted: dict[str, torch.Tensor], batch: dict[str, torch.Tensor], hidden: torch.Tensor
) -> float:
    squared, crossed = [], []
    for sample in range(len(hidden)):
        for name, span in spans(STEPS).items():
            for step in range(span.stop - span.start):
                if not hidden[sample, span.start + step]:
                    continue
                made = predicted[name][sample, step].double()
                if name == "dynamic_world":
                    truth = int(batch["dynamic_world"][sample, step])
                    crossed += [] if truth == 9 else [-float(made.log_softmax(0)[truth])]
                else:
                    off = made - batch["x"][sample, step, list(GROUPS[name])].double()
                    squared += off.square().tolist()
    weight = min(1.0, 2 * len(crossed) / len(squared))
    return sum(squared) / len(squared) + weight * sum(crossed) / len(crossed)


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_the_loss_is_mse_over_hidden_values_and_weighted_cross_entropy_over_land_cover(missing):
    batch = a_batch(7, missing=missing)
    draw = torch.Generator().manual_seed(5)
    hidden = masking.draw(7, steps=STEPS, ratio=0.75, generator=draw)
    width = {**{name: len(bands) for name, bands in GROUPS.items()}, "dynamic_world": 9}
    predicted = {
        name: torch.randn(7, span.stop - span.start, width[name], generator=draw)
        for name, span in spans(STEPS).items()
    }
    loss = masked_loss(predicted, batch=batch, hidden_BN=hidden, part=slice(None))
    assert loss.item() == pytest.approx(loss_by_hand(predicted, batch, hidden), rel=1e-5)


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_the_parts_of_a_batch_add_up_to_its_loss_and_gradient(missing):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        network = build(PrestoSpec(name="presto", width=32, depth=1, heads=2))
    batch = a_batch(10, missing=missing)

    def learn(*parts: slice) -> tuple[float, torch.Tensor]:
        network.zero_grad()
        losses = [
            network.loss(batch, generator=torch.Generator().manual_seed(7), part=part)
            for part in parts
        ]
        torch.stack(losses).sum().backward()
        gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
        return float(torch.stack(losses).detach().sum()), torch.cat(gradients)

    whole, gradient = learn(slice(None))
    added, gradients = learn(slice(0, 3), slice(3, 4), slice(4, 10))
    assert added == pytest.approx(whole, rel=1e-5)
    torch.testing.assert_close(gradients, gradient, rtol=1e-3, atol=1e-6)


def test_the_loss_of_hidden_values_says_nothing_of_what_they_are_to_the_encoder():
    """The network predicts the same whatever the hidden values are; only the target moves."""
    network = build(PrestoSpec(name="presto", width=32, depth=1, heads=2))
    batch = a_batch(4, missing=0.0)
    hidden = torch.zeros(4, 109, dtype=torch.bool)
    hidden[:, spans(STEPS)["NDVI"]] = True
    changed = {**batch, "x": batch["x"].clone()}
    changed["x"][:, :, 16] += 100
    with torch.no_grad():
        first, second = (
            network.predict(inputs, hidden_BN=hidden)["NDVI"] for inputs in (batch, changed)
        )
    assert torch.equal(first, second)
