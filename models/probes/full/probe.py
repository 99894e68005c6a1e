"""Full finetuning of many draws from one checkpoint, several networks as one program.

A draw's batches, views and head follow from its own seed, and a step of one network moves no other:
its answer is the same alone and beside others up to float32's rounding, which stacked products do
in another order. On a CPU a batch fills the cores, so networks go one by one and it is the same to
the last bit.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from terrasweep.models.probes.full.spec import FullSpec
from terrasweep.models.probes.full.stack import Learning, NetworkStack
from terrasweep.models.probes.full.training import TrainingDraw, predict, room, train
from terrasweep.models.probing.problem import FinetuneSource, Prediction, Problem
from terrasweep.models.probing.targets import (
    OutputTarget,
    activated,
    has_single_class,
    num_outputs,
    output_target,
    single_class_prediction,
    to_prediction,
)
from terrasweep.models.spec import FinetuningSpec, ProbeSpec


def fit_predict(problems: Sequence[Problem], *, spec: ProbeSpec) -> list[Prediction]:
    """Return each problem's prediction."""
    assert isinstance(spec, FullSpec)
    alike: dict[tuple[int | str, ...], list[int]] = defaultdict(list)
    predictions: dict[int, Prediction] = {}
    for index, problem in enumerate(problems):
        if has_single_class(problem):
            predictions[index] = single_class_prediction(problem)
        else:
            shape = (id(problem.origin), len(problem.train_x), num_outputs(problem), problem.target)
            alike[shape].append(index)
    for members in alike.values():
        own = [problems[index] for index in members]
        predictions.update(zip(members, _each(own, spec=spec), strict=True))
    return [predictions[index] for index in range(len(problems))]


def _each(problems: Sequence[Problem], *, spec: FullSpec) -> list[Prediction]:
    """Train problems of one shape, as many together as the device has room for."""
    origin = problems[0].origin
    assert origin is not None, "the pipeline hands in the network"
    recipe = spec.for_network(origin.model).tuning
    assert recipe is not None, "every network has one"
    size = room(origin, samples=min(recipe.batch_size, len(problems[0].train_x)))
    parts = [problems[at : at + size] for at in range(0, len(problems), size)]
    learning = Learning.of(origin)
    answers = (together(one, origin=origin, recipe=recipe, learning=learning) for one in parts)
    return [answer for part in answers for answer in part]


def together(
    problems: Sequence[Problem],
    *,
    origin: FinetuneSource,
    recipe: FinetuningSpec,
    learning: Learning | None = None,
) -> list[Prediction]:
    """Train a network for each problem side by side, and ask each for its own test samples."""
    aims = [output_target(problem, standardised=True) for problem in problems]
    draws = [
        TrainingDraw(torch.from_numpy(problem.train_x), torch.from_numpy(own.y), problem.seed)
        for problem, own in zip(problems, aims, strict=True)
    ]
    stack = NetworkStack.of(origin, draws=draws, recipe=recipe, learning=learning)
    train(stack, draws, output=aims[0].output, recipe=recipe)
    tests = [torch.from_numpy(problem.test_x) for problem in problems]
    answers = predict(stack, tests)
    return [
        _answer(raw, own, problem)
        for raw, own, problem in zip(answers, aims, problems, strict=True)
    ]


def _answer(raw: torch.Tensor, own: OutputTarget, problem: Problem) -> Prediction:
    given = activated(raw.double().numpy(), output=own.output)
    if problem.target == "labels":  # what none, or all, of the draw have needs no learning
        share = problem.train_y.mean(axis=0)
        given = np.where((share > 0) & (share < 1), given, share)
    return to_prediction(given, own, problem, notes=())
