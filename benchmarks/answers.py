"""Do intervals cover the truth as often as they say, and do tests keep their level?

Studies with a known truth are simulated and analysed by the functions that a report calls. Each
pretraining run and each finetune seed has a random effect of its own; the baseline shares the
seeds. Nothing here is timed.

    PYTHONPATH=. python benchmarks/answers.py [--studies 2000] [--json]
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from benchmarks.parts.targets import Target, at_least, at_most, report
from terrasweep.dashboards.statistics.correlation import correlation
from terrasweep.dashboards.statistics.intervals import ALPHA, estimate
from terrasweep.dashboards.statistics.multiple_testing import holm
from terrasweep.infra.seeds import generator

LUCK, NOISE, TRUTH = 0.01, 0.02, 0.013
SHAPES = ((1, 50), (3, 10), (5, 20), (10, 50))
"""Replicates and seeds; with one replicate the interval is of the seeds alone."""
NUM_CONTRASTS = 36
PUBLISHED = (  # performance and spectral entropy of the ten data sets of arXiv 2604.21104
    (0.3600, 2.458),
    (0.3475, 1.788),
    (0.3300, 2.423),
    (0.3225, 2.296),
    (0.3025, 2.120),
    (0.2875, 2.133),
    (0.2375, 1.610),
    (0.3750, 2.910),
    (0.3650, 3.176),
    (0.3650, 2.478),
)


def pairs(
    rng: np.random.Generator, *, truth: float, shape: tuple[int, int]
) -> dict[int, dict[int, float]]:
    """Return one study's paired differences by replicate and seed."""
    replicates = shape[0]
    luck = LUCK * rng.normal(size=replicates) if replicates > 1 else np.zeros(1)
    values = truth + luck[:, None] + NOISE * rng.normal(size=shape)
    return {at: dict(enumerate(own)) for at, own in enumerate(values.tolist())}


def coverage(shape: tuple[int, int], *, studies: int) -> float:
    """Return how often the interval holds the truth."""
    rng, held = generator("answers", "coverage", *shape), 0
    for study in range(studies):
        found = estimate(pairs(rng, truth=TRUTH, shape=shape), words=["coverage", study])
        held += found.low <= TRUTH <= found.high
    return held / studies


def false_alarms(shape: tuple[int, int], *, studies: int) -> float:
    """Return how often a study of nothing but luck finds anything at all, after Holm."""
    rng, alarms = generator("answers", "alarms", *shape), 0
    for study in range(studies):
        found = [
            estimate(pairs(rng, truth=0.0, shape=shape), words=["alarms", study, at]).p
            for at in range(NUM_CONTRASTS)
        ]
        alarms += min(holm(found)) < ALPHA
    return alarms / studies


def measured(studies: int) -> list[Target]:
    """Simulate, print what is found, and hold it against what is promised."""
    targets = []
    for shape in SHAPES:
        name = f"share of intervals that hold the truth, {shape[0]} replicates x {shape[1]} seeds"
        held = coverage(shape, studies=studies)
        targets += [at_least(name, held, 0.93), at_most(name, held, 0.97)]
    families = studies // 10
    alarms = false_alarms((5, 20), studies=families)
    bound = ALPHA + 2 * (ALPHA * (1 - ALPHA) / families) ** 0.5  # two errors of so few studies
    name = f"share of studies with any false alarm in {NUM_CONTRASTS} comparisons"
    return [*targets, at_most(name, alarms, round(bound, 3))]


def show_published() -> None:
    """Print what ten data sets prove."""
    score, spectral = np.array(PUBLISHED).T
    told = correlation(spectral, score, name="published")
    assert told is not None
    print(
        f"ten published data sets, spectral entropy: rho {told.rho:.3f} "
        f"[{told.low:.2f}, {told.high:.2f}], p {told.p:.4f}, by Student {told.p_student:.4f}"
    )


def show_widths() -> None:
    """Print how wide an interval of a few replicates is, in standard deviations of a run."""
    for number in (2, 3, 5, 10):
        half = stdtrit(number - 1, 1 - ALPHA / 2) / number**0.5
        print(f"{number} replicates: the interval is {half:.1f} deviations wide on either side")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies of each shape")
    parser.add_argument("--json", action="store_true", help="end with the targets as JSON")
    args = parser.parse_args(argv)
    show_published()
    show_widths()
    return report(measured(args.studies), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
