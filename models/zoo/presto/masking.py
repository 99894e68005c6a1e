"""Which tokens a sample hides while it is pretrained: four strategies, exact counts, no loops.

Every sample hides the same number of tokens, whichever strategy it draws: first relief, with the
probability of the ratio; then whole groups or whole steps, as many as fit; then single tokens.
All of it is one ranking: a token's rank is by a random number, and tokens of a chosen group or
step are ranked before the others.

Shapes: B samples, G groups with a token per step, T steps, N tokens (the location's apart).
"""

from enum import IntEnum

import torch
from torch import Tensor

from terrasweep.models.zoo.presto.layout import BEFORE_RELIEF, NUM_SERIES, num_tokens


class Strategy(IntEnum):
    """How a sample's hidden tokens lie together."""

    RANDOM_COMBINATIONS = 0
    GROUP_BANDS = 1
    RANDOM_TIMESTEPS = 2
    CHUNK_TIMESTEPS = 3


def num_hidden(steps: int, *, ratio: float) -> int:
    """Return how many tokens each sample hides."""
    return int(num_tokens(steps) * ratio)


def draw(samples: int, *, steps: int, ratio: float, generator: torch.Generator) -> Tensor:
    """Return a bool mask (B, N), True where a token is hidden; each sample draws its strategy."""
    strategy = torch.randint(
        len(Strategy), (samples,), generator=generator, device=generator.device
    )
    return draw_as(strategy, steps=steps, ratio=ratio, generator=generator)


def draw_as(strategy_B: Tensor, *, steps: int, ratio: float, generator: torch.Generator) -> Tensor:
    """Return a bool mask (B, N), True where a token is hidden, by the strategies named."""
    samples = len(strategy_B)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(samples, *shape, generator=generator, device=generator.device)

    # The order of these draws fixes the masks of a key: do not reorder them.
    relief_B = uniform() < ratio
    left_B = num_hidden(steps, ratio=ratio) - relief_B.long()
    whole_BGT = _whole(
        strategy_B,
        left_B,
        group_rank=_rank(uniform(NUM_SERIES)),
        step_rank=_rank(uniform(steps)),
        start=uniform(),
    )
    # Scores of single tokens lie in [0, 1) and those of tokens outside a chosen group or step in
    # [1, 2): so tokens of chosen groups or steps are hidden first, then random ones.
    score = (uniform(NUM_SERIES, steps) + ~whole_BGT).flatten(1)
    hidden = _rank(score) < left_B[:, None]
    cut = BEFORE_RELIEF * steps
    return torch.cat([hidden[:, :cut], relief_B[:, None], hidden[:, cut:]], dim=1)


def _whole(
    strategy_B: Tensor, left_B: Tensor, *, group_rank: Tensor, step_rank: Tensor, start: Tensor
) -> Tensor:
    """Return (B, G, T), True where a token's whole group or step is hidden."""
    steps = step_rank.shape[1]
    groups_B, steps_B = left_B // steps, left_B // NUM_SERIES
    # A chunk of steps_B steps may begin at any of steps - steps_B + 1 places.
    first_B = (start * (steps - steps_B + 1)).long()
    since = torch.arange(steps, device=start.device) - first_B[:, None]
    by_group = (group_rank < groups_B[:, None])[:, :, None]
    by_step = (step_rank < steps_B[:, None])[:, None, :]
    by_chunk = ((since >= 0) & (since < steps_B[:, None]))[:, None, :]
    chosen = strategy_B[:, None, None]
    return (
        (by_group & (chosen == Strategy.GROUP_BANDS))
        | (by_step & (chosen == Strategy.RANDOM_TIMESTEPS))
        | (by_chunk & (chosen == Strategy.CHUNK_TIMESTEPS))
    )


def _rank(score: Tensor) -> Tensor:
    """Return each entry's place in its row, the smallest first."""
    # The inverse permutation of argsort, by one scatter in place of a second sort.
    order = score.argsort(dim=1, stable=True)
    places = torch.arange(score.shape[1], device=score.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)
