"""A cluster on paper: its nodes, what they cost, and what is known of their speed.

Everything in here is said by the user; what a unit of work costs comes from the store's records.
"""

from typing import Annotated, TypeAlias

from pydantic import Field

from terrasweep.infra.context import Resources
from terrasweep.sweeps.spec.axes import Part

Amount: TypeAlias = Annotated[float, Field(ge=0)]


class Nodes(Part):
    """Nodes of one kind."""

    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    """How many."""
    cpus: Annotated[float, Field(gt=0)]
    """Cores that work; a head that drives alone is left out."""
    gpus: Amount = 0
    """GPUs of each."""
    price_per_hour: Amount = 0
    """Of each, in any currency."""


class Share(Part):
    """What one piece of work occupies."""

    cpus: Amount = 1
    """Cores."""
    gpus: Amount = 0
    """GPUs, or a part of one."""


class Overheads(Part):
    """What the engine itself takes; `benchmarks/simulation.py` prints them as measured."""

    start_s: Amount = 10
    """Until the first step is at work: Ray, and workers that import what they need."""
    end_s: Amount = 5
    """From the last row to the end: what is left of the mirror, and the report."""
    step_s: Amount = 0.5
    """Between two steps of which one needs the other."""
    bundle_s: Amount = 0.025
    """Of the driver, for each bundle of cells."""


class Profile(Part):
    """A cluster."""

    nodes: Annotated[tuple[Nodes, ...], Field(min_length=1)]
    """The nodes, kind by kind."""
    trial: Share = Share()
    """What a bundle of cells and a light step occupy, as `--cpus-per-trial` and the like say."""
    pretraining: Share = Share()
    """What a pretraining occupies."""
    cells_per_bundle: Annotated[int, Field(ge=0)] = 0
    """Most cells in a bundle; 0 as `run` chooses."""
    seconds: dict[str, Amount] = Field(default_factory=dict)
    """Of a step or a cell, by stage, where the store has no record that tells."""
    faster: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """How many times faster than where the records were made, by stage."""
    overheads: Overheads = Overheads()
    """What the engine takes; assumed, unless measured."""

    @property
    def resources(self) -> Resources:
        """What steps and trials occupy there, as the options of `run` would say it."""
        return Resources(
            cpus_per_trial=self.trial.cpus,
            gpus_per_trial=self.trial.gpus,
            cpus_per_train_worker=self.pretraining.cpus,
            gpus_per_train_worker=self.pretraining.gpus,
            cells_per_bundle=self.cells_per_bundle,
        )

    @property
    def cpus(self) -> float:
        """Cores in all."""
        return sum(kind.count * kind.cpus for kind in self.nodes)

    @property
    def gpus(self) -> float:
        """GPUs in all."""
        return sum(kind.count * kind.gpus for kind in self.nodes)
