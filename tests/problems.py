"""Made-up probe problems: correlated features off centre, classes that overlap, from one seed."""

import numpy as np

from infra.seeds import generator
from models.contract import Problem


def problems(
    number: int, *, n: int, width: int, tested: int, classes: int, seed: int = 0
) -> list[Problem]:
    """Return problems whose labels follow from the features, with noise."""
    draw = generator("problems", n, width, tested, classes, seed)
    mix = draw.normal(size=(width, width)) * np.exp(-np.arange(width) / 20)
    towards = draw.normal(size=(width, classes))
    made = []
    for index in range(number):
        x = draw.normal(size=(n + tested, width)) @ mix
        z = x @ towards
        y = (z / z.std() + draw.gumbel(size=z.shape)).argmax(axis=1)
        x = (x + 3).astype(np.float32)
        made.append(Problem(x[:n], y[:n], x[n:], classes, index))
    return made
