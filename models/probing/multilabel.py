"""Labels that a sample may have several of, as one problem of two classes for each label."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from terrasweep.models.probing.problem import Prediction, Problem

Fit = Callable[[Sequence[Problem]], list[Prediction]]


def one_by_one(problems: Sequence[Problem], *, fit: Fit) -> list[Prediction]:
    """Return what `fit` says; where labels may be several, it is asked for each of them alone."""
    parts = [_parts(problem) for problem in problems]
    answers = iter(fit([part for each in parts for part in each]))
    return [
        _joined([next(answers) for _ in each]) if problem.target == "labels" else next(answers)
        for problem, each in zip(problems, parts, strict=True)
    ]


def _parts(problem: Problem) -> list[Problem]:
    if problem.target != "labels":
        return [problem]
    columns = np.ascontiguousarray(problem.train_y.T)
    return [replace(problem, train_y=column, num_classes=2) for column in columns]


def _joined(answers: Sequence[Prediction]) -> Prediction:
    """Join what was said of each label; a label that the draw always or never has needs no note."""
    notes = dict.fromkeys(note for answer in answers for note in answer.notes)
    said = np.stack([answer.labels for answer in answers], axis=1)
    scores = np.stack([answer.scores[:, 1] for answer in answers], axis=1)
    return Prediction(said, scores, tuple(note for note in notes if "single class" not in note))
