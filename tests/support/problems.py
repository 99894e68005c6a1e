"""Made-up probe problems: correlated features off centre, classes that overlap, from one seed."""

from typing import cast

import numpy as np

from terrasweep.infra.seeds import generator
from terrasweep.models.members import PROBES
from terrasweep.models.probing.problem import Problem
from terrasweep.models.spec import ProbeSpec, Target


def problems(
    number: int, *, n: int, width: int, tested: int, classes: int = 2, seed: int = 0
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


def problem_of(target: Target, *, n: int, width: int, tested: int, seed: int = 0) -> Problem:
    """Return a problem of a kind: two classes, four of them, three labels, or a number."""
    classes = {"binary": 2, "classes": 4}.get(target)
    if classes:
        return problems(1, n=n, width=width, tested=tested, classes=classes, seed=seed)[0]
    draw = generator("problem of", target, n, width, tested, seed)
    x = draw.normal(size=(n + tested, width)).astype(np.float32)
    towards = draw.normal(size=(width, 3)) / width**0.5
    told = x @ towards + 0.5 * draw.normal(size=(n + tested, 3))
    if target == "map":
        return _mapped(n, width=width, tested=tested, seed=seed)
    if target == "number":
        return Problem(x[:n], 100 + 20 * told[:n, 0], x[n:], 0, seed)
    return Problem(x[:n], (told[:n] > 0.4).astype(np.int64), x[n:], 3, seed)


def _mapped(n: int, *, width: int, tested: int, seed: int) -> Problem:
    """Return maps of 7 x 7 pixels, some without a class, above 3 x 3 patches that tell them."""
    draw = generator("maps", n, width, tested, seed)
    x = draw.normal(size=(n + tested, 3, 3, width)).astype(np.float32)
    told = (x @ draw.normal(size=(width, 3))).argmax(axis=3)
    place = ((np.arange(7) + 0.5) * 3 / 7).astype(int)
    maps = told[:, place[:, None], place].astype(np.int16)
    maps[draw.random(maps.shape) < 0.1] = -1
    return Problem(x[:n], maps[:n], x[n:], 3, seed)


def judges(name: str) -> tuple[Target, ...]:
    """Return the targets that a probe can be trained for."""
    return cast("type[ProbeSpec]", PROBES.spec(name)).judges
