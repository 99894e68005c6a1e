"""A multilayer perceptron for many draws at once, as likely to be right as scikit-learn's.

It draws other random numbers than scikit-learn, so two cells differ as two seeds would.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from terrasweep.models.probes.mlp.spec import MlpSpec
from terrasweep.models.probes.mlp.training import Layers, forward, train
from terrasweep.models.probing.problem import Prediction, Problem
from terrasweep.models.probing.scaling import scaled
from terrasweep.models.probing.targets import (
    activated,
    has_single_class,
    num_outputs,
    output_target,
    single_class_prediction,
    to_prediction,
)
from terrasweep.models.spec import ProbeSpec

CACHE_BYTES = 2**20
STATES = 4 * 4  # weights, two moments and a gradient, four bytes each


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's prediction."""
    assert isinstance(spec, MlpSpec)
    alike: dict[tuple[int | str, ...], list[int]] = defaultdict(list)
    predictions: dict[int, Prediction] = {}
    for index, problem in enumerate(problems):
        if has_single_class(problem):
            predictions[index] = single_class_prediction(problem)
        else:
            shape = (*problem.train_x.shape, num_outputs(problem), problem.target)
            alike[shape].append(index)
    for members in alike.values():
        samples, features = problems[members[0]].train_x.shape
        weights = spec.hidden * (features + num_outputs(problems[members[0]]) + 1)
        size = max(1, CACHE_BYTES // (STATES * weights + 4 * samples * features))
        for at in range(0, len(members), size):
            part = members[at : at + size]
            predictions.update(
                zip(part, _together([problems[i] for i in part], spec=spec), strict=True)
            )
    return [predictions[index] for index in range(len(problems))]


def _together(problems: Sequence[Problem], *, spec: MlpSpec) -> list[Prediction]:
    inputs = [
        [part.astype(np.float32) for part in scaled(problem, standardised=spec.standardised)]
        for problem in problems
    ]
    aims = [output_target(problem, standardised=spec.standardised) for problem in problems]
    output = aims[0].output
    trained = train(
        np.stack([x for x, _ in inputs]),
        np.stack([own.y for own in aims]),
        output=output,
        seeds=[problem.seed for problem in problems],
        spec=spec,
    )
    answers = []
    for at, (own, problem) in enumerate(zip(aims, problems, strict=True)):
        layers = Layers(trained.layers.flat[at : at + 1], trained.layers.shapes)
        raw = forward(inputs[at][1][None], layers)
        notes = () if trained.converged[at] else (f"not converged after {spec.epochs} epochs",)
        answers.append(to_prediction(activated(raw, output=output)[0], own, problem, notes=notes))
    return answers
