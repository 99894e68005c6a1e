"""The audits that cards are made from, as far as the page reads them."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from terrasweep.dashboards.tables.artifacts import GuardMeta
from terrasweep.infra.spec import Json


class ValueAudit(TypedDict):
    """One value of a stratum."""

    name: str
    share: float
    land: float | None
    """The share of the land that has this value; none where that is not known."""


class LandAudit(TypedDict):
    """How far shares are from those of the land."""

    moved: float
    """The share of samples that would have to move."""
    moved_by_chance: float
    """The same on average, where samples fall evenly on the land."""


class StratumAudit(TypedDict):
    """The shares of one stratum."""

    values: Mapping[str, ValueAudit]
    unknown: int
    proxy: bool
    entropy_nats: float
    land: LandAudit | None


class CellsAudit(TypedDict):
    """The H3 cells of a map."""

    resolution: int
    occupied: int
    with_land: int
    effective_fine: float
    counts: Mapping[str, int]


class SpacingAudit(TypedDict):
    """How far apart samples lie."""

    measured_on: int
    mean_nearest_km: float | None
    clustering: float | None


class SpectralDefinition(TypedDict):
    """How a spectral entropy was measured."""

    what: str
    bands: str
    bins: int
    low: float
    high: float
    log_base: float
    unit: str
    assumed: Sequence[str]


class SpectralAudit(TypedDict):
    """The distribution of spectral entropies; without known ones, only their number."""

    definition: SpectralDefinition | None
    known: int
    mean: NotRequired[float]
    bins_per_nat: NotRequired[int]
    bins: NotRequired[Mapping[str, int]]


class DrawnComposition(TypedDict):
    """The composition that a draw is of."""

    rule: Mapping[str, Json]


class Audit(TypedDict):
    """What a pool or a draw holds; a draw also has what its own card says."""

    size: int
    russia: str
    strata: Mapping[str, StratumAudit]
    cells: CellsAudit
    spacing: SpacingAudit
    spectral_entropy: SpectralAudit
    key: str
    rejected: NotRequired[Mapping[str, int]]
    composition: NotRequired[DrawnComposition]
    short: NotRequired[Mapping[str, int]]
    repeated: NotRequired[int]
    guard: NotRequired[GuardMeta]
    leakage: NotRequired[Mapping[str, Mapping[str, float]]]
    notes: NotRequired[Sequence[str]]


class OverlapAudit(TypedDict):
    """How much two draws share."""

    one: str
    other: str
    jaccard: float | None
    jensen_shannon: Mapping[str, float | None]
