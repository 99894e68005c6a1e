"""How a pretraining set is composed of samples: shares, weights and mixtures over places."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, model_validator

from terrasweep.infra.errors import InvalidValueError
from terrasweep.infra.spec import Spec
from terrasweep.samplers.geography.strata import Stratum, word
from terrasweep.samplers.spec.places import Overlap, Place, Simple

Short: TypeAlias = Literal["error", "redistribute"]
"""When a stratum holds too few: fail, or let the others make up for it."""

MOST = 1e9
Weight: TypeAlias = Annotated[float, Field(gt=0, le=MOST)]


def _by_value(shares: object) -> object:
    """Refuse shares in one sentence, where a union of words and weights would need several."""
    if shares in ("equal", "proportional"):
        return shares
    if not isinstance(shares, Mapping) or not shares:
        fix = "write equal, proportional, or a weight for each value: {africa: 2, asia: 1}"
        raise InvalidValueError(f"the shares {shares!r}", fix=fix)
    return _weighed(shares, names=shares)


def _by_bin(shares: object) -> object:
    """Refuse shares in one sentence."""
    if shares == "equal":
        return shares
    if not isinstance(shares, list | tuple) or not shares:
        raise InvalidValueError(
            f"the shares {shares!r}", fix="write equal, or a weight for each bin: [1, 2]"
        )
    return _weighed(shares, names={f"bin {place}": one for place, one in enumerate(shares)})


def _weighed(shares: object, *, names: Mapping[str, object]) -> object:
    for name, weight in names.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not 0 < float(str(weight)) <= MOST:
            raise InvalidValueError(
                f"the weight {weight!r} for {name!r}", fix="write a number above zero"
            )
    return shares


class Zero(Spec):
    """No pretraining: the network as it was initialised."""

    kind: Literal["zero"] = "zero"


class Uniform(Spec):
    """Every square kilometre of land is as likely as any other, however the pool is spread.

    A sample weighs the land of its H3 cell over the number of the pool's samples in that cell.
    """

    recipe: ClassVar[int] = 2

    assumed: ClassVar[tuple[str, ...]] = ("resolution",)

    kind: Literal["uniform"] = "uniform"
    resolution: int = Field(default=1, ge=0, le=2)
    """Of these cells; 0 to 2 are some 4.4, 0.6 and 0.09 million km2. Finer follows a lumpy pool
    more closely, but wants about ten samples in every cell; land without any is not drawn."""


class EntropyWeighted(Spec):
    """Samples of higher spectral entropy are likelier: weights are exp(entropy / temperature)."""

    assumed: ClassVar[tuple[str, ...]] = ("temperature",)

    kind: Literal["entropy_weighted"] = "entropy_weighted"
    temperature: float = Field(default=0.5, ge=0.01, le=100)
    """In nats: one such step of entropy is e times the weight. High: as the pool is."""


class Difference(Spec):
    """Samples of one rule that belong to none of several places."""

    kind: Literal["difference"] = "difference"
    of: Annotated[Place | Uniform | EntropyWeighted, Discriminator("kind")]
    """What is drawn from."""
    less: tuple[Annotated[Simple | Overlap, Discriminator("kind")], ...] = Field(min_length=1)
    """What is left out: every sample that one of these could draw."""


class Stratified(Spec):
    """A fixed share of the samples from every stratum."""

    assumed: ClassVar[tuple[str, ...]] = ("shares",)

    kind: Literal["stratified"] = "stratified"
    over: Stratum = "continent"
    """The stratum whose values get a share each."""
    shares: Annotated[
        Literal["equal", "proportional"] | dict[str, Weight], BeforeValidator(_by_value)
    ] = "equal"
    """`equal`: the same number from each value; `proportional`: as the pool holds them; or
    weights, such as `{africa: 2, europe: 1}`, and then nothing from any value not named."""
    short: Short = "error"
    """When a stratum holds too few: fail, or let the others make up for it."""

    @model_validator(mode="after")
    def _values_exist(self) -> "Stratified":
        if isinstance(self.shares, str):
            return self
        shares = {word(self.over, value): weight for value, weight in self.shares.items()}
        if len(shares) < len(self.shares):
            raise InvalidValueError("a value that is named twice in `shares`", fix="drop one")
        object.__setattr__(self, "shares", dict(sorted(shares.items())))
        return self


class EntropyHistogram(Spec):
    """Samples whose spectral entropies follow a given histogram."""

    kind: Literal["entropy_histogram"] = "entropy_histogram"
    edges: tuple[Annotated[float, Field(ge=0, le=100)], ...] = Field(min_length=2)
    """Where the bins begin and end, in nats; what lies beyond the outermost is never drawn."""
    shares: Annotated[Literal["equal"] | tuple[Weight, ...], BeforeValidator(_by_bin)] = "equal"
    """The weight of each bin, one fewer than edges; or `equal`."""
    short: Short = "error"
    """When a bin holds too few: fail, or let the others make up for it."""

    @model_validator(mode="after")
    def _bins_have_a_width_and_a_share(self) -> "EntropyHistogram":
        if any(low >= high for low, high in pairwise(self.edges)):
            raise InvalidValueError("edges that do not rise", fix="write them in order, each once")
        bins = len(self.edges) - 1
        if self.shares != "equal" and len(self.shares) != bins:
            raise InvalidValueError(
                f"{len(self.shares)} shares for {bins} bins", fix="give each bin one"
            )
        return self


Part: TypeAlias = Place | Difference | Uniform | EntropyWeighted | Stratified | EntropyHistogram


class Component(Spec):
    """One part of a mixture."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)
    """What the card calls it."""
    rule: Annotated[Part, Discriminator("kind")]
    """How its samples are chosen; none that an earlier component has drawn."""
    weight: Weight
    """Its share of the size, relative to the other components' weights."""
    least: float = Field(default=0.0, ge=0, le=1)
    """The smallest share of the size that it must end up with, or the draw fails."""
    repeats: int = Field(default=1, ge=1, le=1000)
    """How often one sample may be drawn when the component holds too few; 1: never again."""
    frozen: bool = False
    """Its share stands as it is: it makes up for no other component, and none for it."""


class Mixture(Spec):
    """Several rules, each for a share of the samples.

    The components draw independently of each other.
    """

    recipe: ClassVar[int] = 2

    kind: Literal["mixture"] = "mixture"
    components: tuple[Component, ...] = Field(min_length=1)
    """The parts; of a sample that two of them draw, the first keeps it."""
    short: Short = "error"
    """When a component holds too few: fail, or let those that are not frozen make up for it."""

    @model_validator(mode="after")
    def _names_and_shares_hang_together(self) -> "Mixture":
        names = [component.name for component in self.components]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise InvalidValueError(
                f"two components named {twice[0]!r}", fix="give each a name of its own"
            )
        whole = sum(component.weight for component in self.components)
        for one in self.components:
            if one.weight / whole < one.least:
                share = f"a share of {one.weight / whole:.3g} for {one.name!r}"
                raise InvalidValueError(
                    f"{share}, whose least is {one.least:g}", fix="raise its weight"
                )
        return self


Rule: TypeAlias = Annotated[Zero | Part | Mixture, Discriminator("kind")]
